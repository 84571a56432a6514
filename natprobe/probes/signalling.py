"""Signalling: two participants sign in as Jitsi's client does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from importlib import import_module

import msgspec

from natprobe.asking.ahead import AHEAD, Ahead, end
from natprobe.asking.lookups import Ways, beside_target
from natprobe.asking.rooms import throw_away
from natprobe.asking.seats import participants
from natprobe.asking.signin import Door, SigningIn, door
from natprobe.asking.together import as_they_come
from natprobe.asking.xmpp import XmppSession
from natprobe.context import ROOM, SIGN_IN, Context
from natprobe.derive.conference import mixed_content
from natprobe.facts import Facts, JitsiConfig, ProxyChoice, Resolved, SignIn
from natprobe.model import Failure, Observation, clip
from natprobe.pairing import Login
from natprobe.servers.jitsi.rooms import room_name

REQUIRES = (JitsiConfig,)
TAKES = (ProxyChoice,)
YIELDS = (SignIn, Resolved)
TIMEOUT = 8.0

# All steps of the first way in, then of the other where the first failed, in seconds.
FIRST_SECONDS = 3.5
SECOND_SECONDS = 2.0
# Once the other door's stream has opened, a request that stays unanswered has so long (seconds), or so many times what
# that one took: TCP has sent it four times by then, and by STEP_SECONDS no fifth time.
LATE_SECONDS, LATE_TIMES = 2.0, 4.0
ADDRESSES_MAX = 4
# Until the requests have left (seconds).
_UNDER_WAY_SECONDS = 0.002
_HEAVY = (
    "defusedxml.ElementTree",
    "natprobe.net.bosh",
    "natprobe.net.dtls",
    "natprobe.net.websocket",
    "natprobe.servers.jitsi.services",
    "natprobe.wire.identity",
    "natprobe.wire.turn",
    "websockets.client",
)


async def probe(ctx: Context, facts: Facts) -> AsyncIterator[Observation]:
    """The way in that the client takes, for everybody who is to join; the other one beside it as far as its stream."""
    config = facts.ok(JitsiConfig)[0]
    named = (door("websocket", config.websocket or "", config.url), door("bosh", config.bosh or "", config.url))
    doors = [each for each in named if each is not None]
    if not doors:
        await end(ctx)
        return
    _load_later(_HEAVY)
    doors.sort(key=lambda each: (each.transport == "bosh") != config.prefer_bosh)
    async for seen in Visit(ctx, facts, config, doors).observe():
        yield seen


def _load_later(modules: Sequence[str]) -> None:
    """What only this needs, while its own answers are waited for, which nobody times: one by one, so that none of them
    waits for long.
    """

    def load() -> None:
        import_module(modules[0])
        _load_later(modules[1:])

    if modules:
        asyncio.get_running_loop().call_later(_UNDER_WAY_SECONDS, load)


class Visit:
    """One config.js and the doors that it names, the client's own first."""

    def __init__(self, ctx: Context, facts: Facts, config: JitsiConfig, doors: Sequence[Door]) -> None:
        self._ctx, self._config, self._doors = ctx, config, doors
        self._main = config.domain or ctx.target.host
        self._room = room_name(ctx.keep.get(ROOM, str) or throw_away(ctx))
        self._participants = range(1, participants(ctx) + 1)
        self._sessions: dict[int, XmppSession] = {}
        self._refused: set[int] = set()
        self._opened: list[Door] = []
        self._entering: list[SigningIn] = []
        proven = config.endpoint if config.via is None else None
        self._ways = Ways(ctx, beside_target(ctx, facts, proven))

    async def observe(self) -> AsyncIterator[Observation]:
        """Both doors at once; whom the first fails, but not whom the server turns away, tries the other where a stream
        opened.
        """
        first, *others = self._doors
        async for seen in self._ways.find((each.host, each.port) for each in self._doors):
            yield seen
        ahead = await self._made_ahead(first)
        streams = [self._enter(each, first, FIRST_SECONDS, each == 1, ahead) for each in self._participants]
        async for seen in as_they_come([*streams, *(self._look(each) for each in others)]):
            yield seen
        if ahead is not None:
            await ahead.aclose()
        missing = [each for each in self._participants if each not in self._sessions and each not in self._refused]
        again = [self._enter(who, each, SECOND_SECONDS, False) for who in missing for each in self._opened]
        async for seen in as_they_come(again):
            yield seen

    async def _made_ahead(self, way: Door) -> Ahead | None:
        """The connections that stand there already; those that lead elsewhere are closed."""
        made = self._ctx.keep.get(AHEAD, Ahead)
        if made is None or made.fits(way.host, way.port, self._ways.to(way.host, way.port), secure=way.secure):
            return made
        await made.aclose()
        return None

    async def _enter(
        self, who: int, way: Door, seconds: float, curious: bool, ahead: Ahead | None = None
    ) -> AsyncIterator[Observation]:
        """A participant's login; the session lies in the drawer until the run ends."""
        if not self._may(way):
            if curious:
                yield self._left_out(way)
            return
        attempt = self._attempt(way, ahead)
        self._entering.append(attempt)
        fact = await attempt.run(seconds=seconds, curious=curious)
        if attempt.session is not None:
            self._ctx.keep.put(f"jitsi/{who}", attempt.session)
            self._sessions[who] = attempt.session
        if fact.reached == "stream" and fact.failure in (Failure.UNAUTHORIZED, Failure.UNSUPPORTED):
            self._refused.add(who)  # a second try would only count against whoever signs in
        yield fact

    async def _look(self, way: Door) -> AsyncIterator[Observation]:
        """The other way, judged by itself: whether a stream opens there."""
        if not self._may(way):
            yield self._left_out(way)
            return
        fact = await self._attempt(way).run(seconds=FIRST_SECONDS, binding=False)
        if fact.failure is None:
            self._opened.append(way)
            for each in self._entering:
                each.patience.shorten(max(LATE_SECONDS, LATE_TIMES * (fact.duration_ms or 0) / 1000))
        yield fact

    def _attempt(self, way: Door, ahead: Ahead | None = None) -> SigningIn:
        ways = self._ways.to(way.host, way.port)[:ADDRESSES_MAX]
        return SigningIn(self._ctx, msgspec.structs.replace(way, ways=ways), self._domain, self._room, ahead)

    def _may(self, way: Door) -> bool:
        """No browser lets a secure page connect without TLS (Mixed Content section 4): no secret of ours goes there."""
        return not mixed_content(self._config.url, way.url)

    def _left_out(self, way: Door) -> SignIn:
        return SignIn(
            url=clip(way.url, 600),
            transport=way.transport,
            domain=clip(self._domain, 255),
            failure=Failure.UNSUPPORTED,
            detail="browsers let no secure page connect without TLS",
        )

    @property
    def _domain(self) -> str:
        """Where the client signs in: guests have a domain of their own, whoever has a login takes the main one."""
        login = self._ctx.keep.get(SIGN_IN, Login) or Login()
        guest = not login.user and not login.token
        return (self._config.anonymous_domain if guest else None) or self._main
