"""The bridge's data channels give back what they get; Chromium asks them in the kernel ring."""

from __future__ import annotations

import struct

from tests.jitsi import sctp
from tests.jitsi.sctp import Echo, Kind, checksum

OURS, FIRST = 0x01020304, 0xFFFFFFFE  # numbers begin anew after the last


def packet(*chunks: bytes) -> bytes:
    return struct.pack("!HHII", 5000, 5000, 0, 0) + b"".join(chunks)


def chunk(kind: int, body: bytes = b"", flags: int = 0) -> bytes:
    return struct.pack("!BBH", kind, flags, 4 + len(body)) + body + bytes(-len(body) % 4)


def data(number: int, content: bytes, flags: int = 3, protocol: int = 53) -> bytes:
    return chunk(Kind.DATA, struct.pack("!IHHI", number & 0xFFFFFFFF, 2, 0, protocol) + content, flags)


def said(answers: list[bytes]) -> list[tuple[int, bytes]]:
    """Type and content of each packet's one chunk, whose checksum and tag are right."""
    for each in answers:
        bare = each[:8] + bytes(4) + each[12:]
        assert struct.unpack_from("<I", each, 8)[0] == checksum(bare)
        assert struct.unpack_from("!I", each, 4)[0] == OURS
    return [(each[12], each[16 : 12 + struct.unpack_from("!H", each, 14)[0]]) for each in answers]


def begun() -> Echo:
    echo = Echo()
    answers = said(echo.received(packet(chunk(Kind.INIT, struct.pack("!IIHHI", OURS, 65536, 16, 16, FIRST)))))
    assert [kind for kind, _ in answers] == [Kind.INIT_ACK]
    assert answers[0][1].endswith(b"echo")
    assert said(echo.received(packet(chunk(Kind.COOKIE_ECHO, b"echo")))) == [(Kind.COOKIE_ACK, b"")]
    return echo


def test_checksum() -> None:
    assert checksum(b"123456789") == 0xE3069283  # RFC 3720, appendix B.4


def test_a_channel_opens() -> None:
    answers = said(begun().received(packet(data(FIRST, b"\x03" + bytes(11), protocol=sctp.CONTROL))))
    assert [kind for kind, _ in answers] == [Kind.SACK, Kind.DATA]
    assert answers[1][1][8:] == struct.pack("!I", sctp.CONTROL) + b"\x02"


def test_a_message_comes_back_in_pieces() -> None:
    echo, message = begun(), bytes(range(256)) * 16
    first = said(echo.received(packet(data(FIRST + 1, message[2000:], 1))))
    assert first == [(Kind.SACK, struct.pack("!IIHH", FIRST - 1, sctp.WINDOW, 0, 0))]  # not without the other half
    answers = said(echo.received(packet(data(FIRST, message[:2000], 2))))
    assert answers[0] == (Kind.SACK, struct.pack("!IIHH", FIRST + 1, sctp.WINDOW, 0, 0))
    assert b"".join(content[12:] for _, content in answers[1:]) == message
    assert len(answers) == 1 + 5


def test_the_same_again_is_acknowledged_and_not_answered() -> None:
    echo = begun()
    assert [kind for kind, _ in said(echo.received(packet(data(FIRST, b"hello"))))] == [Kind.SACK, Kind.DATA]
    assert [kind for kind, _ in said(echo.received(packet(data(FIRST, b"hello"))))] == [Kind.SACK]


def test_a_heartbeat_is_answered() -> None:
    assert said(begun().received(packet(chunk(Kind.HEARTBEAT, b"\x00\x01\x00\x06ab")))) == [
        (Kind.HEARTBEAT_ACK, b"\x00\x01\x00\x06ab")
    ]


def test_garbage_says_nothing() -> None:
    for junk in (b"", b"hello", packet(b"\x00\x03\x00\x00"), packet(b"\x00\x03\x00\x06ab"), packet(chunk(99, b"x"))):
        assert begun().received(junk) == []
