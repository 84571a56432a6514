"""Media as a browser builds it: the session is accepted, full ICE, DTLS with the media server, full-size packets.

Directly on the second session, while the first one is still used to ask every address. Where nothing passes directly,
the first one is accepted over TCP, where the media server takes that, or through the best relay. With --deep, on
further sessions, through every other kind of leg that has passed too (asking/seats.py).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from typing import NamedTuple

import msgspec

from natprobe.asking.accepting import Waiting, waiting
from natprobe.asking.association import Through, associate, udp_ways
from natprobe.asking.relays import Leg
from natprobe.asking.seats import CHECKS, DIRECT, seat, taken
from natprobe.asking.staying import hold_on
from natprobe.asking.together import as_they_come
from natprobe.asking.trains import reconnected
from natprobe.context import Context
from natprobe.derive.bridge import takes
from natprobe.derive.legs import past_proxy
from natprobe.derive.proxies import via_to_media
from natprobe.facts import (
    Allocation,
    Candidate,
    Facts,
    IceCheck,
    IceEnded,
    JanusEnd,
    LocalAddress,
    MediaEcho,
    MediaHandshake,
    PathHeld,
)
from natprobe.model import Observation, family, join, split
from natprobe.net.failure import failure_of
from natprobe.net.ice import RelayWay, StreamWay, UdpWay, Way
from natprobe.wire.ice import Base, Remote

REQUIRES = (Candidate,)
TAKES = (LocalAddress,)
YIELDS = (IceEnded, MediaHandshake, IceCheck, PathHeld, MediaEcho, JanusEnd)
TIMEOUT = 20.0

# How often it is looked whether all checks have ended (seconds).
_LOOK_SECONDS = 0.02
# Legs to a relay that clients have, the best first.
_RANKS: Mapping[str | None, int] = {"udp": 0, "tcp": 1, "tls": 2}


async def probe(ctx: Context, facts: Facts) -> AsyncIterator[Observation]:
    """Directly at once: where no check passes, a peer may still find us."""
    if not taken(ctx):
        return
    directly = _session(ctx, facts, None, held=ctx.options.hold > 0)
    async for seen in as_they_come([directly, _otherwise(ctx, facts)]):
        yield seen


async def _otherwise(ctx: Context, facts: Facts) -> AsyncIterator[Observation]:
    """When nobody else reads from relays any more: where nothing has passed directly over UDP, the way that the client
    would take, with --deep every kind of way that has passed.
    """
    while not _all_checked(ctx, facts):
        await ctx.net.sleep(_LOOK_SECONDS)
    verified = _verified(ctx, facts)
    main = None if any(map(_is_direct, verified)) else _main(facts, verified)
    best = {_seat(ctx, each): each for each in reversed(verified) if not _is_direct(each)}
    others = [each for at, each in best.items() if main is None or at != _seat(ctx, main)] if ctx.options.deep else []
    streams = [_session(ctx, facts, each) for each in others]
    if main is not None:
        streams.append(_session(ctx, facts, main, held=ctx.options.hold > 0))
    async for seen in as_they_come(streams):
        yield seen


def _main(facts: Facts, verified: list[IceCheck]) -> IceCheck | None:
    """A connection to the media server itself, by its candidates' priority; else the best relayed one, of those first
    that the client would take.
    """

    def rank(check: IceCheck) -> tuple[bool, bool, int]:
        past = check.via is None and bool(via_to_media(facts, check.endpoint))
        return check.leg is not None, past if check.leg is None else not _taken(facts, check), _RANKS.get(check.leg, 0)

    return min(verified, key=rank, default=None)


def _is_direct(check: IceCheck) -> bool:
    return check.leg is None and check.transport == "udp"


def _seat(ctx: Context, passed: IceCheck | None) -> int:
    """Over TCP it is the session whose candidates have been asked for."""
    if passed is None:
        return DIRECT
    return CHECKS if passed.leg is None else seat(ctx, passed.leg)


async def _session(
    ctx: Context, facts: Facts, passed: IceCheck | None, *, held: bool = False
) -> AsyncIterator[Observation]:
    """One of them to its end. What was opened for it is closed with it."""
    one = waiting(ctx, _seat(ctx, passed))
    if one is None:
        return
    with ExitStack() as opened:
        ways, relays, remotes = await _ways(ctx, facts, one, passed, opened)
        if not ways:
            return
        try:
            sides = await one.accept(ctx, [each.local for each in ways if isinstance(each, UdpWay)])
        except (OSError, EOFError) as exc:
            failure, detail = failure_of(exc)
            yield IceEnded(session=one.name, failure=failure, detail=detail)
            return
        holds = partial(hold_on, ctx, one) if held else None
        told = None
        async for seen in associate(ctx, sides, remotes, ways, relays, holds):
            told = one.told()  # with the last fact: what comes later is the answer to our own goodbye
            yield _led(seen, passed)
        if told is not None:
            yield told


def _taken(facts: Facts, check: IceCheck) -> bool:
    """Whether the server's own client would have this leg."""
    found = facts.ok(Allocation, lambda each: (each.server, each.relayed) == (check.server, check.relayed))
    return any(takes(facts, each) and not past_proxy(facts, each) for each in found)


def _verified(ctx: Context, facts: Facts) -> list[IceCheck]:
    one = waiting(ctx, CHECKS)
    streams = {join(*each.endpoint) for each in one.streams} if one is not None else set()

    def fits(check: IceCheck) -> bool:
        if check.transport == "udp":
            return check.leg is None or check.leg in _RANKS
        return check.transport == "tcp" and check.endpoint in streams

    return facts.of(IceCheck, lambda each: each.verified and each.advertised and fits(each))


def _all_checked(ctx: Context, facts: Facts) -> bool:
    """With --compare all trains of checks have ended too: they have the same credentials, and a Janus forgets
    it as soon as it was accepted and has ended.
    """
    before = ("media", "relayed", "turn", "tcp", *(("compare",) if ctx.options.compare else ()))
    return all(facts.probe(each) is not None for each in before)


def _led(seen: Observation, passed: IceCheck | None) -> Observation:
    """As it went: through the proxy that led the check to the candidate."""
    if passed is None or not isinstance(seen, IceEnded | MediaHandshake | PathHeld | IceCheck):
        return seen
    return msgspec.structs.replace(seen, via=passed.via)


class _Found(NamedTuple):
    ways: Sequence[Way] = ()
    relays: Mapping[str, Through] = {}
    remotes: Sequence[Remote] = ()


async def _ways(ctx: Context, facts: Facts, one: Waiting, passed: IceCheck | None, opened: ExitStack) -> _Found:
    if passed is not None:
        return _relay(ctx, one, passed) if passed.leg is not None else await _connected(ctx, one, passed, opened)
    return _Found(udp_ways(ctx, facts, one.remotes, opened), remotes=one.remotes)


async def _connected(ctx: Context, one: Waiting, passed: IceCheck, opened: ExitStack) -> _Found:
    """A connection to where one was answered."""
    try:
        stream = await reconnected(ctx, passed)
    except (OSError, EOFError, TimeoutError):
        return _Found()
    opened.callback(stream.close)
    at = split(passed.endpoint)
    way = StreamWay(stream, Base("tcp", family(at[0])), at)
    return _Found([way], remotes=[each for each in one.streams if join(*each.endpoint) == passed.endpoint])


def _relay(ctx: Context, one: Waiting, passed: IceCheck) -> _Found:
    """The allocation that the check went through, which lies in the drawer."""
    legs = [each for each in ctx.keep.all(Leg) if each.allocated and join(*each.relayed) == passed.relayed]
    if not legs or legs[0].client is None or passed.server is None or passed.leg is None:
        return _Found()
    relayed = legs[0].relayed
    way = RelayWay(legs[0].client, Base("relay", family(relayed[0]), relayed=True), relayed)
    return _Found([way], {"relay": Through(passed.server, passed.leg, join(*relayed))}, one.remotes)
