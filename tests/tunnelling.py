"""What tests of tunnels share: a proxy's words from a list, servers to be led to, and what came of it."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any

from natprobe.asking.tunnels import lead
from natprobe.asking.ways import Way
from natprobe.context import PROXY_ACCESS, Context
from natprobe.facts import Tunnel
from natprobe.model import Failure
from natprobe.net.api import Stream
from natprobe.net.failure import failure_of
from natprobe.net.tunnel import Denied, Said, Tunnelled, tunnelled
from natprobe.pairing import ProxyAccess
from natprobe.proxy import Proxy, Scheme
from tests.probes.loopback import LOOPBACK, context
from tests.signing import listening

ANN = ProxyAccess(user="ann", password="s3cret:word")
USERS = {"ann": "s3cret:word"}
NAMES = {"meet.test": LOOPBACK}


class Canned:
    """A stream that says these things whatever it hears, and then closes."""

    local, remote = ("192.0.2.1", 1), ("192.0.2.2", 2)

    def __init__(self, *chunks: bytes) -> None:
        self._chunks = deque(chunks)
        self.written = b""
        self.taken = 0

    async def read(self, limit: int = 65536) -> bytes:
        if not self._chunks:
            return b""
        chunk = self._chunks.popleft()
        if len(chunk) > limit:
            self._chunks.appendleft(chunk[limit:])
        self.taken += len(chunk[:limit])
        return chunk[:limit]

    async def write(self, data: bytes) -> None:
        self.written += data

    def close(self) -> None:
        """Nothing to close."""


def proxy(scheme: Scheme = "http", port: int = 3128) -> Proxy:
    return Proxy(scheme=scheme, host=LOOPBACK, port=port)


async def through(stream: Stream, access: ProxyAccess | None = None, **said: Any) -> Tunnelled:
    """To meet.test:443."""
    asked: dict[str, Any] = {"proxy": proxy(), "host": "meet.test", "port": 443, "ca_pem": None} | said
    return await tunnelled(stream, access=access, **asked)


@asynccontextmanager
async def speaking() -> AsyncIterator[int]:
    """A server that says back what it hears."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(1000):
            writer.write(b"heard " + data)
            await writer.drain()

    async with listening(talk) as port:
        yield port


async def outcome(made: Coroutine[Any, Any, Tunnelled]) -> tuple[Said, Failure | None]:
    try:
        return (await made).said, None
    except OSError as exc:
        return exc.said if isinstance(exc, Denied) else Said(), failure_of(exc)[0]


async def led(
    port: int, to: int, scheme: Scheme = "http", access: ProxyAccess | None = None, seconds: float = 5.0
) -> Tunnel:
    """The fact; what stands is tried, and closed."""
    return await led_in(known(access), port, to, scheme, seconds)


def known(access: ProxyAccess | None) -> Context:
    ctx = context()
    if access is not None:
        ctx.keep.put(PROXY_ACCESS, access)
    return ctx


async def led_in(ctx: Context, port: int, to: int, scheme: Scheme = "http", seconds: float = 5.0) -> Tunnel:
    fact, stream = await lead(ctx, Way(address=LOOPBACK, proxy=proxy(scheme, port)), "meet.test", to, "port", seconds)
    if stream is not None:
        await stream.write(b"hello")
        assert await stream.read() == b"heard hello"
        stream.close()
    assert (stream is not None) is (fact.failure is None)
    return fact
