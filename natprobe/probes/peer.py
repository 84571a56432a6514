"""What a `natprobe serve` offers: its UDP port and TCP fallback, as candidates like a media server's."""

from __future__ import annotations

from collections.abc import AsyncIterator

from natprobe.context import PEER_SESSION, Context
from natprobe.derive import target_addresses
from natprobe.facts import Candidate, Facts, Resolved
from natprobe.model import Observation, family, join
from natprobe.pairing import IceCredentials

REQUIRES = (Resolved,)
TAKES = ()
YIELDS = (Candidate,)
TIMEOUT = 1.0

ADDRESSES_MAX = 6


async def probe(ctx: Context, facts: Facts) -> AsyncIterator[Observation]:
    """Nothing is sent: everything stands in the line that `serve` printed."""
    if ctx.keep.get(PEER_SESSION, IceCredentials) is None:
        return
    for address in target_addresses(facts)[:ADDRESSES_MAX]:
        if family(address) not in ctx.options.families:
            continue
        yield Candidate(endpoint=join(address, ctx.target.port), transport="udp", session=PEER_SESSION)
        if ctx.target.fallback_port is not None:
            yield Candidate(endpoint=join(address, ctx.target.fallback_port), transport="tcp", session=PEER_SESSION)
