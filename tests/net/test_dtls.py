"""DTLS over loopback, against a server by the same library; what is lost or false is put between them."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from natprobe.model import Failure
from natprobe.net import dtls
from natprobe.net.api import Datagram, Reported, Udp
from natprobe.net.dtls import MTU, DtlsSession, reading_context, verified_context
from natprobe.net.failure import failure_of
from natprobe.net.system import SystemNet
from natprobe.wire import certificate
from tests.lab.certificates import root_pem
from tests.lab.stuns import DtlsServer, dtls_context

NAME = "stun1.example.test"
ALPN = ("stun.nat-discovery",)
Endpoint = tuple[str, int]
# What the server's datagram becomes on its way: nothing, itself, several.
Way = Callable[[bytes], list[bytes]]


class Loopback:
    """The server, and `way` for what it sends; `heard` is what came to it."""

    def __init__(self, kind: str, way: Way) -> None:
        self.udp: Udp = SystemNet().udp(4, "127.0.0.1")
        self.heard: list[bytes] = []
        self.server = DtlsServer(dtls_context(kind, NAME), lambda content, _: b"you said " + content, self._send)
        self._way = way

    @property
    def at(self) -> Endpoint:
        return self.udp.local

    def _send(self, data: bytes, to: Endpoint) -> None:
        for each in self._way(data):
            self.udp.send(each, to)

    async def run(self) -> None:
        while True:
            event = await self.udp.receive()
            if isinstance(event, Datagram):
                self.heard.append(event.data)
                self.server.received(event.data, event.source)


@asynccontextmanager
async def loopback(kind: str = "good", way: Way = lambda data: [data]) -> AsyncIterator[Loopback]:
    there = Loopback(kind, way)
    task = asyncio.create_task(there.run())
    try:
        yield there
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        there.udp.close()


def client(there: Loopback, name: str = NAME, *, verified: bool = True, alpn: tuple[str, ...] = ALPN) -> DtlsSession:
    context = verified_context(root_pem(), alpn) if verified else reading_context(alpn)
    return DtlsSession(SystemNet().udp(4, "127.0.0.1"), there.at, context, name)


async def test_a_whole_session() -> None:
    async with loopback() as there, asyncio.timeout(5):
        session = client(there)
        await session.handshake()
        session.send(b"this")
        assert await session.receive() == b"you said this"
        assert (session.protocol, session.alpn) == ("DTLSv1.2", ALPN[0])
        assert session.cipher
        leaf = certificate.read(session.chain()[0], 0.0)
        assert leaf.names == (NAME,)
        assert len(session.chain()) == 2
        assert there.server.sessions[session.local].get_servername() == NAME.encode()
        session.close()
        session.close()
        await asyncio.sleep(0.05)
        assert there.server.closed == {session.local}  # it was told


async def test_hello_is_the_first_half() -> None:
    async with loopback() as there, asyncio.timeout(5):
        session = client(there)
        await session.hello()
        assert len(there.heard) == 1
        await session.handshake()
        session.close()


async def test_without_alpn_nothing_is_chosen() -> None:
    async with loopback() as there, asyncio.timeout(5):
        session = client(there, alpn=())
        await session.handshake()
        assert session.alpn is None
        session.close()


@pytest.mark.parametrize("lost", [1, 2])
async def test_a_lost_flight_comes_again(lost: int) -> None:
    """The server has no timer of its own here: our flight goes out again, and its answer with it."""
    count = 0

    def losing(data: bytes) -> list[bytes]:
        nonlocal count
        count += 1
        return [] if count == lost else [data]

    async with loopback(way=losing) as there, asyncio.timeout(8):
        session, began = client(there), asyncio.get_running_loop().time()
        await session.handshake()
        assert asyncio.get_running_loop().time() - began > 0.9  # RFC 6347 section 4.2.4.1
        session.send(b"this")
        assert await session.receive() == b"you said this"
        session.close()


async def test_flights_fit_into_datagrams_that_pass() -> None:
    async with loopback() as there, asyncio.timeout(5):
        session = client(there, alpn=tuple(f"protocol-{number:0200}" for number in range(12)))
        await session.handshake()
        assert len(there.heard) > 2
        assert max(map(len, there.heard)) <= MTU
        session.close()


async def test_only_the_peer_is_heard() -> None:
    async with loopback() as there, asyncio.timeout(5):
        session, stranger = client(there), SystemNet().udp(4, "127.0.0.1")
        told: list[bytes] = []

        def by_stranger(data: bytes) -> list[bytes]:
            told.append(data)
            stranger.send(data, session.local)
            return []

        there._way = by_stranger
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.3):
                await session.handshake()
        assert told
        session.close()
        stranger.close()


NOISE = [
    b"",
    b"\x16",
    b"\x16\xfe\xfd" + bytes(8) + b"\xff\xff" + bytes(40),
    b"\x16\xfe\xfd" + bytes(300),
    b"\x80" * 100,
    b"\x00\x01" + bytes(30),
    b"\x17\xfe\xfd" + bytes(4000),
    b"\x16" * 5000,
    b"\x14\xfe\xfd" + bytes(10) + b"\x01\x01",
]


@pytest.mark.parametrize("noise", NOISE, ids=range(len(NOISE)))
async def test_noise_changes_nothing(noise: bytes) -> None:
    async with loopback(way=lambda data: [noise, data, noise]) as there, asyncio.timeout(5):
        session = client(there)
        await session.handshake()
        session.send(b"this")
        assert await session.receive() == b"you said this"
        session.close()


@pytest.mark.parametrize(
    ("kind", "name", "words"),
    [
        ("expired", NAME, "certificate has expired"),
        ("self-signed", NAME, "self-signed certificate"),
        ("incomplete", NAME, "unable to get local issuer certificate"),
        ("wrong-name", NAME, "Hostname mismatch"),
        ("good", "other.example.test", "Hostname mismatch"),
        ("good", "203.0.113.20", "Hostname mismatch"),
    ],
)
async def test_certificates_that_are_refused(kind: str, name: str, words: str) -> None:
    async with loopback(kind) as there, asyncio.timeout(5):
        session = client(there, name)
        with pytest.raises(ssl.SSLCertVerificationError) as caught:
            await session.handshake()
        assert failure_of(caught.value)[0] is Failure.TLS_CERTIFICATE
        assert words in failure_of(caught.value)[1]
        session.close()
        reading = client(there, name, verified=False)
        await reading.handshake()
        assert certificate.read(reading.chain()[0], 0.0).names
        reading.close()


async def test_an_address_is_no_server_name() -> None:
    """RFC 6066 section 3."""
    async with loopback() as there, asyncio.timeout(5):
        session = client(there, "203.0.113.20", verified=False)
        await session.handshake()
        assert there.server.sessions[session.local].get_servername() is None
        session.close()


async def test_trust_is_only_what_was_given() -> None:
    async with loopback() as there, asyncio.timeout(5):
        session = DtlsSession(SystemNet().udp(4, "127.0.0.1"), there.at, verified_context(None, ALPN), NAME)
        with pytest.raises(ssl.SSLCertVerificationError, match=r"issuer|self-signed"):
            await session.handshake()
        session.close()


@pytest.mark.parametrize(("code", "words"), [(40, "handshake failure"), (120, "no application protocol")])
async def test_an_alert_says_why(code: int, words: str) -> None:
    """A fatal one, as a server sends it before anything is encrypted."""
    alert = b"\x15\xfe\xfd" + bytes(8) + b"\x00\x02\x02" + bytes([code])
    async with loopback(way=lambda _: [alert]) as there, asyncio.timeout(5):
        session = client(there)
        with pytest.raises(ssl.SSLError) as caught:
            await session.handshake()
        assert failure_of(caught.value) == (Failure.TLS_ALERT, caught.value.args[1])
        assert words in caught.value.args[1]
        session.close()


async def test_the_peer_says_goodbye() -> None:
    async with loopback() as there, asyncio.timeout(5):
        session = client(there)
        await session.handshake()
        there.server.sessions[session.local].shutdown()
        there.server.flush(session.local)
        with pytest.raises(EOFError):
            await session.receive()
        session.close()


async def test_icmp_ends_it() -> None:
    async with loopback() as there:
        at = there.at
    session = DtlsSession(SystemNet().udp(4, "127.0.0.1"), at, reading_context(()), NAME)
    async with asyncio.timeout(5):
        with pytest.raises(Reported) as caught:
            await session.hello()
    assert failure_of(caught.value)[0] is Failure.PORT_UNREACHABLE
    session.close()


async def test_dtls_1_0_is_not_spoken() -> None:
    """RFC 8996. At OpenSSL's own level of security, which the server here does without."""
    old = dtls_context.__wrapped__("good", NAME)
    old.set_cipher_list(b"ALL:@SECLEVEL=0")
    old.set_max_proto_version(0xFEFF)
    async with loopback() as there, asyncio.timeout(5):
        there.server = DtlsServer(old, lambda content, _: content, there._send)
        session = client(there)
        with pytest.raises((ssl.SSLError, TimeoutError)):
            async with asyncio.timeout(0.5):
                await session.handshake()
        session.close()


def test_records_stay_whole() -> None:
    record = b"\x16\xfe\xfd" + bytes(8) + (500).to_bytes(2, "big") + bytes(500)
    assert [len(each) for each in dtls._datagrams(record * 5)] == [1026, 1026, 513]
    assert list(dtls._datagrams(b"")) == []
