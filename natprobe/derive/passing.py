"""What the host's own packet filter does with the ports that matter: who needs them, and who closes them. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from natprobe.addresses import of_containers
from natprobe.derive.needs import Need, needs
from natprobe.facts import Facts, Listening, Passage, Published
from natprobe.model import split

CLOSED = ("drop", "reject")
# Where nobody says what is needed: the page, and a bridge's media port.
USUAL = (("tcp", 443), ("udp", 10000), ("udp", 3478))
_LOOPBACK = ("127.", "::1")
_EVERY: dict[str | None, int] = {"0.0.0.0": 4, "::": 6}


def wanted(facts: Facts, passage: Passage) -> Need | None:
    """Who says that strangers have to reach one of its ports; where nobody says anything, who holds a usual one."""
    outside = [each for each in needs(facts) if each.outside]
    if not outside:
        return _usual(facts, passage)
    return next((each for each in outside if _about(each, passage)), None)


def anything_wanted(facts: Facts) -> bool:
    """Whether strangers have to reach any port at all, or somebody holds a usual one."""
    held = {(e.proto, e.port) for e in facts.of(Listening) if not e.address.startswith(_LOOPBACK)}
    return any(each.outside for each in needs(facts)) or bool(held & set(USUAL))


def _about(need: Need, passage: Passage) -> bool:
    ports = need.proto == passage.proto and need.port <= passage.port_end and passage.port <= need.port_end
    return ports and of_address(need.address, passage)


def of_address(address: str | None, passage: Passage) -> bool:
    """Whether what is needed at this address, or at all (of a family), is what this packet filter's word is about."""
    if address in _EVERY:
        return _EVERY[address] == passage.family
    return address in (None, passage.address)


def _usual(facts: Facts, passage: Passage) -> Need | None:
    key = (passage.proto, passage.port)
    held = [e for e in facts.of(Listening) if (e.proto, e.port) == key and not e.address.startswith(_LOOPBACK)]
    if key not in USUAL or not held:
        return None
    program = held[0].process or ""
    return Need(
        proto=passage.proto,
        address=None,
        port=passage.port,
        port_end=passage.port_end,
        role="named",
        program=program,
        by=program or "what listens there",
        evidence=(held[0].id,),
    )


def of_container(facts: Facts, passage: Passage) -> bool:
    """Whether DNAT leads it into a container."""
    if passage.to is None:
        return False
    address = split(passage.to)[0]
    return of_containers(address) or any(split(each.to)[0] == address for each in facts.of(Published))


def closed(passage: Passage) -> bool:
    """Whether strangers don't get through: it is no rule for certain senders only."""
    return passage.outcome in CLOSED and (not passage.sources or passage.sources.startswith("all but "))


def let_in(facts: Facts, passage: Passage) -> str:
    """The senders that are let in to the very ports where strangers are not."""
    alike = [each for each in facts.of(Passage) if _place(each) == _place(passage) and each.outcome == "accept"]
    return next((each.sources for each in alike if each.sources), passage.sources.removeprefix("all but "))


def _place(passage: Passage) -> tuple[object, ...]:
    return (passage.proto, passage.port, passage.port_end, passage.address, passage.family, passage.interface)


def other_family_open(facts: Facts, found: Sequence[Passage]) -> bool:
    """Whether the same ports are open over the other family, so that some get through all the same."""
    families, keys = {each.family for each in found}, {(each.proto, each.port) for each in found}
    there = [each for each in facts.of(Passage) if (each.proto, each.port) in keys and each.family not in families]
    return len(families) == 1 and bool(there) and all(each.outcome == "accept" for each in there)
