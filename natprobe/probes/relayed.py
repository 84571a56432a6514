"""The media server through every relay: a permission for its address, then the same check, small and full-size.

A relay that allocates may still refuse the media server's address, or not reach it: only this tells. What is asked
for are addresses that the media server advertises, as by a browser.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

import msgspec

from natprobe.asking.checks import Goal, check, goals
from natprobe.asking.relays import Leg
from natprobe.asking.through import SIZES, Mail, Through
from natprobe.asking.together import as_they_come
from natprobe.context import Context
from natprobe.facts import Allocation, Candidate, Facts, IceCheck, Permission
from natprobe.model import Observation, family, join
from natprobe.net.stun import Outcome
from natprobe.net.turn import TurnClient

REQUIRES = (Candidate, Allocation)
TAKES = ()
YIELDS = (Permission, IceCheck)
TIMEOUT = 7.5

# A guest sends few packets: so many of the media server's addresses through each relay.
GOALS_MAX = 4


async def probe(ctx: Context, facts: Facts) -> AsyncIterator[Observation]:
    """All relays and addresses at once, over the allocations that the turn probe has left."""
    wanted = [each for each in goals(ctx, facts, ("udp",), (4, 6)) if each.candidate.advertised]
    streams = [_visit(ctx, leg, leg.client, wanted) for leg in ctx.keep.all(Leg) if leg.allocated and leg.client]
    async for seen in as_they_come(streams):
        yield seen


async def _visit(ctx: Context, leg: Leg, client: TurnClient, wanted: list[Goal]) -> AsyncIterator[Observation]:
    """Only addresses of the relayed address's own family (RFC 8656 section 10.2: 443 else)."""
    fitting = [each for each in wanted if family(each.to[0]) == family(leg.relayed[0])][:GOALS_MAX]
    if not fitting:
        return
    async with Mail(client) as mail:
        through = Through(ctx, leg, mail)
        async for seen in as_they_come(_to(ctx, leg, through, goal) for goal in fitting):
            yield seen


async def _to(ctx: Context, leg: Leg, through: Through, goal: Goal) -> AsyncIterator[Observation]:
    permission = await leg.permit(goal.to)
    yield permission
    if permission.failure is None:
        async for seen in as_they_come(_check(ctx, leg, through, goal, size) for size in SIZES):
            yield seen


async def _check(ctx: Context, leg: Leg, through: Through, goal: Goal, size: int) -> AsyncIterator[Observation]:
    async def ask(message: bytes) -> Outcome:
        return await through.transact(message, goal.to)

    def local() -> str | None:
        return join(*leg.client.local) if leg.client is not None else None

    seen = await check(ctx, goal, size, ask, local)
    yield msgspec.structs.replace(
        seen, server=join(*leg.at), leg=leg.server.transport, relayed=join(*leg.relayed), flow=leg.flow
    )
