"""The media port over TCP: the same authenticated check, framed as ICE over TCP (RFC 6544, RFC 4571).

Candidates of transport `ssltcp` want Google's pseudo-TLS hello first.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from natprobe.asking.checks import Goal, check, goals
from natprobe.asking.connections import Connections
from natprobe.asking.pseudo_tls import greet
from natprobe.asking.together import as_they_come
from natprobe.context import Context
from natprobe.facts import Candidate, Facts, IceCheck
from natprobe.model import Endpoint, Observation, join
from natprobe.net.api import Stream
from natprobe.net.failure import failure_of
from natprobe.net.stun import Outcome, ask_stream
from natprobe.wire.stun import StunError

REQUIRES = (Candidate,)
TAKES = ()
YIELDS = (IceCheck,)
TIMEOUT = 6.5

# For the connection and the answer.
STREAM_SECONDS = 3.1


async def probe(ctx: Context, facts: Facts) -> AsyncIterator[Observation]:
    """Every TCP candidate at once, a connection each."""
    wanted = goals(ctx, facts, ("tcp", "ssltcp"), ctx.options.families)
    async for observation in as_they_come(_to(ctx, each) for each in wanted):
        yield observation


async def _to(ctx: Context, goal: Goal) -> AsyncIterator[Observation]:
    asking = _Asking(ctx, goal)
    yield await check(ctx, goal, 0, asking.ask, lambda: asking.local)


class _Asking:
    """One check, on a connection of its own: nobody says in which state an error leaves the one before."""

    def __init__(self, ctx: Context, goal: Goal) -> None:
        self._ctx, self._goal = ctx, goal
        self.local: Endpoint | None = None

    async def ask(self, message: bytes) -> Outcome:
        stream: Stream | None = None
        ways = Connections(self._ctx, self._goal.to)
        try:
            async with asyncio.timeout(STREAM_SECONDS):
                stream = await ways.first()
                self.local = join(*stream.local)
                if self._goal.candidate.transport == "ssltcp":
                    await greet(stream)
                return await ask_stream(self._ctx.net, stream, message, framed=True)
        except (OSError, EOFError, TimeoutError, StunError) as exc:
            return Outcome(None, *failure_of(exc), ways.tries if stream is None else 1)
        finally:
            if stream is not None:
                stream.close()
