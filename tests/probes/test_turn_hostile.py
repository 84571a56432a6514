"""Servers that mean harm, inside TLS and DTLS too: bounded time, bounded memory, and something to tell."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import count

import pytest

from natprobe.facts import Allocation, Relayed
from natprobe.model import Failure
from natprobe.net.api import Datagram, Stream
from tests.lab.build import Lab
from tests.lab.certificates import server_context
from tests.lab.client import lab_of
from tests.lab.sockets import LabUdp
from tests.lab.stuns import DtlsServer, dtls_context
from tests.lab.turn_server import TurnServer as Double
from tests.lab.turn_server import indication
from tests.lab.web import ServerTls
from tests.netns import addresses as at
from tests.probes.relaying import USERS, allocation, odd, odd_stream, took
from tests.probes.seen import Talk, floods, hangs, of, says, shuts

HOST = "stun1.example.test"
OVER_TLS, OVER_DTLS = f"turns:{HOST}:5000", f"turns:{HOST}:5000?transport=udp"
# TLS alert, fatal, handshake_failure (RFC 8446 section 6).
ALERT = b"\x15\x03\x03\x00\x02\x02\x28"
HEAD = b"\x01\x13\xff\xfc\x21\x12\xa4\x42"  # an Allocate error of 64 KiB


def over_tls(lab: Lab, talk: Talk) -> str:
    """What talks so once its handshake is done."""

    async def connected(stream: Stream) -> None:
        inside = ServerTls(stream, server_context("good", HOST))
        await inside.handshake()
        await talk(inside)

    lab.servers["stun1"].listen(5000, connected)
    return OVER_TLS


def over_dtls(lab: Lab, answer: bytes) -> str:
    """What says this to every record's content."""
    sockets: list[LabUdp] = []
    server = DtlsServer(dtls_context("good", HOST), lambda *_: answer, lambda data, to: sockets[0].send(data, to))

    def arrived(_: LabUdp, datagram: Datagram) -> None:
        server.received(datagram.data, datagram.source)

    sockets.append(lab.servers["stun1"].serve_udp(at.STUN1, 5000, arrived))
    return OVER_DTLS


@pytest.mark.parametrize(
    ("talk", "failure"),
    [
        (says(b"HTTP/1.1 400 Bad Request\r\n\r\n"), Failure.PROTOCOL),
        (says(b"\x16\x03\x01" + bytes(60)), Failure.PROTOCOL),
        (says(ALERT), Failure.PROTOCOL),
        (says(HEAD + bytes(9000), hangs), Failure.TIMEOUT),
        (says(HEAD[:3]), Failure.CLOSED),
        (floods(HEAD + bytes(65544), every=0.05), Failure.TIMEOUT),
        (floods(indication(XOR_PEER_ADDRESS=("198.51.100.9", 9), DATA=bytes(1200))), Failure.TIMEOUT),
        (hangs, Failure.TIMEOUT),
        (shuts, Failure.CLOSED),
    ],
    ids=["http", "hello", "alert", "half of 64 KiB", "three bytes", "64 KiB frames", "data", "hangs", "shuts"],
)
def test_inside_tls(talk: Talk, failure: Failure) -> None:
    lab = lab_of()
    found, seconds = took(lab, over_tls(lab, talk))
    assert allocation(found).failure is failure
    assert {each.failure for each in of(found, Allocation)} == {failure}
    assert seconds < 6.5


@pytest.mark.parametrize(
    ("talk", "failure"),
    [
        (says(ALERT), Failure.TLS_ALERT),
        (says(b"HTTP/1.1 400 Bad Request\r\n\r\n"), Failure.TLS_OTHER),
        (says(b"\x16\x03\x03\x40\x00" + bytes(9)), Failure.CLOSED),
        (floods(b"\x16\x03\x03\x40\x00" + bytes(16384)), Failure.TIMEOUT),
    ],
    ids=["alert", "http", "half a record", "endless hello"],
)
def test_instead_of_tls(talk: Talk, failure: Failure) -> None:
    lab = lab_of()
    odd_stream(lab, talk)
    found, seconds = took(lab, OVER_TLS)
    assert allocation(found).failure in (failure, Failure.TLS_ALERT)
    assert seconds < 6.5


@pytest.mark.parametrize("answer", [b"", b"\0", b"HTTP/1.1 400", bytes(1400), HEAD + bytes(1000), b"\x40\0\0\4data"])
def test_inside_dtls(answer: bytes) -> None:
    lab = lab_of()
    found, seconds = took(lab, over_dtls(lab, answer))
    assert allocation(found).failure is Failure.TIMEOUT
    assert seconds < 4.0


def test_another_relayed_address_with_every_answer() -> None:
    """Answers to one request that all verify: the first counts, and nothing is sent to the others."""
    ports = count(50000)

    def answers(data: bytes, source: tuple[str, int]) -> Iterable[bytes]:
        server = servers.setdefault(source, Double(users=USERS, client=source))
        server.relays, before = {4: (at.STUN2, next(ports))}, server.allocation
        answer = server.receive(data)
        server.granted, server.allocation = {}, None if before is None else server.allocation
        return [answer] * 3 if answer else []

    servers: dict[tuple[str, int], Double] = {}
    lab = lab_of()
    found, seconds = took(lab, odd(lab, answers))
    one = allocation(found)
    assert one.failure is None
    assert one.relayed is not None
    assert {each.relayed for each in of(found, Relayed)} <= {one.relayed}
    assert seconds < 4.0
