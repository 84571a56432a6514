"""What the server that we are signed in to hands out of STUN and TURN, as Jitsi's client asks for it.

A probe of its own: entering the room needs none of it, and waits for none of it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

from natprobe.asking.lookups import beside_target
from natprobe.asking.offers import Offers
from natprobe.asking.seats import signed_in
from natprobe.context import Context
from natprobe.facts import Facts, JitsiConfig, Resolved, Services, SignIn, TurnServer
from natprobe.model import Observation

REQUIRES = (JitsiConfig, SignIn)
TAKES = ()
YIELDS = (Services, TurnServer, Resolved)
TIMEOUT = 8.0


async def probe(ctx: Context, facts: Facts) -> AsyncIterator[Observation]:
    """Asked by the first participant that is there."""
    sessions = signed_in(ctx)
    if not sessions:
        return
    config = facts.ok(JitsiConfig)[0]
    addresses = beside_target(ctx, facts, config.endpoint if config.via is None else None)
    async for seen in Offers(ctx, sessions[0], config.domain or ctx.target.host, addresses).observe():
        yield seen
