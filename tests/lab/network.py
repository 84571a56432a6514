"""Packets, and what carries them: links with delay and loss between nodes, and rules that drop or reject.

TCP is reliable and in order here because every link is: its packets are never lost by chance, only by rules. Where a
test says so, those that open connections are lost as well, and ICMP errors.
"""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import Iterable
from typing import Literal, NamedTuple, Protocol

from natprobe.model import Family, family
from tests.lab.clock import Clock

Endpoint = tuple[str, int]
Proto = Literal["udp", "tcp", "icmp"]
Flag = Literal["", "SYN", "SYN-ACK", "FIN", "RST"]
Action = Literal["drop", "prohibit", "close"]
_OPENING: tuple[Flag, ...] = ("SYN", "SYN-ACK", "RST")
Fate = Literal["sent", "delivered", "lost", "filtered", "rejected", "unclaimed"]

DELAY = 0.005
COOKIE = b"\x21\x12\xa4\x42"
# What Linux gives a packet to live (net.ipv4.ip_default_ttl).
TTL = 64
# What Ethernet's 1500 bytes leave of a TCP packet over IPv4.
SEGMENT = 1460
# RFC 792 and RFC 4443 section 3.1: type and code of administratively prohibited, port unreachable, no route.
PROHIBITED: dict[Family, tuple[int, int]] = {4: (3, 13), 6: (1, 1)}
PORT_UNREACHABLE: dict[Family, tuple[int, int]] = {4: (3, 3), 6: (1, 4)}
TIME_EXCEEDED: dict[Family, tuple[int, int]] = {4: (11, 0), 6: (3, 0)}
NET_UNREACHABLE: dict[Family, tuple[int, int]] = {4: (3, 0), 6: (1, 0)}


class Icmp(NamedTuple):
    """What an ICMP error says, and the packet that it is about, as its reporter saw it."""

    type: int
    code: int
    quoted: Packet


class Packet(NamedTuple):
    """One packet. `flag` is TCP's, as is `segment`: its bytes leave in packets that carry so many; an ICMP error has
    port 0 at both ends. `tos`: type of service, or traffic class.
    """

    proto: Proto
    source: Endpoint
    destination: Endpoint
    payload: bytes = b""
    flag: Flag = ""
    icmp: Icmp | None = None
    ttl: int = TTL
    segment: int = SEGMENT
    tos: int = 0

    @property
    def family(self) -> Family:
        return family(self.destination[0])


class Event(NamedTuple):
    """A line of the packet log."""

    at: float
    node: str
    fate: Fate
    packet: Packet


class Node(Protocol):
    """Something with links."""

    name: str

    def attach(self, link: Link) -> None:
        """One more link, called once per link by the link itself."""

    def receive(self, packet: Packet, link: Link) -> None:
        """A packet came out of this link."""


class Network:
    """What all nodes share: the clock, chance, and a log of every packet's fate."""

    def __init__(self, seed: int = 0) -> None:
        self.clock = Clock()
        self.seed = seed
        self.quotes = True  # whether ICMP errors give back the payload of what they are about
        self.loses: frozenset[Proto] = frozenset({"udp"})  # what links with loss lose; of TCP nothing but openings
        self.twin: frozenset[int] | None = None  # whether the core's router has a twin, and the ports that it drops
        self.log: list[Event] = []

    def chance(self, purpose: str) -> random.Random:
        """A generator of its own for each purpose, so that one more draw here changes nothing there."""
        return random.Random(f"{self.seed} {purpose}")

    def note(self, node: Node, fate: Fate, packet: Packet) -> None:
        """One more line of the log."""
        self.log.append(Event(self.clock.now, node.name, fate, packet))


class Loss(NamedTuple):
    """Shares of packets (UDP, unless the network says more) lost from the link's first end to its second, and back."""

    there: float = 0.0
    back: float = 0.0
    spared: frozenset[str] = frozenset()  # packets from and to these addresses always arrive


NO_LOSS = Loss()


class Disorder(NamedTuple):
    """UDP packets take up to `jitter` seconds more, and this share of them doesn't wait at all: `early`."""

    jitter: float = 0.0
    early: float = 0.0


IN_ORDER = Disorder()


class Link:
    """A wire between two nodes, `delay` seconds one way: first in, first out, but for UDP's disorder."""

    def __init__(
        self,
        network: Network,
        first: Node,
        second: Node,
        delay: float = DELAY,
        loss: Loss = NO_LOSS,
        disorder: Disorder = IN_ORDER,
    ) -> None:
        self._network, self._ends, self.delay, self.loss = network, (first, second), delay, loss
        self._disorder = disorder
        self._chance = network.chance(f"loss {first.name} {second.name}")
        self._when = network.chance(f"disorder {first.name} {second.name}")
        self._on_the_way: dict[str, deque[Packet]] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        first.attach(self)
        second.attach(self)

    def send(self, packet: Packet, sender: Node) -> None:
        """Puts the packet on the wire at the sender's end."""
        if self._loses(packet, sender):
            self._network.note(sender, "lost", packet)
            return
        loop = asyncio.get_running_loop()
        if loop is not self._loop:  # what is on the way when a run of the clock ends is lost with its timers
            self._loop, self._on_the_way = loop, {end.name: deque() for end in self._ends}
        receiver = self._ends[1] if sender is self._ends[0] else self._ends[0]
        if packet.proto == "udp" and self._disorder != IN_ORDER:
            loop.call_later(self._by_chance(), receiver.receive, packet, self)
            return
        self._on_the_way[receiver.name].append(packet)
        # The queue and not the timer knows which packet comes next: timers of one instant may fire in any order.
        loop.call_later(self.delay, self._arrive, receiver)

    def _by_chance(self) -> float:
        early = self._when.random() < self._disorder.early
        return 0.0 if early else self.delay + self._when.random() * self._disorder.jitter

    def _arrive(self, receiver: Node) -> None:
        receiver.receive(self._on_the_way[receiver.name].popleft(), self)

    def _loses(self, packet: Packet, sender: Node) -> bool:
        share = self.loss.there if sender is self._ends[0] else self.loss.back
        spared = {packet.source[0], packet.destination[0]} & self.loss.spared
        lost = packet.proto in self._network.loses and (packet.proto != "tcp" or packet.flag in _OPENING)
        return lost and not spared and self._chance.random() < share


class Rule(NamedTuple):
    """A firewall's line: what it does to packets of `proto`, to `ports` only or to all but `passing`.

    `prohibit` answers with ICMP "administratively prohibited", `close` as a closed port would.
    """

    action: Action
    proto: Literal["udp", "tcp"] | None = None
    ports: frozenset[int] = frozenset()
    passing: frozenset[int] = frozenset()
    family: Family | None = None
    spared: frozenset[str] = frozenset()
    cookie: bool = False  # only what carries STUN's magic cookie where RFC 8489 section 5 has it

    def matches(self, packet: Packet) -> bool:
        """Whether this line is for the packet; `spared` destinations never are."""
        port = packet.destination[1]
        return (
            packet.proto == (self.proto or packet.proto)
            and packet.family == (self.family or packet.family)
            and (not self.ports or port in self.ports)
            and port not in self.passing
            and packet.destination[0] not in self.spared
            and (not self.cookie or packet.payload[4:8] == COOKIE)
        )


def judge(rules: Iterable[Rule], packet: Packet) -> Action | None:
    """The first line that matches decides; none: it passes."""
    return next((rule.action for rule in rules if rule.matches(packet)), None)


def refusal(packet: Packet, action: Action, reporter: str) -> Packet | None:
    """What goes back to the sender of a packet that met this action."""
    if action == "drop" or packet.proto == "icmp":
        return None
    if action == "prohibit":
        return icmp_error(packet, PROHIBITED[packet.family], reporter)
    if packet.proto == "tcp":
        return Packet("tcp", packet.destination, packet.source, flag="RST")
    return icmp_error(packet, PORT_UNREACHABLE[packet.family], reporter)


def aged(packet: Packet) -> Packet | None:
    """The packet after one more router, or None where it has lived long enough (RFC 1812 section 5.3.1)."""
    return packet._replace(ttl=packet.ttl - 1) if packet.ttl > 1 else None


def icmp_error(packet: Packet, kind: tuple[int, int], reporter: str) -> Packet:
    """The error about this packet, to its sender."""
    return Packet("icmp", (reporter, 0), (packet.source[0], 0), icmp=Icmp(*kind, packet))
