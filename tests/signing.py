"""Runs of the signalling probe over real sockets on loopback, against whatever listens there."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import random
import re
import types
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, NamedTuple, TypeVar, cast

from natprobe.asking.xmpp import XmppSession
from natprobe.context import SIGN_IN, Context, Options
from natprobe.facts import Facts, JitsiConfig, Resolved
from natprobe.host.api import Host
from natprobe.model import Observation
from natprobe.net.system import SystemNet
from natprobe.pairing import Login
from natprobe.probes import services, signalling
from natprobe.target import parse
from tests.lab.certificates import root_pem

NAME = "meet.test"
# Round trips over loopback take nothing; a relay of this many seconds each way makes them count.
DELAY = 0.025
Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Any]
K = TypeVar("K", bound=Observation)


class Signed(NamedTuple):
    """What was seen, and the sessions that lie in the drawer."""

    facts: Facts
    context: Context
    observations: list[Observation]

    def session(self, participant: int) -> XmppSession | None:
        return self.context.keep.get(f"jitsi/{participant}", XmppSession)

    def one(self, kind: type[K], keep: Callable[[K], bool] | None = None) -> K:
        (found,) = self.facts.of(kind, keep)
        return found


@asynccontextmanager
async def signed_in(
    port: int,
    *,
    secure: bool = False,
    websocket: str | None = "/xmpp-websocket",
    bosh: str | None = None,
    login: Login | None = None,
    kept: dict[str, object] | None = None,
    config: dict[str, Any] | None = None,
    **options: Any,
) -> AsyncIterator[Signed]:
    """The probe from its beginning to its end; afterwards the drawer is emptied as a run does it."""
    scheme, at = ("s" if secure else ""), f"{NAME}:{port}"
    context = Context(
        target=parse(f"http{scheme}://{at}/").target,
        options=Options(families=(4,), ca_pem=root_pem(), **{"join": False} | options),
        net=SystemNet(),
        host=cast(Host, types.SimpleNamespace()),
        random=random.Random(7),
        unix_time=0.0,
    )
    given: dict[str, object] = {SIGN_IN: login} if login else {}
    for key, thing in (given | (kept or {})).items():
        context.keep.put(key, thing)
    asked: dict[str, Any] = {"domain": NAME} | (config or {})
    js = JitsiConfig(
        url=f"http{scheme}://{at}/config.js",
        endpoint=f"127.0.0.1:{port}",
        websocket=websocket and (websocket if "//" in websocket else f"ws{scheme}://{at}{websocket}"),
        bosh=bosh and f"http{scheme}://{at}{bosh}",
        **asked,
    )
    facts = Facts(context.target, [Resolved(name=NAME, family=4, by="system", addresses=("127.0.0.1",)), js])
    found = []
    try:
        for probe in (signalling.probe, services.probe):
            async for seen in probe(context, facts):
                facts.add(seen)
                found.append(seen)
        yield Signed(facts, context, found)
    finally:
        for each in context.keep.close():
            await each.aclose()


@asynccontextmanager
async def listening(talk: Talk) -> AsyncIterator[int]:
    """A server of one behaviour on a port of its own."""
    writers: list[asyncio.StreamWriter] = []

    async def met(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        try:
            await talk(reader, writer)
        except (OSError, EOFError, asyncio.CancelledError):  # the last: the loop's own way to end what still runs
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(met, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for each in writers:
            each.transport.abort()


class Turns:
    """Carries bytes to a port and back, each DELAY later, and counts how often the client speaks after it was spoken
    to: its round trips, without TCP's own. `connections`: those of each connection.
    """

    def __init__(self, port: int) -> None:
        self._port, self.connections = port, list[int]()

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", self._port)
        self.connections.append(0)
        number, heard = len(self.connections) - 1, [True]

        async def carry(source: asyncio.StreamReader, to: asyncio.StreamWriter, ours: bool) -> None:
            loop = asyncio.get_running_loop()
            while data := await source.read(65536):
                self.connections[number] += ours and heard[0]
                heard[0] = not ours
                loop.call_later(DELAY, to.write, data)
            loop.call_later(DELAY, to.close)

        try:
            await asyncio.gather(carry(reader, inner_writer, True), carry(inner_reader, writer, False))
            await asyncio.sleep(DELAY)
        finally:
            inner_writer.transport.abort()


def frame(data: bytes | str, opcode: int = 1, fin: bool = True) -> bytes:
    """A server's WebSocket frame (RFC 6455 section 5.2)."""
    payload = data.encode() if isinstance(data, str) else data
    size = len(payload)
    long = bytes([size]) if size < 126 else b"\x7e" + size.to_bytes(2) if size < 65536 else b"\x7f" + size.to_bytes(8)
    return bytes([opcode | (0x80 if fin else 0)]) + long + payload


async def upgraded(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, protocol: bytes = b"xmpp") -> bytes:
    """Answers an upgrade as it should be, or without a subprotocol; gives the request's head."""
    head = await reader.readuntil(b"\r\n\r\n")
    key = re.search(rb"Sec-WebSocket-Key: (\S+)", head)
    assert key is not None, head
    accept = base64.b64encode(hashlib.sha1(key[1] + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest())
    writer.write(
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        + (b"Sec-WebSocket-Protocol: " + protocol + b"\r\n" if protocol else b"")
        + b"Sec-WebSocket-Accept: "
        + accept
        + b"\r\n\r\n"
    )
    return head


async def heard(reader: asyncio.StreamReader) -> str:
    """The client's next frame, unmasked (section 5.3)."""
    first, second = await reader.readexactly(2)
    size = second & 0x7F
    if size >= 126:
        size = int.from_bytes(await reader.readexactly(2 if size == 126 else 8))
    mask, data = await reader.readexactly(4), await reader.readexactly(size)
    text = bytes(each ^ mask[index % 4] for index, each in enumerate(data))
    return f"{first & 15}:" + text.decode(errors="replace")
