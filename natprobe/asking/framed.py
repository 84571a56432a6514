"""One check over TCP, framed as ICE over TCP (RFC 6544, RFC 4571): straight, or through a tunnel of a proxy's."""

from __future__ import annotations

import asyncio

from natprobe.asking.checks import Goal
from natprobe.asking.connections import Connections
from natprobe.asking.pseudo_tls import greet
from natprobe.asking.tunnels import lead
from natprobe.asking.ways import Way
from natprobe.context import Context
from natprobe.facts import Tunnel
from natprobe.model import Endpoint, Failure, join
from natprobe.net.api import Stream
from natprobe.net.failure import failure_of
from natprobe.net.stun import Outcome, ask_stream
from natprobe.wire.stun import StunError

# For the connection and the answer; for the answer alone once a proxy has connected.
STREAM_SECONDS = 3.1
ANSWER_SECONDS = 2.5


class Asking:
    """One check, on a connection of its own: nobody says in which state an error leaves the one before. `tunnel`: what
    the proxy said to it, where there is one on the way.
    """

    def __init__(self, ctx: Context, goal: Goal, way: Way | None) -> None:
        self._ctx, self._goal, self._way = ctx, goal, way
        self.local: Endpoint | None = None
        self.tunnel: Tunnel | None = None

    async def ask(self, message: bytes) -> Outcome:
        """Once. An error is an outcome."""
        if self._way is None:
            return await self._straight(message)
        self.tunnel, stream = await lead(self._ctx, self._way, *self._goal.to, "port")
        if stream is None:
            # Whom a proxy does not know, the media server has refused nothing.
            said = self.tunnel.failure
            failure = Failure.HTTP_STATUS if said is Failure.UNAUTHORIZED else said
            return Outcome(None, failure, self.tunnel.detail, 1)
        return await self._on(stream, message, ANSWER_SECONDS)

    async def _straight(self, message: bytes) -> Outcome:
        ways, began = Connections(self._ctx, self._goal.to), self._ctx.net.now()
        try:
            stream = await ways.first()
        except (OSError, EOFError, TimeoutError) as exc:
            return Outcome(None, *failure_of(exc), ways.tries)
        return await self._on(stream, message, STREAM_SECONDS - (self._ctx.net.now() - began))

    async def _on(self, stream: Stream, message: bytes, seconds: float) -> Outcome:
        self.local = join(*stream.local)
        try:
            async with asyncio.timeout(seconds):
                if self._goal.candidate.transport == "ssltcp":
                    await greet(stream)
                return await ask_stream(self._ctx.net, stream, message, framed=True)
        except (OSError, EOFError, TimeoutError, StunError) as exc:
            return Outcome(None, *failure_of(exc), 1)
        finally:
            stream.close()
