"""Proxies over any Net: an HTTP proxy that answers as Squid does, and SOCKS proxies of versions 4a and 5.

`HttpProxy(net=host).listen()` on a lab host, or `loopback(HttpProxy(net=SystemNet(), ports=None))` on real sockets.
"""

from __future__ import annotations

import asyncio
import base64
import errno
import ipaddress
import struct
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import ClassVar, Literal

import h11

from natprobe.model import family
from natprobe.net.api import Datagram, Net, Stream, Udp
from natprobe.net.listen import TcpListener
from natprobe.wire import socks
from tests.lab.host import LabHost
from tests.netns import addresses as at

# How long a host may be silent before the proxy says so: Squid's 113 came after three seconds (measured).
SILENT_SECONDS = 2.5
NAMES: Mapping[str, str] = {name: addresses[0] for name, addresses in at.NAMES.items()}
# RFC 1928 section 3: a name and a password, which no browser has for it.
_PASSWORD = 0x02
Mood = Literal["works", "hangs", "closes", "garbage", "endless", "denies"]


@dataclass(kw_only=True)
class _Proxy:
    """`ports`: those that it leads to, None: all. `users`: who may, and empty: everybody. `seen`: what it was asked, on
    how many `connections`.
    """

    net: Net
    ports: Collection[int] | None = frozenset({443})
    users: Mapping[str, str] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=lambda: NAMES)
    mood: Mood = "works"
    seen: list[tuple[str, int]] = field(default_factory=list)
    connections: int = 0
    usual_port: ClassVar[int]

    def listen(self, port: int = 0) -> None:
        """On every address of its lab host."""
        assert isinstance(self.net, LabHost)
        self.net.listen(port or self.usual_port, self.serve)

    async def serve(self, stream: Stream) -> None:
        """One connection, from the first byte to the last."""
        raise NotImplementedError

    async def _moody(self, stream: Stream) -> bool:
        """Whether it does something else than to answer, and has done it."""
        if self.mood == "hangs":
            await asyncio.Event().wait()
        elif self.mood == "garbage":
            await stream.write(b"\xff" * 300)
        elif self.mood == "endless":
            await stream.write(b"HTTP/1.1 200 OK\r\n")
            while True:
                await stream.write(b"X-More: of this\r\n" * 100)
        return self.mood in ("closes", "garbage")

    def _leads_to(self, port: int) -> bool:
        return self.mood != "denies" and (self.ports is None or port in self.ports)

    async def _onward(self, host: str, port: int) -> Stream | int:
        """The connection, or the errno of why there is none; -1: no such name."""
        address = self._address(host)
        if address is None:
            return -1
        try:
            async with asyncio.timeout(SILENT_SECONDS):
                return await self.net.tcp((address, port))
        except TimeoutError:
            return errno.ETIMEDOUT
        except OSError as exc:
            return exc.errno or errno.EHOSTUNREACH

    def _address(self, host: str) -> str | None:
        try:
            return str(ipaddress.ip_address(host))
        except ValueError:
            return self.names.get(host)


@dataclass(kw_only=True)
class HttpProxy(_Proxy):
    """CONNECT only. `closes_at_407`: it ends the connection with it. `behind`: sent right with the 200."""

    schemes: tuple[str, ...] = ('Basic realm="lab, and more"',)
    closes_at_407: bool = False
    behind: bytes = b""
    authorizations: list[str] = field(default_factory=list)
    usual_port: ClassVar[int] = at.PROXY_PORT

    async def serve(self, stream: Stream) -> None:
        self.connections += 1
        http = h11.Connection(h11.SERVER)
        while (asked := await self._request(stream, http)) is not None:
            if await self._moody(stream):
                return None
            host, _, port = asked.target.decode().rpartition(":")
            place = (host.strip("[]"), int(port))
            self.seen.append(place)
            onward = await self._decided(stream, http, asked, place)
            if onward is not None:
                return await _spliced(stream, onward, http.trailing_data[0])
            if http.our_state is not h11.DONE:
                return None
            http.start_next_cycle()
        return None

    async def _request(self, stream: Stream, http: h11.Connection) -> h11.Request | None:
        asked: h11.Request | None = None
        while True:
            event = http.next_event()
            if event is h11.NEED_DATA:
                http.receive_data(await stream.read())
            elif isinstance(event, h11.Request):
                asked = event
            elif isinstance(event, h11.EndOfMessage):
                assert asked is not None
                assert asked.method == b"CONNECT"
                return asked
            else:
                return None

    async def _decided(
        self, stream: Stream, http: h11.Connection, asked: h11.Request, place: tuple[str, int]
    ) -> Stream | None:
        """Like Squid: the port's rule comes before the question who that is."""
        if not self._leads_to(place[1]):
            await self._refuse(stream, http, 403, "ERR_ACCESS_DENIED 0")
        elif not self._knows(asked):
            await self._refuse(stream, http, 407, "ERR_CACHE_ACCESS_DENIED 0")
        elif isinstance(onward := await self._onward(*place), int):
            word = "ERR_DNS_FAIL 0" if onward == -1 else f"ERR_CONNECT_FAIL {onward}"
            await self._refuse(stream, http, 503, word)
        else:
            granted = h11.Response(status_code=200, headers=[], reason=b"Connection established")
            await stream.write((http.send(granted) or b"") + self.behind)
            return onward
        return None

    def _knows(self, asked: h11.Request) -> bool:
        given = dict(asked.headers).get(b"proxy-authorization", b"").decode()
        if given:
            self.authorizations.append(given)
        wanted = (f"{user}:{password}" for user, password in self.users.items())
        return not self.users or given in {f"Basic {base64.b64encode(each.encode()).decode()}" for each in wanted}

    async def _refuse(self, stream: Stream, http: h11.Connection, status: int, word: str) -> None:
        body = b"<html>no</html>"
        headers = [("Server", "squid/lab"), ("X-Squid-Error", word), ("Content-Length", str(len(body)))]
        headers += [("Proxy-Authenticate", each) for each in self.schemes] if status == 407 else []
        headers += [("Connection", "close")] if status == 407 and self.closes_at_407 else []
        events = (h11.Response(status_code=status, headers=headers), h11.Data(body), h11.EndOfMessage())
        await stream.write(b"".join(http.send(each) or b"" for each in events))


@dataclass(kw_only=True)
class SocksProxy(_Proxy):
    """Versions 4a and 5, and UDP ASSOCIATE where `udp` says so. `address`: where it takes datagrams."""

    ports: Collection[int] | None = None
    udp: bool = True
    address: str = at.PROXY
    usual_port: ClassVar[int] = at.SOCKS_PORT

    async def serve(self, stream: Stream) -> None:
        self.connections += 1
        reader = _Reader(stream)
        version = (await reader.take(1))[0]
        if await self._moody(stream):
            return
        await (self._four(stream, reader) if version == 4 else self._five(stream, reader))

    async def _four(self, stream: Stream, reader: _Reader) -> None:
        _, port, address = struct.unpack("!BH4s", await reader.take(7))
        await reader.until(b"\x00")
        named = address[:3] == bytes(3) and address[3]
        host = (await reader.until(b"\x00")).decode() if named else str(ipaddress.ip_address(address))
        self.seen.append((host, port))
        onward = await self._onward(host, port) if self._leads_to(port) else errno.EACCES
        await stream.write(bytes([0, 91 if isinstance(onward, int) else 90]) + bytes(6))
        if not isinstance(onward, int):
            await _spliced(stream, onward, reader.rest)

    async def _five(self, stream: Stream, reader: _Reader) -> None:
        methods = await reader.take((await reader.take(1))[0])
        wanted = _PASSWORD if self.users else socks.NO_AUTHENTICATION
        await stream.write(bytes([5, wanted if wanted in methods else socks.NOT_ACCEPTABLE]))
        if wanted not in methods:
            return
        _, command, _, kind = await reader.take(4)
        host = await reader.address(kind)
        (port,) = struct.unpack("!H", await reader.take(2))
        self.seen.append((host, port))
        if command == socks.UDP_ASSOCIATE:
            await self._associate(stream)
            return
        onward = await self._onward(host, port) if self._leads_to(port) else errno.EACCES
        await stream.write(_reply(_CODES.get(onward, 1) if isinstance(onward, int) else 0))
        if not isinstance(onward, int):
            await _spliced(stream, onward, reader.rest)

    async def _associate(self, stream: Stream) -> None:
        if not self.udp:
            return await stream.write(_reply(2))
        inner = self.net.udp(family(self.address), self.address)
        outer = self.net.udp(family(self.address), self.address)
        clients: list[tuple[str, int]] = []
        tasks = [asyncio.create_task(each) for each in (self._out(inner, outer, clients), _back(inner, outer, clients))]
        try:
            await stream.write(_reply(0, self.address, inner.local[1]))
            while await stream.read():  # the association lives as long as this connection
                pass
        finally:
            for each in tasks:
                each.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            inner.close()
            outer.close()
        return None

    async def _out(self, inner: Udp, outer: Udp, clients: list[tuple[str, int]]) -> None:
        while True:
            event = await inner.receive()
            if isinstance(event, Datagram) and (wrapped := socks.unwrap(event.data)) is not None:
                clients[:] = [event.source]
                if (address := self._address(wrapped.host)) is not None:
                    outer.send(wrapped.data, (address, wrapped.port))


async def _back(inner: Udp, outer: Udp, clients: list[tuple[str, int]]) -> None:
    while True:
        event = await outer.receive()
        if isinstance(event, Datagram) and clients:
            inner.send(socks.wrap(*event.source, event.data), clients[0])


# RFC 1928 section 6.
_CODES = {errno.ECONNREFUSED: 5, errno.EHOSTUNREACH: 4, errno.ENETUNREACH: 3, errno.EACCES: 2, -1: 4}


def _reply(code: int, host: str = "0.0.0.0", port: int = 0) -> bytes:
    return bytes([5, code, 0, 1]) + ipaddress.ip_address(host).packed + struct.pack("!H", port)


class _Reader:
    """What has come, in pieces of the size that is wanted."""

    def __init__(self, stream: Stream) -> None:
        self._stream, self.rest = stream, b""

    async def take(self, size: int) -> bytes:
        while len(self.rest) < size:
            await self._more()
        taken, self.rest = self.rest[:size], self.rest[size:]
        return taken

    async def until(self, end: bytes) -> bytes:
        while end not in self.rest:
            await self._more()
        taken, _, self.rest = self.rest.partition(end)
        return taken

    async def address(self, kind: int) -> str:
        if kind == 3:
            return (await self.take((await self.take(1))[0])).decode()
        return str(ipaddress.ip_address(await self.take({1: 4, 4: 16}[kind])))

    async def _more(self) -> None:
        data = await self._stream.read()
        if not data:
            raise EOFError
        self.rest += data


async def _spliced(one: Stream, other: Stream, first: bytes) -> None:
    """Both ways, until either side closes."""
    if first:
        await other.write(first)
    pumps = [asyncio.create_task(_pumped(*ends)) for ends in ((one, other), (other, one))]
    try:
        await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for each in pumps:
            each.cancel()
        await asyncio.gather(*pumps, return_exceptions=True)
        other.close()


async def _pumped(source: Stream, to: Stream) -> None:
    while data := await source.read():
        await to.write(data)


@asynccontextmanager
async def loopback(proxy: HttpProxy | SocksProxy) -> AsyncIterator[int]:
    """The proxy on a real port of 127.0.0.1."""
    listener = TcpListener("127.0.0.1", 0)

    async def met(stream: Stream) -> None:
        try:
            await proxy.serve(stream)
        except (OSError, EOFError, h11.RemoteProtocolError):
            pass
        finally:
            stream.close()

    await listener.start(met)
    try:
        yield listener.local[1]
    finally:
        listener.close()
        await listener.closed()
