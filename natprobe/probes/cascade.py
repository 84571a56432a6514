"""With --cascade only: where the target's publishers are to be forwarded to, and which requests bring them there."""

from __future__ import annotations

from collections.abc import AsyncIterator

from natprobe.asking.cascades import relays
from natprobe.asking.cascading import Trial
from natprobe.context import Context
from natprobe.facts import CascadeFlow, CascadeRelay, CascadeRequest, Facts, JanusDoor, JanusInfo, LocalAddress
from natprobe.model import Observation

REQUIRES = ()
TAKES = (JanusDoor, JanusInfo, LocalAddress)
YIELDS = (CascadeRelay, CascadeRequest, CascadeFlow)
TIMEOUT = 16.0


async def probe(ctx: Context, facts: Facts) -> AsyncIterator[Observation]:
    """Those that were named, whatever the target itself answers; with --apply each is tried."""
    async for relay, told in relays(ctx, _source(facts)):
        yield told
        if ctx.options.apply and relay.session is not None:
            async for seen in Trial(ctx, facts, relay).run():
                yield seen


def _source(facts: Facts) -> str:
    """The target's API as it answers, else as it was typed."""
    doors = facts.ok(JanusDoor)
    return doors[0].url if doors else facts.target.input.removeprefix("janus+")
