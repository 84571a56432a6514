"""Services of a domain as DNS tells them: one SRV (RFC 2782) or S-NAPTR lookup (RFC 3958), as a fact."""

from __future__ import annotations

import re

from natprobe.context import Context
from natprobe.facts import NaptrAnswer, NaptrRecord, SrvAnswer, SrvRecord
from natprobe.model import HostName, clip, join
from natprobe.net.dns import DnsError, ask
from natprobe.wire.text import clean

LOOKUP_SECONDS = 2.0
RECORDS_MAX = 10
_HOST_NAME = re.compile(r"[0-9a-z_.-]{1,253}")


async def srv(ctx: Context, server: tuple[str, int], service: str, name: HostName) -> SrvAnswer:
    """Of a service, such as `_turn._udp`, of this name."""
    began, at = ctx.net.now(), join(*server)
    try:
        answer = await ask(ctx.net, server, f"{service}.{name}", "SRV", LOOKUP_SECONDS)
    except DnsError as exc:
        return SrvAnswer(service=service, name=name, server=at, failure=exc.failure, detail=exc.detail)
    records = [
        SrvRecord(priority=r.priority, weight=r.weight, port=r.port, target=str(r.target).rstrip(".").lower())
        for rrset in answer.answer
        if rrset.rdtype.name == "SRV"
        for r in rrset
    ]
    # A target of "." means that the service is not offered (RFC 2782); one that is no host name can't be asked.
    records = [each for each in records if _HOST_NAME.fullmatch(each.target)][:RECORDS_MAX]
    return SrvAnswer(service=service, name=name, server=at, records=tuple(records), rtt_ms=_ms(ctx, began))


async def naptr(ctx: Context, server: tuple[str, int], name: HostName) -> NaptrAnswer:
    """Those that S-NAPTR knows: no regular expression, and one of three flags. In the order of their use."""
    began, at = ctx.net.now(), join(*server)
    try:
        answer = await ask(ctx.net, server, name, "NAPTR", LOOKUP_SECONDS)
    except DnsError as exc:
        return NaptrAnswer(name=name, server=at, failure=exc.failure, detail=exc.detail)
    records = [
        NaptrRecord(
            order=r.order,
            preference=r.preference,
            flags=_text(r.flags).lower(),  # type: ignore[arg-type]  # looked at below
            service=clip(_text(r.service), 200),
            replacement=str(r.replacement).rstrip(".").lower(),
        )
        for rrset in answer.answer
        if rrset.rdtype.name == "NAPTR"
        for r in rrset
        if not r.regexp and _text(r.flags).lower() in ("", "s", "a")
    ]
    usable = [each for each in records if _HOST_NAME.fullmatch(each.replacement)]
    first = sorted(usable, key=lambda each: (each.order, each.preference))[:RECORDS_MAX]
    return NaptrAnswer(name=name, server=at, records=tuple(first), rtt_ms=_ms(ctx, began))


def _text(value: bytes) -> str:
    return clean(value.decode("ascii", "replace"))


def _ms(ctx: Context, began: float) -> float:
    return round((ctx.net.now() - began) * 1000, 2)
