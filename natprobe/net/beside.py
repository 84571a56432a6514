"""What the kernel says beside a datagram: when it came, and how it was marked (RFC 3542 section 6.5, socket(7)).

A process that is late in waking takes a packet for late; on a busy machine that was 2 ms of jitter that no wire made
(measured). Linux stamps each as it comes in; elsewhere the time of reading has to do.
"""

from __future__ import annotations

import contextlib
import socket
import struct
import sys
import time
from collections.abc import Iterable

from natprobe.model import Family

# asm-generic/socket.h, of which most machines' numbers are; the socket module doesn't name it.
_TIMESTAMPNS = 35
_TIMESPEC = struct.Struct("@ll")
# A stamp is no older than what a socket's buffer may hold back; what is beyond was made by a clock that was set.
_OLDEST = 2.0
# Two clocks are read at one instant where that took no longer (seconds).
_AT_ONCE, _READINGS = 0.00005, 3
# Where a packet's mark is set and told.
_MARKS: dict[Family, tuple[int, int]] = {
    4: (socket.IPPROTO_IP, socket.IP_TOS),
    6: (socket.IPPROTO_IPV6, getattr(socket, "IPV6_TCLASS", 67)),
}
# Room for both.
SIZE = 128


def tell_times(sock: socket.socket) -> None:
    """From now on, where the system can."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError):
            sock.setsockopt(socket.SOL_SOCKET, _TIMESTAMPNS, 1)


def tell_marks(sock: socket.socket, family: Family) -> None:
    """From now on, where the system can."""
    with contextlib.suppress(OSError, AttributeError):
        level = socket.IPPROTO_IPV6 if family == 6 else socket.IPPROTO_IP
        sock.setsockopt(level, socket.IPV6_RECVTCLASS if family == 6 else socket.IP_RECVTOS, 1)


def mark(sock: socket.socket, family: Family, tos: int) -> None:
    """What is sent from now on. Raises OSError."""
    sock.setsockopt(*_MARKS[family], tos)


def came(ancillary: Iterable[tuple[int, int, bytes]]) -> tuple[float, int | None]:
    """When the packet came, on the monotonic clock, and its mark, None where that was not told."""
    at, day = _clocks()
    tos = None
    for level, kind, value in ancillary:
        if (level, kind) == (socket.SOL_SOCKET, _TIMESTAMPNS) and len(value) == _TIMESPEC.size:
            seconds, nanoseconds = _TIMESPEC.unpack(value)
            waited = day - (seconds + nanoseconds / 1e9)
            at -= waited if 0 <= waited <= _OLDEST else 0.0
        elif (level, kind) in _MARKS.values():
            tos = int.from_bytes(value, sys.byteorder) & 0xFF
    return at, tos


def _clocks() -> tuple[float, float]:
    """The monotonic clock and the day's at one instant: both are read again where the process was held up between."""
    for _ in range(_READINGS):
        before, day, after = time.monotonic(), time.time(), time.monotonic()
        if after - before < _AT_ONCE:
            break
    return after, day
