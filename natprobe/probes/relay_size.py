"""How large a packet may be on the way to a relay, where small data passes through it and full-size data doesn't.

STUN's Binding needs no credentials there, and as no one who answers it looks at what fills it up, any size may be
tried. On the way to the relay a packet has 36 bytes more (a Send indication, RFC 8656 section 11.2).
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from functools import partial
from typing import NamedTuple

from natprobe.asking.sizing import STEP, Asked, Search, measured, search, told
from natprobe.asking.together import as_they_come, of_each_family
from natprobe.context import Context
from natprobe.derive import FULL_SIZE
from natprobe.derive.relays import legs_in
from natprobe.derive.sizes import IN_SEND
from natprobe.facts import Allocation, Facts, PathSize, Permission, Relayed
from natprobe.model import Observation, join, split
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
    ways = [_Way(each, _took(facts, each)) for each in of_each_family(lossy, lambda leg: leg.server)]
    async for observation in as_they_come(_size(ctx, each) for each in ways):
        yield observation


class _Way(NamedTuple):
    """A leg to a relay, and how long the quickest answer through it took (milliseconds), if one is known."""

    leg: Allocation
    rtt_ms: float | None


def _size(ctx: Context, way: _Way) -> AsyncIterator[Observation]:
    return measured(ctx, way.leg.server, split(way.leg.local or "")[0], partial(_measured, ctx, way))


def _took(facts: Facts, leg: Allocation) -> float | None:
    """The quickest round trip through the relay, which is no shorter than that to it."""
    through = facts.ok(Relayed, lambda each: each.flow == leg.flow and each.rtt_ms is not None)
    return min((each.rtt_ms for each in through if each.rtt_ms is not None), default=None)


async def _measured(ctx: Context, way: _Way, sock: StunSocket, deadline: float) -> PathSize:
    def request(size: int) -> bytes:
        return stun.padded_request(ctx.transaction_id(), size)

    asked = Asked(split(way.leg.server), request, way.rtt_ms)
    found = Search(asked.headers + stun.HEADER, asked.headers + FULL_SIZE + IN_SEND + STEP, lost=False)
    await search(ctx, sock, asked, found, deadline)
    return told(way.leg.server, join(*sock.local), found)
