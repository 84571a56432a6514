"""The bridge's end of SCTP over DTLS (RFC 9260, RFC 8261): data channels (RFC 8832) that give back what they get.

As little as an answering side needs where packets arrive: what is lost on its way back is not sent again.
"""

from __future__ import annotations

import random
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import IntEnum
from functools import cache
from typing import NamedTuple

PORT = 5000  # both sides'; what SDP calls sctp-port
COOKIE = 7  # the parameter of an INIT ACK
CONTROL = 50  # the payload protocol of RFC 8832
OPEN, ACK = b"\x03", b"\x02"
LAST, FIRST = 1, 2  # flags of a message's chunks
WINDOW, STREAMS = 1 << 20, 1024
PIECE = 1000  # of a message, in one packet
_COMMON, _CHUNK, _BEGIN, _PAYLOAD = (
    struct.Struct("!HHII"),
    struct.Struct("!BBH"),
    struct.Struct("!IIHHI"),
    struct.Struct("!IHHI"),
)


class Kind(IntEnum):
    """Of a chunk."""

    DATA = 0
    INIT = 1
    INIT_ACK = 2
    SACK = 3
    HEARTBEAT = 4
    HEARTBEAT_ACK = 5
    COOKIE_ECHO = 10
    COOKIE_ACK = 11


class Piece(NamedTuple):
    """A DATA chunk."""

    flags: int
    stream: int
    protocol: int
    content: bytes


@dataclass
class Echo:
    """One association."""

    tag: int = field(default_factory=lambda: random.randrange(1, 1 << 32))
    _theirs: int = 0
    _next: int = 1  # the number of what we send
    _seen: int = 0  # up to this number all has come
    _held: dict[int, Piece] = field(default_factory=dict)
    _begun: list[Piece] = field(default_factory=list)
    _sequence: dict[int, int] = field(default_factory=dict)

    def received(self, packet: bytes) -> list[bytes]:
        """The packets that answer this one."""
        chunks = list(_chunks(packet))
        answers = [self._control(kind, body) for kind, _, body in chunks]
        pieces = [(flags, body) for kind, flags, body in chunks if kind == Kind.DATA and len(body) > _PAYLOAD.size]
        for flags, body in pieces:
            number, stream, _, protocol = _PAYLOAD.unpack_from(body)
            self._held[number] = Piece(flags, stream, protocol, body[_PAYLOAD.size :])
        return [self._packet(each) for each in answers if each] + (self._taken() if pieces else [])

    def _control(self, kind: int, body: bytes) -> bytes:
        """The chunk that answers this one, where one does."""
        match kind:
            case Kind.INIT if len(body) >= _BEGIN.size:
                self._theirs, _, _, _, first = _BEGIN.unpack_from(body)
                self._seen = first - 1 & 0xFFFFFFFF
                begin = _BEGIN.pack(self.tag, WINDOW, STREAMS, STREAMS, self._next)
                return _chunk(Kind.INIT_ACK, begin + struct.pack("!HH4s", COOKIE, 8, b"echo"))
            case Kind.COOKIE_ECHO:
                return _chunk(Kind.COOKIE_ACK)
            case Kind.HEARTBEAT:
                return _chunk(Kind.HEARTBEAT_ACK, body)
        return b""

    def _taken(self) -> list[bytes]:
        """All that is there without a gap, and what is said to it."""
        out = []
        while piece := self._held.pop(self._seen + 1 & 0xFFFFFFFF, None):
            self._seen = self._seen + 1 & 0xFFFFFFFF
            self._begun = [piece] if piece.flags & FIRST else [*self._begun, piece]
            if piece.flags & LAST:
                out += self._answer(piece, b"".join(each.content for each in self._begun))
        self._held = {number: each for number, each in self._held.items() if number - self._seen & 0xFFFFFFFF < WINDOW}
        return [self._packet(_chunk(Kind.SACK, struct.pack("!IIHH", self._seen, WINDOW, 0, 0))), *out]

    def _answer(self, of: Piece, message: bytes) -> list[bytes]:
        if of.protocol == CONTROL:
            message = ACK if message.startswith(OPEN) else b""
        return [self._packet(each) for each in self._pieces(of, message)] if message else []

    def _pieces(self, of: Piece, message: bytes) -> Iterator[bytes]:
        sequence = self._sequence.get(of.stream, 0)
        self._sequence[of.stream] = sequence + 1 & 0xFFFF
        for start in range(0, len(message), PIECE):
            flags = FIRST * (start == 0) + LAST * (start + PIECE >= len(message))
            head = _PAYLOAD.pack(self._next, of.stream, sequence, of.protocol)
            self._next = self._next + 1 & 0xFFFFFFFF
            yield _chunk(Kind.DATA, head + message[start : start + PIECE], flags)

    def _packet(self, chunk: bytes) -> bytes:
        bare = _COMMON.pack(PORT, PORT, self._theirs, 0) + chunk
        return bare[:8] + struct.pack("<I", checksum(bare)) + bare[12:]


def _chunk(kind: int, body: bytes = b"", flags: int = 0) -> bytes:
    return _CHUNK.pack(kind, flags, _CHUNK.size + len(body)) + body + bytes(-len(body) % 4)


def _chunks(packet: bytes) -> Iterator[tuple[int, int, bytes]]:
    """Type, flags and content of each."""
    at = _COMMON.size
    while at + _CHUNK.size <= len(packet):
        kind, flags, length = _CHUNK.unpack_from(packet, at)
        if length < _CHUNK.size:
            return
        yield kind, flags, packet[at + _CHUNK.size : at + length]
        at += length + -length % 4


def checksum(packet: bytes) -> int:
    """CRC32c (RFC 9260, appendix A)."""
    table, found = _table(), 0xFFFFFFFF
    for byte in packet:
        found = table[(found ^ byte) & 0xFF] ^ found >> 8
    return found ^ 0xFFFFFFFF


@cache
def _table() -> tuple[int, ...]:
    def entry(value: int) -> int:
        for _ in range(8):
            value = value >> 1 ^ (0x82F63B78 if value & 1 else 0)
        return value

    return tuple(entry(value) for value in range(256))
