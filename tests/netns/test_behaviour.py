"""NAT behaviour against real NATs and a real coturn with two addresses: the table of what nftables can be."""

from __future__ import annotations

import json
import sys
from typing import Any

import pytest

from natprobe.behaviour import Behaviour, filtering_behaviour, mapping_behaviour
from natprobe.codec import load
from natprobe.facts import Facts, FilteringTest
from natprobe.model import Failure
from tests.case import Case, Dns, Expect, Network
from tests.netns.lab import lab

ANY: Behaviour = "endpoint-independent"
ADDRESS: Behaviour = "address-dependent"
BOTH: Behaviour = "address-and-port-dependent"
# Mapping and filtering of the router; what natprobe has to say of them.
NETWORKS = [
    (ANY, ANY),
    (ANY, ADDRESS),
    (ANY, BOTH),
    (ADDRESS, BOTH),
    (BOTH, BOTH),
    ("none", ANY),
    ("none", BOTH),
]


def measured(**parts: Any) -> Facts:
    case = Case(title="", expect=Expect(verdict="good", exit=0), **parts)
    words = ["--stun", "stun:stun1.example.test", "--only", "mapping", "--only", "filtering", "--json", "-q"]
    with lab(case) as built:
        command = [sys.executable, "-m", "natprobe", "check", "stun:stun1.example.test", *words]
        done = built.client.run(command, check=False)
    assert json.loads(done.stdout)["verdict"]["status"] == "good", done.stderr
    saved = load(done.stdout)
    return Facts(saved.target, saved.observations)


@pytest.mark.parametrize(("mapping", "filtering"), NETWORKS)
def test_every_nat(mapping: Any, filtering: Any) -> None:
    facts = measured(network=Network(mapping=mapping, filtering=filtering))
    assert mapping_behaviour(facts) == (ANY if mapping == "none" else mapping)
    assert filtering_behaviour(facts) == filtering


def test_ipv6_behind_a_stateful_firewall() -> None:
    facts = measured(network=Network(ipv6="works"), dns=Dns(ipv6=True))
    assert mapping_behaviour(facts, 6) == ANY
    assert filtering_behaviour(facts, 6) == BOTH


def test_loss_never_makes_it_wrong() -> None:
    facts = measured(network=Network(filtering=ADDRESS, loss=0.1))
    assert filtering_behaviour(facts) in (ADDRESS, None)
    assert all(each.failure in (None, Failure.TIMEOUT) for each in facts.of(FilteringTest))


@pytest.mark.long
@pytest.mark.parametrize(("mapping", "filtering"), NETWORKS)
def test_every_nat_twenty_times(mapping: Any, filtering: Any) -> None:
    for _ in range(20):
        facts = measured(network=Network(mapping=mapping, filtering=filtering))
        assert (mapping_behaviour(facts), filtering_behaviour(facts)) == (
            ANY if mapping == "none" else mapping,
            filtering,
        )
