"""A host of the in-memory internet: natprobe.net.api.Net and natprobe.host.api.Host in one, client or server."""

from __future__ import annotations

import asyncio
import errno
import random
import ssl
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, NamedTuple

import h11

from natprobe.host.api import InterfaceAddress, ProxySettings, Route, Sandbox
from natprobe.host.sandbox import PacSandbox
from natprobe.model import Family, family
from natprobe.net.api import NoRoute
from natprobe.net.crafted import NotHere, Raw
from tests.lab.network import PORT_UNREACHABLE, SEGMENT, Link, Network, Packet, Rule, icmp_error, judge, refusal
from tests.lab.resolver import getaddrinfo
from tests.lab.sockets import Handler, LabStream, LabUdp

# Linux's net.ipv4.ip_local_port_range.
_EPHEMERAL = (32768, 60999)
_UNBOUND = ("0.0.0.0", "::")
# What a peer that goes away or talks nonsense may do to a server's conversation.
_ENDED = (OSError, EOFError, ssl.SSLError, h11.RemoteProtocolError)

Listener = Callable[[LabStream], Awaitable[None]]


class Interface(NamedTuple):
    """A link with the addresses (and prefixes) that this host has on it; the first of each family is its source.

    `ghosts` are listed like them, and no socket can be bound to them.
    """

    name: str
    link: Link
    addresses: tuple[tuple[str, int], ...]
    gateways: tuple[tuple[Family, str | None], ...] = ()
    tunnel: bool = False
    ghosts: tuple[tuple[str, int], ...] = ()

    def source(self, version: Family) -> str | None:
        return next((address for address, _ in self.addresses if family(address) == version), None)


class Way(NamedTuple):
    """A line of the routing policy: packets of this kind leave by this interface."""

    interface: str
    family: Family
    proto: str | None = None
    source: str | None = None

    def carries(self, packet: Packet) -> bool:
        """Whether this line is for the packet."""
        same = self.family == packet.family and self.proto in (None, packet.proto)
        return same and self.source in (None, packet.source[0])


class _TimelessSandbox(PacSandbox):
    """The real one, which takes no virtual time, and more of the real one where the machine is busy."""

    SECONDS = 5.0

    def __init__(self) -> None:
        super().__init__()
        self._left = self.SECONDS

    async def run(self, request: dict[str, Any]) -> dict[str, Any]:
        return self.run_now(request)


class LabHost:
    """See the file's head. What it serves and what it probes with go the same ways."""

    def __init__(
        self,
        network: Network,
        name: str,
        rules: Sequence[Rule] = (),
        out_rules: Sequence[Rule] = (),
        resolvers: Sequence[str] = (),
        hosts: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        self.name, self._network = name, network
        self.proxies: Sequence[ProxySettings] = ()  # what its settings say
        self.files: Mapping[str, bytes] = {}  # PAC files
        self.domains: Sequence[str] = ()  # what its resolver appends
        self.leases: Sequence[tuple[str, str]] = ()  # PAC files that DHCP told of
        self._rules, self._out_rules, self._resolvers = rules, out_rules, resolvers
        self._hosts = hosts or {}
        self.chance: random.Random = network.chance(f"host {name}")
        self._links: list[Link] = []
        self._interfaces: dict[str, Interface] = {}
        self._ways: tuple[Way, ...] = ()
        self._udp: dict[int, list[LabUdp]] = {}
        self._streams: dict[tuple[tuple[str, int], tuple[str, int]], LabStream] = {}
        self._listeners: dict[int, Listener] = {}
        self._serving: set[asyncio.Task[None]] = set()

    # --- setting up

    def attach(self, link: Link) -> None:
        self._links.append(link)

    def configure(self, interfaces: Sequence[Interface], ways: Sequence[Way] = ()) -> None:
        """Gives it addresses and routes; every interface with a gateway has a way of its own at the end."""
        self._interfaces = {each.name: each for each in interfaces}
        defaults = [Way(each.name, version) for each in interfaces for version, _ in each.gateways]
        self._ways = (*ways, *defaults)

    def serve_udp(self, address: str, port: int, handler: Handler) -> LabUdp:
        """A server's UDP socket; the handler is called with every datagram and answers with `send`."""
        return self._bind(LabUdp(self, (address, port), handler))

    def listen(self, port: int, listener: Listener) -> None:
        """A TCP server on every address; the listener has each connection for its own, and it is closed afterwards."""
        self._listeners[port] = listener

    @property
    def quotes(self) -> bool:
        """Whether it hears from routers what they give back of its packets."""
        return self._network.quotes

    # --- natprobe.net.api.Net

    def now(self) -> float:
        return self._network.clock.now

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    def udp(self, family: Family, local: str | None = None, port: int = 0, *, whole: bool = False) -> LabUdp:
        address = self._bindable(local) or ("::" if family == 6 else "0.0.0.0")
        return self._bind(LabUdp(self, (address, port or self._free_port(set(self._udp)))))

    async def tcp(
        self, remote: tuple[str, int], local: str | None = None, ttl: int | None = None, segment: int | None = None
    ) -> LabStream:
        source = self._bindable(local) or self._source("tcp", remote[0])
        stream = LabStream(self, (source, self._free_port({end[1] for end, _ in self._streams})), remote, ttl)
        stream.segment = min(segment or SEGMENT, SEGMENT)
        self._streams[stream.local, remote] = stream
        try:
            self.emit(Packet("tcp", stream.local, remote, flag="SYN", ttl=stream.ttl, segment=stream.segment))
            await stream.established
        except BaseException:
            stream.close()
            raise
        return stream

    async def raw(self, local: str, number: int, udp_port: int = 0) -> Raw:
        raise NotHere("the in-memory internet has no raw sockets")

    async def system_addresses(self, name: str, family: Family) -> list[str]:
        return await getaddrinfo(self, self._resolvers, name, family, self._hosts.get(name, ()))

    def source_address(self, towards: str) -> str:
        return self._source("udp", towards)  # as a connected UDP socket finds out

    # --- natprobe.host.api.Host

    def system(self) -> str:
        return "linux"

    def addresses(self) -> list[InterfaceAddress]:
        loopback = InterfaceAddress("127.0.0.1", 8, "lo", up=True, tunnel=False, container=False)
        return [loopback] + [
            InterfaceAddress(address, prefix, each.name, up=True, tunnel=each.tunnel, container=False)
            for each in self._interfaces.values()
            for address, prefix in each.addresses + each.ghosts
        ]

    def default_routes(self) -> list[Route]:
        """The main table's, the best first: policy for a protocol or a source address is not in it."""
        main = [way for way in self._ways if way.proto is None and way.source is None]
        ordered = sorted(main, key=lambda way: way.family)
        return [Route(v, name, dict(self._interfaces[name].gateways)[v]) for name, v, *_ in ordered]

    def knows_routes(self) -> bool:
        return True

    def nameservers(self) -> list[tuple[str, int]]:
        return [(address, 53) for address in self._resolvers]

    def proxy_settings(self) -> list[ProxySettings]:
        return list(self.proxies)

    def sandbox(self) -> Sandbox:
        return _TimelessSandbox()

    def pac_file(self, path: str) -> bytes:
        if path not in self.files:
            raise FileNotFoundError(errno.ENOENT, "no such file")
        return self.files[path]

    def search_domains(self) -> list[str]:
        return list(self.domains)

    async def dhcp_pac_urls(self, unix_time: float) -> list[tuple[str, str]]:
        return list(self.leases)

    # --- packets

    def emit(self, packet: Packet) -> None:
        """Sends. Raises OSError as the system call would."""
        if self._is_own(packet.destination[0]):
            asyncio.get_running_loop().call_soon(self._deliver, _sourced(packet, packet.destination[0]))
            return
        if judge(self._out_rules, packet) is not None:
            raise PermissionError(errno.EPERM, "Operation not permitted")
        interface = self._interface(packet)
        packet = _sourced(packet, interface.source(packet.family) or "")
        self._network.note(self, "sent", packet)
        interface.link.send(packet, self)

    def receive(self, packet: Packet, link: Link) -> None:
        if not self._is_own(packet.destination[0]):
            self._network.note(self, "unclaimed", packet)
        elif (action := judge(self._rules, packet)) is None:
            self._deliver(packet)
        else:
            self._network.note(self, "filtered" if action == "drop" else "rejected", packet)
            if (answer := refusal(packet, action, packet.destination[0])) is not None:
                self.emit(answer)

    def _deliver(self, packet: Packet) -> None:
        taken = self._take_icmp(packet) if packet.icmp else self._take(packet)
        self._network.note(self, "delivered" if taken else "unclaimed", packet)
        if not taken and packet.proto == "udp":
            self.emit(icmp_error(packet, PORT_UNREACHABLE[packet.family], packet.destination[0]))
        elif not taken and packet.proto == "tcp" and packet.flag != "RST":
            self.emit(Packet("tcp", packet.destination, packet.source, flag="RST"))

    def _take(self, packet: Packet) -> bool:
        socket: LabUdp | LabStream | None = self._udp_socket(packet.destination)
        if packet.proto == "tcp":
            socket = self._streams.get((packet.destination, packet.source)) or self._accept(packet)
        if socket is not None:
            socket.arrived(packet)
        return socket is not None

    def _take_icmp(self, packet: Packet) -> bool:
        assert packet.icmp is not None
        quoted = packet.icmp.quoted
        socket: LabUdp | LabStream | None = self._udp_socket(quoted.source)
        if quoted.proto == "tcp":
            socket = self._streams.get((quoted.source, quoted.destination))
        if socket is not None:
            socket.failed(packet.icmp, packet.source[0])
        return socket is not None

    def _accept(self, packet: Packet) -> LabStream | None:
        listener = self._listeners.get(packet.destination[1])
        if listener is None or packet.flag != "SYN":
            return None
        stream = LabStream(self, packet.destination, packet.source)
        stream.established.set_result(None)
        stream.segment = packet.segment
        self._streams[stream.local, stream.remote] = stream
        self.emit(Packet("tcp", stream.local, stream.remote, flag="SYN-ACK"))
        task = asyncio.get_running_loop().create_task(_serve(listener, stream))
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)
        return stream

    # --- tables

    def released(self, socket: LabUdp | LabStream) -> None:
        """A socket has closed."""
        if isinstance(socket, LabStream):
            self._streams.pop((socket.local, socket.remote), None)
        elif socket in self._udp.get(socket.local[1], []):
            self._udp[socket.local[1]].remove(socket)

    def _bind(self, socket: LabUdp) -> LabUdp:
        others = self._udp.setdefault(socket.local[1], [])
        if any(other.hears(socket.local[0]) or socket.hears(other.local[0]) for other in others):
            raise OSError(errno.EADDRINUSE, "Address already in use")
        others.append(socket)
        return socket

    def _bindable(self, local: str | None) -> str | None:
        if local is not None and not self._is_own(local):
            raise OSError(errno.EADDRNOTAVAIL, "Cannot assign requested address")
        return local

    def _is_own(self, address: str) -> bool:
        loopback = address.startswith("127.") or address in (*_UNBOUND, "::1")
        return loopback or any(address == a for each in self._interfaces.values() for a, _ in each.addresses)

    def _free_port(self, taken: set[int]) -> int:
        while (port := self.chance.randint(*_EPHEMERAL)) in taken:
            pass
        return port

    def _udp_socket(self, at: tuple[str, int]) -> LabUdp | None:
        return next((each for each in self._udp.get(at[1], []) if each.hears(at[0])), None)

    def _interface(self, packet: Packet) -> Interface:
        for way in self._ways:
            if way.carries(packet):
                return self._interfaces[way.interface]
        raise NoRoute(errno.ENETUNREACH, "Network is unreachable")

    def _source(self, proto: str, towards: str) -> str:
        if self._is_own(towards):
            return "::1" if towards == "::" else "127.0.0.1" if towards == "0.0.0.0" else towards
        unbound = ("::" if ":" in towards else "0.0.0.0", 0)
        probe = Packet("tcp" if proto == "tcp" else "udp", unbound, (towards, 9))
        return self._interface(probe).source(probe.family) or ""


def _sourced(packet: Packet, address: str) -> Packet:
    """The packet of an unbound UDP socket gets its source when it leaves; a stream has chosen its own before."""
    unbound = packet.proto == "udp" and packet.source[0] in _UNBOUND
    return packet._replace(source=(address, packet.source[1])) if unbound else packet


async def _serve(listener: Listener, stream: LabStream) -> None:
    try:
        await listener(stream)
    except _ENDED:
        pass
    finally:
        stream.close()
