"""What the server's own vantages say of one of its ports: who has it, what its packet filter does, what arrived. Pure.

Several reports of one server (`inspect`, `serve`, `serve --watch`) are read together. None: nobody looked.
"""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from typing import Literal, NamedTuple

from natprobe.addresses import address_class
from natprobe.derive.advertised import outside_addresses
from natprobe.derive.listening import Holder
from natprobe.derive.passing import closed
from natprobe.facts import (
    Arrived,
    Binding,
    Facts,
    Listening,
    LocalAddress,
    PacketFilter,
    Passage,
    Platform,
    Published,
    Run,
    Sockets,
    Watched,
)
from natprobe.model import Address, Endpoint, Failure, Source, Time, family, split

# Reports tell their beginning to the second.
_ROUNDED_SECONDS = 1.0
# Where an address of the outside world is, seen from the server.
Seat = Literal["interface", "cloud", "router", "nowhere"]


def holders(servers: Sequence[Facts], port: int) -> list[Holder] | None:
    """Who has this UDP port, be it for a container. None: the kernel's list of sockets was not read."""
    found: list[Holder] = []
    for facts in servers:
        found += facts.ok(Listening, lambda each: (each.proto, each.port) == ("udp", port))
        found += [each for each in facts.ok(Published) if each.proto == "udp" and each.port <= port <= each.port_end]
        found += [each for each in facts.ok(Passage) if each.to is not None and _about(each, port)]
    return found if found or any(facts.ok(Sockets) and not _led_unseen(facts) for facts in servers) else None


def _led_unseen(facts: Facts) -> bool:
    """Whether containers are there and rules that only root sees: these may lead the port to one without a socket."""
    hidden = any(each.failure is Failure.PERMISSION_DENIED for each in facts.of(PacketFilter))
    return hidden and bool(facts.of(LocalAddress, lambda each: each.scope == "container"))


def _about(passage: Passage, port: int) -> bool:
    return passage.proto == "udp" and passage.port <= port <= passage.port_end


def own_addresses(servers: Sequence[Facts]) -> dict[Address, int]:
    """The addresses by which others may come, each with the id of what says so."""
    found = [each for facts in servers for each in facts.ok(LocalAddress) if each.up]
    return {each.address: each.id for each in found if each.scope not in ("loopback", "link-local", "container")}


def seat(servers: Sequence[Facts], address: Address) -> Seat | None:
    """Where an outside address of the server is: on an interface of it; with a cloud that maps it one to one; with a
    router in front. `nowhere`: this server is known by others, and by this one it is not. None: could not be told.
    """
    own = own_addresses(servers)
    if address in own:
        return "interface"
    same = [each for each in own if family(each) == family(address)]
    if address_class(address) != "public" or not same:
        return "nowhere" if same and address_class(address) == "private" else None
    seen = {split(each.mapped)[0] for each in _mapped(servers) if each.mapped}
    others = {each for each in seen if family(each) == family(address)}
    if address not in others and (others or any(address_class(each) == "public" for each in same)):
        return "nowhere"
    clouds = [each for facts in servers for each in facts.ok(Platform) if each.cloud]
    return "cloud" if clouds else "router"


def seated_by(servers: Sequence[Facts]) -> tuple[int, ...]:
    """The evidence of `seat`."""
    platforms = [each.id for facts in servers for each in facts.ok(Platform) if each.cloud]
    return (*own_addresses(servers).values(), *(each.id for each in _mapped(servers)), *platforms)


def _mapped(servers: Sequence[Facts]) -> list[Binding]:
    return [each for facts in servers for each in facts.ok(Binding) if each.mapped]


def inner(servers: Sequence[Facts], version: int) -> Address | None:
    """The server's own address that a router in front would lead to: its first of that family."""
    return next((each for each in own_addresses(servers) if family(each) == version), None)


def entries(servers: Sequence[Facts], address: Address) -> list[Address]:
    """The own addresses that packets to this outside one may come to."""
    own = own_addresses(servers)
    return [address] if address in own else [each for each in own if family(each) == family(address)]


def passages(servers: Sequence[Facts], address: Address, port: int) -> list[Passage]:
    """What the packet filter does with strangers' packets to this port at the addresses they may come to."""
    wanted = entries(servers, address)

    def fits(each: Passage) -> bool:
        same = _about(each, port) and each.family == family(address)
        return same and (each.address is None or each.address in wanted)

    return [each for facts in servers for each in facts.ok(Passage, fits)]


def shutting(found: Sequence[Passage]) -> list[Passage]:
    """Those that keep strangers out, where none lets them all in."""
    shut = [each for each in found if closed(each)]
    return shut if not any(each.outcome == "accept" and not each.sources for each in found) else []


def choosing(found: Sequence[Passage]) -> list[Passage]:
    """Those that let in some senders only."""
    return [each for each in found if each.sources and (closed(each) or each.outcome == "accept")]


def lets_in(found: Sequence[Passage]) -> bool | None:
    """Whether strangers pass the packet filter."""
    if shutting(found):
        return False
    return True if found and all(each.outcome == "accept" and not each.sources for each in found) else None


class Arrival(NamedTuple):
    """What came of a client's packets to a port. `here`: they arrived there; `other`: at another port or by another
    protocol; `strangers`: others' arrived; `watched`: by what it is known that nothing else came.
    """

    here: list[Arrived]
    other: list[Arrived]
    strangers: list[Arrived]
    watched: list[Watched]

    @property
    def known(self) -> bool | None:
        """Whether the client's own packets arrived."""
        return True if self.here else False if self.watched else None

    @property
    def on_wire(self) -> bool:
        """Whether what the interface took is known, before the host's own packet filter."""
        return "interface" in {*(each.by for each in self.watched), *(each.by for each in self.here)}

    @property
    def answered(self) -> int:
        """How many answers went out."""
        return sum(each.answered for each in self.here)


def arrival(servers: Sequence[Facts], client: Facts, endpoint: Endpoint) -> Arrival:
    """Of this client's packets. A watch counts as proof of absence only where it lasted as long as the client tried,
    and where it is known by which address the client would be seen.
    """
    port = split(endpoint)[1]
    all_seen = [each for facts in (*servers, client) for each in facts.ok(Arrived)]
    own = [each for each in all_seen if _of(client, each)]
    at_port = [each for each in own if each.proto == "udp" and split(each.local)[1] == port]
    strangers = [each for each in all_seen if each not in own and (each.proto, split(each.local)[1]) == ("udp", port)]
    hidden = any(address_class(split(each.sender)[0]) != "public" for each in strangers)  # what was sent through a NAT
    watched = [] if hidden or (strangers and not outside_addresses(client)) else _watches(servers, client, port)
    return Arrival(at_port, [each for each in own if each not in at_port], strangers, watched)


def _of(client: Facts, seen: Arrived) -> bool:
    """Whether a packet was this client's: by the word that it put in, or by the address that others see it by."""
    if seen.session and seen.session in {each.session for each in client.of(Run)}:
        return True
    own = outside_addresses(client) | {each.address for each in client.of(LocalAddress)}
    return split(seen.sender)[0] in own


def _watches(servers: Sequence[Facts], client: Facts, port: int) -> list[Watched]:
    """Those of the port that cover the whole time that the client tried."""
    found = []
    for facts in servers:
        for each in facts.ok(Watched, lambda each: (each.proto, each.port) == ("udp", port)):
            if covers(facts.source, each.seconds, client.source):
                found.append(each)
    return found


def covers(watch: Source | None, seconds: float, client: Source | None) -> bool:
    """Whether a watch of so many seconds from its report's beginning was there for the whole of the client's. Of
    a watch that may have begun after the client nothing is made: what proves nothing stays open.
    """
    if watch is None or client is None:
        return False
    late = seconds_between(watch.started, client.started)
    return late >= 0 and late + client.duration <= seconds + _ROUNDED_SECONDS


def seconds_between(one: Time, other: Time) -> float:
    """How much later the other is."""
    first, second = (datetime.datetime.fromisoformat(each) for each in (one, other))
    return (second - first).total_seconds()
