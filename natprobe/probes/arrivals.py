"""On the server: what `natprobe serve` has seen come in until now."""

from __future__ import annotations

from collections.abc import AsyncIterator

from natprobe.context import Context
from natprobe.facts import Arrived, Facts, Watched
from natprobe.model import Observation
from natprobe.serve.counting import Counts

REQUIRES = ()
TAKES = ()
YIELDS = (Watched, Arrived)
TIMEOUT = 2.0

# The drawer's key of what was counted.
COUNTED = "counted"


async def probe(ctx: Context, facts: Facts) -> AsyncIterator[Observation]:
    """Nothing is asked: it was counted while it came."""
    counted = ctx.keep.get(COUNTED, Counts)
    for observation in counted.facts(ctx.net.now()) if counted is not None else ():
        yield observation
