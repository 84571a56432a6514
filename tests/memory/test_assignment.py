"""Which outside addresses and ports a NAT gives, and whether inside hosts reach each other by them (RFC 4787)."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from natprobe.asking.neighbours import COUNT
from natprobe.derive.behaviour import (
    address_pooling,
    filtering_behaviour,
    hairpinning,
    mapping_behaviour,
    mapping_varies,
    ports_contiguous,
    ports_preserved,
)
from natprobe.facts import Binding, Facts, Hairpin, Stray
from natprobe.model import Failure, split
from natprobe.net.api import Datagram, Udp
from natprobe.target import parse, stun_server
from natprobe.wire import stun
from tests.case import Dns, Network
from tests.lab.build import Lab
from tests.lab.check import observed
from tests.lab.client import BEHAVIOURS, RTT, lab_of
from tests.netns import addresses as at

PROBES = ("interfaces", "names", "mapping", "filtering", "hairpin")
EVERY = list(itertools.product(BEHAVIOURS, BEHAVIOURS, (True, False)))
# How ports are given; whether they are kept, and whether neighbours stay neighbours.
PORTS = {
    "preserved": (True, True),
    "random": (False, False),
    "sequential": (False, False),
    "contiguous": (False, True),
}


def measured(lab: Lab, probes: tuple[str, ...] = PROBES, **options: Any) -> Facts:
    return Facts(parse(at.TARGET).target, observed(lab, probes=probes, **options))


def turned_back(mapping: str, filtering: str, hairpin: bool) -> bool | None:
    """With dependent mapping nobody knows the endpoint towards the other, and who knows one may not be let in by it."""
    if hairpin and BEHAVIOURS[0] in (mapping, filtering):
        return True
    return False if mapping == BEHAVIOURS[0] else None


@pytest.mark.parametrize(("mapping", "filtering", "hairpin"), EVERY)
def test_hairpinning_in_every_nat(mapping: Any, filtering: Any, hairpin: bool) -> None:
    facts = measured(lab_of(network=Network(mapping=mapping, filtering=filtering, hairpin=hairpin)))
    assert hairpinning(facts) is turned_back(mapping, filtering, hairpin)
    assert (mapping_behaviour(facts), filtering_behaviour(facts)) == (mapping, filtering)
    there, back = facts.of(Hairpin)
    assert (there.sender, there.local) == (back.local, back.sender)
    assert not facts.of(Stray)


def test_the_other_is_seen_outside() -> None:
    there, back = measured(lab_of(network=Network(hairpin=True))).of(Hairpin)
    assert (there.seen_from, back.seen_from) == (back.mapped, there.mapped)
    assert split(there.mapped)[0] == "198.51.100.7"
    assert there.failure is back.failure is None


def test_hairpinning_at_the_provider() -> None:
    assert hairpinning(measured(lab_of(network=Network(carrier=True, hairpin=True)))) is True
    assert hairpinning(measured(lab_of(network=Network(carrier=True)))) is False


@pytest.mark.parametrize("filtering", BEHAVIOURS)
def test_without_a_nat_nothing_of_this_is_tried(filtering: Any) -> None:
    lab = lab_of(network=Network(mapping="none", filtering=filtering, ipv6="works"), dns=Dns(ipv6=True))
    facts = measured(lab)
    assert not facts.of(Hairpin)
    told = (ports_preserved, ports_contiguous, address_pooling, hairpinning)
    assert [each(facts, version) for each in told for version in (4, 6)] == [None] * 8
    assert len({each.local for each in facts.of(Binding) if each.probe == "mapping" and each.transport == "udp"}) == 2


def test_one_hairpin_test_tells_nothing_of_ipv6() -> None:
    assert hairpinning(measured(lab_of(network=Network(hairpin=True))), 6) is None
    assert hairpinning(measured(lab_of(network=Network(hairpin=True))), 4, "192.168.1.77") is None


@pytest.mark.parametrize("ports", PORTS)
@pytest.mark.parametrize("mapping", BEHAVIOURS)
def test_ports(mapping: Any, ports: Any) -> None:
    for seed in range(5):
        facts = measured(lab_of(seed, network=Network(mapping=mapping, ports=ports)))
        kept, neighbours = PORTS[ports]
        # One socket cannot keep its port towards everybody: the second mapping gets another one.
        assert ports_preserved(facts) is kept
        assert ports_contiguous(facts) in ((neighbours,) if mapping == BEHAVIOURS[0] else (neighbours, None))


@pytest.mark.parametrize("mapping", BEHAVIOURS)
def test_pools(mapping: Any) -> None:
    assert address_pooling(measured(lab_of(network=Network(mapping=mapping)))) is False
    facts = measured(lab_of(network=Network(mapping=mapping, pool=4)))
    assert address_pooling(facts) is True
    assert mapping_varies(facts) is (mapping != BEHAVIOURS[0])


def test_a_pool_at_the_provider() -> None:
    assert address_pooling(measured(lab_of(network=Network(carrier=True, pool=4)))) is True


def test_neighbours_ask_one_server_from_the_next_ports() -> None:
    facts = measured(lab_of(), PROBES[:3])
    asked: dict[str, list[Binding]] = {}
    for each in facts.of(Binding, lambda each: each.transport == "udp"):
        asked.setdefault(each.local or "", []).append(each)
    (first,) = [local for local, found in asked.items() if len(found) > 1]
    others = sorted(split(local)[1] for local in asked if local != first)
    assert others == [split(first)[1] + number for number in range(1, COUNT + 1)]


def test_ports_of_others_are_skipped() -> None:
    lab = lab_of()
    first = split(next(each.local for each in measured(lab, PROBES[:3]).of(Binding) if each.local) or "")[1]
    again = lab_of()
    for port in (first + 1, first + 3):
        again.client.udp(4, at.LAN_CLIENT, port)
    found = {split(each.local or "")[1] for each in measured(again, PROBES[:3]).of(Binding, _udp)}
    assert found == {first, *(first + number for number in (2, 4, 5, 6, 7))}


def _udp(each: Binding) -> bool:
    return each.transport == "udp"


def test_it_is_quick_where_nothing_is_lost() -> None:
    """Four round trips and 100 ms, where the NAT lets everybody in and back."""
    lab = lab_of(network=Network(filtering="endpoint-independent", hairpin=True))
    began = lab.clock.now
    measured(lab)
    assert lab.clock.now - began <= 4 * RTT + 0.1 + RTT  # and one for the names


@pytest.mark.parametrize("filtering", BEHAVIOURS)
def test_a_silent_hairpin_waits_no_longer_than_a_silent_filter(filtering: Any) -> None:
    def took(filtering: Any, probes: tuple[str, ...]) -> float:
        lab = lab_of(network=Network(filtering=filtering))
        began = lab.clock.now
        measured(lab, probes)
        return lab.clock.now - began

    assert took(filtering, PROBES) <= took("address-and-port-dependent", PROBES[:4]) + 0.001


@pytest.mark.parametrize(
    "inner", ["192.168.1.1", "127.0.0.1", "169.254.169.254", "0.0.0.0", "224.0.0.1", "2001:db8::1"]
)
def test_no_server_sends_us_to_inner_addresses(inner: str) -> None:
    def reply(udp: Udp, datagram: Datagram) -> None:
        request = stun.decode(datagram.data).message
        udp.send(stun.response(request, XOR_MAPPED_ADDRESS=(inner, 3479)), datagram.source)

    lab = lab_of()
    lab.servers["stun2"].serve_udp(at.STUN2, 3999, reply)
    facts = measured(lab, stun=(stun_server(f"{at.STUN2}:3999"),))
    assert not facts.of(Hairpin)
    assert [each for each in lab.network.log if inner in str(each.packet.destination)] == []


def test_this_machine_s_own_address_needs_no_router() -> None:
    """A server that sees an address of ours: whatever comes back from there came by no NAT."""

    def reply(udp: Udp, datagram: Datagram) -> None:
        request = stun.decode(datagram.data).message
        udp.send(stun.response(request, XOR_MAPPED_ADDRESS=("198.51.100.7", 40000)), datagram.source)

    lab = lab_of(network=Network(mapping="none"))
    lab.servers["stun2"].serve_udp(at.STUN2, 3999, reply)
    assert not measured(lab, stun=(stun_server(f"{at.STUN2}:3999"),)).of(Hairpin)


def test_a_server_that_is_silent_holds_nobody_up() -> None:
    dead = stun_server(f"{at.WEB_OTHER}:3999")
    lab = lab_of(network=Network(hairpin=True))
    facts = measured(lab, PROBES[:2] + PROBES[-1:], stun=(dead, stun_server("stun1.example.test")))
    assert hairpinning(facts) is True
    assert {each.server for each in facts.of(Hairpin)} == {f"{at.STUN1}:3478"}


def test_every_probe_s_sockets_count() -> None:
    """Each request of theirs that a server answered is a fact about one more socket."""
    asked = measured(lab_of()).of(Binding, _udp)
    assert {each.probe: len({one.local for one in asked if one.probe == each.probe}) for each in asked} == {
        "mapping": 1 + COUNT,
        "filtering": 2,
        "hairpin": 2,
    }


def test_nobody_answers() -> None:
    facts = measured(lab_of(network=Network(udp="drop")))
    assert not facts.of(Hairpin)
    assert hairpinning(facts) is None


def never_wrong(runs: int) -> int:
    """How many questions stayed open at 15 % loss each way; none may be answered wrongly."""
    unsure = 0
    for seed in range(runs):
        mapping, filtering, hairpin = EVERY[seed % len(EVERY)]
        ports = list(PORTS)[seed // 2 % len(PORTS)]
        network: dict[str, Any] = {"mapping": mapping, "filtering": filtering, "hairpin": hairpin, "ports": ports}
        pool = 1 if seed % 3 else 4
        facts = measured(lab_of(seed, network=Network(loss=0.15, pool=pool, **network)))
        kept, neighbours = PORTS[ports]
        said = [ports_preserved(facts), ports_contiguous(facts), address_pooling(facts), hairpinning(facts)]
        right = [kept, neighbours, pool > 1, turned_back(mapping, filtering, hairpin)]
        if right[3] is None:
            right[3] = said[3] if said[3] is None else not said[3]
        assert all(one in (other, None) for one, other in zip(said, right, strict=True)), (seed, network, pool, said)
        unsure += said.count(None)
    return unsure


def test_never_wrong_at_loss() -> None:
    assert never_wrong(36) <= 36


@pytest.mark.long
def test_never_wrong_at_loss_many_times() -> None:
    assert never_wrong(1800) < 1500


def test_an_arrival_needs_no_control() -> None:
    facts = measured(lab_of(network=Network(hairpin=True, filtering="endpoint-independent", loss=0.15)))
    assert all(each.failure in (None, Failure.TIMEOUT) for each in facts.of(Hairpin))
