"""A Jitsi session up to the bridge's candidates: a room asked for, two participants in it, the session they get.

Nothing is accepted: a session that is only offered has live credentials already, and ends with our leaving.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence

from natprobe.asking.conferences import Answer, ask_focus, harmless
from natprobe.asking.forced import forced
from natprobe.asking.invitations import Invitation
from natprobe.asking.rooms import Participant, Room, seated, throw_away
from natprobe.asking.seats import signed_in
from natprobe.asking.xmpp import XmppSession
from natprobe.context import SIGN_IN, Context
from natprobe.derive.conference import NO_BRIDGE
from natprobe.facts import (
    Candidate,
    ConferenceReply,
    Facts,
    JitsiConfig,
    Resolved,
    RoomEntry,
    Services,
    SessionOffer,
    SignIn,
)
from natprobe.model import Endpoint, Failure, Observation, clip, join
from natprobe.pairing import Login
from natprobe.servers.jitsi.rooms import hosts_of, room_name
from natprobe.servers.jitsi.services import in_metadata
from natprobe.wire.text import clean

REQUIRES = (SignIn,)
TAKES = (JitsiConfig, Resolved)
YIELDS = (ConferenceReply, RoomEntry, SessionOffer, Candidate, Services)
TIMEOUT = 12.0

# Each wait has a bound of its own (seconds), and all of them leave a moment to say what was seen.
ENTRY_SECONDS = 5.0
OFFER_SECONDS = 5.0
SPARE_SECONDS = 0.3
# So many of us make a conference; with --deep whoever else is let in is welcome.
NEEDED = 2
_NOT_LET_IN = ("not-authorized", "registration-required", "forbidden")


async def probe(ctx: Context, facts: Facts) -> AsyncIterator[Observation]:
    """Two sessions are needed: the focus invites nobody who is alone. With --deep there are more."""
    sessions = signed_in(ctx)
    if len(sessions) < NEEDED:
        return
    one = sessions[0]
    until = ctx.net.now() + TIMEOUT - SPARE_SECONDS
    config = next(iter(facts.ok(JitsiConfig)), None)
    hosts = hosts_of(config, one.domain)
    room = f"{_room(ctx, one)}@{hosts.muc}".lower()
    answer = await ask_focus(ctx, facts, one, room, config)
    yield _reply(answer)
    if not answer.ready or answer.visitors:
        return
    ours = await _entered(ctx, sessions, Room(room, answer.focus, hosts.domain), until)
    inside = sorted(each.entered for each in ours if each.entered is not None)
    if len(inside) >= NEEDED:
        end = min(inside[-1] + OFFER_SECONDS, until)
        await asyncio.gather(*(each.invited(end - ctx.net.now()) for each in ours if each.entered is not None))
    for observation in _told(ctx, facts, ours, inside):
        yield observation
    if (services := _services(hosts.domain, ours)) is not None:
        yield services


def _room(ctx: Context, session: XmppSession) -> str:
    """The one that the signalling was asked for: the user's, or a throw-away one. Of some names nothing is left."""
    return room_name(session.room) or throw_away(ctx)


async def _entered(ctx: Context, sessions: Sequence[XmppSession], room: Room, until: float) -> tuple[Participant, ...]:
    """Whoever has tried: two, and behind them the others, unless both were kept out. A room may hold few."""

    async def enter(some: tuple[Participant, ...]) -> None:
        await asyncio.gather(*(each.enter(min(ENTRY_SECONDS, until - ctx.net.now())) for each in some))

    ours = seated(ctx, sessions, room, "participant")
    await enter(ours[:NEEDED])
    if all(each.entered is None for each in ours[:NEEDED]):
        return ours[:NEEDED]
    await enter(ours[NEEDED:])
    return ours


def _told(ctx: Context, facts: Facts, ours: tuple[Participant, ...], inside: list[float]) -> Iterator[Observation]:
    yield from (_entry(ctx, number, each) for number, each in enumerate(ours, 1))
    if len(inside) < NEEDED:
        return
    chosen: tuple[int, Participant] | None = None
    for number, each in ((number, each) for number, each in enumerate(ours, 1) if each.entered is not None):
        yield _offer(ctx, number, each, inside[NEEDED - 1])
        chosen = chosen or ((number, each) if each.offer else None)
    if chosen:
        yield from _candidates(ctx, facts, *chosen)


# --- facts


def _reply(answer: Answer) -> ConferenceReply:
    return ConferenceReply(
        by=answer.by,
        focus=clip(clean(answer.asked), 300),
        ready=answer.ready,
        authentication=answer.authentication,
        visitors=answer.visitors,
        condition=answer.condition,
        status=answer.status,
        tries=answer.tries,
        rtt_ms=answer.rtt_ms,
        failure=answer.failure,
        detail=answer.detail,
    )


def _entry(ctx: Context, number: int, each: Participant) -> RoomEntry:
    failure, login = None, ctx.keep.get(SIGN_IN, Login) or Login()
    if each.entered is None:
        failure = _refusal(each.refused or each.ended) or (Failure.CLOSED if each.lost else Failure.TIMEOUT)
    return RoomEntry(
        participant=number,
        focus=each.focus_at is not None,
        bridge=False if each.no_bridge else None,
        condition=None if each.entered is not None else each.refused or each.ended,
        rtt_ms=None if each.entered is None else _ms(each.began, each.entered),
        failure=failure,
        detail=harmless(each.words, each.room.jid, login.token, login.user, login.password),
    )


def _refusal(condition: str | None) -> Failure | None:
    if condition is None:
        return None
    return Failure.UNAUTHORIZED if condition in _NOT_LET_IN else Failure.ERROR_RESPONSE


def _offer(ctx: Context, number: int, each: Participant, second: float) -> SessionOffer:
    """The offer's secrets go into the drawer."""
    if each.offer is None:
        return _no_offer(number, each)
    ctx.keep.put(f"offer/{number}", each.offer)
    name = ctx.keep.put(f"media/{number}", each.offer.credentials)
    ctx.keep.put(f"waiting/{number}", Invitation(ctx.keep, each, each.offer, name))
    return SessionOffer(
        participant=number,
        session=name,
        candidates=len(each.offer.candidates),
        dropped=each.offer.dropped,
        fingerprint=each.offer.fingerprint is not None,
        digest=each.offer.fingerprint and clip(each.offer.fingerprint, 200),
        channel=each.offer.shown_channel,
        duration_ms=_ms(second, max(each.offered or second, second)),
    )


def _no_offer(number: int, each: Participant) -> SessionOffer:
    if each.fault is not None:
        return SessionOffer(participant=number, failure=Failure.PROTOCOL, detail=str(each.fault))
    condition = NO_BRIDGE if each.no_bridge else each.ended
    silent = Failure.CLOSED if each.lost else Failure.TIMEOUT
    return SessionOffer(participant=number, condition=condition, failure=_refusal(condition) or silent)


def _services(domain: str, ours: tuple[Participant, ...]) -> Services | None:
    """What the room's metadata says of relays; newer clients don't ask for them where it does."""
    said = next((each.metadata for each in ours if each.metadata), None)
    entries = None if said is None else in_metadata(said)
    if entries is None:
        return None
    return Services(domain=clip(clean(domain), 255), by="metadata", services=tuple(each.service for each in entries))


def _ms(began: float, ended: float) -> float:
    return round((ended - began) * 1000, 2)


# --- candidates


def _candidates(ctx: Context, facts: Facts, number: int, each: Participant) -> Iterator[Candidate]:
    """What is advertised, then what should be reachable all the same: one participant's, since both are offered it."""
    assert each.offer is not None
    session = f"media/{number}"
    seen: list[Endpoint] = []
    for found in each.offer.candidates:
        endpoint = join(found.address, found.port)
        seen += [endpoint] if found.transport == "udp" else []
        yield Candidate(
            endpoint=endpoint,
            transport=found.transport,
            type=found.type,
            priority=found.priority,
            related=join(*found.related) if found.related else None,
            session=session,
        )
    for endpoint in forced(ctx, facts, seen):
        yield Candidate(endpoint=endpoint, transport="udp", advertised=False, session=session)
