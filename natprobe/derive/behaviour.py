"""What the network does to packets, in the words of RFC 4787, for each local address: True, False, or None. Pure.

Every question takes the address family and, where it should be about one local address only, that address. A silence
counts as `kept_out` says. Servers on this side of a NAT see another picture and don't count against public ones.
"""

from __future__ import annotations

import ipaddress
from collections import Counter
from collections.abc import Iterable
from itertools import takewhile
from typing import Literal, NamedTuple

from natprobe.addresses import address_class
from natprobe.derive import QUIET_TRIES, SILENT_TRIES, bindings, came_back
from natprobe.facts import (
    Binding,
    DefaultRoute,
    Facts,
    FilteringTest,
    Hairpin,
    Hop,
    IdleMapping,
    LocalAddress,
    Opening,
    RouterAnswer,
)
from natprobe.model import Address, Endpoint, Failure, Family, family, split

# So many sockets lose their ports to others inside once in 1,000 times where one port in ten is taken.
DISPLACED = 3
# So many sockets get the same one of two outside addresses by chance once in 32 times, of four once in 1,000.
PAIRED_SOCKETS = 6
# How near ports have to be to count as neighbours, and how many such sockets it takes to tell.
NEAR, NEIGHBOURS_MIN = 12, 4

Behaviour = Literal["endpoint-independent", "address-dependent", "address-and-port-dependent"]
_MOST_OPEN: tuple[Behaviour, ...] = ("endpoint-independent", "address-dependent", "address-and-port-dependent")
# Seconds. RFC 8445 section 11: between two keep-alives of ICE (Tr). RFC 4787 REQ-5: what a mapping lives at least.
KEEPALIVE, REQUIRED_LIFETIME = 15.0, 120.0


def mappings(facts: Facts) -> dict[tuple[int, str], list[Binding]]:
    """Answered UDP Bindings by the socket that asked: (source, local endpoint)."""
    found: dict[tuple[int, str], list[Binding]] = {}
    for each in bindings(facts, "udp"):
        if each.failure is None and each.mapped is not None and each.local is not None:
            found.setdefault((each.source, each.local), []).append(each)
    return found


def mapping_varies(facts: Facts, of_family: Family = 4, local: Address | None = None) -> bool | None:
    """Address- or port-dependent mapping (RFC 4787 section 4.1): one socket, seen under different endpoints.

    False needs the same endpoint seen by two different server addresses. Servers on this side of a NAT (loopback,
    or where the mapped address is our own) see another picture and don't count against public ones.
    """
    if varying(facts, of_family, local):
        return True
    same = [group for group in by_public(facts, of_family, local) if len({split(each.server)[0] for each in group}) > 1]
    return False if same else None


def varying(facts: Facts, of_family: Family = 4, local: Address | None = None) -> list[Binding]:
    """What one socket heard about itself, where that differs; empty where none heard two different things."""
    groups = by_public(facts, of_family, local)
    return next((group for group in groups if len({each.mapped for each in group}) > 1), [])


def by_public(facts: Facts, of_family: Family, local: Address | None = None) -> list[list[Binding]]:
    """By socket, what public servers of this family saw."""
    return [
        [each for each in group if family(split(each.server)[0]) == of_family and _outer(each)]
        for (_, socket), group in mappings(facts).items()
        if local is None or split(socket)[0] == local
    ]


def _outer(binding: Binding) -> bool:
    """Whether this is a view from outside. A public server that names an inner address, or one of the other family,
    sees what stands before itself: a container's proxy, a balancer, a socket for both families (::ffff:198.51.100.7).
    """
    ends = [split(binding.server)[0], split(binding.mapped or "")[0]]
    return len({family(each) for each in ends}) == 1 and {address_class(each) for each in ends} == {"public"}


def mapping_behaviour(facts: Facts, of_family: Family = 4, local: Address | None = None) -> Behaviour | None:
    """RFC 4787 section 4.1. Which of the dependent two shows between the two ports of one server address."""
    varies = mapping_varies(facts, of_family, local)
    if varies is None:
        return None
    if not varies:
        return "endpoint-independent"
    for group in by_public(facts, of_family, local):
        by_address: dict[Address, list[Binding]] = {}
        for each in group:
            by_address.setdefault(split(each.server)[0], []).append(each)
        for same in by_address.values():
            if len({each.server for each in same}) > 1:
                alike = len({each.mapped for each in same}) == 1
                return "address-dependent" if alike else "address-and-port-dependent"
    return None


def filtering_behaviour(facts: Facts, of_family: Family = 4, local: Address | None = None) -> Behaviour | None:
    """RFC 4787 section 5: who may answer to a socket. Of the first local address that the tests decide for, and of its
    tests the one that let most in: an arrival is proof, while a silence may have been the server's.
    """
    tests: dict[tuple[int, Endpoint, Endpoint], dict[str, FilteringTest]] = {}
    for each in _filtering_tests(facts):
        server, mine = split(each.server)[0], split(each.local)[0]
        if family(server) == of_family and address_class(server) == "public" and local in (None, mine):
            tests.setdefault((each.source, each.local, each.server), {})[each.change] = each
    found: dict[Address, list[Behaviour]] = {}
    for (_, socket, _), pair in tests.items():
        if (behaviour := _filtering(pair.get("address-and-port"), pair.get("port"))) is not None:
            found.setdefault(split(socket)[0], []).append(behaviour)
    return min(next(iter(found.values()), []), key=_MOST_OPEN.index, default=None)


def _filtering_tests(facts: Facts) -> list[FilteringTest]:
    """But for silence that was to be broken from an address which, asked itself, never answered: no filter's doing."""
    asked = bindings(facts, "udp")
    alive = {split(each.server)[0] for each in asked if came_back(each)}
    dead = {split(each.server)[0] for each in asked} - alive
    return facts.of(FilteringTest, lambda each: each.failure is None or split(each.expected)[0] not in dead)


def _filtering(anyone: FilteringTest | None, port: FilteringTest | None) -> Behaviour | None:
    if anyone is None or port is None:
        return None
    if anyone.failure is None:
        return "endpoint-independent"
    if not kept_out(anyone):
        return None
    if port.failure is None:
        return "address-dependent"
    return "address-and-port-dependent" if kept_out(port) else None


def kept_out(test: FilteringTest | Hairpin | IdleMapping | Opening) -> bool:
    """Silence that counts: nine tries among answered controls, or six where no control was lost."""
    quiet = test.tries >= QUIET_TRIES and test.controls >= QUIET_TRIES and not test.controls_lost
    enough = test.tries >= SILENT_TRIES and test.controls >= SILENT_TRIES // 2
    return test.failure is Failure.TIMEOUT and (quiet or enough)


def outside_addresses(facts: Facts, of_family: Family = 4, local: Address | None = None) -> list[Address]:
    """What public servers of this family see of this network."""
    seen = [split(each.mapped or "")[0] for group in by_public(facts, of_family, local) for each in group]
    return list(dict.fromkeys(seen))


def ports_preserved(facts: Facts, of_family: Family = 4, local: Address | None = None) -> bool | None:
    """RFC 4787 section 4.2.1: whether the NAT tries to keep the socket's port. None without a NAT.

    A port that another one inside holds already can't be kept, so most sockets decide, and a few displaced ones are no
    contradiction. None kept is a fact from three sockets on: one or two may have met others' ports.
    """
    return _agreed(_preserved(each) for each in _translated(facts, of_family, local))


def _preserved(sockets: list[list[Binding]]) -> bool | None:
    kept = [any(_shift(each) == 0 for each in group) for group in sockets]
    if 2 * sum(kept) > len(kept):
        return True
    return False if len(kept) >= DISPLACED and not any(kept) else None


def ports_contiguous(facts: Facts, of_family: Family = 4, local: Address | None = None) -> bool | None:
    """RFC 4787 section 4.2.3: whether sockets on neighbouring ports are seen on neighbouring ports outside.

    Where ports are kept they are contiguous too. Ports given out in the order of sending are not: the neighbours ask
    in another order than that of their ports.
    """
    return _agreed(_contiguous(each) for each in _translated(facts, of_family, local))


def _contiguous(sockets: list[list[Binding]]) -> bool | None:
    """By what one and the same server saw: most of them moved by the same distance, or at most a third of them.

    Where ports are given out one after the other, two of six may: the first, which asked earlier, and one more.
    """
    shifts: dict[Endpoint, dict[Endpoint, int]] = {}
    for each in (each for group in sockets for each in group):
        shifts.setdefault(each.server, {})[each.local or ""] = _shift(each)
    for seen in shifts.values():
        near = _neighbouring(seen)
        if len(near) < NEIGHBOURS_MIN:
            continue
        alike = Counter(seen[each] for each in near).most_common(1)[0][1]
        if 2 * alike > len(near):
            return True
        if 3 * alike <= len(near):
            return False
    return None


def _neighbouring(sockets: Iterable[Endpoint]) -> list[Endpoint]:
    """Those around whose port the most others are."""
    port = {each: split(each)[1] for each in sockets}
    groups = ([each for each in port if 0 <= port[each] - port[first] <= NEAR] for first in port)
    return max(groups, key=len, default=[])


def address_pooling(facts: Facts, of_family: Family = 4, local: Address | None = None) -> bool | None:
    """RFC 4787 section 4.1: True where one server saw sockets of one local address under different outside addresses
    ("arbitrary" pooling); False ("paired", REQ-2) where enough sockets have one and the same. None without a NAT.

    An address that only depends on the server may as well be another way out.
    """
    told = [_pooled(each) for each in _translated(facts, of_family, local)]
    return True if True in told else _agreed(told)


def _pooled(sockets: list[list[Binding]]) -> bool | None:
    seen: dict[Endpoint, set[Address]] = {}
    for each in (each for group in sockets for each in group):
        seen.setdefault(each.server, set()).add(split(each.mapped or "")[0])
    if any(len(addresses) > 1 for addresses in seen.values()):
        return True
    return False if len(sockets) >= PAIRED_SOCKETS and len(set().union(*seen.values())) == 1 else None


def hairpinning(facts: Facts, of_family: Family = 4, local: Address | None = None) -> bool | None:
    """RFC 4787 section 6. Silence is a fact only with endpoint-independent mapping: with another one the endpoint that
    a server names is not the one towards anybody else.
    """
    tests: dict[tuple[int, Address], list[Hairpin]] = {}
    for each in facts.of(Hairpin):
        mine = split(each.local)[0]
        if family(mine) == of_family and local in (None, mine):
            tests.setdefault((each.source, mine), []).append(each)
    return _agreed(_turned_back(facts, of_family, mine, found) for (_, mine), found in tests.items())


def _turned_back(facts: Facts, of_family: Family, local: Address, tests: list[Hairpin]) -> bool | None:
    if any(each.failure is None for each in tests):
        return True
    independent = mapping_varies(facts, of_family, local) is False
    return False if independent and any(kept_out(each) for each in tests) else None


def _translated(facts: Facts, of_family: Family, local: Address | None) -> list[list[list[Binding]]]:
    """By local address behind a NAT: its sockets, with what public servers saw of each."""
    found: dict[tuple[int, Address], list[list[Binding]]] = {}
    for group in filter(None, by_public(facts, of_family, local)):
        found.setdefault((group[0].source, split(group[0].local or "")[0]), []).append(group)
    return [
        sockets
        for (_, mine), sockets in found.items()
        if address_class(mine) != "unspecified"
        and any(split(each.mapped or "")[0] != mine for group in sockets for each in group)
    ]


def _shift(binding: Binding) -> int:
    """How far the outside port is from the socket's own."""
    return split(binding.mapped or "")[1] - split(binding.local or "")[1]


def _agreed(told: Iterable[bool | None]) -> bool | None:
    """What the local addresses say that say anything, if they are of one mind."""
    words = {each for each in told if each is not None}
    return words.pop() if len(words) == 1 else None


def behind_nat(facts: Facts, of_family: Family = 4, local: Address | None = None) -> bool | None:
    """Whether the outside sees another address than the socket's own."""
    for group in by_public(facts, of_family, local):
        known = [each for each in group if address_class(split(each.local or "")[0]) != "unspecified"]
        if known:
            return any(split(each.mapped or "")[0] != split(each.local or "")[0] for each in known)
    return None


def hops(facts: Facts) -> list[Hop]:
    """The routers that spoke up, the nearest first; who stayed silent is left out."""
    found = facts.ok(Hop, lambda each: each.address is not None and not each.reached)
    return sorted(found, key=lambda each: each.ttl)


def own_router(facts: Facts) -> Hop | None:
    """The first hop, where it is the gateway of this machine's default route and has a private address."""
    gateways = {each.gateway for each in facts.ok(DefaultRoute)}
    first = next((each for each in hops(facts) if each.ttl == 1), None)
    ours = first is not None and first.address in gateways and address_class(first.address or "") == "private"
    return first if ours else None


def router_told(facts: Facts) -> RouterAnswer | None:
    """Our own router's word on its outside address; 0.0.0.0 and the like are none, and say nothing."""
    kinds = ("public", "private", "carrier")
    told = facts.ok(RouterAnswer, lambda each: each.outside is not None and address_class(each.outside) in kinds)
    return next(iter(told), None)


def inner_hops(facts: Facts) -> list[Hop]:
    """Beyond our own router and before the first public one: addresses of inner ranges that are not our network's."""
    if (router := own_router(facts)) is None:
        return []
    mine = split(router.local)[0]
    known = facts.ok(LocalAddress, lambda each: each.address == mine)
    network = ipaddress.ip_network(f"{mine}/{min(known[0].prefix, 32) if known else 32}", strict=False)
    inside = takewhile(lambda each: address_class(each.address or "") != "public", hops(facts)[1:])
    return [each for each in inside if ipaddress.ip_address(each.address or "") not in network]


class Lifetime(NamedTuple):
    """How long a UDP mapping outlives its last packet: the longest idle time survived, the shortest that was fatal.

    Seconds; None: not seen. `alive` and `dead` show it; none of those that died was outlived by another.
    """

    alive_seconds: float | None
    dead_seconds: float | None
    alive: tuple[IdleMapping, ...]
    dead: tuple[IdleMapping, ...]


def binding_lifetime(facts: Facts, of_family: Family = 4, local: Address | None = None) -> Lifetime:
    """RFC 4787 section 4.3. A death that another mapping's longer life contradicts is not the timer's doing."""
    tests = [
        each
        for each in facts.of(IdleMapping)
        if family(split(each.local)[0]) == of_family and local in (None, split(each.local)[0])
    ]
    drawn = _drawn(tests)
    tests = [each for each in tests if each.idle > 0]
    alive = [each for each in tests if _lived(each, drawn) is True]
    longest = max((each.idle for each in alive), default=None)
    dead = [each for each in tests if _lived(each, drawn) is False and each.idle > (longest or 0)]
    shortest = min((each.idle for each in dead), default=None)
    return Lifetime(
        longest,
        shortest,
        tuple(each for each in alive if each.idle == longest),
        tuple(each for each in dead if each.idle == shortest),
    )


def _lived(test: IdleMapping, drawn: bool) -> bool | None:
    """A NAT that keeps ports gives a new mapping the old one's; only where they are drawn is the same port alive."""
    if test.mapped_again is not None:
        if test.mapped_again != test.mapped:
            return False
        if drawn:
            return True
    if test.by == "response-port" and test.failure is None:
        return True
    return False if test.by == "response-port" and kept_out(test) else None


def _drawn(tests: list[IdleMapping]) -> bool:
    """Whether the NAT draws ports: none was kept, nor were all moved by the same number."""
    moved = {split(each.mapped)[1] - split(each.local)[1] for each in tests}
    return len(moved) > 1 and 0 not in moved


def shut_beyond(facts: Facts, ttl: int) -> list[Opening]:
    """What shows that the router which ends packets after `ttl` hops, or one beyond it, keeps state: packets that died
    there opened the way for nobody, and one that went on did.
    """
    tests = facts.of(Opening, lambda each: each.ttl == ttl)
    shut = [each for each in tests if not each.whole and kept_out(each)]
    open_ = [each for each in tests if each.whole and each.failure is None]
    return [*shut, *open_] if shut and open_ else []
