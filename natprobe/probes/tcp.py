"""The media port over TCP: the same authenticated check, framed as ICE over TCP (RFC 6544, RFC 4571)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from natprobe.asking.checks import judged, request
from natprobe.asking.connections import Connections
from natprobe.asking.together import as_they_come
from natprobe.context import Context
from natprobe.facts import Candidate, Facts, IceCheck
from natprobe.model import Observation, family, join, split
from natprobe.net.failure import failure_of
from natprobe.net.stun import Outcome, ask_stream
from natprobe.pairing import IceCredentials
from natprobe.wire.stun import StunError

REQUIRES = (Candidate,)
TAKES = ()
YIELDS = (IceCheck,)
TIMEOUT = 4.0

# For the connection and the answer.
STREAM_SECONDS = 3.1


async def probe(ctx: Context, facts: Facts) -> AsyncIterator[Observation]:
    """Every TCP candidate at once, a connection each."""
    candidates = facts.ok(Candidate, lambda each: each.transport == "tcp")
    wanted = [each for each in candidates if family(split(each.endpoint)[0]) in ctx.options.families]
    async for observation in as_they_come(_to(ctx, each) for each in wanted):
        yield observation


async def _to(ctx: Context, candidate: Candidate) -> AsyncIterator[Observation]:
    theirs = ctx.keep.get(candidate.session, IceCredentials)
    if theirs is None:
        return
    message, stream, local = request(ctx, theirs), None, None
    ways = Connections(ctx, split(candidate.endpoint))
    try:
        async with asyncio.timeout(STREAM_SECONDS):
            stream = await ways.first()
            local = join(*stream.local)
            outcome = await ask_stream(ctx.net, stream, message, framed=True)
    except (OSError, EOFError, TimeoutError, StunError) as exc:
        outcome = Outcome(None, *failure_of(exc), ways.tries if stream is None else 1)
    finally:
        if stream is not None:
            stream.close()
    yield judged(candidate, len(message), local, outcome, theirs)
