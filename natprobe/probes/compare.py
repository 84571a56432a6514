"""With --compare: the same short train of checks to the media server by every way that passed one, one after the other.

Small checks, as they come: about as long as a packet of audio, and one each 20 ms as in a call. Whether full-size ones
pass is known from the checks already; 1,200 bytes each time would be half a megabit per second, so that a narrow
uplink's queue would be measured in place of the ways.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import NamedTuple

from natprobe.asking.accepting import waiting
from natprobe.asking.burst import milliseconds
from natprobe.asking.checks import Goal, goals
from natprobe.asking.relays import Leg
from natprobe.asking.seats import DIRECT, of_seat
from natprobe.asking.trains import OTHERS, CheckedEnd, Ridden, carried, train
from natprobe.context import PEER_SESSION, TRAINS_MAX, Context
from natprobe.derive.side_by_side import Choice, passed
from natprobe.facts import Candidate, Facts, IceCheck, PathBurst
from natprobe.model import Endpoint, Failure, Observation, clip
from natprobe.net.failure import failure_of
from natprobe.wire.burst import SHORT, Tally, of_packets
from natprobe.wire.stun import StunError

REQUIRES = (Candidate,)
# What it reads is IceCheck; for the others' probes it waits, not for the page's, which may wait long for addresses that
# are silent. The session probe waits for this one: what goes through a relay is asked before the session there is
# accepted and has ended.
TAKES = (IceCheck, *OTHERS)
YIELDS = (PathBurst,)
TIMEOUT = 8.0


class _Way(NamedTuple):
    """A check that passed, the credentials for it, and the leg that it went through."""

    check: IceCheck
    goal: Goal
    leg: Leg | None


async def probe(ctx: Context, facts: Facts) -> AsyncIterator[Observation]:
    """As browsers prefer the ways."""
    if not ctx.options.compare:
        return
    for way in _ways(ctx, facts):
        yield await _burst(ctx, way)


def _ways(ctx: Context, facts: Facts) -> list[_Way]:
    known = {(each.candidate.endpoint, each.candidate.transport): each for each in _goals(ctx, facts)}
    spent = waiting(ctx, DIRECT)
    choice = Choice(
        known=frozenset(known),
        spent=frozenset(key for key, each in known.items() if spent and each.candidate.session == spent.name),
    )
    found = []
    for check in passed(facts, choice):
        goal, leg = known[check.endpoint, check.transport], _leg(ctx, check)
        if check.leg is None:
            found.append(_Way(check, goal, None))
        elif leg is not None:
            found.append(_Way(check, of_seat(ctx, check.leg, goal), leg))
    return found[:TRAINS_MAX]


def _goals(ctx: Context, facts: Facts) -> list[Goal]:
    return goals(ctx, facts, ("udp", "tcp", "ssltcp"), (4, 6))


def _leg(ctx: Context, check: IceCheck) -> Leg | None:
    """The allocation in the drawer that the check went through."""
    for each in ctx.keep.all(Leg):
        if each.client is not None and each.allocated and each.flow == check.flow:
            return each
    return None


async def _burst(ctx: Context, way: _Way) -> PathBurst:
    try:
        async with carried(ctx, way.check, way.leg) as (carrier, local):
            serve = way.goal.candidate.session == PEER_SESSION
            end = CheckedEnd(ctx, way.goal.theirs, carrier, serve=serve)
            return _fact(way, end.size, local, await train(ctx, end, of_packets(ctx.options.packets)))
    except (OSError, EOFError, TimeoutError, StunError) as exc:
        failure, detail = failure_of(exc)
        return _fact(way, 0, None, None, failure, detail)


def _fact(
    way: _Way,
    size: int,
    local: Endpoint | None,
    ridden: Ridden | None,
    failure: Failure | None = None,
    detail: str = "",
) -> PathBurst:
    check, tally = way.check, ridden.whole if ridden else Tally(0, 0, 0)
    if ridden is not None and not tally.arrived:
        failure = Failure.TIMEOUT
    return PathBurst(
        endpoint=check.endpoint,
        transport=check.transport,
        server=check.server,
        leg=check.leg,
        relayed=check.relayed,
        via=check.via if way.leg is None or way.leg.told is None else way.leg.told.via,
        local=local,
        size=size,
        interval_ms=round(SHORT.interval * 1000, 3),
        sent=tally.sent,
        arrived=tally.arrived,
        halfway=ridden.there if ridden else None,
        reordered=tally.reordered,
        duplicates=tally.duplicates,
        rtt_min_ms=milliseconds(tally.delay_min),
        rtt_median_ms=milliseconds(tally.delay_median),
        rtt_max_ms=milliseconds(tally.delay_max),
        jitter_ms=milliseconds(tally.jitter),
        jitter_up_ms=milliseconds(ridden.up.jitter) if ridden and ridden.up else None,
        jitter_down_ms=milliseconds(ridden.down.jitter) if ridden and ridden.down else None,
        flow=check.flow,
        failure=failure,
        detail=clip(detail, 200),
    )
