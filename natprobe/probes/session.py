"""Media as a browser builds it: the session is accepted, full ICE, DTLS with the media server, full-size packets.

Directly on the second participant's session, while the first one's is still used to ask every address; through the
best relay where only that has passed. With --deep, on further participants' sessions, through every other kind of leg
that has passed too (asking/seats.py).
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import ExitStack, suppress
from functools import partial
from typing import NamedTuple

from natprobe.asking.association import Sides, Through, associate
from natprobe.asking.relays import Leg
from natprobe.asking.rooms import Participant
from natprobe.asking.seats import seat
from natprobe.asking.sources import sources
from natprobe.asking.staying import hold_on
from natprobe.asking.together import as_they_come
from natprobe.context import Context
from natprobe.derive.bridge import takes
from natprobe.facts import (
    Allocation,
    Facts,
    IceCheck,
    IceEnded,
    LocalAddress,
    MediaHandshake,
    PathHeld,
    SessionOffer,
)
from natprobe.model import Observation, family, join
from natprobe.net.failure import failure_of
from natprobe.net.ice import RelayWay, UdpWay, Way
from natprobe.pairing import IceCredentials
from natprobe.wire.ice import Base, Remote
from natprobe.wire.jingle import BridgeCandidate, Offer
from natprobe.wire.session_accept import Ours, session_accept

REQUIRES = (SessionOffer,)
TAKES = (LocalAddress,)
YIELDS = (IceEnded, MediaHandshake, IceCheck, PathHeld)
TIMEOUT = 20.0

# How often it is looked whether all checks have ended (seconds).
_LOOK_SECONDS = 0.02
_RELAYS = ("udp", "tcp", "tls")


class Seat(NamedTuple):
    """A participant whose session is for this probe, and the session's name in facts."""

    participant: Participant
    offer: Offer
    media: str


async def probe(ctx: Context, facts: Facts) -> AsyncIterator[Observation]:
    """Directly at once: where no check passes, a peer may still find us."""
    directly = _session(ctx, facts, None, held=ctx.options.hold > 0)
    async for seen in as_they_come([directly, _through_relays(ctx, facts)]):
        yield seen


async def _through_relays(ctx: Context, facts: Facts) -> AsyncIterator[Observation]:
    """When nobody else reads from relays any more: where nothing has passed directly, the leg that the client would
    take, with --deep every kind of leg that has passed.
    """
    while not _all_checked(facts):
        await ctx.net.sleep(_LOOK_SECONDS)
    verified = _verified(facts)
    main = None if any(each.leg is None for each in verified) else _main(facts, verified)
    best = {each.leg: each for each in reversed(verified) if each.leg in _RELAYS}
    others = [each for leg, each in best.items() if main is None or leg != main.leg] if ctx.options.deep else []
    streams = [_session(ctx, facts, each) for each in others]
    if main is not None:
        streams.append(_session(ctx, facts, main, held=ctx.options.hold > 0))
    async for seen in as_they_come(streams):
        yield seen


def _main(facts: Facts, verified: list[IceCheck]) -> IceCheck | None:
    """The best relayed one, of those first that the client would take."""
    legs = [each for each in verified if each.leg in _RELAYS]
    return min(legs, key=lambda e: (not _taken(facts, e), _RELAYS.index(e.leg or "")), default=None)


def _seat(ctx: Context, leg: str | None) -> Seat | None:
    """None where it has been offered no session."""
    number = seat(ctx, leg)
    found = ctx.keep.get(f"participant/{number}", Participant)
    return Seat(found, found.offer, f"media/{number}") if found is not None and found.offer is not None else None


async def _session(
    ctx: Context, facts: Facts, passed: IceCheck | None, *, held: bool = False
) -> AsyncIterator[Observation]:
    """One of them to its end. What was opened for it is closed with it."""
    taken = _seat(ctx, None if passed is None else passed.leg)
    if taken is None:
        return
    session, offer = taken.participant.session, taken.offer
    with ExitStack() as opened:
        ways, relays = _ways(ctx, facts, offer, passed, opened)
        if not ways:
            return
        sides = _sides(ctx, taken)
        hosts = tuple(each.local for each in ways if not each.base.relayed)
        accept = session_accept(
            session.new_id(), offer, Ours(session.jid, sides.ours, sides.identity.fingerprint, hosts)
        )
        try:
            await session.send(accept)
        except (OSError, EOFError) as exc:
            failure, detail = failure_of(exc)
            yield IceEnded(session=taken.media, failure=failure, detail=detail)
            return
        holds = partial(hold_on, ctx, taken.participant) if held else None
        async for seen in associate(ctx, sides, _remotes(offer), ways, relays, holds):
            yield seen


def _taken(facts: Facts, check: IceCheck) -> bool:
    """Whether the server's own client would have this leg."""
    found = facts.ok(Allocation, lambda each: (each.server, each.relayed) == (check.server, check.relayed))
    return any(takes(facts, each) for each in found)


def _verified(facts: Facts) -> list[IceCheck]:
    return facts.of(IceCheck, lambda each: each.verified and each.advertised and each.transport == "udp")


def _all_checked(facts: Facts) -> bool:
    return all(facts.probe(each) is not None for each in ("media", "relayed", "turn"))


class _Found(NamedTuple):
    ways: list[Way]
    relays: dict[str, Through]


def _ways(ctx: Context, facts: Facts, offer: Offer, passed: IceCheck | None, opened: ExitStack) -> _Found:
    if passed is not None:
        return _relay(ctx, passed)
    ways: list[Way] = []
    towards = [each.address for each in _candidates(offer)]
    for version in ctx.options.families:
        wanted = [each for each in towards if family(each) == version]
        for local in sources(ctx, facts, version, wanted) if wanted else ():
            with suppress(OSError):  # an address that is there and can't be sent from is the media probe's to tell
                udp = ctx.net.udp(version, local)
                opened.callback(udp.close)
                ways.append(UdpWay(udp, Base(f"udp/{local}", version, preference=65535 - len(ways))))
    return _Found(ways, {})


def _relay(ctx: Context, passed: IceCheck) -> _Found:
    """The allocation that the check went through, which lies in the drawer."""
    legs = [each for each in ctx.keep.all(Leg) if each.allocated and join(*each.relayed) == passed.relayed]
    if not legs or legs[0].client is None or passed.server is None or passed.leg is None:
        return _Found([], {})
    relayed = legs[0].relayed
    way = RelayWay(legs[0].client, Base("relay", family(relayed[0]), relayed=True), relayed)
    return _Found([way], {"relay": Through(passed.server, passed.leg, join(*relayed))})


def _sides(ctx: Context, taken: Seat) -> Sides:
    from natprobe.wire.identity import new_identity

    offer = taken.offer
    named = ((offer.hash, offer.fingerprint),) if offer.hash and offer.fingerprint else ()
    # RFC 8445 section 5.3: at least 24 bits of a name and 128 of a password, in characters of its own.
    ours = IceCredentials(ufrag=f"{ctx.random.getrandbits(32):08x}", password=f"{ctx.random.getrandbits(128):032x}")
    return Sides(
        session=taken.media,
        ours=ours,
        theirs=offer.credentials,
        identity=new_identity(ctx.unix_time),
        announced=named,
        controlling=False,
    )


def _candidates(offer: Offer) -> list[BridgeCandidate]:
    """This participant's own: members of one conference may be on several bridges."""
    return [each for each in offer.candidates if each.transport == "udp"]


def _remotes(offer: Offer) -> list[Remote]:
    return [Remote((each.address, each.port), each.priority or 1) for each in _candidates(offer)]
