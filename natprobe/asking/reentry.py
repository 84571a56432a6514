"""Signing in to Jitsi once more, by the way in that worked."""

from __future__ import annotations

import msgspec

from natprobe.asking.signin import Door, door
from natprobe.asking.ways import again
from natprobe.context import Context
from natprobe.facts import Facts, JitsiConfig, SignIn


async def way_back(ctx: Context, facts: Facts) -> tuple[Door, SignIn] | None:
    """The door and its way, and what was seen of it. None: nobody got as far as a resource. A config.js is needed."""
    told, config = next(iter(facts.ok(SignIn, _stood)), None), facts.ok(JitsiConfig)[0]
    way = None if told is None else door(told.transport, told.url, config.url)
    if told is None or told.endpoint is None or way is None:
        return None
    ways = (await again(ctx, way.host, way.port, (told.endpoint, told.via)),)
    return msgspec.structs.replace(way, ways=ways), told


def _stood(told: SignIn) -> bool:
    """Not the other door, which is only looked at."""
    return told.reached == "binding"
