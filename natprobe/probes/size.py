"""How large a packet may be on the way to the media server, where small checks pass and full-size ones don't.

With --trace also where they do: up to Ethernet's 1500 bytes. Nothing is sent where the size is fine and nobody asks.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from functools import partial
from typing import NamedTuple

from natprobe.asking.checks import Goal, goals, request
from natprobe.asking.sizing import STEP, Asked, Search, measured, search, told
from natprobe.asking.together import as_they_come, of_each_family
from natprobe.context import PEER_SESSION, Context
from natprobe.derive import FULL_SIZE, back_checks, media_checks
from natprobe.derive.sizes import HEADERS, SMALL, vanished
from natprobe.facts import Candidate, Facts, IceCheck, PathSize
from natprobe.model import Endpoint, Observation, family, join, split
from natprobe.net.stun import StunSocket

REQUIRES = (Candidate,)
TAKES = (IceCheck,)
YIELDS = (PathSize,)
TIMEOUT = 3.0

# The largest IP packet that is tried: Ethernet's.
TOP = 1500


class Way(NamedTuple):
    """A small check that passed, and what became of its like of full size: there, and back."""

    goal: Goal
    check: IceCheck
    lost: bool
    back_lost: bool


async def probe(ctx: Context, facts: Facts) -> AsyncIterator[Observation]:
    """Each way from a socket of its own, all at once."""
    chosen = [each for each in _ways(ctx, facts) if each.lost or each.back_lost or ctx.options.trace]
    async for observation in as_they_come(_size(ctx, each) for each in of_each_family(chosen, _endpoint)):
        yield observation


def _endpoint(way: Way) -> Endpoint:
    return way.check.endpoint


def _size(ctx: Context, way: Way) -> AsyncIterator[Observation]:
    here = split(way.check.local or "")[0]
    return measured(ctx, way.check.endpoint, here, partial(_measured, ctx, way))


def _ways(ctx: Context, facts: Facts) -> list[Way]:
    """Those where a small check passed, in the order of the candidates."""
    known = {each.candidate.endpoint: each for each in goals(ctx, facts, ("udp",), ctx.options.families)}
    checks, back = media_checks(facts), back_checks(facts)
    found = []
    for small in (each for each in checks if each.verified and each.failure is None and each.size < SMALL):
        if small.endpoint in known and small.local is not None:
            lost = any(vanished(each) for each in checks if each.flow == small.flow)
            back_lost = not lost and any(vanished(each) for each in back if each.flow == small.flow)
            found.append(Way(known[small.endpoint], small, lost, back_lost))
    return found


async def _measured(ctx: Context, way: Way, sock: StunSocket, deadline: float) -> PathSize:
    there = await _there(ctx, sock, way, deadline)
    back = await _back(ctx, sock, way, there, deadline)
    return told(way.check.endpoint, join(*sock.local), there, back, decides=back if way.back_lost else None)


def _asked(ctx: Context, way: Way, *, both_ways: bool) -> Asked:
    make = partial(request, ctx, way.goal.theirs, both_ways=both_ways)
    return Asked(way.goal.to, make, way.check.rtt_ms)


async def _there(ctx: Context, sock: StunSocket, way: Way, deadline: float) -> Search:
    """Where only the answers are lost, full size gets there: nothing is searched for. Where nothing is lost, full size
    may have got there in fragments.
    """
    headers = HEADERS[family(way.goal.to[0])]
    small, full = headers + way.check.size, headers + FULL_SIZE
    if not (way.lost or ctx.options.trace):
        return Search(full, full + STEP, lost=False)
    found = Search(small, full, lost=True) if way.lost else Search(small, TOP + STEP, lost=False)
    await search(ctx, sock, _asked(ctx, way, both_ways=False), found, deadline)
    return found


async def _back(ctx: Context, sock: StunSocket, way: Way, there: Search, deadline: float) -> Search | None:
    """Answers as large as their checks: from a `natprobe serve`, and no larger than what gets there."""
    if way.goal.candidate.session != PEER_SESSION or not (way.back_lost or there.heard):
        return None
    headers = HEADERS[family(way.goal.to[0])]
    high = headers + FULL_SIZE if way.back_lost else there.up + STEP
    found = Search(headers + way.check.size, high, lost=way.back_lost)
    await search(ctx, sock, _asked(ctx, way, both_ways=True), found, deadline)
    return found
