"""The media server through every relay: a permission for its address, then the same check, small and full-size.

A relay that allocates may still refuse the media server's address, or not reach it: only this tells. What is asked
for are addresses that the media server advertises, as by a browser.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import msgspec

from natprobe.asking.checks import Goal, check, goals
from natprobe.asking.relays import LEGS_MAX
from natprobe.asking.seats import of_seat
from natprobe.asking.through import SIZES, Through
from natprobe.asking.together import as_they_come
from natprobe.context import Context
from natprobe.facts import Candidate, Facts, IceCheck, Permission, TurnServer
from natprobe.model import Observation, family, join
from natprobe.net.stun import Outcome

REQUIRES = (Candidate, TurnServer)
TAKES = ()
YIELDS = (Permission, IceCheck)
TIMEOUT = 18.0

# A guest sends few packets: so many of the media server's addresses through each relay.
GOALS_MAX = 4
# How often it is looked whether a relay has given out its address (seconds): it is not kept waiting for longer.
_LOOK_SECONDS = 0.02


async def probe(ctx: Context, facts: Facts) -> AsyncIterator[Observation]:
    """All relays and addresses at once, over the allocations of the turn probe, each as soon as it is there."""
    wanted = [each for each in goals(ctx, facts, ("udp",), (4, 6)) if each.candidate.advertised]
    legs = range(1, min(2 * len(facts.ok(TurnServer)), LEGS_MAX) + 1)  # by a browser's proxy, and straight
    async for seen in as_they_come(_visit(ctx, facts, f"relay/{number}/through", wanted) for number in legs):
        yield seen


async def _visit(ctx: Context, facts: Facts, key: str, wanted: list[Goal]) -> AsyncIterator[Observation]:
    """Only addresses of the relayed address's own family (RFC 8656 section 10.2: 443 else)."""
    through = await _allocated(ctx, facts, key)
    if through is None:
        return
    leg = through.leg
    alike = [each for each in wanted if family(each.to[0]) == family(leg.relayed[0])][:GOALS_MAX]
    fitting = [of_seat(ctx, leg.server.transport, each) for each in alike]
    async with through.mail:
        async for seen in as_they_come(_to(ctx, through, goal) for goal in fitting):
            yield seen


async def _allocated(ctx: Context, facts: Facts, key: str) -> Through | None:
    """The way through the relay; None when the turn probe has ended without one."""
    while (found := ctx.keep.get(key, Through)) is None:
        if facts.probe("turn"):
            return None
        await ctx.net.sleep(_LOOK_SECONDS)
    return found


async def _to(ctx: Context, through: Through, goal: Goal) -> AsyncIterator[Observation]:
    """The checks go right behind the request to permit the address, which the relay reads first: that saves a round
    trip. What is sent before a refusal, the relay drops (RFC 8656 section 9).
    """
    asked = asyncio.create_task(through.leg.permit(goal.to))
    checks = [asyncio.create_task(_check(ctx, through, goal, size)) for size in SIZES]
    try:
        permission = await asked
        yield permission
        for each in asyncio.as_completed(checks if permission.failure is None else []):
            yield await each
    finally:
        for task in (asked, *checks):
            task.cancel()
        await asyncio.gather(asked, *checks, return_exceptions=True)


async def _check(ctx: Context, through: Through, goal: Goal, size: int) -> IceCheck:
    async def ask(message: bytes) -> Outcome:
        return await through.transact(message, goal.to)

    def local() -> str | None:
        return join(*leg.client.local) if leg.client is not None else None

    leg = through.leg
    seen = await check(ctx, goal, size, ask, local)
    return msgspec.structs.replace(
        seen, server=join(*leg.at), leg=leg.server.transport, relayed=join(*leg.relayed), flow=leg.flow
    )
