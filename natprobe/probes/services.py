"""What the server that we are signed in to hands out of STUN and TURN, as Jitsi's client asks for it.

A probe of its own: entering the room needs none of it, and waits for none of it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

from natprobe.asking.lookups import Addresses
from natprobe.asking.offers import Offers
from natprobe.asking.xmpp import XmppSession
from natprobe.context import Context
from natprobe.derive import target_addresses
from natprobe.facts import Facts, JitsiConfig, Resolved, Services, SignIn, TurnServer
from natprobe.model import Observation, split

REQUIRES = (JitsiConfig, SignIn)
TAKES = ()
YIELDS = (Services, TurnServer, Resolved)
TIMEOUT = 8.0


async def probe(ctx: Context, facts: Facts) -> AsyncIterator[Observation]:
    """Asked by the first participant that is there."""
    session = next((each for each in _sessions(ctx) if each is not None), None)
    if session is None:
        return
    config = facts.ok(JitsiConfig)[0]
    known = (split(config.endpoint)[0], *target_addresses(facts))
    addresses = Addresses(ctx, {ctx.target.host: known})
    async for seen in Offers(ctx, session, config.domain or ctx.target.host, addresses).observe():
        yield seen


def _sessions(ctx: Context) -> tuple[XmppSession | None, ...]:
    return tuple(ctx.keep.get(f"jitsi/{number}", XmppSession) for number in (1, 2))
