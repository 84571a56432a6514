"""WebSocket over loopback: frames in every shape, and servers that break the rules."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from natprobe import __version__
from natprobe.model import Failure
from natprobe.net.failure import failure_of
from natprobe.net.http import FAULTS, Refused
from natprobe.net.system import SystemNet
from natprobe.net.websocket import FRAMES_MAX, MESSAGE_MAX, REFUSAL_MAX, WebSocket, WebSocketError, upgrade
from tests.signing import frame, heard, listening, upgraded

Server = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
ORIGIN, HOST = "https://meet.test:8443", "meet.test:8443"


async def connected(port: int) -> WebSocket:
    stream = await SystemNet().tcp(("127.0.0.1", port))
    try:
        return await upgrade(stream, HOST, "/xmpp-websocket?room=x", ORIGIN)
    except FAULTS:
        stream.close()
        raise


def after(*frames: bytes) -> Server:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await upgraded(reader, writer)
        writer.writelines(frames)
        await writer.drain()
        await reader.read()

    return talk


async def test_the_request_is_a_browser_s() -> None:
    heads: list[bytes] = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append(await upgraded(reader, writer))
        writer.write(frame(await heard(reader)))
        await writer.drain()
        await reader.read()

    async with listening(talk) as port:
        socket = await connected(port)
        await socket.send("é<a/>")
        assert await socket.receive() == "1:é<a/>"
        socket.close()
    lines = heads[0].decode().split("\r\n")
    assert lines[0] == "GET /xmpp-websocket?room=x HTTP/1.1"
    assert {f"Host: {HOST}", f"Origin: {ORIGIN}", "Sec-WebSocket-Protocol: xmpp", "Sec-WebSocket-Version: 13"} <= {
        *lines
    }
    assert f"User-Agent: natprobe/{__version__}" in lines
    assert "extensions" not in heads[0].decode().lower()


async def test_first_frames_may_come_with_the_101_and_in_pieces() -> None:
    pieces = [frame("one"), frame("t", fin=False), frame(b"", 0, fin=False), frame("wo", 0), frame("x" * 70_000)]
    async with listening(after(*pieces)) as port:
        socket = await connected(port)
        assert [await socket.receive() for _ in range(3)] == ["one", "two", "x" * 70_000]
        socket.close()


async def test_byte_by_byte() -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await upgraded(reader, writer)
        for each in frame("words" * 40):
            writer.write(bytes([each]))
            await asyncio.sleep(0.001)
        await reader.read()

    async with listening(talk) as port:
        socket = await connected(port)
        assert await socket.receive() == "words" * 40
        socket.close()


async def test_a_ping_is_answered() -> None:
    got: list[str] = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await upgraded(reader, writer)
        writer.write(frame("are you there", 9))
        got.append(await heard(reader))
        writer.write(frame("done"))
        await reader.read()

    async with listening(talk) as port:
        socket = await connected(port)
        assert await socket.receive() == "done"
        socket.close()
    assert got == ["10:are you there"]


@pytest.mark.parametrize(
    ("frames", "failure"),
    [
        ([frame(b"x" * (MESSAGE_MAX + 1))], Failure.PROTOCOL),
        ([frame(b"x" * MESSAGE_MAX, fin=False), frame(b"x", 0)], Failure.PROTOCOL),
        ([b"\x81\x7f\x00\x00\x00\x00\x00\x98\x96\x80" + b"x" * 1000], Failure.PROTOCOL),
        ([b"\x81\xff" + b"\xff" * 8], Failure.PROTOCOL),
        ([b"\x81\x85maskhello"], Failure.PROTOCOL),
        ([frame("x", 0)], Failure.PROTOCOL),
        ([frame("x", 3)], Failure.PROTOCOL),
        ([b"\xc1\x01x"], Failure.PROTOCOL),
        ([frame(b"\x03\xe8bye", 8)], Failure.CLOSED),
        ([frame(b"", 8)], Failure.CLOSED),
    ],
    ids=["long", "long-in-two", "10-MB", "endless", "masked", "no-start", "opcode", "compressed", "bye", "bare-bye"],
)
async def test_what_ends_it(frames: list[bytes], failure: Failure) -> None:
    async with listening(after(*frames)) as port:
        socket = await connected(port)
        with pytest.raises((WebSocketError, EOFError)) as caught:
            await asyncio.wait_for(socket.receive(), 5)
        assert failure_of(caught.value)[0] is failure
        with pytest.raises((OSError, EOFError)):
            await socket.send("x")
        socket.close()


@pytest.mark.parametrize("one", [b"\x89\x00", b"\x00\x00", b"\x00\x01x"])
async def test_frames_that_bring_no_message_have_a_bound(one: bytes) -> None:
    """Pings, and fragments of a message without an end."""
    async with listening(after(b"\x01\x00" if one[0] == 0 else b"", one * (FRAMES_MAX + 1))) as port:
        socket = await connected(port)
        with pytest.raises(WebSocketError, match="too many frames"):
            await socket.receive()
        socket.close()


async def test_closed_without_a_word() -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await upgraded(reader, writer)

    async with listening(talk) as port:
        socket = await connected(port)
        with pytest.raises(EOFError, match="without a word"):
            await socket.receive()
        socket.close()


def says(data: bytes) -> Server:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(data)
        await writer.drain()
        await asyncio.sleep(5)

    return talk


@pytest.mark.parametrize("status", [200, 301, 400, 403, 404, 501, 502, 503])
async def test_refused(status: int) -> None:
    page = b"<html>It works!" + b"x" * 100_000
    head = b"HTTP/1.1 %d Words\r\nServer: nginx\r\nContent-Type: text/html\r\nContent-Length: 900000\r\n\r\n" % status
    async with listening(says(head + page)) as port:
        with pytest.raises(Refused) as caught:
            await asyncio.wait_for(connected(port), 2)
    reply = caught.value.reply
    assert (reply.status, reply.headers["server"], reply.headers["content-type"]) == (status, "nginx", "text/html")
    assert reply.body.startswith(b"<html>It works!")
    assert len(reply.body) == REFUSAL_MAX
    assert failure_of(caught.value)[0] is Failure.HTTP_STATUS


SWITCH = b"HTTP/1.1 101 Switching Protocols\r\n"


@pytest.mark.parametrize(
    "answer",
    [
        SWITCH + b"\r\n",
        SWITCH + b"Upgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
        SWITCH + b"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: wrong\r\n\r\n",
        SWITCH + b"Upgrade: h2c\r\nConnection: Upgrade\r\n\r\n",
        b"SSH-2.0-OpenSSH\r\n\r\n",
        b"\x15\x03\x03\x00\x02\x02\x28",
    ],
)
async def test_no_upgrade_at_all(answer: bytes) -> None:
    async with listening(says(answer)) as port:
        with pytest.raises(FAULTS) as caught:
            await asyncio.wait_for(connected(port), 2)
    assert failure_of(caught.value)[0] in (Failure.PROTOCOL, Failure.TIMEOUT)
