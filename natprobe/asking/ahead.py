"""TLS to the page's own origin, made while config.js is still asked for: a healthy server has its signalling there."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack
from typing import NamedTuple

from natprobe.asking.seats import participants
from natprobe.asking.secured import over
from natprobe.asking.together import NEXT_SECONDS, given_up
from natprobe.asking.ways import Way
from natprobe.context import Context
from natprobe.net.tls import TlsStream

# The drawer's key.
AHEAD = "ahead"
# Each connection with TLS (seconds): what takes longer is not waited for.
CONNECT_SECONDS = 3.0
# One that nothing was sent over for longer than this is not used: servers close such, and that would look like a fault.
IDLE_SECONDS = 1.0


class Made(NamedTuple):
    """A connection with TLS, verified; how many seconds that took, and when it stood (on the net's clock)."""

    stream: TlsStream
    seconds: float
    at: float

    def close(self) -> None:
        """At once."""
        self.stream.close()


class Ahead:
    """One for each of ours who is to sign in. Of those that fail nobody is told: whoever signs in tries again."""

    def __init__(self, ctx: Context, way: Way, port: int) -> None:
        self._ctx, self._way, self._port = ctx, way, port
        self._free = [asyncio.create_task(self._made()) for _ in range(participants(ctx))]
        self._ours = set(self._free)

    def fits(self, host: str, port: int, ways: tuple[Way, ...], *, secure: bool) -> bool:
        """Whether this is the origin, and the way, that they lead to."""
        origin = (host, port) == (self._ctx.target.host, self._port)
        return secure and origin and self._way in ways

    async def take(self) -> Made | None:
        """One that stands, and is the caller's then. None: none is left, it failed, is late, or has idled too long."""
        if not self._free:
            return None
        task = self._free.pop()
        await asyncio.wait((task,), timeout=NEXT_SECONDS)
        if not task.done() or task.cancelled():
            task.cancel()
            return None
        try:
            made = task.result()
        except (OSError, EOFError):
            return None
        if self._ctx.net.now() - made.at > IDLE_SECONDS:
            return None
        self._ours.discard(task)
        return made

    async def aclose(self) -> None:
        """Closes those that nobody took. Idempotent."""
        self._free.clear()
        await given_up(self._ours)
        self._ours.clear()

    async def _made(self) -> Made:
        began = self._ctx.net.now()
        with ExitStack() as opened:
            async with asyncio.timeout(CONNECT_SECONDS):
                stream = await self._way.open(self._ctx, self._ctx.target.host, self._port)
                opened.callback(stream.close)
                tls = over(self._ctx, stream, self._ctx.target.host, verified=True)
                await tls.handshake()
            opened.pop_all()
        now = self._ctx.net.now()
        return Made(tls, now - began, now)


def begin(ctx: Context, way: Way, port: int) -> None:
    """Where signalling is going to be asked for. A certificate that is to be ignored is signalling's own matter."""
    if ctx.options.wants("signalling") and not ctx.options.insecure:
        ctx.keep.put(AHEAD, Ahead(ctx, way, port))


async def end(ctx: Context) -> None:
    """Where there is none after all."""
    if (made := ctx.keep.get(AHEAD, Ahead)) is not None:
        await made.aclose()
