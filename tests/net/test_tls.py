"""TLS over streams that behave badly, and its facts over one that doesn't."""

from __future__ import annotations

import asyncio
import ssl
import sys
from collections import deque
from collections.abc import Iterable
from pathlib import Path

import pytest

from natprobe.model import Failure
from natprobe.net.failure import failure_of
from natprobe.net.http import BODY_MAX, COOKIE_BYTES_MAX, COOKIES_MAX, Client
from natprobe.net.tls import TlsStream, client_context, reading_context, verified_context
from tests.lab.certificates import root_pem, server_context
from tests.lab.web import ServerTls

NAME = "meet.example.test"


class Pipe:
    """One end of a pair of streams in memory."""

    local, remote = ("192.0.2.1", 1), ("192.0.2.2", 2)

    def __init__(self, step: int = 65536) -> None:
        self._arrived: asyncio.Queue[bytes] = asyncio.Queue()
        self._step, self.other = step, self

    async def read(self, limit: int = 65536) -> bytes:
        return await self._arrived.get()

    async def write(self, data: bytes) -> None:
        for start in range(0, len(data), self._step):
            self.other._arrived.put_nowait(data[start : start + self._step])
            await asyncio.sleep(0)

    def close(self) -> None:
        self.other._arrived.put_nowait(b"")


def pair(step: int = 65536) -> tuple[Pipe, Pipe]:
    one, other = Pipe(step), Pipe(step)
    one.other, other.other = other, one
    return one, other


class Canned:
    """A stream that says these things whatever it hears, and then closes."""

    local, remote = ("192.0.2.1", 1), ("192.0.2.2", 2)

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = deque(chunks)
        self.written = b""

    async def read(self, limit: int = 65536) -> bytes:
        await asyncio.sleep(0)
        return self._chunks.popleft() if self._chunks else b""

    async def write(self, data: bytes) -> None:
        self.written += data

    def close(self) -> None:
        self._chunks.clear()


@pytest.mark.parametrize("step", [1, 7, 65536])
async def test_a_session_in_pieces_of_any_size(step: int) -> None:
    ours, theirs = pair(step)
    server = ServerTls(theirs, server_context("good", NAME))
    client = TlsStream(ours, verified_context(root_pem(), ("http/1.1",)), NAME)
    await asyncio.gather(client.handshake(), server.handshake())
    assert (client.protocol, client.alpn, len(client.chain())) == ("TLSv1.3", "http/1.1", 2)
    assert client.cipher
    await client.write(b"ping")
    assert await server.read() == b"ping"
    await server.write(b"pong" * 5000)
    got = b""
    while len(got) < 20000:
        got += await client.read()
    theirs.close()
    assert await client.read() == b""
    client.close()


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the system verifies")
async def test_the_systems_roots_are_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A second session verifies by what the first one's context has read."""
    roots = tmp_path / "roots.pem"
    roots.write_text(root_pem())
    monkeypatch.setenv("SSL_CERT_FILE", str(roots))
    client_context.cache_clear()
    for _ in range(2):
        ours, theirs = pair()
        client = TlsStream(ours, client_context(None, (), verified=True), NAME)
        await asyncio.gather(client.handshake(), ServerTls(theirs, server_context("good", NAME)).handshake())
        assert client.protocol == "TLSv1.3"
        roots.unlink(missing_ok=True)
    client_context.cache_clear()


@pytest.mark.parametrize("kind", ["expired", "self-signed", "wrong-name", "incomplete"])
async def test_what_is_not_verified_can_still_be_read(kind: str) -> None:
    ours, theirs = pair()
    server = ServerTls(theirs, server_context(kind, NAME))
    client = TlsStream(ours, verified_context(root_pem(), ()), NAME)
    results = await asyncio.gather(client.handshake(), server.handshake(), return_exceptions=True)
    assert isinstance(results[0], ssl.SSLCertVerificationError)
    assert isinstance(results[1], ssl.SSLError)  # our alert tells them why
    ours, theirs = pair()
    reader, again = TlsStream(ours, reading_context(()), NAME), ServerTls(theirs, server_context(kind, NAME))
    await asyncio.gather(reader.handshake(), again.handshake())
    assert len(reader.chain()) == (1 if kind in ("self-signed", "incomplete") else 2)


@pytest.mark.parametrize(
    ("chunks", "failure"),
    [
        ([], Failure.CLOSED),
        ([b"\x16"], Failure.CLOSED),
        ([b"HTTP/1.1 400 Bad Request\r\n"], Failure.TLS_OTHER),
        ([b"\x15\x03\x01\x00\x02\x02\x28"], Failure.TLS_ALERT),
        ([b"\x15\x03\x01\x00\x02\x02", b"\x70"], Failure.TLS_ALERT),
        ([b"\xff"] * 5000, Failure.TLS_OTHER),
    ],
)
async def test_bad_handshakes(chunks: list[bytes], failure: Failure) -> None:
    client = TlsStream(Canned(chunks), verified_context(root_pem(), ()), NAME)
    with pytest.raises((OSError, EOFError)) as caught:
        await client.handshake()
    assert failure_of(caught.value)[0] is failure


# --- HTTP


OK = b"HTTP/1.1 200 OK\r\n"


async def test_two_pages_over_one_connection() -> None:
    one = OK + b"Content-Length: 3\r\nX-A: b\r\n\r\none"
    client = Client(Canned([one, OK + b"Transfer-Encoding: chunked\r\n\r\n3\r\ntwo\r\n0\r\n\r\n"]), NAME)
    first = await client.get("/")
    assert (first.status, first.headers["x-a"], first.body, client.open) == (200, "b", b"one", True)
    assert (await client.get("/two")).body == b"two"


@pytest.mark.parametrize(
    ("chunks", "kind"),
    [
        ([], EOFError),
        ([OK, b"a: b\r\n"], Exception),
        ([OK + b"x: " + b"y" * 70_000], Exception),
        ([OK] + [b"a: b\r\n"] * 20_000, Exception),
    ],
)
async def test_what_is_read_is_bounded(chunks: list[bytes], kind: type[Exception]) -> None:
    stream = Canned(chunks)
    with pytest.raises(kind) as caught:
        await Client(stream, NAME).get("/")
    assert failure_of(caught.value)[0] in (Failure.CLOSED, Failure.PROTOCOL, Failure.LIMIT)
    assert len(stream._chunks) < max(1, len(chunks) - 1)


@pytest.mark.parametrize("head", [b"\r\n", b"Content-Length: 9999999\r\n\r\n"])
async def test_a_long_body_is_cut(head: bytes) -> None:
    stream = Canned([OK + head] + [b"x" * 65536] * 20)
    client = Client(stream, NAME)
    reply = await client.get("/")
    assert (reply.status, reply.body, client.open) == (200, b"x" * BODY_MAX, False)
    assert len(stream._chunks) == 3


async def test_cookies_go_back_by_name_and_value() -> None:
    cookies = [b"a=1; Path=/; HttpOnly", b"b = two ;Secure", b"a=3", b"novalue", b"bad name=1", b"c=d\xe9=="]
    head = b"".join(b"Set-Cookie: " + each + b"\r\n" for each in cookies)
    stream = Canned([OK + head + b"Content-Length: 0\r\n\r\n", OK + b"Content-Length: 0\r\n\r\n"])
    client = Client(stream, NAME)
    await client.get("/")
    assert b"ookie" not in stream.written
    await client.get("/")
    assert b"Cookie: a=3; b=two; c=d\xe9==\r\n" in stream.written


@pytest.mark.parametrize("size", [1, 1000, 9000])
async def test_cookies_are_bounded(size: int) -> None:
    head = b"".join(b"Set-Cookie: n%d=%s\r\n" % (number, b"x" * size) for number in range(7 if size > 1 else 50))
    stream = Canned([OK + head + b"Content-Length: 0\r\n\r\n", OK + b"Content-Length: 0\r\n\r\n"])
    client = Client(stream, NAME)
    await client.get("/")
    await client.get("/")
    sent = stream.written.partition(b"Cookie: ")[2].partition(b"\r\n")[0]
    assert sent.count(b"=") == {1: COOKIES_MAX, 1000: 4, 9000: 0}[size]
    assert len(sent) <= COOKIE_BYTES_MAX


async def test_a_host_name_cannot_smuggle_headers() -> None:
    stream = Canned([])
    with pytest.raises(Exception, match=r"[Ii]llegal"):
        await Client(stream, "a\r\nX-Evil: 1").get("/")
    with pytest.raises(Exception, match=r"[Ii]llegal"):
        await Client(stream, NAME).get("/ HTTP/1.1\r\nX-Evil: 1")
    assert stream.written == b""
