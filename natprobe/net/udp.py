"""UDP sockets that tell of ICMP errors: by IP_RECVERR on Linux, by a connected companion elsewhere.

asyncio's own datagram endpoint would report one error of the error queue and then spin on the rest, so
the queue is drained here (measured: 100 % of a processor otherwise).
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import socket
import sys
import time
from collections import deque
from collections.abc import Iterator

from natprobe.model import Failure, Family
from natprobe.net import beside
from natprobe.net.api import DATAGRAM_MAX, Datagram, IcmpError, NoRoute, Udp
from natprobe.net.errors import next_error, tell_errors
from natprobe.net.failure import failure_of
from natprobe.net.system import HOPS, plain_address, socket_address

# linux/in.h, linux/in6.h; the socket module doesn't name them. PROBE: "don't fragment" on every packet, and what the
# kernel has learned of the path's MTU doesn't matter.
_MTU_DISCOVER: dict[Family, int] = {4: 10, 6: 23}
_PROBE = 3
_IPV6_DONTFRAG = 62

# Windows has no such call.
_RECVMSG = hasattr(socket.socket, "recvmsg")

# How many events may wait for the reader; a flood beyond it is dropped, as a kernel's full buffer would.
_BACKLOG = 512


def open_udp(sock: socket.socket, family: Family, *, whole: bool = False) -> Udp:
    """Takes over a bound socket; `whole` as api.Net.udp has it."""
    if whole:
        _never_in_pieces(sock, family)
    return RecvErrUdp(sock, family) if sys.platform == "linux" else CompanionUdp(sock, family)


def _never_in_pieces(sock: socket.socket, family: Family) -> None:
    """Closes the socket where that can't be had: elsewhere than on Linux it is not known how the system does it."""
    if sys.platform != "linux":
        sock.close()
        raise OSError(errno.EAFNOSUPPORT, "sizes are measured on Linux only")
    level = socket.IPPROTO_IPV6 if family == 6 else socket.IPPROTO_IP
    sock.setsockopt(level, _MTU_DISCOVER[family], _PROBE)
    if family == 6:
        sock.setsockopt(level, _IPV6_DONTFRAG, 1)


class _Events:
    """A bounded queue of what happened to a socket."""

    def __init__(self) -> None:
        self._waiting: deque[Datagram | IcmpError] = deque(maxlen=_BACKLOG)
        self._some = asyncio.Event()

    def put(self, event: Datagram | IcmpError) -> None:
        self._waiting.append(event)
        self._some.set()

    async def get(self) -> Datagram | IcmpError:
        while not self._waiting:
            self._some.clear()
            await self._some.wait()
        return self._waiting.popleft()


@contextlib.contextmanager
def _living(sock: socket.socket, family: Family, ttl: int | None) -> Iterator[None]:
    """What is sent inside lives for `ttl` routers; the socket's own setting holds again afterwards."""
    if ttl is None:
        yield
        return
    usual = sock.getsockopt(*HOPS[family])
    sock.setsockopt(*HOPS[family], ttl)
    try:
        yield
    finally:
        sock.setsockopt(*HOPS[family], usual)


class BoundUdp:
    """What both kinds share: a bound socket whose datagrams become events. By itself it hears of no ICMP errors."""

    def __init__(self, sock: socket.socket, family: Family) -> None:
        sock.setblocking(False)
        beside.tell_times(sock)
        self._sock, self._family = sock, family
        self._events = _Events()
        self._loop = asyncio.get_running_loop()
        self.local: tuple[str, int] = sock.getsockname()[:2]
        self._loop.add_reader(sock.fileno(), self._readable)

    def _readable(self) -> None:
        for _ in range(_BACKLOG):  # and then the loop's other work: a flood must not keep it from timers and signals
            try:
                datagram = self._next()
            except (BlockingIOError, InterruptedError):
                return
            except (
                OSError
            ):  # a pending ICMP error, told in detail by the error queue, or Windows' reset (WSAECONNRESET)
                return
            self._events.put(datagram)

    def _next(self) -> Datagram:
        """What has arrived. Raises OSError."""
        if not _RECVMSG:
            data, source = self._sock.recvfrom(DATAGRAM_MAX + 1)
            return Datagram(data, (plain_address(source), source[1]), time.monotonic())
        data, ancillary, _, source = self._sock.recvmsg(DATAGRAM_MAX + 1, beside.SIZE)
        return Datagram(data, (plain_address(source), source[1]), *beside.came(ancillary))

    def mark(self, tos: int) -> None:
        """See api.Markable."""
        beside.mark(self._sock, self._family, tos)

    def send(self, data: bytes, to: tuple[str, int], ttl: int | None = None) -> None:
        """See api.Udp. A pending error of an earlier packet fails the next send: that one is tried twice."""
        if (":" in to[0]) is not (self._family == 6):
            raise OSError(errno.EAFNOSUPPORT, os.strerror(errno.EAFNOSUPPORT))
        with _living(self._sock, self._family, ttl):
            self._send(data, socket_address(*to))

    def _send(self, data: bytes, address: tuple[str, int] | tuple[str, int, int, int]) -> None:
        try:
            self._sock.sendto(data, address)
        except OSError:  # also a PermissionError: that may be IPv6's "prohibited" about an earlier packet
            self._send_again(data, address)

    def _send_again(self, data: bytes, address: tuple[str, int] | tuple[str, int, int, int]) -> None:
        try:
            self._sock.sendto(data, address)
        except OSError as exc:
            unreachable = failure_of(exc)[0] is Failure.UNREACHABLE_NET
            raise (NoRoute(exc.errno, exc.strerror) if unreachable else exc) from exc

    async def receive(self) -> Datagram | IcmpError:
        """See api.Udp."""
        return await self._events.get()

    def close(self) -> None:
        """See api.Udp."""
        if self._sock.fileno() >= 0:
            self._loop.remove_reader(self._sock.fileno())
            self._sock.close()


class RecvErrUdp(BoundUdp):
    """Linux: the error queue names the packet's destination, the ICMP type and code, and who sent it."""

    def __init__(self, sock: socket.socket, family: Family) -> None:
        tell_errors(sock, family)
        super().__init__(sock, family)

    def _readable(self) -> None:
        self._drain_errors()
        super()._readable()

    def _drain_errors(self) -> None:
        while (error := next_error(self._sock)) is not None:
            self._events.put(error)

    def send(self, data: bytes, to: tuple[str, int], ttl: int | None = None) -> None:
        """See api.Udp. An error that waits for an earlier packet must not be taken for this one's."""
        self._drain_errors()
        super().send(data, to, ttl)


class CompanionUdp(BoundUdp):
    """Elsewhere: a connected socket per peer sends one copy and hears of refusals; its answers are ignored."""

    def __init__(self, sock: socket.socket, family: Family) -> None:
        super().__init__(sock, family)
        self._companions: dict[tuple[str, int], socket.socket] = {}

    def send(self, data: bytes, to: tuple[str, int], ttl: int | None = None) -> None:
        """See api.Udp. The companion's copy, which nobody counts, goes as far as it can."""
        super().send(data, to, ttl)
        if to not in self._companions:
            self._companions[to] = self._companion(data, to)

    def _companion(self, data: bytes, to: tuple[str, int]) -> socket.socket:
        companion = socket.socket(self._sock.family, socket.SOCK_DGRAM)
        companion.setblocking(False)
        with contextlib.suppress(OSError):
            companion.bind(socket_address(self.local[0], 0))
            companion.connect(socket_address(*to))
            companion.send(data)
            self._loop.add_reader(companion.fileno(), self._hear, companion, to)
        return companion

    def _hear(self, companion: socket.socket, to: tuple[str, int]) -> None:
        try:
            companion.recv(DATAGRAM_MAX)
        except (BlockingIOError, InterruptedError):
            return
        except ConnectionRefusedError:
            self._events.put(IcmpError(to, Failure.PORT_UNREACHABLE, "", None, time.monotonic()))
        except OSError as exc:
            self._events.put(IcmpError(to, failure_of(exc)[0], "", None, time.monotonic()))

    def close(self) -> None:
        """See api.Udp."""
        for companion in self._companions.values():
            self._loop.remove_reader(companion.fileno())
            companion.close()
        self._companions.clear()
        super().close()
