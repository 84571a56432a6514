"""What the network does to packets, in the words of RFC 4787, for each local address: True, False, or None. Pure.

Every question takes the address family and, where it should be about one local address only, that address. A silence
counts as `kept_out` says. Servers on this side of a NAT see another picture and don't count against public ones.
"""

from __future__ import annotations

from typing import Literal

from natprobe.addresses import address_class
from natprobe.derive import QUIET_TRIES, SILENT_TRIES, bindings
from natprobe.facts import Binding, Facts, FilteringTest, Hairpin, IdleMapping
from natprobe.model import Address, Endpoint, Failure, Family, family, split

Behaviour = Literal["endpoint-independent", "address-dependent", "address-and-port-dependent"]


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
    found = [
        [each for each in group if address_class(split(each.server)[0]) == "public"]
        for (_, socket), group in mappings(facts).items()
        if local is None or split(socket)[0] == local
    ]
    return [[each for each in group if family(split(each.server)[0]) == of_family] for group in found]


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
    """RFC 4787 section 5: who may answer to a socket. Of the first local address that the tests decide for."""
    tests: dict[tuple[int, Endpoint, Endpoint], dict[str, FilteringTest]] = {}
    for each in facts.of(FilteringTest):
        server, mine = split(each.server)[0], split(each.local)[0]
        if family(server) == of_family and address_class(server) == "public" and local in (None, mine):
            tests.setdefault((each.source, each.local, each.server), {})[each.change] = each
    found = [_filtering(pair.get("address-and-port"), pair.get("port")) for pair in tests.values()]
    return next((each for each in found if each is not None), None)


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


def kept_out(test: FilteringTest | Hairpin | IdleMapping) -> bool:
    """Silence that counts: nine tries among answered controls, or six where no control was lost."""
    quiet = test.tries >= QUIET_TRIES and test.controls >= QUIET_TRIES and not test.controls_lost
    enough = test.tries >= SILENT_TRIES and test.controls >= SILENT_TRIES // 2
    return test.failure is Failure.TIMEOUT and (quiet or enough)


def outside_addresses(facts: Facts, of_family: Family = 4, local: Address | None = None) -> list[Address]:
    """What public servers of this family see of this network."""
    seen = [split(each.mapped or "")[0] for group in by_public(facts, of_family, local) for each in group]
    return list(dict.fromkeys(seen))


def ports_preserved(facts: Facts, of_family: Family = 4, local: Address | None = None) -> bool | None:
    """RFC 4787 section 4.2.1: whether the NAT keeps the socket's port. None without a NAT, or when only sometimes."""
    if not behind_nat(facts, of_family, local):
        return None
    kept = {
        split(each.local or "")[1] == split(each.mapped or "")[1]
        for group in by_public(facts, of_family, local)
        for each in group
    }
    return kept.pop() if len(kept) == 1 else None


def behind_nat(facts: Facts, of_family: Family = 4, local: Address | None = None) -> bool | None:
    """Whether the outside sees another address than the socket's own."""
    for group in by_public(facts, of_family, local):
        known = [each for each in group if address_class(split(each.local or "")[0]) != "unspecified"]
        if known:
            return any(split(each.mapped or "")[0] != split(each.local or "")[0] for each in known)
    return None
