"""ChannelData (RFC 8656 section 12.4) and the byte streams that carry it among STUN messages (section 12.5)."""

from __future__ import annotations

import struct
from collections.abc import Callable

from aioice.stun import COOKIE

from natprobe.wire.stun import HEADER, StunError

CHANNELS = range(0x4000, 0x5000)  # section 12
_COOKIE = struct.pack("!I", COOKIE)


def is_channel_data(data: bytes | bytearray) -> bool:
    """Whether this is channel data's to read: its first two bits are 01 (section 12.4)."""
    return data[:1] != b"" and data[0] >> 6 == 1


def channel_data(number: int, payload: bytes, *, padded: bool) -> bytes:
    """The payload on a channel; over streams it is padded to four bytes, which the length doesn't count."""
    return struct.pack("!HH", number, len(payload)) + payload + bytes(-len(payload) % 4 if padded else 0)


def read_channel_data(data: bytes) -> tuple[int, bytes]:
    """Channel number and payload; what follows in the datagram is padding. Raises StunError."""
    if len(data) < 4:
        raise StunError("shorter than channel data's header")
    number, length = struct.unpack_from("!HH", data)
    if len(data) < 4 + length:
        raise StunError("channel data reaches beyond its datagram")
    return number, data[4 : 4 + length]


class Splitter:
    """STUN messages and channel data out of a server's byte stream.

    `expects` says of a channel number whether data may come on it (`Allocation.expects`): only those that the client
    asked for can, and "HTTP/1.1" begins like channel data of 21 KB.
    """

    def __init__(self, expects: Callable[[int], bool]) -> None:
        self._expects = expects
        self._buffer = bytearray()

    @property
    def waiting(self) -> int:
        """Bytes of what is not complete: fewer than 65,552, since lengths have 16 bits."""
        return len(self._buffer)

    def feed(self, data: bytes) -> list[bytes]:
        """What is complete by now, without padding. Raises StunError when nothing is and this is no TURN stream."""
        self._buffer += data
        found: list[bytes] = []
        try:
            while (size := self._size()) is not None and len(self._buffer) >= (end := size + -size % 4):
                found.append(bytes(self._buffer[:size]))
                del self._buffer[:end]
        except StunError:
            if not found:  # else it is told next time: what came before is good
                raise
        return found

    def _size(self) -> int | None:
        """How long the next one is. What is wrong is told as early as it shows."""
        if not self._buffer:
            return None
        if is_channel_data(self._buffer):
            return self._channel_size()
        if self._buffer[0] >> 6 or self._buffer[4:8] != _COOKIE[: len(self._buffer[4:8])]:
            raise StunError("neither STUN nor channel data")
        if len(self._buffer) < 4:
            return None
        length = int.from_bytes(self._buffer[2:4], "big")
        if length % 4:
            raise StunError("a STUN message of a length that is none")
        return HEADER + length

    def _channel_size(self) -> int | None:
        if len(self._buffer) < 4:
            return None
        if not self._expects(int.from_bytes(self._buffer[:2], "big")):
            raise StunError("data on a channel that nobody asked for")
        return 4 + int.from_bytes(self._buffer[2:4], "big")
