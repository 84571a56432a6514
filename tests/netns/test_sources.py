"""Each local address is really bound: what leaves by which interface of a real kernel."""

from __future__ import annotations

import json
from typing import Any

from natprobe.codec import load
from natprobe.derive.behaviour import outside_addresses
from natprobe.facts import Binding, Connected, DefaultRoute, Facts
from natprobe.model import Failure, split
from tests.case import Case, Dns, Expect, Network
from tests.netns import addresses as at
from tests.netns.lab import lab


def measured(*options: str, **parts: Any) -> Facts:
    case = Case(title="", expect=Expect(verdict="good", exit=0), **parts)
    words = ["--stun", "stun:stun1.example.test", "--stun", "stun:stun2.example.test", "--json", "-q", *options]
    with lab(case) as built:
        done = built.client.natprobe("check", "stun:stun1.example.test", *words)
    assert json.loads(done.stdout)["verdict"]["status"] == "good", done.stderr
    saved = load(done.stdout)
    return Facts(saved.target, saved.observations)


def test_each_address_leaves_by_its_own_way_over_udp_and_tcp() -> None:
    facts = measured(network=Network(uplink="works"))
    assert outside_addresses(facts, 4, at.LAN_CLIENT) == ["198.51.100.7"]
    assert outside_addresses(facts, 4, at.UPLINK_CLIENT) == [at.UPLINK_OUTSIDE]
    tcp = facts.ok(Binding, lambda each: each.transport == "tcp")
    assert {(split(each.local or "")[0], split(each.mapped or "")[0]) for each in tcp} == {
        (at.LAN_CLIENT, "198.51.100.7"),
        (at.UPLINK_CLIENT, at.UPLINK_OUTSIDE),
    }
    assert [each.interface for each in facts.ok(DefaultRoute)] == ["eth0", "eth1"]


def test_source_takes_the_interface_by_name_too() -> None:
    facts = measured("--source", "eth1", network=Network(uplink="works"))
    assert outside_addresses(facts) == [at.UPLINK_OUTSIDE]
    assert {split(each.local or "")[0] for each in facts.ok(Connected)} <= {at.UPLINK_CLIENT}


def test_a_tentative_address_is_told_as_what_it_is() -> None:
    facts = measured(network=Network(ipv6="works", ghost=True), dns=Dns(ipv6=True))
    ghost = facts.of(Binding, lambda each: each.local == f"[{at.GHOST6}]:0")
    assert {each.failure for each in ghost} == {Failure.ADDRESS_NOT_LOCAL}
    assert outside_addresses(facts, 6) == [at.CLIENT6]
