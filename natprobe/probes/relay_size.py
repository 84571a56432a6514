"""How large a packet may be on the way to a relay, where small data passes through it and full-size data doesn't.

STUN's Binding needs no credentials there, and as no one who answers it looks at what fills it up, any size may be
tried. On the way to the relay a packet has 36 bytes more (a Send indication, RFC 8656 section 11.2).
"""

from __future__ import annotations

from collections.abc import AsyncIterator

from natprobe.asking.sizing import HEADERS, SECONDS, STEP, WAYS_MAX, Asked, Search, search, told
from natprobe.asking.together import as_they_come
from natprobe.context import Context
from natprobe.derive import FULL_SIZE
from natprobe.derive.relays import legs_in
from natprobe.derive.sizes import IN_SEND
from natprobe.facts import Allocation, Facts, PathSize, Permission, Relayed
from natprobe.model import Observation, family, join, split
from natprobe.net.failure import failure_of
from natprobe.net.stun import StunSocket
from natprobe.wire import stun

REQUIRES = (Relayed,)
TAKES = (Allocation, Permission)
YIELDS = (PathSize,)
TIMEOUT = 3.0


async def probe(ctx: Context, facts: Facts) -> AsyncIterator[Observation]:
    """One relay of each family, from a socket each, all at once."""
    lossy = [leg.allocation for group in legs_in(facts, "large-lost") for leg in group]
    lossy = [each for each in lossy if each.transport == "udp" and each.via is None and each.local is not None]
    first = {family(split(each.server)[0]): each for each in reversed(lossy)}
    streams = (_measured(ctx, each, _took(facts, each)) for each in list(first.values())[:WAYS_MAX])
    async for observation in as_they_come(streams):
        yield observation


def _took(facts: Facts, leg: Allocation) -> float | None:
    """The quickest round trip through the relay, which is no shorter than that to it."""
    through = facts.ok(Relayed, lambda each: each.flow == leg.flow and each.rtt_ms is not None)
    return min((each.rtt_ms for each in through if each.rtt_ms is not None), default=None)


async def _measured(ctx: Context, leg: Allocation, took: float | None) -> AsyncIterator[Observation]:
    to, here = split(leg.server), split(leg.local or "")[0]
    try:
        udp = ctx.net.udp(family(here), here, whole=True)
    except OSError as exc:
        failure, detail = failure_of(exc)
        yield PathSize(endpoint=leg.server, failure=failure, detail=detail)
        return
    headers = HEADERS[family(here)]
    found = Search(headers + stun.HEADER, headers + FULL_SIZE + IN_SEND + STEP, lost=False)
    async with StunSocket(ctx.net, udp) as sock:

        def request(size: int) -> bytes:
            return stun.padded_request(ctx.transaction_id(), size)

        await search(ctx, sock, Asked(to, request, took), found, ctx.net.now() + SECONDS)
        local = join(*sock.local)
    yield told(leg.server, local, found)
