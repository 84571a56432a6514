"""On the server: the rules of its own packet filters, as their programs list them. Thousands take a while to list and
to read, so that this begins at once; what they do with the ports that matter `filters` tells.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from natprobe.context import Context
from natprobe.facts import Facts, PacketFilter
from natprobe.host.machine import Machine
from natprobe.model import Observation
from natprobe.servers.filters.reading import Ruleset, Said, read

REQUIRES = ()
TAKES = ()
YIELDS = (PacketFilter,)
TIMEOUT = 6.0

# The drawer's key of what was read.
RULESET = "ruleset"


async def probe(ctx: Context, facts: Facts) -> AsyncIterator[Observation]:
    """They are only read."""
    if ctx.machine is None:
        return
    ruleset = await asyncio.to_thread(_ruleset, ctx.machine)
    ctx.keep.put(RULESET, ruleset)
    for each in ruleset.filters:
        yield PacketFilter(manager=each.manager, active=each.active, rules=each.rules, failure=each.failure)


def _ruleset(machine: Machine) -> Ruleset:
    return read({each.manager: Said(each.text, each.failure) for each in machine.filters()})
