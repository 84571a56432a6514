"""A leg to a relay: connected on one transport, allocated, permitted. The turn probe makes them; media goes through."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from functools import partial
from typing import Literal

import msgspec

from natprobe.asking.checks import GIVE_UP, SEND_TIMES
from natprobe.asking.connections import Connections
from natprobe.asking.handshakes import Handshake
from natprobe.asking.secured import Connection, Secured
from natprobe.asking.tunnels import lead
from natprobe.asking.ways import Way
from natprobe.context import Context
from natprobe.facts import Allocation, Certificate, Connected, Permission, Tunnel, TurnServer
from natprobe.model import Address, Family, HostName, Observation, clip, family, flow, join, split
from natprobe.net.api import Reported, Stream
from natprobe.net.failure import failure_of
from natprobe.net.tls import TlsStream
from natprobe.net.turn import Carrier, DatagramCarrier, DtlsCarrier, Ended, StreamCarrier, TurnClient
from natprobe.servers.middleboxes import maker
from natprobe.wire import turn
from natprobe.wire.text import clean
from natprobe.wire.turn import Credentials

Endpoint = tuple[str, int]

# Browsers name no family, over IPv6 neither; a server then gives IPv4 (RFC 8656 section 7.1).
RELAY_FAMILY: Family = 4
# What servers give who names no lifetime (RFC 8656 section 7.2), in seconds.
LIFETIME = 600
# An allocation is renewed so often at least (seconds): a permission lasts five minutes (RFC 8656 section 9).
RENEW_SECONDS = 120.0
# A guest sends few packets: so many legs, to all relays together.
LEGS_MAX = 12
# A user name shorter than this hides nothing, and would be found in any word.
_NAME_MIN = 3


class Leg:
    """One server over one transport by one way: from one local address, or through a proxy, which is asked for the
    server by its name, or `towards` this one.

    `client` is there once something carries; whoever takes it closes it. `allocated` says that it holds a relay.
    `mapped`: our end as the server saw it, where it has said so. `stood`: it took a connection of ours. `between`:
    somebody on the way did, a proxy, or who opens TLS and says so. `told` is how the way to the relayed address ended.
    `offered`: ALPN names; browsers offer a relay none.
    """

    def __init__(
        self,
        ctx: Context,
        server: TurnServer,
        way: Way,
        local: Address | None,
        access: Credentials | None,
        offered: tuple[str, ...] = (),
        towards: HostName | None = None,
    ) -> None:
        self._ctx, self.server, self._way, self._local, self._access = ctx, server, way, local, access
        self._offered, self._towards = offered, towards or server.host
        self._tunnel: Tunnel | None = None
        self.stood, self.between = False, way.proxy is not None
        self.told: Allocation | None = None
        self._machine = turn.Allocation(ctx.transaction_id, access, stream=server.transport in ("tcp", "tls"))
        self.at: Endpoint = split(way.endpoint(server.port))
        self.client: TurnClient | None = None
        self.mapped: Endpoint | None = None
        self._tries = 1
        self._began = self._granted = ctx.net.now()
        self._lifetime = float(LIFETIME)

    def at_alternate(self, at: Endpoint) -> Leg:
        """The same way to where a 300 sends to; whom its certificate is to be for stays (RFC 8489 section 10)."""
        server = msgspec.structs.replace(self.server, address=at[0], port=at[1])
        way = Way(address=at[0]) if self._way.proxy is None else self._way
        return Leg(self._ctx, server, way, self._local, self._access, self._offered, at[0])

    def offering(self, names: tuple[str, ...]) -> Leg:
        """The same way, by a handshake that offers these ALPN names, and as nobody in particular."""
        return Leg(self._ctx, self.server, self._way, self._local, None, names, self._towards)

    @property
    def goal(self) -> Endpoint:
        """Where the relay is; where only a proxy knows that, the proxy's endpoint."""
        return self.at if self.server.address is None else (self.server.address, self.server.port)

    @property
    def relayed(self) -> Endpoint:
        """The relayed transport address. Only where `allocated`."""
        assert self._machine.relayed is not None
        return self._machine.relayed

    @property
    def allocated(self) -> bool:
        """Whether there is an allocation to send through."""
        return self._machine.state == "allocated"

    async def connect(self) -> AsyncIterator[Observation]:
        """What carries the leg, with the facts of getting there; where nothing does, an Allocation that failed, or what
        the proxy said.
        """
        self._began = self._ctx.net.now()
        steps: dict[str, Callable[[], AsyncIterator[Observation]]] = {
            "udp": self._udp,
            "tcp": self._tcp,
            "tls": self._secured,
            "dtls": self._secured,
        }
        try:
            async for seen in steps[self.server.transport]():
                yield seen
        except _NoTunnel:
            assert self._tunnel is not None
            yield self._tunnel
        except (OSError, EOFError, TimeoutError) as exc:
            yield self._unconnected(exc)

    async def allocate(self) -> Allocation:
        """Asks for the relayed address, with nine tries over UDP: their silence is a fact."""
        assert self.client is not None
        ended = await self.client.ask(self._machine.allocate(family=RELAY_FAMILY), SEND_TIMES, GIVE_UP)
        self.mapped = ended.event.mapped if isinstance(ended.event, turn.Allocated) else None
        self._stands(ended)
        return self._allocation(ended)

    async def permit(self, peer: Endpoint, purpose: Literal["media", "audit"] = "media") -> Permission:
        """Asks to let the peer's address through."""
        assert self.client is not None
        ended = await self.client.ask(self._machine.permit(peer))
        refused = ended.event if isinstance(ended.event, turn.Refused) else None
        return Permission(
            server=join(*self.at),
            transport=self.server.transport,
            relayed=join(*self.relayed),
            peer=join(*peer),
            purpose=purpose,
            error_code=refused and refused.code,
            rtt_ms=None if ended.rtt is None else round(ended.rtt * 1000, 2),
            flow=self.flow,
            failure=ended.failure,
            detail=self._said(ended.detail),
        )

    async def renew(self, peer: Endpoint) -> None:
        """The allocation, and the permission for the peer, once half of what was granted is over. Nothing where the
        relay has no allocation of ours any more: that ends what goes through it, and the checks on it say so.
        """
        due = self._granted + min(RENEW_SECONDS, self._lifetime / 2)
        if self.client is None or not self.allocated or self._ctx.net.now() < due:
            return
        asked = self.told.lifetime if self.told is not None else None
        self._stands(await self.client.ask(self._machine.refresh(int(asked or LIFETIME))))
        if self.allocated:
            await self.permit(peer)

    def _stands(self, ended: Ended) -> None:
        """From now on, for as long as the relay says; whoever says nothing is asked again after as long."""
        self._granted = self._ctx.net.now()
        if isinstance(ended.event, turn.Allocated | turn.Refreshed):
            self._lifetime = float(ended.event.lifetime)

    @property
    def flow(self) -> str:
        """The name of the client's leg."""
        local = join(*self.client.local) if self.client is not None else None
        return flow(self.server.transport, local, join(*self.at))

    # --- what carries it

    async def _udp(self) -> AsyncIterator[Observation]:
        self._carry(DatagramCarrier(self._ctx.net.udp(family(self.at[0]), self._local), self.at))
        return
        yield  # an iterator like the others, of nothing

    async def _tcp(self) -> AsyncIterator[Observation]:
        stream = await (self._straight() if self._way.proxy is None else self._tunnelled())
        for seen in self._stood(stream):
            yield seen
        self._carry(StreamCarrier(stream, self._machine))

    async def _straight(self) -> Stream:
        ways = Connections(self._ctx, self.at)
        try:
            return await ways.first()
        finally:
            self._tries = ways.tries

    async def _tunnelled(self) -> Stream:
        """Through the proxy, which is asked once: it is known to be there. `_tunnel` is what it said."""
        self._tunnel, stream = await lead(self._ctx, self._way, self._towards, self.server.port, "relay")
        if stream is None:
            raise _NoTunnel
        return stream

    async def _secured(self) -> AsyncIterator[Observation]:
        """As Chromium does it (measured): the URI's name in SNI, no ALPN unless told, verified. A refused certificate
        ends it, unless the user does not mind.
        """
        kind: Literal["tls", "dtls"] = "tls" if self.server.transport == "tls" else "dtls"
        opener = None if self._way.proxy is None else self._tunnelled
        way = Secured(self._ctx, kind, self.at, self.server.host, self._local, SEND_TIMES, GIVE_UP, opener)
        try:
            first = await way.connect(self._offered, verified=True)
        finally:
            self._tries = way.tries
        if isinstance(first, TlsStream):
            for seen in self._stood(first):
                yield seen
        remote, via = join(*self.at), self._way.via
        made: Handshake[Connection] = Handshake(self._ctx, kind, remote, self.server.host, self._offered, via)
        async for seen in made.observe(first, partial(way.reading, self._offered)):
            self.between = self.between or (isinstance(seen, Certificate) and maker(seen.issuer) is not None)
            yield seen
        session = made.session
        if session is None or (made.failure is not None and not self._ctx.options.insecure):
            made.close()
            yield self._allocation(Ended(None, made.failure, made.detail, way.tries))
        elif isinstance(session, TlsStream):
            self._carry(StreamCarrier(session, self._machine))
        else:
            self._carry(DtlsCarrier(session))

    def _carry(self, carrier: Carrier) -> None:
        self.client = TurnClient(self._ctx.net, carrier, self._machine)

    # --- facts

    def _stood(self, stream: Stream | TlsStream) -> list[Observation]:
        """What the proxy said, where there is one, and the connection."""
        local, remote = join(*stream.local), join(*self.at)
        took, self.stood = round((self._ctx.net.now() - self._began) * 1000, 2), True
        connected = Connected(
            endpoint=remote, via=self._way.via, local=local, rtt_ms=took, flow=flow("tcp", local, remote)
        )
        return [connected] if self._tunnel is None else [self._tunnel, connected]

    def _unconnected(self, exc: BaseException) -> Allocation:
        failure, detail = failure_of(exc)
        icmp = exc.error if isinstance(exc, Reported) else None
        return self._allocation(
            Ended(None, failure, detail, self._tries, icmp=icmp and icmp.icmp, reported_by=icmp and icmp.reported_by)
        )

    def _allocation(self, ended: Ended) -> Allocation:
        event = ended.event
        refused = event if isinstance(event, turn.Refused) else None
        allocated = event if isinstance(event, turn.Allocated) else None
        redirected = event if isinstance(event, turn.Redirected) else None
        asked = ended.challenge is not None or (refused is not None and refused.code == 401)
        realm = ended.challenge[1] if ended.challenge else refused.realm if refused else None
        software = (allocated or refused or _NOTHING).software
        self.told = Allocation(
            server=join(*self.at),
            host=self.server.host,
            via=self._way.via,
            port=None if self._way.proxy is None else self.server.port,
            transport=self.server.transport,
            relay=RELAY_FAMILY,
            local=join(*self.client.local) if self.client is not None else None,
            challenged=asked,
            authenticated=bool((allocated or refused or _NOTHING).authenticated),
            signed=_signed(ended),
            realm=None if realm is None else self._said(realm),
            software=self._said(software) or None,
            relayed=join(*allocated.relayed) if allocated else None,
            mapped=join(*allocated.mapped) if allocated and allocated.mapped else None,
            lifetime=float(allocated.lifetime) if allocated else None,
            error_code=refused.code if refused else 300 if redirected else None,
            alternate=join(*redirected.server) if redirected else None,
            offered=self._offered,
            tries=ended.tries,
            icmp=ended.icmp or None,
            reported_by=ended.reported_by,
            duration_ms=round((self._ctx.net.now() - self._began) * 1000, 2),
            flow=self.flow,
            failure=ended.failure,
            detail=self._said(ended.detail),
        )
        return self.told

    def _said(self, words: str) -> str:
        """The server's words, without the user name: it knows that one, and nobody who reads the report needs to."""
        user = self._access.username if self._access is not None else ""
        return clip(clean(words.replace(user, "…") if len(user) >= _NAME_MIN else words), 200)


class _NoTunnel(OSError):
    """The proxy gave none: what it said is a fact by itself."""


class _Nothing:
    """Neither allocated nor refused."""

    software, authenticated = "", False


_NOTHING = _Nothing()


def _signed(ended: Ended) -> bool | None:
    event = ended.event
    if isinstance(event, turn.Allocated):
        return True if event.authenticated else None
    if ended.suspicious in ("unsigned", "wrong-signature"):
        return False
    return event.signed if isinstance(event, turn.Refused) and event.authenticated else None
