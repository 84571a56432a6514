"""The relay of a case: tests/lab/turn_server.py for every client, over UDP, TCP, TLS and DTLS, and real relaying."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial

import msgspec

from natprobe.derive.inner import INNER
from natprobe.model import Family
from natprobe.net.api import Datagram, Stream
from natprobe.wire import stun
from natprobe.wire.stun import StunError
from natprobe.wire.turn import Splitter, rest_credentials
from tests import access
from tests.case import Relay
from tests.lab.certificates import server_context
from tests.lab.host import LabHost
from tests.lab.network import Rule
from tests.lab.sockets import LabUdp
from tests.lab.stuns import DtlsServer, dtls_context
from tests.lab.turn_server import Endpoint, TurnServer
from tests.lab.web import ServerTls
from tests.netns import addresses as at

NAME = "turn.example.test"
ADDRESSES = (at.RELAY, at.RELAY6)
SILENT_TLS = ("none", "unreadable", "http")  # kinds with which coturn serves no TLS itself
# Where relayed addresses are (RFC 8656 section 7.2).
RANGE = frozenset(range(49152, 65536))
_OUTSIDE = {"own": at.RELAY, "private": at.RELAY_INSIDE, "wrong": at.RELAY_ELSEWHERE}
_FAMILIES: tuple[Family, ...] = (4, 6)
# What coturn answers to an Allocate, with credentials, in these states (measured).
_REFUSALS = {
    "full": (508, "Cannot create socket"),
    "no-udp-relay": (442, "UDP Transport is not allowed by the TURN Server configuration"),
    "user-quota": (486, "Allocation Quota Reached"),
    "total-quota": (486, "Allocation Quota Reached"),
    "bandwidth": (486, "Allocation Bandwidth Quota Reached"),
    "one-port": (508, "Cannot create socket"),
    "server-error": (500, "Server Error"),
    "ipv6-only": (440, "Unsupported address family"),
}


class Shared(dict[str, str]):
    """The users that a shared secret makes: whoever's name begins with a time, with the password made from it."""

    def __init__(self, secret: str) -> None:
        super().__init__()
        self._secret = secret

    def named(self, name: str) -> None:
        """Makes this user, as coturn does with every name that it is told."""
        expires, _, user = name.partition(":")
        if expires.isdigit():
            self[name] = rest_credentials(self._secret, int(expires), user).password


@dataclass
class Client:
    """One 5-tuple: its server, what reaches it, and the socket that relays for it."""

    server: TurnServer
    tell: Callable[[bytes], None]
    stream: bool
    socket: LabUdp | None = None


@dataclass
class RelayHost:
    """A TURN server on `host` in the state of a case. `clients` are those that there were, by leg and address.

    `redirect` is where it sends its clients, if anywhere.
    """

    host: LabHost
    relay: Relay
    port: int = at.TURN_PORT
    redirect: Endpoint | None = None
    settings: TurnServer = field(default_factory=TurnServer)
    clients: dict[tuple[str, Endpoint], Client] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.settings = replace(_settings(self.relay), redirect=self.redirect)
        if self.relay.udp != "refused":
            self._udp()
        if self.relay.tcp != "refused":
            self._tcp()

    @property
    def allocations(self) -> list[Client]:
        """Those that were never given back."""
        return [each for each in self.clients.values() if each.socket is not None]

    # --- the ports

    def _udp(self) -> None:
        for address in (at.RELAY_INSIDE,) if self.relay.nat else ADDRESSES:
            self.host.serve_udp(address, self.port, self._asked)
            if self.relay.tls not in SILENT_TLS:
                self._dtls(address)

    def _asked(self, udp: LabUdp, datagram: Datagram) -> None:
        tell = partial(udp.send, to=datagram.source)
        self.take(self._client("udp", datagram.source, tell), datagram.data)

    def _dtls(self, address: str) -> None:
        sockets: list[LabUdp] = []

        def answer(content: bytes, source: Endpoint) -> None:
            self.take(self._client("dtls", source, partial(say, source)), content)

        def say(source: Endpoint, data: bytes) -> None:
            server.sessions[source].send(data)
            server.flush(source)

        context = dtls_context(self.relay.tls, NAME)
        server = DtlsServer(context, answer, lambda data, to: sockets[0].send(data, to))
        sockets.append(
            self.host.serve_udp(address, at.TURNS_PORT, lambda _, each: server.received(each.data, each.source))
        )

    def _tcp(self) -> None:
        self.host.listen(self.port, lambda stream: self.serve(stream, "tcp"))
        if self.relay.tls == "http":
            self.host.listen(at.TURNS_PORT, _web)
        elif self.relay.tls not in SILENT_TLS:
            self.host.listen(at.TURNS_PORT, self._tls)
        if self.relay.front != "none":
            self.host.listen(at.TURN_WEB_PORT, self._shared)

    async def _shared(self, stream: Stream) -> None:
        """What lies on 443: by the client's first flight, one of the two, or the end."""
        hello = await stream.read()
        behind = {"relay": self._tls, "web": _web}.get(chosen(self.relay.front, hello))
        if behind is not None:
            await behind(Begun(stream, hello))

    async def _tls(self, stream: Stream) -> None:
        inside = ServerTls(stream, server_context(self.relay.tls, NAME))
        await inside.handshake()
        await self.serve(inside, "tls")

    async def serve(self, stream: Stream, leg: str) -> None:
        """One connection; with its end the allocation ends."""
        writing: set[asyncio.Task[None]] = set()

        def tell(data: bytes) -> None:
            writing.add(task := asyncio.create_task(_written(stream, data)))
            task.add_done_callback(writing.discard)

        client, splitter = self._client(leg, stream.remote, tell, stream=True), Splitter(lambda _: True)
        try:
            while data := await stream.read():
                for each in splitter.feed(data):
                    self.take(client, each)
        except StunError:
            pass
        finally:
            self._end(client)

    # --- what it does

    def _client(self, leg: str, source: Endpoint, tell: Callable[[bytes], None], *, stream: bool = False) -> Client:
        if (leg, source) not in self.clients:
            relays: dict[int, Endpoint] = {version: self._relayed(version) for version in _FAMILIES}
            server = replace(
                self.settings, client=source, relays=relays, permitted=set(), channels={}, relayed=[], seen=[]
            )
            self.clients[leg, source] = Client(server, tell, stream)
        return self.clients[leg, source]

    def _relayed(self, version: Family) -> Endpoint:
        """`own` is told rightly behind a NAT too."""
        taken = {client.server.relays[4][1] for client in self.clients.values()}
        while (port := self.host.chance.randint(min(RANGE), max(RANGE))) in taken:
            pass
        return (_OUTSIDE[self.relay.external] if version == 4 else at.RELAY6, port)

    def take(self, client: Client, data: bytes) -> None:
        """A message of the client's: answered, and what it has for its peers is sent."""
        server = client.server
        if isinstance(server.users, Shared):
            for name in _named(data):
                server.users.named(name)
        with contextlib.suppress(StunError):
            answer = server.receive(data)
            self._settle(client)
            for peer, payload in server.relayed:
                if client.socket is not None:
                    client.socket.send(payload, peer)
            server.relayed.clear()
            if answer is not None:
                client.tell(answer)

    def _settle(self, client: Client) -> None:
        version = client.server.allocation
        if version is None:
            self._end(client)
        elif client.socket is None:
            port = client.server.relays[version][1]
            own = at.RELAY_INSIDE if self.relay.nat else at.RELAY
            address = own if version == 4 else at.RELAY6
            client.socket = self.host.serve_udp(address, port, partial(self._arrived, client))

    def _arrived(self, client: Client, _: LabUdp, datagram: Datagram) -> None:
        if datagram.source[0] in client.server.permitted:
            client.tell(client.server.from_peer(datagram.source, datagram.data, stream=client.stream))

    def _end(self, client: Client) -> None:
        if client.socket is not None:
            client.socket.close()
            client.socket, client.server.allocation = None, None


class Begun:
    """A stream of which the first bytes were read already."""

    def __init__(self, stream: Stream, read: bytes) -> None:
        self._stream, self._read = stream, read
        self.local, self.remote = stream.local, stream.remote

    async def read(self, limit: int = 65536) -> bytes:
        """See api.Stream."""
        data, self._read = self._read, b""
        return data or await self._stream.read(limit)

    async def write(self, data: bytes) -> None:
        """See api.Stream."""
        await self._stream.write(data)

    def close(self) -> None:
        """See api.Stream."""
        self._stream.close()


def chosen(front: str, hello: bytes) -> str:
    """`relay`, `web` or nothing, by what stands in the clear in a ClientHello (RFC 6066 section 3, RFC 7301)."""
    if front == "name":
        return "relay" if NAME.encode() in hello else "web"
    if front == "web-alpn":
        return "web" if b"\x02h2" in hello or b"\x08http/1.1" in hello else "relay"
    if front in ("alpn", "alpn-shut") and b"\x09stun.turn" in hello:
        return "relay"
    return "web" if front == "alpn" else ""


def serve(host: LabHost, relay: Relay) -> RelayHost:
    """The relay of a case, and the one that it sends its clients to, where it does."""
    if not relay.state.startswith("redirects"):
        return RelayHost(host, relay)
    there, back = (at.RELAY, at.ALTERNATE_TURN_PORT), (at.RELAY, at.TURN_PORT)
    other = msgspec.structs.replace(relay, state="healthy", tls="none")
    RelayHost(host, other, there[1], back if relay.state == "redirects-in-ring" else None)
    return RelayHost(host, relay, redirect=there)


def rules(relay: Relay) -> list[Rule]:
    """The firewall before its own ports, and before those that it relays from."""
    own = frozenset({at.TURN_PORT, at.TURNS_PORT, at.TURN_WEB_PORT})
    found = [Rule("drop", "udp", ports=own)] if relay.udp == "drop" else []
    found += [Rule("drop", "tcp", ports=own)] if relay.tcp == "drop" else []
    return found + ([Rule("drop", "udp", ports=RANGE)] if relay.range == "closed" else [])


def _settings(relay: Relay) -> TurnServer:
    users: dict[str, dict[str, str] | None] = {
        "password": {access.USER: access.PASSWORD},
        "secret": Shared(access.SECRET),
        "both": Shared(access.SECRET),
        "none": None,
    }
    return TurnServer(
        users={} if relay.state == "realm-missing" else users[relay.access],  # of no realm
        realm="" if relay.state == "realm-missing" else access.REALM,
        families=_FAMILIES,
        denies=relay.state == "denies",
        denied=tuple(INNER) if relay.inner == "denied" else ("127.0.0.1", "::1"),
        stalled=relay.state == "stalled",
        refuses=_REFUSALS.get(relay.state),
    )


async def _web(stream: Stream) -> None:
    """What a web server says to a STUN message."""
    inside = ServerTls(stream, server_context("good", NAME))
    await inside.handshake()
    await inside.read()
    await inside.write(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")


async def _written(stream: Stream, data: bytes) -> None:
    with contextlib.suppress(OSError):  # it has gone
        await stream.write(data)


def _named(data: bytes) -> Iterator[str]:
    """The user that a request names."""
    with contextlib.suppress(StunError):
        attributes = stun.decode(data).message.attributes if data[:1] and data[0] >> 6 == 0 else {}
        if "USERNAME" in attributes:
            yield attributes["USERNAME"]
