"""NAT as key-trimming, in RFC 4787's words.

Mapping (section 4.1): packets with an equal key share an outside endpoint; the key is the inside endpoint and what is
kept of the remote one: nothing, its address, or its address and port. Filtering (section 5): a remote endpoint may
send in when what is kept of it is in the set of those that were sent to. So all nine behaviours are two words.

It knows no network and no clock of its own: packets go in and come out, and `now` says the time.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from tests.lab.network import Endpoint, Icmp, Packet

Behaviour = Literal["endpoint-independent", "address-dependent", "address-and-port-dependent"]
Mapped = Behaviour | Literal["none"]
# How outside ports are chosen (RFC 4787 sections 4.2.1 and 4.2.3): the inside one where it is free, by chance, one
# after the other as mappings come, or at one distance from the inside ones, so that neighbours stay neighbours.
Ports = Literal["preserved", "random", "sequential", "contiguous"]
# RFC 4787 REQ-3: outside ports come from the dynamic range or from 1024 up.
_PORTS = (20000, 60999)
_OFFSET = 1111


@dataclass(slots=True)
class Mapping:
    """An inside endpoint and the outside one it is seen under; `permitted` has trimmed remote endpoints."""

    key: tuple[object, ...]
    inside: Endpoint
    outside: Endpoint
    used: float
    permitted: set[tuple[str | int, ...]] = field(default_factory=set)


class Nat:
    """Translates one family. `mapping` none: addresses stay, only the filter works.

    `pool` are further outside addresses: each mapping gets one by chance ("arbitrary" pooling, RFC 4787 section 4.1).
    `hairpin`: inside hosts reach each other by their outside endpoints and see those as source (section 6, REQ-9a).
    `lifetime`: seconds after which a UDP mapping that nothing was sent through is forgotten (0: never). Packets from
    outside don't keep it: section 4.3 allows both, and this is the harder one to live with.
    """

    def __init__(
        self,
        outside: str,
        mapping: Mapped,
        filtering: Behaviour,
        chance: random.Random,
        *,
        ports: Ports = "preserved",
        pool: Sequence[str] = (),
        hairpin: bool = False,
        lifetime: float = 0.0,
        now: Callable[[], float] = lambda: 0.0,
    ) -> None:
        self._outsides, self._mapping, self._filtering = (outside, *pool), mapping, filtering
        self._chance, self._ports, self._hairpin = chance, ports, hairpin
        self._lifetime, self._now = lifetime, now
        self._next = chance.randint(*_PORTS)
        self._by_key: dict[tuple[object, ...], Mapping] = {}
        self._by_outside: dict[tuple[str, Endpoint], Mapping] = {}

    def owns(self, address: str) -> bool:
        """Whether this is an outside address: what leaves for it comes back in."""
        return self._mapping != "none" and address in self._outsides

    def outward(self, packet: Packet) -> Packet | None:
        """The packet as it leaves; ICMP errors of inside hosts don't. To an address of ours it has yet to come in."""
        if packet.proto == "icmp" or (self.owns(packet.destination[0]) and not self._hairpin):
            return None
        kept = trim(packet.destination, self._mapping)
        key = (packet.proto, packet.source, *kept)
        mapping = self._living(self._by_key.get(key)) or self._new(key, packet.proto, packet.source)
        mapping.used = self._now()
        mapping.permitted.add(trim(packet.destination, self._filtering))
        return packet._replace(source=mapping.outside)

    def inward(self, packet: Packet) -> Packet | None:
        """The packet as it comes in, or None when the filter stops it."""
        if packet.icmp is not None:
            return self._icmp_inward(packet, packet.icmp)
        mapping = self._living(self._by_outside.get((packet.proto, packet.destination)))
        if mapping is None:
            return packet if self._mapping == "none" and self._filtering == "endpoint-independent" else None
        if trim(packet.source, self._filtering) not in mapping.permitted:
            return None
        return packet._replace(destination=mapping.inside)

    def _icmp_inward(self, packet: Packet, icmp: Icmp) -> Packet | None:
        """RFC 5508 section 4: an error about a mapped packet passes, with the quoted packet translated back."""
        mapping = self._living(self._by_outside.get((icmp.quoted.proto, icmp.quoted.source)))
        if mapping is None:
            return None
        quoted = icmp.quoted._replace(source=mapping.inside)
        return packet._replace(destination=(mapping.inside[0], 0), icmp=icmp._replace(quoted=quoted))

    def _living(self, mapping: Mapping | None) -> Mapping | None:
        """The mapping, unless it was left idle for too long: then it is forgotten."""
        if mapping is None or not self._lifetime or mapping.key[0] != "udp":
            return mapping
        if self._now() - mapping.used <= self._lifetime:
            return mapping
        del self._by_key[mapping.key], self._by_outside["udp", mapping.outside]
        return None

    def _new(self, key: tuple[object, ...], proto: str, inside: Endpoint) -> Mapping:
        outside = inside if self._mapping == "none" else self._free(proto, inside[1])
        mapping = self._by_key[key] = self._by_outside[proto, outside] = Mapping(key, inside, outside, self._now())
        return mapping

    def _free(self, proto: str, wanted: int) -> Endpoint:
        """An outside endpoint that no living mapping has."""
        address = self._chance.choice(self._outsides) if len(self._outsides) > 1 else self._outsides[0]
        port = self._first(wanted)
        while self._living(self._by_outside.get((proto, (address, port)))):
            port = self._following() if self._ports == "sequential" else self._chance.randint(*_PORTS)
        return address, port

    def _first(self, wanted: int) -> int:
        if self._ports == "preserved":
            return wanted
        if self._ports == "contiguous":
            return wanted + _OFFSET if wanted + _OFFSET < 1 << 16 else wanted
        return self._following() if self._ports == "sequential" else self._chance.randint(*_PORTS)

    def _following(self) -> int:
        self._next = self._next + 1 if self._next < _PORTS[1] else _PORTS[0]
        return self._next


class OneToOne(Nat):
    """What clouds put before a machine: all of one outside address is all of one inside address, both ways."""

    def __init__(self, outside: str, inside: str) -> None:
        super().__init__(outside, "endpoint-independent", "endpoint-independent", random.Random(0))
        self._outside, self._inside = outside, inside

    def outward(self, packet: Packet) -> Packet | None:
        return packet._replace(source=(self._outside, packet.source[1]))

    def inward(self, packet: Packet) -> Packet | None:
        icmp = packet.icmp
        if icmp is not None:
            quoted = icmp.quoted._replace(source=(self._inside, icmp.quoted.source[1]))
            icmp = icmp._replace(quoted=quoted)
        return packet._replace(destination=(self._inside, packet.destination[1]), icmp=icmp)


def trim(remote: Endpoint, behaviour: Mapped) -> tuple[str | int, ...]:
    """What this behaviour keeps of a remote endpoint."""
    if behaviour == "address-and-port-dependent":
        return remote
    return remote[:1] if behaviour == "address-dependent" else ()
