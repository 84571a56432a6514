"""On the server: every socket that waits for others, what containers' ports lead to, and what the user expects of it.

What a docker-proxy takes on this host is tried with a connection: it takes that even where nobody is behind it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from itertools import zip_longest

from natprobe.context import Context
from natprobe.facts import Expected, Facts, Listening, Published, Sockets
from natprobe.host.machine import Forwarding, Socket, SocketTable
from natprobe.model import Failure, Observation, clip, join
from natprobe.net.failure import failure_of
from natprobe.wire.text import clean

REQUIRES = ()
TAKES = ()
YIELDS = (Expected, Sockets, Listening, Published)
TIMEOUT = 5.0

# More than any host of conferences has; a busy resolver may have as many of its own, on high ports.
SOCKETS_MAX = 5000
# How many docker-proxies are tried, and how long one that takes a connection is waited for to close it (seconds).
_TRIED_MAX, _PATIENCE = 32, 0.3
_NAME_MAX = 60
# Where what is taken at every address can be tried.
_LOOPBACK = {"0.0.0.0": "127.0.0.1", "::": "::1"}


async def probe(ctx: Context, facts: Facts) -> AsyncIterator[Observation]:
    """Only this host's own addresses are connected to."""
    for each in ctx.options.expected:
        yield each
    if ctx.machine is None:
        return
    try:
        table = await asyncio.to_thread(ctx.machine.sockets)
    except OSError as exc:
        failure, detail = failure_of(exc)
        yield Sockets(failure=failure, detail=detail)
        return
    yield _summary(table)
    for socket in table.sockets[:SOCKETS_MAX]:
        yield _listening(socket)
    tried = table.forwardings[:_TRIED_MAX]
    answers = await asyncio.gather(*(_answers(ctx, each) for each in tried))
    for forwarding, answer in zip_longest(table.forwardings[:SOCKETS_MAX], answers):
        yield _published(forwarding, answer)


def _summary(table: SocketTable) -> Sockets:
    cut = len(table.sockets) > SOCKETS_MAX
    return Sockets(
        listening=sum(each.sockets for each in table.sockets),
        hidden=table.hidden,
        failure=Failure.LIMIT if cut else None,
        detail=f"the first {SOCKETS_MAX} kinds of them are told" if cut else "",
    )


def _listening(socket: Socket) -> Listening:
    """Names of processes are free text: whoever runs one chooses it."""
    return Listening(
        proto=socket.proto,
        address=socket.address,
        port=socket.port,
        v6only=socket.v6only,
        process=None if socket.process is None else clean(socket.process, _NAME_MAX),
        pid=socket.pid,
        user=clean(socket.user, _NAME_MAX),
        container=clean(socket.container, _NAME_MAX),
        interface=clip(socket.interface, 50),
        sockets=socket.sockets,
    )


def _published(forwarding: Forwarding, answers: bool | None) -> Published:
    return Published(
        proto=forwarding.proto,
        address=forwarding.address,
        port=forwarding.port,
        port_end=forwarding.port,
        to=join(*forwarding.to),
        by="docker-proxy",
        answers=answers,
    )


async def _answers(ctx: Context, forwarding: Forwarding) -> bool | None:
    """Whether somebody is behind it: one that finds nobody closes the connection right after it was taken. A server
    waits for what its client has to say. None: over UDP nobody tells, and where all is too slow.
    """
    if forwarding.proto == "udp":
        return None
    address = _LOOPBACK.get(forwarding.address, forwarding.address)
    try:
        async with asyncio.timeout(_PATIENCE):
            stream = await ctx.net.tcp((address, forwarding.port))
    except TimeoutError:
        return None
    except OSError as exc:
        return False if failure_of(exc)[0] in (Failure.REFUSED, Failure.RESET) else None
    try:
        async with asyncio.timeout(_PATIENCE):
            return bool(await stream.read(1))
    except TimeoutError:
        return True
    except OSError:
        return False
    finally:
        stream.close()
