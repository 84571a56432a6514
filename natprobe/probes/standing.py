"""Signalling that says nothing, with --idle: a stream of our own left alone, and then a ping (XEP-0199).

Through a proxy an empty tunnel to the same place is left alone beside it: a proxy that cuts what is idle cuts both.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from natprobe.asking.reentry import way_back
from natprobe.asking.rooms import throw_away
from natprobe.asking.secured import over
from natprobe.asking.signin import Door, SigningIn
from natprobe.asking.together import as_they_come
from natprobe.asking.tunnels import lead
from natprobe.asking.ways import Way
from natprobe.asking.xmpp import XmppSession
from natprobe.context import IDLE_MAX, ROOM, Context
from natprobe.facts import Facts, IdleTunnel, JitsiConfig, SignallingIdle, SignIn
from natprobe.model import Failure, Milliseconds, Observation, Seconds, clip
from natprobe.net.api import Stream
from natprobe.net.failure import failure_of
from natprobe.servers.jitsi.rooms import room_name
from natprobe.wire import xmpp

REQUIRES = (SignIn, JitsiConfig)
TAKES = ()
YIELDS = (SignallingIdle, IdleTunnel)
# Besides the idle time: signing in, and the ping.
TIMEOUT = IDLE_MAX + 20.0

SIGN_IN_SECONDS = 3.5
# lib-jitsi-meet waits as long for the answer to its ping.
PING_SECONDS = 5.0
HANDSHAKE_SECONDS = 5.0


class _End:
    """What came of something that was left alone: how long it lasted, if it stood, and how its last question fared."""

    def __init__(self, lasted: Seconds | None, failure: Failure | None = None, detail: str = "") -> None:
        self.lasted = None if lasted is None else round(lasted, 2)
        self.failure, self.detail = failure, clip(detail, 200)
        self.rtt_ms: Milliseconds | None = None


class _Alone:
    """In the drawer for a session that nobody else may speak on: --hold pings those that lie there bare."""

    def __init__(self, session: XmppSession) -> None:
        self._session = session

    async def aclose(self) -> None:
        """Idempotent."""
        await self._session.aclose()


async def probe(ctx: Context, facts: Facts) -> AsyncIterator[Observation]:
    """By the way in that worked; with the proxy on that way, its tunnel beside."""
    known = await way_back(ctx, facts)
    if known is None:
        return
    way, told = known
    streams = [_signalling(ctx, way, told)]
    streams += [_beside(ctx, each, way) for each in way.ways if each.proxy is not None and way.secure]
    async for seen in as_they_come(streams):
        yield seen


async def _signalling(ctx: Context, way: Door, told: SignIn) -> AsyncIterator[Observation]:
    room = room_name(ctx.keep.get(ROOM, str) or throw_away(ctx))
    attempt = SigningIn(ctx, way, told.domain, room)
    attempt.strict = True
    again = await attempt.run(seconds=SIGN_IN_SECONDS, curious=False)
    end = _End(None, again.failure, again.detail)
    if attempt.session is not None:
        ctx.keep.put("standing", _Alone(attempt.session))
        end = await _left_alone(ctx, attempt.session)
        await attempt.session.aclose()
    yield SignallingIdle(
        url=told.url,
        transport=told.transport,
        endpoint=again.endpoint,
        via=told.via,
        idle=ctx.options.idle,
        lasted=end.lasted,
        rtt_ms=end.rtt_ms,
        flow=again.flow,
        failure=end.failure,
        detail=end.detail,
    )


async def _left_alone(ctx: Context, session: XmppSession) -> _End:
    """A close is noticed when it comes; else the ping says whether the stream still leads to the server."""
    began = ctx.net.now()
    try:
        async with asyncio.timeout(ctx.options.idle):
            await session.closed.wait()
    except TimeoutError:
        return await _pinged(ctx, session, began)
    return _End(ctx.net.now() - began, *failure_of(session.why or EOFError()))


async def _pinged(ctx: Context, session: XmppSession, began: float) -> _End:
    asked, stanza_id = ctx.net.now(), session.new_id()
    ping = xmpp.iq("get", stanza_id, xmpp.tag("ping", {"xmlns": xmpp.PING}), session.domain)
    try:
        await session.request(ping, stanza_id, PING_SECONDS)
    except (OSError, EOFError, TimeoutError, xmpp.XmppError) as exc:
        return _End(asked - began, *failure_of(exc))
    end = _End(asked - began)
    end.rtt_ms = round((ctx.net.now() - asked) * 1000, 2)
    return end


async def _beside(ctx: Context, way: Way, place: Door) -> AsyncIterator[Observation]:
    led, stream = await lead(ctx, way, place.host, place.port, "web")
    end = _End(None, led.failure, led.detail)
    if stream is not None:
        try:
            end = await _empty(ctx, stream, place)
        finally:
            stream.close()
    yield IdleTunnel(
        via=led.via,
        endpoint=led.endpoint,
        host=place.host,
        port=place.port,
        idle=ctx.options.idle,
        lasted=end.lasted,
        rtt_ms=end.rtt_ms,
        flow=led.flow,
        failure=end.failure,
        detail=end.detail,
    )


async def _empty(ctx: Context, stream: Stream, place: Door) -> _End:
    """Whoever waits for our hello says nothing before it, so that whatever is read is the end."""
    began = ctx.net.now()
    try:
        async with asyncio.timeout(ctx.options.idle):
            said = await stream.read()
    except TimeoutError:
        return await _greeted(ctx, stream, place, began)
    except OSError as exc:
        return _End(ctx.net.now() - began, *failure_of(exc))
    failure, detail = (Failure.PROTOCOL, "something was said first") if said else (Failure.CLOSED, "")
    return _End(ctx.net.now() - began, failure, detail)


async def _greeted(ctx: Context, stream: Stream, place: Door, began: float) -> _End:
    """Nothing of ours is told there, so that the certificate does not matter."""
    asked = ctx.net.now()
    try:
        async with asyncio.timeout(HANDSHAKE_SECONDS):
            await over(ctx, stream, place.host, verified=False).handshake()
    except (OSError, EOFError, TimeoutError) as exc:
        return _End(asked - began, *failure_of(exc))
    end = _End(asked - began)
    end.rtt_ms = round((ctx.net.now() - asked) * 1000, 2)
    return end
