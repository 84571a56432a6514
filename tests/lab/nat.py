"""NAT as key-trimming, in RFC 4787's words.

Mapping (section 4.1): packets with an equal key share an outside endpoint; the key is the inside endpoint and what is
kept of the remote one: nothing, its address, or its address and port. Filtering (section 5): a remote endpoint may
send in when what is kept of it is in the set of those that were sent to. So all nine behaviours are two words.
"""

from __future__ import annotations

import random
from typing import Literal, NamedTuple

from tests.lab.network import Endpoint, Icmp, Packet

Behaviour = Literal["endpoint-independent", "address-dependent", "address-and-port-dependent"]
Mapped = Behaviour | Literal["none"]
# RFC 4787 REQ-3: outside ports come from the dynamic range or from 1024 up.
_PORTS = (20000, 60999)


class Mapping(NamedTuple):
    """An inside endpoint and the outside one it is seen under; `permitted` has trimmed remote endpoints."""

    inside: Endpoint
    outside: Endpoint
    permitted: set[tuple[str | int, ...]]


class Nat:
    """Translates one family. `mapping` none: addresses stay, only the filter works."""

    def __init__(
        self,
        outside: str,
        mapping: Mapped,
        filtering: Behaviour,
        chance: random.Random,
        preserves_ports: bool = True,
    ) -> None:
        self._outside, self._mapping, self._filtering = outside, mapping, filtering
        self._chance, self._preserves = chance, preserves_ports
        self._by_key: dict[tuple[object, ...], Mapping] = {}
        self._by_outside: dict[tuple[str, Endpoint], Mapping] = {}

    def outward(self, packet: Packet) -> Packet | None:
        """The packet as it leaves; ICMP errors of inside hosts don't."""
        if packet.proto == "icmp":
            return None
        kept = trim(packet.destination, self._mapping)
        key = (packet.proto, packet.source, *kept)
        mapping = self._by_key.get(key) or self._new(key, packet.proto, packet.source)
        mapping.permitted.add(trim(packet.destination, self._filtering))
        return packet._replace(source=mapping.outside)

    def inward(self, packet: Packet) -> Packet | None:
        """The packet as it comes in, or None when the filter stops it."""
        if packet.icmp is not None:
            return self._icmp_inward(packet, packet.icmp)
        mapping = self._by_outside.get((packet.proto, packet.destination))
        if mapping is None:
            return packet if self._mapping == "none" and self._filtering == "endpoint-independent" else None
        if trim(packet.source, self._filtering) not in mapping.permitted:
            return None
        return packet._replace(destination=mapping.inside)

    def _icmp_inward(self, packet: Packet, icmp: Icmp) -> Packet | None:
        """RFC 5508 section 4: an error about a mapped packet passes, with the quoted packet translated back."""
        mapping = self._by_outside.get((icmp.quoted.proto, icmp.quoted.source))
        if mapping is None:
            return None
        quoted = icmp.quoted._replace(source=mapping.inside)
        return packet._replace(destination=(mapping.inside[0], 0), icmp=icmp._replace(quoted=quoted))

    def _new(self, key: tuple[object, ...], proto: str, inside: Endpoint) -> Mapping:
        outside = inside if self._mapping == "none" else (self._outside, self._port(proto, inside[1]))
        mapping = self._by_key[key] = self._by_outside[proto, outside] = Mapping(inside, outside, set())
        return mapping

    def _port(self, proto: str, wanted: int) -> int:
        port = wanted if self._preserves else self._chance.randint(*_PORTS)
        while (proto, (self._outside, port)) in self._by_outside:
            port = self._chance.randint(*_PORTS)
        return port


def trim(remote: Endpoint, behaviour: Mapped) -> tuple[str | int, ...]:
    """What this behaviour keeps of a remote endpoint."""
    if behaviour == "address-and-port-dependent":
        return remote
    return remote[:1] if behaviour == "address-dependent" else ()
