"""The forecast for two clients, played out: every two NATs of the lab, and checks between them as ICE sends them."""

from __future__ import annotations

import itertools
import random

import pytest

from natprobe.derive.behaviour import Behaviour
from natprobe.facts import FilteringTest
from natprobe.model import Failure, Observation
from natprobe.paths import paths
from natprobe.reasons import REASONS
from tests.lab.nat import Nat
from tests.lab.network import Endpoint, Packet
from tests.made import LOCAL, LOCAL6, STUN1, STUN1_6, STUN2, facts, saw, unheard

ANY: Behaviour = "endpoint-independent"
ADDRESS: Behaviour = "address-dependent"
BOTH: Behaviour = "address-and-port-dependent"
KINDS = list(itertools.product((ANY, ADDRESS, BOTH), (ANY, ADDRESS, BOTH)))
SERVER = ("203.0.113.20", 3478)
ROUNDS = 6
# What each slug promises: two such clients, and this one with a peer of endpoint-independent mapping and a filtering.
PROMISES: dict[str, tuple[bool, dict[Behaviour, bool]]] = {
    "p2p-any": (True, {ANY: True, ADDRESS: True, BOTH: True}),
    "p2p-likely": (True, {ANY: True, ADDRESS: True, BOTH: True}),
    "p2p-open": (True, {ANY: True, ADDRESS: True, BOTH: False}),
    "p2p-unlikely": (False, {ANY: True, ADDRESS: True, BOTH: False}),
}


class Client:
    """Behind a NAT of its own; `remotes` are the peer's candidates, those learnt from its checks too."""

    def __init__(self, number: int, mapping: Behaviour, filtering: Behaviour) -> None:
        self.inside = (f"192.168.{number}.2", 40000)
        self.nat = Nat(
            f"198.51.100.{number}",
            mapping,
            filtering,
            random.Random(number),
            ports="preserved" if mapping == ANY else "random",
        )
        self.reflexive = self.sent(SERVER).source
        self.remotes: list[Endpoint] = []
        self.valid = False

    def sent(self, to: Endpoint) -> Packet:
        packet = self.nat.outward(Packet("udp", self.inside, to))
        assert packet is not None
        return packet

    def checks(self, peer: Client, remote: Endpoint) -> None:
        """One check and its answer, which counts only from where the check went (RFC 8445 section 7.2.5.2.1)."""
        request = peer.nat.inward(self.sent(remote))
        if request is None:
            return
        if request.source not in peer.remotes:  # section 7.3.1.3: a peer-reflexive candidate, checked in its turn
            peer.remotes.append(request.source)
        answer = self.nat.inward(peer.sent(request.source))
        self.valid |= answer is not None and answer.source == remote


def meet(mine: tuple[Behaviour, Behaviour], theirs: tuple[Behaviour, Behaviour]) -> bool:
    one, other = Client(1, *mine), Client(2, *theirs)
    one.remotes, other.remotes = [other.reflexive], [one.reflexive]
    for _ in range(ROUNDS):
        for here, there in ((one, other), (other, one)):
            for remote in list(here.remotes):
                here.checks(there, remote)
    return one.valid and other.valid


def forecast(*observations: Observation) -> str | None:
    return paths(facts(*observations))[-1].reason


def measured(mapping: Behaviour, filtering: Behaviour | None, six: bool = False) -> list[Observation]:
    """What a client behind such a NAT sees of it."""
    first, port, other = ("[2001:db8:f::20]:3478", "[2001:db8:f::20]:3479", "[2001:db8:f::30]:3478")
    outside, local = "[2001:db8:9::7]", LOCAL6
    if not six:
        first, port, other, outside, local = STUN1, "203.0.113.20:3479", STUN2, "198.51.100.7", LOCAL
    by_port, by_address = 1 + (mapping == BOTH), 1 + 2 * (mapping != ANY)
    seen: list[Observation] = [
        saw(server, f"{outside}:{number}", local)
        for server, number in ((first, 1), (port, by_port), (other, by_address))
    ]
    return seen if filtering is None else seen + filtered(first, local, filtering)


def filtered(server: str, local: str, filtering: Behaviour) -> list[Observation]:
    through = {ANY: (None, None), ADDRESS: (Failure.TIMEOUT, None), BOTH: (Failure.TIMEOUT, Failure.TIMEOUT)}[filtering]
    changes = zip(("address-and-port", "port"), through, strict=True)
    return [
        FilteringTest(server=server, local=local, change=change, expected=server, tries=9, controls=9, failure=failure)  # type: ignore[arg-type]
        for change, failure in changes
    ]


@pytest.mark.parametrize(("mapping", "filtering"), KINDS)
def test_what_is_forecast_happens(mapping: Behaviour, filtering: Behaviour) -> None:
    slug = forecast(*measured(mapping, filtering))
    assert slug is not None
    such, with_peer = PROMISES[slug]
    assert meet((mapping, filtering), (mapping, filtering)) is such
    assert {each: meet((mapping, filtering), (ANY, each)) for each in (ANY, ADDRESS, BOTH)} == with_peer


@pytest.mark.parametrize(("mapping", "filtering"), KINDS)
def test_who_finds_any_other_really_does(mapping: Behaviour, filtering: Behaviour) -> None:
    every = all(meet((mapping, filtering), other) for other in KINDS)
    assert (forecast(*measured(mapping, filtering)) == "p2p-any") is every


def test_filtering_that_was_not_measured_promises_less() -> None:
    assert forecast(*measured(ANY, None)) == "p2p-likely"
    assert forecast(*measured(ADDRESS, None)) == "p2p-unlikely"


def test_the_family_that_fares_best_counts() -> None:
    assert forecast(*measured(BOTH, BOTH), *measured(ANY, BOTH, six=True)) == "p2p-likely"
    assert forecast(*measured(ANY, ADDRESS), *measured(BOTH, BOTH, six=True)) == "p2p-any"


def test_the_local_address_that_fares_best_counts() -> None:
    second = [saw(server, "198.51.100.77:5", "10.20.0.2:5") for server in (STUN1, STUN2)]
    assert forecast(*measured(BOTH, BOTH), *second) == "p2p-likely"


def test_without_enough_answers_nothing_is_forecast() -> None:
    assert forecast(saw()) == "needs-second-client"
    assert forecast(saw(STUN1_6, "[2001:db8:9::7]:1", LOCAL6)) == "needs-second-client"
    silent = [unheard(server, operator=server) for server in (STUN1, STUN2)]
    assert forecast(*silent, saw(STUN1, transport="tcp")) == "p2p-no-udp"


def test_every_promise_has_its_words_and_none_alarms() -> None:
    for slug in PROMISES:
        assert REASONS[slug].startswith("a forecast: two clients such as this one")
        assert "with endpoint-independent mapping" in REASONS[slug] or "any other" in REASONS[slug]
        assert not any(word in REASONS[slug] for word in ("fail", "broken", "cannot", "symmetric"))
