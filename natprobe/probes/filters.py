"""On the server: what its own packet filters do with strangers' packets to the ports that matter. Rules are read only.

The ports are those that configuration or --expect says are needed, those that are led on to containers, and where
nobody says any, the usual ones.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

from natprobe.context import Context
from natprobe.derive.needs import needs
from natprobe.facts import (
    ConfigFile,
    DefaultRoute,
    Expected,
    Facts,
    Listening,
    LocalAddress,
    PacketFilter,
    Passage,
    Program,
    Published,
    Setting,
)
from natprobe.model import Family, Observation, family
from natprobe.probes.rulesets import RULESET
from natprobe.servers.filters.passages import Asked, Place, led_on, passages
from natprobe.servers.filters.reading import Ruleset
from natprobe.servers.filters.walk import Own

REQUIRES = ()
TAKES = (PacketFilter, LocalAddress, DefaultRoute, Listening, Published, Expected, ConfigFile, Setting, Program)
YIELDS = (Passage,)
TIMEOUT = 3.0

# What is looked at where nobody says what is needed: the page, a bridge's media port; and STUN's where it is held.
USUAL = (Asked("tcp", 443, 443), Asked("udp", 10000, 10000))
_STUN = Asked("udp", 3478, 3478)
# Hosts with many addresses or containers.
_PLACES_MAX, _ASKED_MAX = 8, 64
_OUTSIDE = ("private", "carrier", "unique-local", "public", "tunnel")


async def probe(ctx: Context, facts: Facts) -> AsyncIterator[Observation]:
    """Of rules that are hidden from us, even in part, nothing follows."""
    ruleset = ctx.keep.get(RULESET, Ruleset)
    if ruleset is not None and ruleset.whole:
        for passage in _passages(facts, ruleset):
            yield passage


def _passages(facts: Facts, ruleset: Ruleset) -> Iterator[Passage]:
    own = [Own(each.address, each.interface, each.prefix) for each in facts.of(LocalAddress) if each.up]
    for asked, address in _wanted(facts, ruleset):
        for place in _places(facts, address):
            yield from passages(ruleset, asked, place, own, _default(facts, family(place.address)))


def _wanted(facts: Facts, ruleset: Ruleset) -> list[tuple[Asked, str | None]]:
    """Each once, with the address that is needed, or None for any."""
    found = [(Asked(each.proto, each.port, each.port_end), each.address) for each in needs(facts) if each.outside]
    if not found:
        held = {(each.proto, each.port) for each in facts.of(Listening)}
        found = [(each, None) for each in (*USUAL, *([_STUN] if ("udp", 3478) in held else []))]
    published = [(Asked(each.proto, each.port, each.port_end), _named(each.address)) for each in facts.of(Published)]
    found += [each for each in published if each[1] is None or _own(facts, each[1])]
    found += [(each, None) for each in led_on(ruleset.tables)]
    return list(dict.fromkeys(found))[:_ASKED_MAX]


def _named(address: str) -> str | None:
    return None if address in ("0.0.0.0", "::") else address  # what a container's port is published at


def _own(facts: Facts, address: str) -> LocalAddress | None:
    """Where strangers may come to."""
    return next((e for e in facts.of(LocalAddress) if e.address == address and e.scope in _OUTSIDE), None)


def _places(facts: Facts, address: str | None) -> list[Place]:
    """An address that is named and this host's own; else its public ones, and where its default routes lead out."""
    if address is not None and (own := _own(facts, address)) is not None:
        return [Place(own.address, own.interface)]
    there = [each for each in facts.of(LocalAddress) if each.up and each.scope in _OUTSIDE]
    if address is not None:
        there = [each for each in there if family(each.address) == family(address)]
    found = [each for each in there if each.scope == "public"]
    for route in facts.ok(DefaultRoute):
        beside = [e for e in there if e.interface == route.interface and family(e.address) == route.family]
        found += beside[:1]
    return list(dict.fromkeys(Place(each.address, each.interface) for each in found))[:_PLACES_MAX]


def _default(facts: Facts, version: Family) -> str:
    routes = facts.ok(DefaultRoute)
    return next((each.interface for each in routes if each.family == version and each.interface), "")
