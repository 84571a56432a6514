"""With --audit-relay only: whether relays would let their users reach inner addresses. They are asked for permission,
and nothing is ever sent there.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

from natprobe.asking.relays import Leg
from natprobe.asking.together import as_they_come
from natprobe.context import Context
from natprobe.derive.inner import INNER
from natprobe.facts import Allocation, Facts, Permission
from natprobe.model import Address, Observation, family

REQUIRES = (Allocation,)
TAKES = ()
YIELDS = (Permission,)
TIMEOUT = 6.0

# A guest knocks at few doors: so many relays. The port doesn't matter, permissions are for addresses (RFC 8656
# section 9), but 0 is nobody's.
RELAYS_MAX = 4
PORT = 9


async def probe(ctx: Context, facts: Facts) -> AsyncIterator[Observation]:
    """Each relay once, over the first of its legs that holds an allocation: what it allows hangs on none of them."""
    if not ctx.options.audit_relay:
        return
    relays: dict[str, Leg] = {}
    for leg in ctx.keep.all(Leg):
        if leg.allocated:
            relays.setdefault(leg.server.host, leg)
    asked = [_ask(leg, each) for leg in list(relays.values())[:RELAYS_MAX] for each in _doors(leg)]
    async for seen in as_they_come(asked):
        yield seen


def _doors(leg: Leg) -> list[Address]:
    """Of the relayed address's own family: of another, every relay refuses them (443)."""
    return [each for each in INNER if family(each) == family(leg.relayed[0])]


async def _ask(leg: Leg, door: Address) -> AsyncIterator[Observation]:
    yield await leg.permit((door, PORT), "audit")
