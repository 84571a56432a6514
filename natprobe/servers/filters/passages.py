"""What follows from the rules for the ports that matter: a Passage for each stretch of ports that fares alike."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import msgspec

from natprobe.facts import Passage
from natprobe.facts.listening import Proto
from natprobe.model import clip, family, join
from natprobe.servers.filters import Atom, Table, nft
from natprobe.servers.filters.compiled import flat
from natprobe.servers.filters.owners import manager
from natprobe.servers.filters.packet import Packet
from natprobe.servers.filters.ranges import Range, words
from natprobe.servers.filters.reading import Ruleset
from natprobe.servers.filters.walk import Outcome, Own, Step, Way, way

# Rules of a few thousand ports one by one: each stretch of a range is a walk of its own.
_STRETCHES_MAX = 128
_RULE_MAX = 300
_LOOPBACK = (int(ipaddress.ip_address("127.0.0.1")), int(ipaddress.ip_address("::1")))


class Asked(NamedTuple):
    """Ports to look at."""

    proto: Proto
    port: int
    port_end: int


class Place(NamedTuple):
    """An address of this host, and where packets for it come in."""

    address: str
    interface: str


def passages(ruleset: Ruleset, asked: Asked, place: Place, own: Sequence[Own], default: str = "") -> Iterator[Passage]:
    """From its first port to its last: `default` is the interface of the default route."""
    port = asked.port
    for _ in range(_STRETCHES_MAX):
        fate, end = _stretch(ruleset, asked._replace(port=port), place, own, default)
        yield from _told(ruleset, fate, asked._replace(port=port, port_end=end), place)
        if end >= asked.port_end:
            return
        port = end + 1
    yield Passage(
        proto=asked.proto,
        port=port,
        port_end=asked.port_end,
        address=place.address.partition("%")[0],
        family=family(place.address),
        interface=place.interface,
        outcome="unknown",
        rule="too many rules for single ports of this range",
    )


class _Fate(NamedTuple):
    way: Way
    passed: Step | None = None


def _stretch(ruleset: Ruleset, asked: Asked, place: Place, own: Sequence[Own], default: str) -> tuple[_Fate, int]:
    """What becomes of the first port, and of how many behind it the same."""
    first = _fate(ruleset, asked.proto, asked.port, place, own, default)
    end = min(first.way.until, asked.port_end)
    for _ in range(_STRETCHES_MAX):
        if end >= asked.port_end:
            break
        following = _fate(ruleset, asked.proto, end + 1, place, own, default)
        if not _alike(first, following):
            break
        end = min(following.way.until, asked.port_end)
    return first, end


def _alike(one: _Fate, other: _Fate) -> bool:
    """Whoever lets them in: ports that are let in fare alike. DNAT and closed ones have to be the same rule's."""
    if one.way.outcome != other.way.outcome or (one.way.to is None) is not (other.way.to is None):
        return False
    if one.way.to is not None and other.way.to is not None and one.way.to[0] != other.way.to[0]:
        return False
    if one.way.outcome == "accept":
        return bool(one.way.asides) == bool(other.way.asides) and (one.passed is None) == (other.passed is None)
    return [each.rule for each in one.way.steps] == [each.rule for each in other.way.steps]


def _fate(ruleset: Ruleset, proto: str, port: int, place: Place, own: Sequence[Own], default: str) -> _Fate:
    found = way(ruleset.tables, _packet(proto, port, place, own), own, default)
    if found.to is None or found.outcome != "accept":
        return _Fate(found)
    without = way(ruleset.tables, _packet(proto, port, place, own), own, default, led=False)
    closed = without.outcome in ("drop", "reject")
    return _Fate(found._replace(until=min(found.until, without.until)), without.steps[0] if closed else None)


def _packet(proto: str, port: int, place: Place, own: Sequence[Own]) -> Packet:
    here = frozenset((*(int(ipaddress.ip_address(each.address.partition("%")[0])) for each in own), *_LOOPBACK))
    address = int(ipaddress.ip_address(place.address.partition("%")[0]))
    return Packet(family(place.address), proto, port, address, place.interface, here)


def _told(ruleset: Ruleset, fate: _Fate, asked: Asked, place: Place) -> Iterator[Passage]:
    """Who decides, whoever else closes it, and what happens to certain senders instead."""
    found = fate.way
    first = found.steps[0] if found.steps else None
    main = _passage(ruleset, asked, place, first, found.outcome)
    yield msgspec.structs.replace(
        main,
        to=join(*found.to) if found.to else None,
        passed_by=rule(ruleset, fate.passed) if fate.passed else "",
        passed_manager=manager(fate.passed) if fate.passed else None,
    )
    for step in found.steps[1:] if found.outcome in ("drop", "reject") else ():
        yield _passage(ruleset, asked, place, step, "reject" if step.outcome == "reject" else "drop")
    if found.asides:
        aside = found.asides[0]
        senders = [_senders(each.by, family(place.address)) for each in found.asides]
        more = [f"and {found.more} more"] if found.more else []
        said = _passage(ruleset, asked, place, aside, aside.outcome)  # type: ignore[arg-type]  # no other end has one
        yield msgspec.structs.replace(said, sources=clip(", ".join([*dict.fromkeys(senders), *more]), 200))


def _passage(ruleset: Ruleset, asked: Asked, place: Place, step: Step | None, outcome: Outcome) -> Passage:
    return Passage(
        proto=asked.proto,
        port=asked.port,
        port_end=asked.port_end,
        address=place.address.partition("%")[0],
        family=family(place.address),
        interface=clip(place.interface, 50),
        outcome=outcome,
        rule=rule(ruleset, step) if step else "",
        chain=chain(step) if step else "",
        manager=manager(step) if step else None,
        sources=_left_out(step.by, family(place.address)) if step else "",
    )


def chain(step: Step) -> str:
    """`inet filter input`, `ip filter ufw-user-input`."""
    return clip(f"{step.table.family} {step.table.name} {step.chain.name}", 200)


def rule(ruleset: Ruleset, step: Step) -> str:
    """As the system writes it, or the chain's policy."""
    if step.rule is None:
        return f"policy {step.chain.policy}"
    text = step.rule.text
    if step.table.engine == "nft":
        text = nft.written(ruleset.written, step.table, step.chain.name, step.rule.text) or f"handle {step.rule.text}"
    return clip(" ".join(text.split()), _RULE_MAX)


def _left_out(atoms: Sequence[Atom], version: int) -> str:
    """Whom these conditions leave out: what decides is not for everybody then."""
    said = [_said(each, version) for each in flat(atoms) if each.field in ("saddr", "sources") and each.negated]
    named = list(dict.fromkeys(each for each in said if each))
    return clip(f"all but {', '.join(named)}", 200) if named else ""


def _senders(atoms: Sequence[Atom], version: int) -> str:
    """Whom they are for."""
    said = [_said(each, version) for each in flat(atoms) if each.field in ("saddr", "sources") and not each.negated]
    return next((each for each in said if each), "some senders")


def _said(atom: Atom, version: int) -> str:
    if atom.field == "sources":
        return str(atom.values[0])
    return words([each for each in atom.values if each[1] - each[0] < 1 << (31 if version == 4 else 127)], version)


def led_on(tables: Sequence[Table]) -> list[Asked]:
    """The ports that rules of DNAT are about, as far as they name them."""
    found: list[Asked] = []
    for table in tables:
        for each in (rule for chain in table.chains.values() if chain.nat for rule in chain.rules):
            if each.verdict in ("dnat", "redirect"):
                found += [Asked(proto, low, high) for proto in _protos(each.atoms) for low, high in _ports(each.atoms)]
    return list(dict.fromkeys(found))


def _protos(atoms: Sequence[Atom]) -> tuple[Proto, ...]:
    named = [set(each.values) for each in flat(atoms) if each.field == "proto" and not each.negated]
    return tuple(each for each in ("tcp", "udp") if named and all(each in some for some in named))


def _ports(atoms: Sequence[Atom]) -> list[Range]:
    return [one for each in flat(atoms) if each.field == "dport" and not each.negated for one in each.values]
