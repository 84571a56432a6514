"""NAT behaviour against real NATs and a real coturn with two addresses: every mapping with every filtering."""

from __future__ import annotations

import json
from itertools import product
from typing import Any

import pytest

from natprobe.codec import load
from natprobe.derive.behaviour import Behaviour, filtering_behaviour, mapping_behaviour
from natprobe.facts import Facts, FilteringTest, Probed
from natprobe.model import Failure
from tests.case import Case, Dns, Expect, Network
from tests.netns.lab import lab

ANY: Behaviour = "endpoint-independent"
ADDRESS: Behaviour = "address-dependent"
BOTH: Behaviour = "address-and-port-dependent"
FILTERINGS = (ANY, ADDRESS, BOTH)
MAPPINGS: tuple[Any, ...] = ("none", *FILTERINGS)
# What netfilter can be, the router in user space is too, as for a delay: each shows what the other is worth.
SHORT = 0.0005
NETWORKS = [Network(mapping=mapping, filtering=filtering) for mapping, filtering in product(MAPPINGS, FILTERINGS)]
NETWORKS += [Network(mapping=ANY, filtering=filtering, delay=SHORT) for filtering in FILTERINGS]
LOSSY = [
    Network(mapping=mapping, filtering=filtering, loss=0.15)
    for mapping, filtering in [(ANY, ANY), (ANY, ADDRESS), (ANY, BOTH), (ADDRESS, ADDRESS), (BOTH, BOTH)]
]
RTT = 0.08
FAR = [
    Network(mapping=mapping, filtering=filtering, delay=RTT / 2)
    for mapping, filtering in [(ANY, ANY), (BOTH, ANY), (ANY, ADDRESS), (ANY, BOTH), (BOTH, BOTH)]
]


def named(network: Network) -> str:
    short: dict[str, str] = {ANY: "any", ADDRESS: "address", BOTH: "both"}
    wire = "-userspace" if network.delay == SHORT else ""
    return f"{short.get(network.mapping, 'none')}-{short[network.filtering]}{wire}"


def measured(**parts: Any) -> Facts:
    case = Case(title="", expect=Expect(verdict="good", exit=0), **parts)
    words = ["--stun", "stun:stun1.example.test", "--only", "mapping", "--only", "filtering", "--json", "-q"]
    with lab(case) as built:
        done = built.client.natprobe("check", "stun:stun1.example.test", *words)
    assert json.loads(done.stdout)["verdict"]["status"] == "good", done.stderr
    saved = load(done.stdout)
    return Facts(saved.target, saved.observations)


def behaviours(network: Network) -> tuple[Behaviour, Behaviour]:
    """What is to be said of it: without a NAT every server sees the same endpoint."""
    return ANY if network.mapping == "none" else network.mapping, network.filtering


def right(network: Network) -> Facts:
    facts = measured(network=network)
    assert (mapping_behaviour(facts), filtering_behaviour(facts)) == behaviours(network)
    return facts


def never_wrong(network: Network) -> bool:
    """Whether filtering was told."""
    facts = measured(network=network)
    mapping, filtering = behaviours(network)
    assert mapping_behaviour(facts) in (mapping, None)
    assert filtering_behaviour(facts) in (filtering, None)
    assert all(each.failure in (None, Failure.TIMEOUT) for each in facts.of(FilteringTest))
    return filtering_behaviour(facts) is not None


def seconds(facts: Facts) -> float:
    """From the servers' names to the end of both tests."""
    end = {each.probe: each.at for each in facts.of(Probed)}
    return max(end["mapping"], end["filtering"]) - end["names"]


@pytest.mark.parametrize("network", NETWORKS, ids=named)
def test_every_nat(network: Network) -> None:
    right(network)


def test_ipv6_behind_a_stateful_firewall() -> None:
    for delay in (0.0, SHORT):
        facts = measured(network=Network(ipv6="works", delay=delay), dns=Dns(ipv6=True))
        assert mapping_behaviour(facts, 6) == ANY
        assert filtering_behaviour(facts, 6) == BOTH


@pytest.mark.parametrize("network", LOSSY[1:4], ids=named)
def test_loss_never_makes_it_wrong(network: Network) -> None:
    never_wrong(network)


@pytest.mark.parametrize("mapping", [ANY, ADDRESS])
def test_a_wire_in_disorder_never_makes_it_wrong(mapping: Behaviour) -> None:
    right(disorderly(mapping, ADDRESS))


def disorderly(mapping: Behaviour, filtering: Behaviour) -> Network:
    return Network(mapping=mapping, filtering=filtering, delay=RTT / 2, jitter=0.01, reorder=0.1)


def test_far_away_with_answers_that_stay_out_takes_seconds_at_most() -> None:
    took = seconds(right(FAR[3]))
    print(f"{took:.3f} s")
    assert took <= 3.5


@pytest.mark.long
@pytest.mark.parametrize("network", FAR, ids=named)
def test_far_away_it_takes_a_few_round_trips(network: Network) -> None:
    bar = 4 * RTT + 0.1 if network.filtering == ANY else 3.5
    took = [seconds(right(network)) for _ in range(5)]
    print(*(f"{each:.3f}" for each in took))
    assert max(took) <= bar


@pytest.mark.long
@pytest.mark.parametrize("network", NETWORKS, ids=named)
def test_every_nat_twenty_times(network: Network) -> None:
    for _ in range(20):
        right(network)


@pytest.mark.long
@pytest.mark.parametrize("network", LOSSY, ids=named)
def test_loss_never_makes_it_wrong_twenty_times(network: Network) -> None:
    told = [never_wrong(network) for _ in range(20)]
    print(f"told {sum(told)} times of {len(told)}")


@pytest.mark.long
@pytest.mark.parametrize(("mapping", "filtering"), [*product(FILTERINGS, FILTERINGS)])
def test_a_wire_in_disorder_never_makes_it_wrong_ten_times(mapping: Behaviour, filtering: Behaviour) -> None:
    for _ in range(10):
        right(disorderly(mapping, filtering))
