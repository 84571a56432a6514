"""A lab host's sockets: UDP with ICMP errors, and TCP streams as natprobe.net.api wants them."""

from __future__ import annotations

import asyncio
import errno
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING

from natprobe.model import Failure, family
from natprobe.net.api import DATAGRAM_MAX, Datagram, IcmpError, Prohibited, Reported
from natprobe.net.failure import of_icmp
from tests.lab.network import SEGMENT, TTL, Endpoint, Icmp, Packet

if TYPE_CHECKING:
    from tests.lab.host import LabHost

# The largest UDP payload in IPv4: 65535 less the headers.
_UDP_MAX = 65507
_BACKLOG = 512

Handler = Callable[["LabUdp", Datagram], None]


class LabUdp:
    """A bound UDP socket. With a handler it is a server's, and nothing waits in it."""

    def __init__(self, host: LabHost, local: Endpoint, handler: Handler | None = None) -> None:
        self.local = local
        self._host, self._handler = host, handler
        self._events: deque[Datagram | IcmpError] = deque(maxlen=_BACKLOG)
        self._some = asyncio.Event()
        self._closed, self._tos = False, 0

    def send(self, data: bytes, to: tuple[str, int], ttl: int | None = None) -> None:
        """See api.Udp."""
        if self._closed:
            raise OSError(errno.EBADF, "Bad file descriptor")
        if len(data) > _UDP_MAX:
            raise OSError(errno.EMSGSIZE, "Message too long")
        if family(to[0]) != family(self.local[0]):
            raise OSError(errno.EAFNOSUPPORT, "Address family not supported by protocol")
        self._host.emit(Packet("udp", self.local, to, data, ttl=TTL if ttl is None else ttl, tos=self._tos))

    def mark(self, tos: int) -> None:
        """See api.Markable."""
        self._tos = tos

    async def receive(self) -> Datagram | IcmpError:
        """See api.Udp."""
        while not self._events:
            self._some.clear()
            await self._some.wait()
        return self._events.popleft()

    def close(self) -> None:
        """See api.Udp."""
        self._closed = True
        self._host.released(self)

    def hears(self, address: str) -> bool:
        """Whether packets to this address of the host are for this socket."""
        return self.local[0] in (address, "::" if ":" in address else "0.0.0.0")

    def arrived(self, packet: Packet) -> None:
        """A datagram for this socket."""
        datagram = Datagram(packet.payload[: DATAGRAM_MAX + 1], packet.source, self._host.now(), packet.tos)
        if self._handler is not None:
            self._handler(self, datagram)
        else:
            self._put(datagram)

    def failed(self, icmp: Icmp, reporter: str) -> None:
        """An ICMP error about a packet of this socket's, as Linux's error queue tells it."""
        error = _told(icmp, reporter, self._host.now())
        self._put(error if self._host.quotes else error._replace(quoted=b""))

    def _put(self, event: Datagram | IcmpError) -> None:
        self._events.append(event)
        self._some.set()


class LabStream:
    """One end of a TCP connection. `ttl`: for so many routers its SYN is to live, None: for as many as usual."""

    def __init__(self, host: LabHost, local: Endpoint, remote: Endpoint, ttl: int | None = None) -> None:
        self.local, self.remote = local, remote
        self._traced, self.ttl = ttl is not None, TTL if ttl is None else ttl
        self.segment = SEGMENT
        self._host = host
        self._data = bytearray()
        self._some = asyncio.Event()
        self._ended = self._closed = False
        self._error: OSError | None = None
        self.established: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def read(self, limit: int = 65536) -> bytes:
        """See api.Stream."""
        while not (self._data or self._ended or self._error):
            self._some.clear()
            await self._some.wait()
        if self._error is not None and not self._data:
            raise self._error
        data = bytes(self._data[:limit])
        del self._data[:limit]
        return data

    async def write(self, data: bytes) -> None:
        """See api.Stream."""
        if self._error is not None:
            raise self._error
        if self._closed:
            raise OSError(errno.EBADF, "Bad file descriptor")
        self._host.emit(Packet("tcp", self.local, self.remote, data, segment=self.segment))

    def close(self) -> None:
        """See api.Stream."""
        if not self._closed:
            self._closed = self._ended = True
            self._some.set()
            self._host.released(self)
            if self.established.done() and self._error is None:
                self._host.emit(Packet("tcp", self.local, self.remote, flag="FIN"))

    def arrived(self, packet: Packet) -> None:
        """A packet of this connection."""
        match packet.flag:
            case "SYN-ACK" if not self.established.done():
                self.established.set_result(None)
            case "RST":
                self._break(_broken(self.established.done()))
            case "FIN":
                self._ended = True
            case _:
                self._data += packet.payload
        self._some.set()

    def failed(self, icmp: Icmp, reporter: str) -> None:
        """An ICMP error ends only a connection that is being made (RFC 1122 section 4.2.3.9)."""
        if not self.established.done():
            unreachable = _unreachable(family(self.remote[0]), icmp)
            self._break(Reported(_told(icmp, reporter, self._host.now())) if self._traced else unreachable)

    def _break(self, error: OSError) -> None:
        self._error = error
        self._host.released(self)
        if not self.established.done():
            self.established.set_exception(error)


def _told(icmp: Icmp, reporter: str, at: float) -> IcmpError:
    """As Linux's error queue has it: of a datagram the payload, as whole as Linux's routers give it back."""
    to, quoted = icmp.quoted.destination, icmp.quoted
    failure: Failure = of_icmp(family(to[0]), icmp.type, icmp.code)
    payload = quoted.payload if quoted.proto == "udp" else b""
    return IcmpError(to, failure, f"{icmp.type}/{icmp.code}", reporter, at, payload)


def _broken(established: bool) -> OSError:
    if established:
        return ConnectionResetError(errno.ECONNRESET, "Connection reset by peer")
    return ConnectionRefusedError(errno.ECONNREFUSED, "Connection refused")


def _unreachable(version: int, icmp: Icmp) -> OSError:
    """What Linux makes of it: of the "prohibited" ones only IPv6's are told apart (net/system.py)."""
    failure = of_icmp(version, icmp.type, icmp.code)
    if failure is Failure.PORT_UNREACHABLE:
        return _broken(False)
    if failure is Failure.UNREACHABLE_NET:
        return OSError(errno.ENETUNREACH, "Network is unreachable")
    if failure is Failure.PROHIBITED and version == 6:
        return Prohibited(errno.EACCES, "Permission denied")
    return OSError(errno.EHOSTUNREACH, "No route to host")
