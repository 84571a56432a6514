"""UDP sockets that tell of ICMP errors: by IP_RECVERR on Linux, by a connected companion elsewhere.

asyncio's own datagram endpoint would report one error of the error queue and then spin on the rest, so
the queue is drained here (measured: 100 % of a processor otherwise).
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import ipaddress
import os
import socket
import struct
import sys
import time
from collections import deque
from collections.abc import Iterator

from natprobe.model import Failure, Family
from natprobe.net.api import DATAGRAM_MAX, Datagram, IcmpError, NoRoute, Udp
from natprobe.net.failure import failure_of, of_icmp
from natprobe.net.system import plain_address, socket_address

# linux/in.h, linux/in6.h, linux/errqueue.h; the socket module doesn't name them.
_IP_RECVERR = 11
_IPV6_RECVERR = 25
_MSG_ERRQUEUE = 0x2000
_ORIGIN_ICMP = {2: 4, 3: 6}  # SO_EE_ORIGIN_ICMP, SO_EE_ORIGIN_ICMP6 -> family
_EXTENDED_ERROR = struct.Struct("=IBBBBII")

# How many events may wait for the reader; a flood beyond it is dropped, as a kernel's full buffer would.
_BACKLOG = 512


def open_udp(sock: socket.socket, family: Family) -> Udp:
    """Takes over a bound socket."""
    return RecvErrUdp(sock, family) if sys.platform == "linux" else CompanionUdp(sock, family)


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
    option = (socket.IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS) if family == 6 else (socket.IPPROTO_IP, socket.IP_TTL)
    usual = sock.getsockopt(*option)
    sock.setsockopt(*option, ttl)
    try:
        yield
    finally:
        sock.setsockopt(*option, usual)


class BoundUdp:
    """What both kinds share: a bound socket whose datagrams become events. By itself it hears of no ICMP errors."""

    def __init__(self, sock: socket.socket, family: Family) -> None:
        sock.setblocking(False)
        self._sock, self._family = sock, family
        self._events = _Events()
        self._loop = asyncio.get_running_loop()
        self.local: tuple[str, int] = sock.getsockname()[:2]
        self._loop.add_reader(sock.fileno(), self._readable)

    def _readable(self) -> None:
        for _ in range(_BACKLOG):  # and then the loop's other work: a flood must not keep it from timers and signals
            try:
                data, source = self._sock.recvfrom(DATAGRAM_MAX + 1)
            except (BlockingIOError, InterruptedError):
                return
            except (
                OSError
            ):  # a pending ICMP error, told in detail by the error queue, or Windows' reset (WSAECONNRESET)
                return
            self._events.put(Datagram(data, (plain_address(source), source[1]), time.monotonic()))

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
        if family == 6:
            sock.setsockopt(socket.IPPROTO_IPV6, _IPV6_RECVERR, 1)
        else:
            sock.setsockopt(socket.IPPROTO_IP, _IP_RECVERR, 1)
        super().__init__(sock, family)

    def _readable(self) -> None:
        self._drain_errors()
        super()._readable()

    def _drain_errors(self) -> None:
        while True:
            try:
                _, ancillary, _, destination = self._sock.recvmsg(256, 512, _MSG_ERRQUEUE)
            except OSError:
                return
            for level, kind, data in ancillary:
                if (level, kind) in ((socket.IPPROTO_IP, _IP_RECVERR), (socket.IPPROTO_IPV6, _IPV6_RECVERR)):
                    self._put_error(data, destination)

    def _put_error(self, data: bytes, destination: tuple[str, int]) -> None:
        number, origin, icmp_type, code, *_ = _EXTENDED_ERROR.unpack_from(data)
        to = (plain_address(destination), destination[1]) if destination else None
        family = _ORIGIN_ICMP.get(origin)
        if family is None:  # the kernel's own refusal, not a router's
            failure, icmp, reporter = failure_of(OSError(number, ""))[0], "", None
        else:
            failure, icmp = of_icmp(family, icmp_type, code), f"{icmp_type}/{code}"
            reporter = _offender(data[_EXTENDED_ERROR.size :])
        self._events.put(IcmpError(to, failure, icmp, reporter, time.monotonic()))

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


def _offender(sockaddr: bytes) -> str | None:
    if len(sockaddr) < 2:
        return None
    family = int.from_bytes(sockaddr[:2], sys.byteorder)
    if family == socket.AF_INET and len(sockaddr) >= 8:
        return str(ipaddress.IPv4Address(sockaddr[4:8]))
    if family == socket.AF_INET6 and len(sockaddr) >= 24:
        return str(ipaddress.IPv6Address(sockaddr[8:24]))
    return None
