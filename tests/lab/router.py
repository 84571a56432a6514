"""Routers: a gateway between an inside and an outside, and the core that joins everybody."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from typing import Literal

from aioice import stun

from natprobe.model import Family, family
from natprobe.wire import natpmp
from tests.lab.nat import Nat
from tests.lab.network import (
    NET_UNREACHABLE,
    TIME_EXCEEDED,
    Endpoint,
    Link,
    Network,
    Packet,
    Rule,
    aged,
    icmp_error,
    judge,
    refusal,
)

_MAPPED_ADDRESS, _FINGERPRINT = 0x0001, 0x8028
Rewrite = Literal["none", "plain", "broken"]
Dscp = Literal["kept", "cleared", "dropped"]
_EF = 46  # expedited forwarding (RFC 3246)
# The core's other router, where it has one.
TWIN: dict[Family, str] = {4: "203.0.113.2", 6: "2001:db8:f::2"}


class Gateway:
    """Two links, the inside attached first. Rules judge what goes out, before NAT, as a home router does."""

    def __init__(
        self,
        network: Network,
        name: str,
        addresses: Mapping[Family, str],
        nats: Mapping[Family, Nat],
        rules: Sequence[Rule] = (),
        rewrite: Rewrite = "none",
    ) -> None:
        self.name, self._network, self._addresses = name, network, addresses
        self._nats, self._rules, self._rewrite = nats, rules, rewrite
        self._links: list[Link] = []
        self.hole = Hole(0)
        self.tells = ""  # the outside address that it names to who asks (NAT-PMP)
        self.silent = False
        self.dscp: Dscp = "kept"

    def attach(self, link: Link) -> None:
        self._links.append(link)

    def receive(self, packet: Packet, link: Link) -> None:
        inside, outside = self._links
        if self.hole.swallows(packet):
            self._network.note(self, "lost", packet)
            return
        if packet.destination[0] == self._addresses[packet.family]:
            self._own(packet, link)
            return
        older = aged(packet)
        if older is None:
            self._expired(packet, link)
        elif link is inside:
            self._outward(older, inside, outside)
        else:
            self._inward(older, inside)

    def _expired(self, packet: Packet, link: Link) -> None:
        """Says so before any NAT, to where the packet came from."""
        self._network.note(self, "lost", packet)
        if packet.proto != "icmp" and not self.silent:
            link.send(icmp_error(packet, TIME_EXCEEDED[packet.family], self._addresses[packet.family]), self)

    def _own(self, packet: Packet, link: Link) -> None:
        """A packet for the router itself: NAT-PMP where it speaks that (RFC 6886 section 3.2), else a closed port."""
        asked = packet.proto == "udp" and packet.destination[1] == natpmp.PORT and packet.payload == natpmp.REQUEST
        if asked and self.tells:
            self._network.note(self, "delivered", packet)
            link.send(Packet("udp", packet.destination, packet.source, natpmp.encode(self.tells)), self)
            return
        self._network.note(self, "unclaimed", packet)
        if (answer := refusal(packet, "close", self._addresses[packet.family])) is not None:
            link.send(answer, self)

    def _outward(self, packet: Packet, inside: Link, outside: Link) -> None:
        packet = packet._replace(tos=0) if self.dscp == "cleared" else packet
        if self.dscp == "dropped" and packet.tos >> 2 == _EF:
            self._network.note(self, "filtered", packet)
        elif (action := judge(self._rules, packet)) is not None:
            self._network.note(self, "filtered" if action == "drop" else "rejected", packet)
            if (answer := refusal(packet, action, self._addresses[packet.family])) is not None:
                inside.send(answer, self)
        elif (translated := self._nats[packet.family].outward(packet)) is None:
            self._network.note(self, "filtered", packet)
        elif self._nats[packet.family].owns(translated.destination[0]):
            self._inward(translated, inside)
        else:
            outside.send(translated, self)

    def _inward(self, packet: Packet, inside: Link) -> None:
        translated = self._nats[packet.family].inward(packet)
        if translated is None:
            self._network.note(self, "filtered", packet)
            return
        if self._rewrite != "none" and translated.proto == "udp":
            changed = rewritten(translated.payload, translated.destination)
            translated = translated._replace(payload=mended(changed) if self._rewrite == "plain" else changed)
        inside.send(translated, self)


class Hole:
    """A path-MTU black hole: IP packets above `mtu` bytes vanish, and what TCP sends after one never comes either.
    With `of` udp TCP fits by itself.
    """

    def __init__(self, mtu: int, of: str = "all") -> None:
        self._mtu, self._of = mtu, of
        self._stuck: set[tuple[Endpoint, Endpoint]] = set()

    def swallows(self, packet: Packet) -> bool:
        """Whether this packet is never seen again; 0 swallows none."""
        flow = (packet.source, packet.destination)
        gone = bool(self._mtu) and (flow in self._stuck or _ip_length(packet) > self._mtu)
        gone = gone and self._of in ("all", packet.proto)
        if gone and packet.proto == "tcp":
            self._stuck.add(flow)
        return gone


def _ip_length(packet: Packet) -> int:
    """With the headers; a stream's bytes leave in segments."""
    headers = (40 if packet.family == 6 else 20) + (20 if packet.proto == "tcp" else 8)
    size = len(packet.payload)
    return min(headers + min(size, packet.segment), 1500) if packet.proto == "tcp" else headers + size


class Core:
    """The internet's middle: knows where every address lives and says so when it doesn't. Where it is two routers of
    equal cost, what comes from odd ports meets the other one (RFC 2992).
    """

    name = "core"

    def __init__(self, network: Network, addresses: Mapping[Family, str]) -> None:
        self._network, self._addresses = network, addresses
        self.silent = False
        self._links: list[Link] = []
        self._routes: dict[str, Link] = {}

    def attach(self, link: Link) -> None:
        self._links.append(link)

    def route(self, addresses: Sequence[str]) -> None:
        """These addresses are behind the link attached last."""
        self._routes |= dict.fromkeys(addresses, self._links[-1])

    def receive(self, packet: Packet, link: Link) -> None:
        way, older = self._routes.get(packet.destination[0]), aged(packet)
        shut = self._network.twin if packet.source[1] % 2 else None
        if older is None:
            self._network.note(self, "lost", packet)
            if not self.silent:
                own = self._addresses if shut is None else TWIN
                link.send(icmp_error(packet, TIME_EXCEEDED[packet.family], own[packet.family]), self)
            return
        if shut is not None and packet.destination[1] in shut:
            self._network.note(self, "filtered", packet)
            return
        if way is not None:
            way.send(older, self)
            return
        self._network.note(self, "unclaimed", packet)
        if packet.proto != "icmp":
            version = family(packet.destination[0])
            link.send(icmp_error(packet, NET_UNREACHABLE[version], self._addresses[version]), self)


def rewritten(payload: bytes, inside: tuple[str, int]) -> bytes:
    """What an application layer gateway makes of a STUN answer: MAPPED-ADDRESS gets the inside endpoint.

    Only that attribute's bytes change: such boxes know neither FINGERPRINT nor XOR-MAPPED-ADDRESS.
    """
    if len(payload) < stun.HEADER_LENGTH or payload[:2] != b"\x01\x01":
        return payload
    position = stun.HEADER_LENGTH
    while position + 4 <= len(payload):
        kind, size = struct.unpack_from("!HH", payload, position)
        value = stun.pack_address(inside)
        if kind == _MAPPED_ADDRESS and size == len(value):
            return payload[: position + 4] + value + payload[position + 4 + size :]
        position += 4 + size + stun.padding_length(size)
    return payload


def mended(payload: bytes) -> bytes:
    """The STUN message with the FINGERPRINT that fits it, where it ends with one (RFC 8489 section 14.7)."""
    end = len(payload) - stun.FINGERPRINT_LENGTH
    if end < stun.HEADER_LENGTH or payload[end : end + 4] != struct.pack("!HH", _FINGERPRINT, 4):
        return payload
    return payload[: end + 4] + struct.pack("!I", stun.message_fingerprint(payload[:end]))
