"""One leg to a relay: which relay, by which way, and what was seen on it. Pure."""

from __future__ import annotations

from typing import NamedTuple

from natprobe.derive import FULL_SIZE
from natprobe.derive.proxies import relay_port, via_to
from natprobe.facts import Allocation, Facts, Permission, Relayed, TlsSession, Tunnel
from natprobe.model import Endpoint, Failure, HostName, Port, Text


class LegFacts(NamedTuple):
    """One leg: its Allocate, and the permissions and the data that went over it."""

    allocation: Allocation
    permissions: tuple[Permission, ...] = ()
    data: tuple[Relayed, ...] = ()

    @property
    def datagrams(self) -> bool:
        """Whether the client's leg is UDP or DTLS, where packets are lost and sizes count."""
        return self.allocation.transport in ("udp", "dtls")

    @property
    def stands(self) -> bool:
        """Whether a connection or session carried the Allocate."""
        return self.allocation.transport != "udp" and self.allocation.local is not None

    @property
    def answered(self) -> bool:
        """Whether the relay itself said something, be it no."""
        return self.allocation.failure is None or self.allocation.challenged or self.allocation.error_code is not None

    @property
    def works(self) -> bool:
        """Data went through to a peer and back, whatever its size; an error from the peer came back too."""
        passed = {each.direction for each in self.data if each.failure in (None, Failure.ERROR_RESPONSE)}
        return "both" in passed or {"in", "out"} <= passed

    @property
    def large_up(self) -> bool | None:
        """Whether full-size data went through the relay to a peer; None where that is not known."""
        return self._large(("both", "out"))

    @property
    def large_down(self) -> bool | None:
        """Whether full-size data of a peer's came through the relay."""
        return self._large(("in",))

    def _large(self, directions: tuple[str, ...]) -> bool | None:
        tried = [each for each in self.data if each.size >= FULL_SIZE and each.direction in directions]
        if any(each.failure is None for each in tried):
            return True
        return False if any(each.failure is Failure.TIMEOUT and self._tells(each) for each in tried) else None

    def _tells(self, large: Relayed) -> bool:
        """A STUN server may leave a long request unanswered. Ours arrives unless it is lost, and of a stream's leg
        only the other half can have lost it, which may be this network's. Where the small one is lost too, it is not
        the size: a NAT with several outside addresses gives our sockets different ones.
        """
        same = [each for each in self.data if (each.by, each.direction) == (large.by, large.direction)]
        small = any(each.failure is None and each.size < FULL_SIZE for each in same)
        return self.datagrams and large.by == "own-socket" and small


def place(allocation: Allocation) -> tuple[Endpoint, str, Text | None, HostName, Port]:
    """What the leg was to. Behind a proxy's endpoint lie several relays, which their names and ports tell apart."""
    there = ("", 0) if allocation.via is None else (allocation.host, relay_port(allocation))
    return (allocation.server, allocation.transport, allocation.via, *there)


def same_relay(one: Allocation, other: Allocation) -> bool:
    """Whether both are to the same relay over the same transport, by whatever way."""
    return _uri(one) == _uri(other)


def _uri(allocation: Allocation) -> tuple[int, HostName, Port, str]:
    return (allocation.source, allocation.host, relay_port(allocation), allocation.transport)


def past_proxy(facts: Facts, allocation: Allocation) -> bool:
    """Whether it goes straight where a browser on this machine asks its proxy: no call would take it."""
    stream = allocation.transport in ("tcp", "tls") and allocation.via is None
    return stream and via_to(facts, allocation.host, relay_port(allocation)) is not None


def tunnels_to(facts: Facts, allocation: Allocation) -> list[Tunnel]:
    """What proxies said to the wish to be led to this relay."""
    at = (allocation.source, allocation.host, relay_port(allocation))
    return facts.of(Tunnel, lambda each: each.purpose == "relay" and (each.source, each.host, each.port) == at)


def handshakes(facts: Facts, allocation: Allocation) -> list[TlsSession]:
    """With the relay, by this way; through a proxy only the name says with whom."""
    name = allocation.host.partition("%")[0]
    at = (allocation.server, allocation.via)
    own = facts.of(TlsSession, lambda each: each.probe == "turn" and (each.endpoint, each.via) == at)
    return [each for each in own if allocation.via is None or each.name == name]


def session_of(facts: Facts, allocation: Allocation) -> TlsSession | None:
    """The TLS session that carried the leg."""
    carried = facts.ok(TlsSession, lambda each: (each.source, each.flow) == (allocation.source, allocation.flow))
    return next(iter(carried), None) if allocation.local else None
