"""Bursts through the best relays, one after the other: round trip, loss and jitter; with --bitrate, what they carry.

It has the wire to itself: everybody else has ended. For a `turn:` target only, or where --bitrate asks for it; else a
check would take half a second longer for figures that nobody judges yet.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Literal, NamedTuple

from natprobe.asking.burst import (
    Echoed,
    End,
    OwnSocket,
    RelayedEnd,
    SocketEnd,
    bursts_wanted,
    milliseconds,
    one_way,
    there_and_back,
)
from natprobe.asking.relays import Leg
from natprobe.context import Context
from natprobe.derive import FULL_SIZE
from natprobe.derive.relays import LegFacts, legs
from natprobe.facts import (
    Allocation,
    Binding,
    Facts,
    FilteringTest,
    Hairpin,
    Hop,
    HttpReply,
    IceCheck,
    IceEnded,
    IdleMapping,
    Marked,
    Opening,
    PathHeld,
    PathRate,
    PathSize,
    Permission,
    PoolCheck,
    RelayBurst,
    Relayed,
    Resolved,
)
from natprobe.model import Failure, Observation, clip, join, split
from natprobe.net.failure import failure_of
from natprobe.net.turn import TurnClient
from natprobe.wire.burst import SHORT, Plan, Tally, at_rate, of_packets
from natprobe.wire.stun import StunError

REQUIRES = (Relayed,)
# What it reads is Allocation and Relayed; the others' probes it waits for.
TAKES = (
    Allocation,
    Resolved,
    HttpReply,
    Binding,
    FilteringTest,
    Hairpin,
    IdleMapping,
    Hop,
    Opening,
    IceCheck,
    IceEnded,
    PathHeld,
    PathSize,
    PathRate,
    Marked,
    Permission,
    PoolCheck,
)
YIELDS = (RelayBurst,)
TIMEOUT = 14.0

RELAYS_MAX = 2
# With --bitrate: so long each way (seconds), so that both take less than five with their ends.
SECONDS = 2.0
# As browsers prefer them; none speaks DTLS to a relay.
_ORDER = ("udp", "tcp", "tls", "dtls")


async def probe(ctx: Context, facts: Facts) -> AsyncIterator[Observation]:
    """Never the same host over the same transport twice."""
    if not bursts_wanted(ctx):
        return
    best: dict[tuple[str, str], LegFacts] = {}
    for each in sorted(filter(_worked, legs(facts)), key=lambda leg: _ORDER.index(leg.allocation.transport)):
        best.setdefault((each.allocation.host, each.allocation.transport), each)
    for leg in list(best.values())[:RELAYS_MAX]:
        async for seen in _through(ctx, leg):
            yield seen


def _worked(leg: LegFacts) -> bool:
    return leg.works and leg.allocation.failure is None


async def _through(ctx: Context, leg: LegFacts) -> AsyncIterator[Observation]:
    """With a socket of our own outside the relay, which the turn probe left; else with a STUN server that answered."""
    client, own = _kept(ctx, leg)
    rate = ctx.options.bitrate
    if client is None:
        return
    if own is not None:
        yield await _echoed(ctx, leg, client, own)
        if rate:
            yield await _one_way(ctx, leg, client, own, "out")
            yield await _one_way(ctx, leg, client, own, "in")
        return
    if (server := _answered_by(leg)) is not None:
        yield await _echoed(ctx, leg, client, server)
    if rate:  # a STUN server is somebody else's, and is not for that
        why = "no socket of our own is reached through this relay"
        told = _Told("own-socket", leg.allocation.server, "both", Plan(0, 0.0), rate)
        yield _fact(leg, told, None, Failure.UNSUPPORTED, why)


def _kept(ctx: Context, found: LegFacts) -> tuple[TurnClient | None, OwnSocket | None]:
    """The leg's client in the drawer, and the socket beside it."""
    for leg in ctx.keep.all(Leg):
        if leg.client is not None and leg.allocated and leg.flow == found.allocation.flow:
            beside = [each for each in ctx.keep.all(OwnSocket) if each.relayed == leg.relayed]
            return leg.client, next(iter(beside), None)
    return None, None


def _answered_by(leg: LegFacts) -> tuple[str, int] | None:
    """The STUN server that answered soonest through the relay."""
    answers = [each for each in leg.data if each.by == "stun" and each.failure is None]
    soonest = min(answers, key=lambda each: (each.rtt_ms is None, each.rtt_ms or 0.0), default=None)
    return split(soonest.peer) if soonest else None


class _Told(NamedTuple):
    """What a burst is: its far end, its way and its plan."""

    by: Literal["stun", "own-socket"]
    peer: str
    direction: Literal["both", "in", "out"]
    plan: Plan
    rate: int = 0


async def _echoed(ctx: Context, leg: LegFacts, client: TurnClient, to: OwnSocket | tuple[str, int]) -> RelayBurst:
    """There and back. What echoes is our own socket, or a STUN server."""
    own = to if isinstance(to, OwnSocket) else None
    peer = to.peer if isinstance(to, OwnSocket) else to
    plan = of_packets(ctx.options.packets if own else SHORT.packets)
    told = _Told("own-socket" if own else "stun", join(*peer), "both", plan)
    far = SocketEnd(own.udp, split(leg.allocation.relayed or "")) if own else None
    try:
        echoed = await there_and_back(ctx.net, plan, ctx.transaction_id, RelayedEnd(client, peer), far)
    except (OSError, EOFError, StunError) as exc:
        failure, detail = failure_of(exc)
        return _fact(leg, told, None, failure, detail)
    return _fact(leg, told, echoed)


async def _one_way(
    ctx: Context, leg: LegFacts, client: TurnClient, own: OwnSocket, direction: Literal["in", "out"]
) -> RelayBurst:
    """As many bits per second as were asked for, in packets as large as video's."""
    plan = at_rate(ctx.options.bitrate, SECONDS, FULL_SIZE)
    told = _Told("own-socket", join(*own.peer), direction, plan, ctx.options.bitrate)
    near, far = RelayedEnd(client, own.peer), SocketEnd(own.udp, split(leg.allocation.relayed or ""))
    sender: End = near if direction == "out" else far
    receiver: End = far if direction == "out" else near
    try:
        tally = await one_way(ctx.net, plan, ctx.transaction_id, sender, receiver)
    except (OSError, EOFError, StunError) as exc:
        failure, detail = failure_of(exc)
        return _fact(leg, told, None, failure, detail)
    return _fact(leg, told, Echoed(tally))


def _fact(
    leg: LegFacts, told: _Told, echoed: Echoed | None, failure: Failure | None = None, detail: str = ""
) -> RelayBurst:
    tally = echoed.whole if echoed else Tally(0, 0, 0)
    allocation = leg.allocation
    if echoed is not None and not tally.arrived:
        failure = Failure.TIMEOUT
    return RelayBurst(
        server=allocation.server,
        transport=allocation.transport,
        relayed=allocation.relayed or allocation.server,
        peer=told.peer,
        by=told.by,
        direction=told.direction,
        size=told.plan.bytes,
        interval_ms=round(told.plan.interval * 1000, 3),
        sent=tally.sent,
        arrived=tally.arrived,
        halfway=echoed.there.arrived if echoed and echoed.there else None,
        reordered=tally.reordered,
        duplicates=tally.duplicates + (echoed.there.duplicates if echoed and echoed.there else 0),
        delay_min_ms=milliseconds(tally.delay_min),
        delay_median_ms=milliseconds(tally.delay_median),
        delay_max_ms=milliseconds(tally.delay_max),
        jitter_ms=milliseconds(tally.jitter),
        bitrate=told.rate,
        received=round(tally.rate) if told.rate and tally.rate is not None else None,
        flow=allocation.flow,
        failure=failure,
        detail=clip(detail, 200),
    )
