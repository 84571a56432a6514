"""The real Net: this machine's sockets and clock.

UDP is in udp.py; here are TCP, the system's resolver and the choice of source addresses.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import ipaddress
import socket
import sys
import threading
import time
from collections.abc import Callable
from typing import TypeVar

from natprobe.model import Family
from natprobe.net.api import IcmpError, NoRoute, Prohibited, Reported, Stream, Udp
from natprobe.net.crafted import Raw

T = TypeVar("T")
_AF = {4: socket.AF_INET, 6: socket.AF_INET6}
# The options that say how many routers may pass a packet on.
HOPS: dict[Family, tuple[int, int]] = {
    4: (socket.IPPROTO_IP, socket.IP_TTL),
    6: (socket.IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS),
}
# IPv6's "administratively prohibited" reaches a connecting socket as EACCES (Linux, measured); IPv4's is EHOSTUNREACH
# like any other unreachable host, so that there the two can't be told apart.
_PROHIBITED_V6 = errno.EACCES


class TcpStream:
    """A connected TCP socket."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self.local: tuple[str, int] = writer.get_extra_info("sockname")[:2]
        self.remote: tuple[str, int] = writer.get_extra_info("peername")[:2]

    async def read(self, limit: int = 65536) -> bytes:
        """See api.Stream."""
        return await self._reader.read(limit)

    async def write(self, data: bytes) -> None:
        """See api.Stream."""
        self._writer.write(data)
        await self._writer.drain()

    def close(self) -> None:
        """See api.Stream."""
        self._writer.transport.abort()


class SystemNet:
    """This machine's network. Needs a running asyncio loop."""

    def now(self) -> float:
        """See api.Net."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """See api.Net."""
        await asyncio.sleep(seconds)

    def udp(self, family: Family, local: str | None = None, port: int = 0, *, whole: bool = False) -> Udp:
        """See api.Net."""
        from natprobe.net.udp import open_udp

        return open_udp(bound(socket.SOCK_DGRAM, family, local, port), family, whole=whole)

    async def tcp(
        self, remote: tuple[str, int], local: str | None = None, ttl: int | None = None, segment: int | None = None
    ) -> Stream:
        """See api.Net."""
        family: Family = 6 if ":" in remote[0] else 4
        if local is None:
            self.source_address(remote[0])  # raises NoRoute where nothing would be sent
        with contextlib.ExitStack() as undo:
            sock = undo.enter_context(socket.socket(_AF[family], socket.SOCK_STREAM))
            sock.setblocking(False)
            # As browsers do: RFC 896 keeps small messages back until the one before is acknowledged, a round trip or
            # two. asyncio sets it by itself only on a socket that names its protocol.
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if local is not None:
                _bind(sock, family, local, 0)
            if ttl is not None:
                _live_for(sock, family, ttl)
            if segment is not None:
                _hold_to(sock, segment)
            await _connect(sock, family, remote)
            stream = TcpStream(*await asyncio.open_connection(sock=sock))
            undo.pop_all()  # the stream owns it now
        return stream

    async def raw(self, local: str, number: int, udp_port: int = 0) -> Raw:
        """See api.Net."""
        from natprobe.net.raw import open_raw

        return await open_raw(local, number, udp_port)

    async def system_addresses(self, name: str, family: Family) -> list[str]:
        """See api.Net. Runs in a thread of its own, which a slow resolver cannot make the exit wait for."""
        found = await _in_thread(
            lambda: socket.getaddrinfo(name, None, _AF[family], socket.SOCK_STREAM, 0, socket.AI_ADDRCONFIG)
        )
        return list(dict.fromkeys(str(entry[4][0]) for entry in found))

    def source_address(self, towards: str) -> str:
        """See api.Net. A connected UDP socket asks the routing table without sending anything."""
        family: Family = 6 if ":" in towards else 4
        with socket.socket(_AF[family], socket.SOCK_DGRAM) as sock:
            try:
                sock.connect(socket_address(towards, 9))
            except OSError as exc:
                if exc.errno in (
                    errno.ENETUNREACH,
                    errno.EHOSTUNREACH,
                    errno.EADDRNOTAVAIL,
                    errno.EAFNOSUPPORT,
                ):
                    raise NoRoute(exc.errno, exc.strerror) from exc
                raise
            return plain_address(sock.getsockname())


def plain_address(source: tuple[str, int] | tuple[str, int, int, int]) -> str:
    """The address of a socket name; a link-local one keeps its zone, as a number."""
    address = source[0]
    if len(source) == 4 and source[3] and "%" not in address and ipaddress.ip_address(address).is_link_local:
        return f"{address}%{source[3]}"
    return address


def socket_address(address: str, port: int) -> tuple[str, int] | tuple[str, int, int, int]:
    """What the socket calls want; a link-local address brings its zone as a scope id (RFC 4007)."""
    if ":" not in address:
        return (address, port)
    bare, _, zone = address.partition("%")
    scope = 0
    if zone:
        scope = int(zone) if zone.isdigit() else _index(zone)
    return (bare, port, 0, scope)


def _index(zone: str) -> int:
    try:
        return socket.if_nametoindex(zone)
    except OSError as exc:
        raise NoRoute(errno.ENODEV, f"no interface {zone}") from exc


def bound(
    kind: socket.SocketKind, family: Family, local: str | None, port: int, *, reuse: bool = False
) -> socket.socket:
    """A bound socket, closed again when that fails. `reuse`: SO_REUSEADDR."""
    sock = socket.socket(_AF[family], kind)
    try:
        if reuse:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        _bind(sock, family, local, port)
    except OSError:
        sock.close()
        raise
    return sock


def _bind(sock: socket.socket, family: Family, local: str | None, port: int) -> None:
    if family == 6:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    sock.bind(socket_address(local or ("::" if family == 6 else "0.0.0.0"), port))


async def _connect(sock: socket.socket, family: Family, remote: tuple[str, int]) -> None:
    try:
        await asyncio.get_running_loop().sock_connect(sock, socket_address(*remote))
    except OSError as exc:
        if (error := _told(sock)) is not None:
            raise Reported(error) from exc
        if family == 6 and exc.errno == _PROHIBITED_V6:
            raise Prohibited(exc.errno, exc.strerror) from exc
        raise


def _live_for(sock: socket.socket, family: Family, ttl: int) -> None:
    """And have told who ended its packets, where the system can."""
    sock.setsockopt(*HOPS[family], ttl)
    if sys.platform == "linux":
        from natprobe.net.errors import tell_errors

        tell_errors(sock, family)


def _hold_to(sock: socket.socket, segment: int) -> None:
    """What we tell the other side, and keep to. Not everywhere may it be set before there is a connection."""
    if sys.platform != "linux":
        raise OSError(errno.EAFNOSUPPORT, "TCP's segments are set on Linux only")
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, segment)


def _told(sock: socket.socket) -> IcmpError | None:
    """The ICMP error behind a failed connection; nothing waits where the socket was not asked to tell of any."""
    if sys.platform != "linux":
        return None
    from natprobe.net.errors import next_error

    return next_error(sock)


async def _in_thread(work: Callable[[], T]) -> T:
    loop = asyncio.get_running_loop()
    done: asyncio.Future[T] = loop.create_future()

    def settle(result: T | None, error: BaseException | None) -> None:
        if done.cancelled():
            return
        if error is not None:
            done.set_exception(error)
        else:
            done.set_result(result)  # type: ignore[arg-type]  # there is a result where there is no error

    def run() -> None:
        result, error = None, None
        try:
            result = work()
        except OSError as exc:
            error = exc
        except UnicodeError as exc:  # getaddrinfo's own codec refuses labels that DNS would refuse
            error = socket.gaierror(socket.EAI_NONAME, str(exc))
        with contextlib.suppress(RuntimeError):  # the loop is gone: nobody waits any more
            loop.call_soon_threadsafe(settle, result, error)

    threading.Thread(target=run, daemon=True, name="resolver").start()
    return await done
