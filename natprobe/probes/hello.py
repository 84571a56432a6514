"""Whether TLS with the page fails for the size of its packets: the same handshake once more, and in small segments.

Only where the page's own got no answer in time; and where large packets were seen to vanish on their way there, or with
--trace, with a hello as large as browsers send it (a key share of ML-KEM alone has 1,184 bytes).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from typing import NamedTuple

from msgspec import structs

from natprobe.asking.secured import ALPN, over
from natprobe.asking.together import as_they_come, of_each_family
from natprobe.context import Context
from natprobe.facts import Facts, PathSize, TlsHello, TlsSession
from natprobe.model import Endpoint, Failure, Observation, flow, join, split
from natprobe.net.failure import failure_of

REQUIRES = ()
TAKES = (TlsSession, PathSize)
YIELDS = (TlsHello,)
TIMEOUT = 3.0

# Long enough for a lost segment to be sent again (RFC 6298 section 2.1: after a second).
SECONDS = 1.6
# What RFC 9293 section 3.7.1 has a sender keep to where nobody says more: small enough for any path.
SMALL = 536
# What IPv4's packets of 1,260, 1,340, 1,400 and 1,452 bytes carry: the largest that passes is one to clamp TCP to.
_BETWEEN = (1220, 1300, 1360, 1412)
# Names of protocols that nobody chooses fill the hello up (RFC 7301 section 3.1).
_FILLER = tuple(f"{number}" * 255 for number in range(6))


class Try(NamedTuple):
    """One handshake: held to so many bytes in a segment, None: to none; with a small hello or a large one."""

    endpoint: Endpoint
    segment: int | None
    large: bool


async def probe(ctx: Context, facts: Facts) -> AsyncIterator[Observation]:
    """All at once, so that what passes and what doesn't is seen at the same time."""
    pages = facts.of(TlsSession, lambda each: each.probe == "web" and each.via is None)
    hung = _first(each.endpoint for each in pages if each.failure is Failure.TIMEOUT)
    wanted = [Try(each, segment, False) for each in hung for segment in (None, SMALL, None, SMALL, *_BETWEEN)]
    if ctx.options.trace or facts.of(PathSize, lambda each: each.up_lost is not None and not each.here):
        stand = _first(each.endpoint for each in pages if each.failure is None)
        wanted += [Try(each, segment, True) for each in stand for segment in (None, SMALL, None, SMALL)]
    async for observation in as_they_come(_tried(ctx, each) for each in wanted):
        yield observation


def _first(endpoints: Iterable[Endpoint]) -> list[Endpoint]:
    return of_each_family(endpoints, lambda each: each)


async def _tried(ctx: Context, wanted: Try) -> AsyncIterator[Observation]:
    """Nothing is verified, and nothing but the handshake is sent."""
    name, began = ctx.target.host, ctx.net.now()
    seen = TlsHello(endpoint=wanted.endpoint, name=name, segment=wanted.segment, large=wanted.large)
    tls = None
    try:
        async with asyncio.timeout(SECONDS):
            stream = await ctx.tcp(split(wanted.endpoint), segment=wanted.segment)
            tls = over(ctx, stream, name, (*ALPN, *_FILLER) if wanted.large else ALPN, verified=False)
            await tls.handshake()
    except (OSError, EOFError, TimeoutError) as exc:
        failure, detail = failure_of(exc)
        seen = structs.replace(seen, failure=failure, detail=detail)
    else:
        seen = structs.replace(seen, rtt_ms=round((ctx.net.now() - began) * 1000, 2))
    if tls is not None:
        local = join(*tls.local)
        tls.close()
        seen = structs.replace(seen, local=local, size=tls.hello, flow=flow("tcp", local, wanted.endpoint))
    yield seen
