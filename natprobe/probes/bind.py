"""On the server: whether this machine can bind an address, as Janus's videoroom does for a cascade's `iface`.

An address or an interface's name, looked up among all interfaces as Janus does it: of a name the first address counts.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

from natprobe.context import Context
from natprobe.facts import BindTry, Facts
from natprobe.host.api import InterfaceAddress
from natprobe.model import Failure, Observation, clip, family
from natprobe.net.failure import failure_of
from natprobe.target import is_address

REQUIRES = ()
TAKES = ()
YIELDS = (BindTry,)
TIMEOUT = 2.0


async def probe(ctx: Context, facts: Facts) -> AsyncIterator[Observation]:
    """Nothing is sent; each socket is closed at once."""
    here = ctx.host.addresses() if ctx.options.ifaces else []
    for asked in ctx.options.ifaces:
        yield _tried(ctx, asked, here)


def _tried(ctx: Context, asked: str, here: Sequence[InterfaceAddress]) -> BindTry:
    """Without a zone, which Janus drops: a link-local address is bound by nobody then."""
    entry = next((each for each in here if asked in (_bare(each), each.interface)), None)
    address = _bare(entry) if entry else asked if is_address(asked) else None
    if address is None:
        why = "no interface of that name has an address"
        return BindTry(asked=asked, failure=Failure.ADDRESS_NOT_LOCAL, detail=why)
    failure, detail = _bound(ctx, address)
    interface = clip(entry.interface, 50) if entry else None
    return BindTry(asked=asked, address=address, interface=interface, failure=failure, detail=detail)


def _bare(entry: InterfaceAddress) -> str:
    return entry.address.partition("%")[0]


def _bound(ctx: Context, address: str) -> tuple[Failure | None, str]:
    try:
        ctx.net.udp(family(address), address).close()
    except OSError as exc:
        return failure_of(exc)
    return None, ""
