"""Every packet from or to some ports that any interface of this machine hands over, before the host's packet filters.

Linux alone (packet(7)), with CAP_NET_RAW. A filter in the kernel leaves all other traffic alone; nothing is sent, and
no port is opened.
"""

from __future__ import annotations

import asyncio
import ctypes
import socket
import struct
import sys
import time
from collections.abc import Callable, Collection
from typing import NamedTuple

from natprobe.net.crafted import NotHere
from natprobe.wire.capture import Seen, program, read

_SO_ATTACH_FILTER = 26
_ETH_P_ALL = 0x0003
_PACKET_HOST, _PACKET_OUTGOING = 0, 4
_SOL_PACKET, _PACKET_STATISTICS = 263, 6
_INSTRUCTION = 8
# For bursts that come while we do something else (bytes).
_BUFFER = 4 << 20
# So many packets, and then the loop's other work.
_AT_ONCE = 512
_READ_MAX = 2048


class Caught(NamedTuple):
    """A packet on an interface, coming in or going out, when on the clock of `net.system`."""

    seen: Seen
    interface: str
    outgoing: bool
    at: float


class Sniffer:
    """Hands every packet to `caught`. Raises PermissionError without the privilege, OSError where the system has no
    packet sockets.
    """

    def __init__(self, ports: Collection[int], caught: Callable[[Caught], None]) -> None:
        self._ports, self._caught, self._dropped = frozenset(ports), caught, 0
        self._sock = packets(program(self._ports))
        asyncio.get_running_loop().add_reader(self._sock.fileno(), self._readable)

    @property
    def dropped(self) -> int:
        """How many packets came quicker than they were read, and are in no count."""
        told = self._sock.getsockopt(_SOL_PACKET, _PACKET_STATISTICS, 8)
        self._dropped += struct.unpack("=II", told)[1]  # each reading begins anew
        return self._dropped

    def _readable(self) -> None:
        for _ in range(_AT_ONCE):
            try:
                data, address = self._sock.recvfrom(_READ_MAX)
            except (BlockingIOError, InterruptedError):
                return
            except OSError:  # an interface went down (ENETDOWN): the others go on
                return
            self._take(data, address)

    def _take(self, data: bytes, address: tuple[str, int, int, int, bytes]) -> None:
        """Where it came from tells whether it is for this host: what only passes by, such as a bridge's, is not."""
        name, _, kind, _, _ = address
        seen = read(data)
        if seen is None or kind not in (_PACKET_HOST, _PACKET_OUTGOING):
            return
        outgoing = kind == _PACKET_OUTGOING
        if (seen.source if outgoing else seen.to)[1] in self._ports:
            self._caught(Caught(seen, name, outgoing, time.monotonic()))

    def close(self) -> None:
        """Idempotent."""
        if self._sock.fileno() >= 0:
            asyncio.get_running_loop().remove_reader(self._sock.fileno())
            self._sock.close()


def packets(filtered: bytes) -> socket.socket:
    """A packet socket of all interfaces; what comes before the filter is in has to be left alone by who reads.

    Raises PermissionError without the privilege, OSError where the system has none.
    """
    if sys.platform != "linux":
        raise NotHere("only Linux has packet sockets")
    sock = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(_ETH_P_ALL))
    try:
        _attach(sock, filtered)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER)
        sock.setblocking(False)
    except OSError:
        sock.close()
        raise
    return sock


def _attach(sock: socket.socket, instructions: bytes) -> None:
    """Struct sock_fprog of linux/filter.h: how many, and where they are."""
    buffer = ctypes.create_string_buffer(instructions, len(instructions))
    count = len(instructions) // _INSTRUCTION
    sock.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, struct.pack("HP", count, ctypes.addressof(buffer)))
