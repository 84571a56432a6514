"""Further conferences, with --sessions: other rooms may be on other bridges; each is asked with its own credentials.

Two bridges that advertise one address and port show only so: the packets of all rooms reach one of the two.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from typing import NamedTuple

from natprobe.addresses import address_class
from natprobe.asking.checks import GIVE_UP, SEND_TIMES, check, goal_at
from natprobe.asking.conferences import ask_focus
from natprobe.asking.reentry import way_back
from natprobe.asking.rooms import Participant, Room, seated, throw_away
from natprobe.asking.signin import Door, SigningIn
from natprobe.asking.sources import source
from natprobe.asking.together import as_they_come
from natprobe.asking.xmpp import XmppSession
from natprobe.context import Context
from natprobe.facts import Facts, JitsiConfig, LocalAddress, PoolCheck, SessionOffer, SignIn
from natprobe.model import Endpoint, Failure, Observation, clip, family, join, split
from natprobe.net.failure import failure_of
from natprobe.net.stun import Outcome, StunSocket
from natprobe.servers.jitsi.rooms import Hosts, hosts_of
from natprobe.wire.jingle import Offer

REQUIRES = (SessionOffer, SignIn, JitsiConfig)
TAKES = (LocalAddress,)
YIELDS = (PoolCheck,)
TIMEOUT = 16.0

# Each wait has a bound of its own (seconds), as in the first conference.
SIGN_IN_SECONDS, ENTRY_SECONDS, OFFER_SECONDS = 3.5, 3.0, 5.0
# A guest sends few packets: so many of each bridge's addresses.
CANDIDATES_MAX = 4
_NOTHING_TO_CHECK = "its session names no public UDP address of a family that is tried"


class _Rooms(NamedTuple):
    """What all conferences have in common: the way in that worked, where we sign in, and where rooms are."""

    config: JitsiConfig
    way: Door
    login: str
    hosts: Hosts


async def probe(ctx: Context, facts: Facts) -> AsyncIterator[Observation]:
    """All at once, beside the first conference, so that those who share the load share it."""
    known = await way_back(ctx, facts) if ctx.options.sessions > 1 else None
    if known is None:
        return
    (way, told), config = known, facts.ok(JitsiConfig)[0]
    rooms = _Rooms(config, way, told.domain, hosts_of(config, told.domain))
    numbers = range(2, ctx.options.sessions + 1)
    try:
        async for seen in as_they_come(_conference(ctx, facts, rooms, each) for each in numbers):
            yield seen
    finally:
        await _leave(ctx, numbers)


async def _leave(ctx: Context, numbers: Iterable[int]) -> None:
    """All rooms, once all are checked: one that was left sooner would give its bridge to the next. With --hold the run
    may go on for minutes.
    """
    keys = [(f"pool/{number}", who) for number in numbers for who in (1, 2)]
    ours = [ctx.keep.get(f"{pool}/in/{who}", Participant) for pool, who in keys]
    sessions = [ctx.keep.get(f"{pool}/{who}", XmppSession) for pool, who in keys]
    await asyncio.gather(*(each.aclose() for each in (*ours, *sessions) if each is not None))


async def _conference(ctx: Context, facts: Facts, rooms: _Rooms, number: int) -> AsyncIterator[Observation]:
    name = throw_away(ctx)
    sessions = [each for each in await _signed_in(ctx, rooms, number, name) if each is not None]
    if len(sessions) < 2:
        yield PoolCheck(conference=number, failure=Failure.CLOSED, detail="signalling let nobody in any more")
        return
    jid = f"{name}@{rooms.hosts.muc}".lower()
    answer = await ask_focus(ctx, facts, sessions[0], jid, rooms.config)
    if not answer.ready or answer.visitors:
        failure = answer.failure or Failure.ERROR_RESPONSE
        yield PoolCheck(conference=number, failure=failure, detail="the focus gave no conference")
        return
    room = Room(jid, answer.focus, rooms.hosts.domain)
    offer = await _offered(ctx, sessions, room, number)
    if offer is None:
        yield PoolCheck(conference=number, failure=Failure.TIMEOUT, detail="no session was offered")
        return
    wanted = _wanted(ctx, offer)
    if not wanted:
        yield PoolCheck(conference=number, failure=Failure.UNSUPPORTED, detail=_NOTHING_TO_CHECK)
    async for seen in as_they_come(_check(ctx, facts, number, offer, each) for each in wanted):
        yield seen


async def _signed_in(ctx: Context, rooms: _Rooms, number: int, name: str) -> list[XmppSession | None]:
    """Two; what stands lies in the drawer."""

    async def one(who: int) -> XmppSession | None:
        attempt = SigningIn(ctx, rooms.way, rooms.login, name)
        await attempt.run(seconds=SIGN_IN_SECONDS, curious=False)
        if attempt.session is not None:
            ctx.keep.put(f"pool/{number}/{who}", attempt.session)
        return attempt.session

    return list(await asyncio.gather(one(1), one(2)))


async def _offered(ctx: Context, sessions: list[XmppSession], room: Room, number: int) -> Offer | None:
    ours = seated(ctx, sessions, room, f"pool/{number}/in")
    await asyncio.gather(*(each.enter(ENTRY_SECONDS) for each in ours))
    if all(each.entered is not None for each in ours):
        await ours[0].invited(OFFER_SECONDS)
    return ours[0].offer


def _wanted(ctx: Context, offer: Offer) -> list[Endpoint]:
    """Public addresses only: inner ones are no other bridge's business."""
    found = [each for each in offer.candidates if each.transport == "udp" and address_class(each.address) == "public"]
    here = [each for each in found if family(each.address) in ctx.options.families]
    return [join(each.address, each.port) for each in here][:CANDIDATES_MAX]


async def _check(
    ctx: Context, facts: Facts, number: int, offer: Offer, endpoint: Endpoint
) -> AsyncIterator[Observation]:
    """Small, from a socket of its own."""
    to, shown = split(endpoint), offer.fingerprint and clip(offer.fingerprint, 200)
    try:
        udp = ctx.net.udp(family(to[0]), source(ctx, facts, to[0]))
    except OSError as exc:
        failure, detail = failure_of(exc)
        yield PoolCheck(conference=number, endpoint=endpoint, digest=shown, failure=failure, detail=clip(detail, 200))
        return
    async with StunSocket(ctx.net, udp) as sock:

        async def ask(message: bytes) -> Outcome:
            return await sock.ask(message, to, send_times=SEND_TIMES, give_up=GIVE_UP)

        seen = await check(ctx, goal_at(endpoint, offer.credentials), 0, ask, lambda: join(*sock.local))
    yield PoolCheck(
        conference=number,
        endpoint=seen.endpoint,
        local=seen.local,
        digest=shown,
        tries=seen.tries,
        verified=seen.verified,
        error_code=seen.error_code,
        rtt_ms=seen.rtt_ms,
        flow=seen.flow,
        failure=seen.failure,
        detail=seen.detail,
    )
