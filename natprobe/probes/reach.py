"""TCP to the ports that matter beside the page: 4443, 5349, 3478 and, where no page is expected, 443."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from natprobe.asking.together import as_they_come
from natprobe.context import Context
from natprobe.derive import target_addresses
from natprobe.facts import Connected, Facts, Resolved
from natprobe.model import Endpoint, Observation, family, flow, join, split
from natprobe.net.failure import failure_of

REQUIRES = (Resolved,)
TAKES = ()
YIELDS = (Connected,)
TIMEOUT = 4.0

# Past the third second Linux has told a host that doesn't answer ARP from silence (3.08 s, measured).
CONNECT_SECONDS = 3.1
ADDRESSES_MAX = 6
# 4443: ICE over TCP of old bridges. 5349, 3478: TURN. The page's own port is the web probe's.
_PORTS = {"auto": (4443, 5349, 3478), "jitsi": (4443, 5349, 3478), "janus": (5349, 3478)}


async def probe(ctx: Context, facts: Facts) -> AsyncIterator[Observation]:
    """Every port of every address at once; each connection is closed as soon as it stands."""
    streams = [
        connect(ctx, join(address, port))
        for address in target_addresses(facts)[:ADDRESSES_MAX]
        if family(address) in ctx.options.families
        for port in _ports(ctx)
    ]
    async for observation in as_they_come(streams):
        yield observation


def _ports(ctx: Context) -> tuple[int, ...]:
    target = ctx.target
    if target.kind in _PORTS:
        return tuple(port for port in _PORTS[target.kind] if port != target.port)
    named = (target.fallback_port,) if target.kind == "natprobe" else (target.port,)
    return tuple(dict.fromkeys(port for port in (443, *named) if port))


async def connect(ctx: Context, endpoint: Endpoint) -> AsyncIterator[Observation]:
    """One TCP connection, by address."""
    began = ctx.net.now()
    try:
        async with asyncio.timeout(CONNECT_SECONDS):
            stream = await ctx.tcp(split(endpoint))
    except (OSError, TimeoutError) as exc:
        failure, detail = failure_of(exc)
        yield Connected(endpoint=endpoint, failure=failure, detail=detail, flow=flow("tcp", None, endpoint))
        return
    local, rtt_ms = join(*stream.local), round((ctx.net.now() - began) * 1000, 2)
    stream.close()
    yield Connected(endpoint=endpoint, local=local, rtt_ms=rtt_ms, flow=flow("tcp", local, endpoint))
