"""The media port over TCP: the same authenticated check, framed as ICE over TCP (RFC 6544, RFC 4571).

Candidates of transport `ssltcp` want Google's pseudo-TLS hello first. Where a browser on this machine asks a proxy for
the candidate's address, that is done too.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

import msgspec

from natprobe.asking.checks import Goal, check, goals
from natprobe.asking.framed import Asking
from natprobe.asking.together import as_they_come
from natprobe.asking.ways import Way, by_proxy
from natprobe.context import Context
from natprobe.facts import Candidate, Facts, IceCheck, ProxyChoice, Tunnel
from natprobe.model import Observation, flow

REQUIRES = (Candidate,)
TAKES = (ProxyChoice,)
YIELDS = (Tunnel, IceCheck)
TIMEOUT = 6.5


async def probe(ctx: Context, facts: Facts) -> AsyncIterator[Observation]:
    """Every TCP candidate at once, a connection each, and where browsers ask a proxy for it a tunnel too."""
    wanted = goals(ctx, facts, ("tcp", "ssltcp"), ctx.options.families)
    streams = [_to(ctx, each) for each in wanted]
    streams += [_to(ctx, each, way) for each in wanted for way in (await by_proxy(ctx, *each.to))[:1]]
    async for observation in as_they_come(streams):
        yield observation


async def _to(ctx: Context, goal: Goal, way: Way | None = None) -> AsyncIterator[Observation]:
    asking = Asking(ctx, goal, way)
    seen = await check(ctx, goal, 0, asking.ask, lambda: asking.local)
    if asking.tunnel is not None:
        yield asking.tunnel
    if way is not None:
        seen = msgspec.structs.replace(seen, via=way.via, flow=flow("tcp", asking.local, way.endpoint(goal.to[1])))
    yield seen
