"""Names of routers, by reverse DNS (RFC 1035 section 3.5) from this machine's own DNS servers."""

from __future__ import annotations

import ipaddress
from collections.abc import AsyncIterator, Sequence

from natprobe.asking.together import as_they_come
from natprobe.context import Context
from natprobe.facts import HopName
from natprobe.model import Address

# A guest asks few things, and nobody waits for a name.
NAMES_MAX, SECONDS = 4, 0.4


async def names_of(ctx: Context, addresses: Sequence[Address], seconds: float) -> AsyncIterator[HopName]:
    """Of each that has one, where it is told so soon."""
    servers = ctx.host.nameservers()[:1]
    if servers and seconds > 0:
        wanted = [each for each in addresses if "%" not in each][:NAMES_MAX]
        async for named in as_they_come(_name(ctx, servers[0], each, min(seconds, SECONDS)) for each in wanted):
            yield named


async def _name(ctx: Context, server: tuple[str, int], address: Address, seconds: float) -> AsyncIterator[HopName]:
    from dns.rdatatype import PTR

    from natprobe.net.dns import DnsError, ask

    reverse = ipaddress.ip_address(address).reverse_pointer
    try:
        answer = await ask(ctx.net, server, reverse, "PTR", seconds)
    except DnsError:
        return
    records = [record for rrset in answer.answer for record in rrset if record.rdtype == PTR]
    names = [record.target.to_text(omit_final_dot=True) for record in records]
    if names and _is_name(names[0]):
        yield HopName(address=address, name=names[0])


def _is_name(text: str) -> bool:
    return text.isascii() and len(text) <= 253 and all(each.isalnum() or each in "-_." for each in text)
