"""NAT behaviour as natprobe tells it, in every NAT that the lab can be (RFC 4787, RFC 5780)."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from natprobe.derive.behaviour import filtering_behaviour, mapping_behaviour, ports_preserved
from natprobe.facts import Facts, FilteringTest
from natprobe.model import Failure, Observation, family
from natprobe.net.api import Datagram, Udp
from natprobe.target import parse, stun_server
from natprobe.wire import stun
from tests.case import Dns, Network
from tests.lab.build import Lab
from tests.lab.check import observed
from tests.lab.client import BEHAVIOURS, RTT, lab_of
from tests.netns import addresses as at

PROBES = ("interfaces", "names", "mapping", "filtering")
PAIRS = list(itertools.product(BEHAVIOURS, BEHAVIOURS))


def measured(lab: Lab, **options: Any) -> Facts:
    return Facts(parse(at.TARGET).target, observed(lab, probes=PROBES, **options))


def told(facts: Facts) -> tuple[str | None, str | None]:
    return mapping_behaviour(facts), filtering_behaviour(facts)


@pytest.mark.parametrize(("mapping", "filtering"), PAIRS)
def test_every_nat(mapping: Any, filtering: Any) -> None:
    lab = lab_of(network=Network(mapping=mapping, filtering=filtering))
    assert told(measured(lab)) == (mapping, filtering)


@pytest.mark.parametrize("filtering", BEHAVIOURS)
def test_no_nat_with_and_without_a_firewall(filtering: Any) -> None:
    facts = measured(lab_of(network=Network(mapping="none", filtering=filtering)))
    assert told(facts) == ("endpoint-independent", filtering)


@pytest.mark.parametrize("filtering", BEHAVIOURS)
def test_it_is_quick_where_nothing_is_lost(filtering: Any) -> None:
    """Four round trips and 100 ms where answers come through; where they stay out, the patience on top."""
    lab = lab_of(network=Network(filtering=filtering))
    began = lab.clock.now
    measured(lab)
    bound = 4 * RTT + 0.1 if filtering == "endpoint-independent" else 4 * RTT + 0.4
    assert lab.clock.now - began <= bound + RTT  # and one for the names


@pytest.mark.parametrize(("mapping", "filtering"), PAIRS)
def test_a_wire_in_disorder_changes_nothing(mapping: Any, filtering: Any) -> None:
    for seed in range(5):
        wire = Network(mapping=mapping, filtering=filtering, delay=0.04, jitter=0.01, reorder=0.1)
        assert told(measured(lab_of(seed, network=wire))) == (mapping, filtering)


def unsure(mapping: Any, filtering: Any, runs: int) -> int:
    """How many runs at 15 % loss each way could not tell something; none may tell anything false."""
    count = 0
    for seed in range(runs):
        lab = lab_of(seed, network=Network(mapping=mapping, filtering=filtering, loss=0.15))
        found = told(measured(lab))
        assert found[0] in (mapping, None)
        assert found[1] in (filtering, None)
        count += None in found
    return count


@pytest.mark.parametrize(("mapping", "filtering"), PAIRS)
def test_never_wrong_at_loss(mapping: Any, filtering: Any) -> None:
    assert unsure(mapping, filtering, 12) <= 4


@pytest.mark.long
@pytest.mark.parametrize(("mapping", "filtering"), PAIRS)
def test_never_wrong_at_loss_many_times(mapping: Any, filtering: Any) -> None:
    assert unsure(mapping, filtering, 200) < 20


def test_ipv6_has_its_own() -> None:
    lab = lab_of(network=Network(ipv6="works", filtering="endpoint-independent"), dns=Dns(ipv6=True))
    facts = measured(lab)
    assert mapping_behaviour(facts, 6) == "endpoint-independent"
    assert filtering_behaviour(facts, 6) == "address-and-port-dependent"  # the router's stateful filter


def answering(lab: Lab, reply: Any) -> list[Observation]:
    """A server of ours on stun2's address that answers as told, behind a NAT that lets anybody answer."""
    host = lab.servers["stun2"]
    host.serve_udp(at.STUN2, 3999, reply)
    server = (stun_server(f"{at.STUN2}:3999"),)
    return observed(lab, probes=PROBES, stun=server)


def changes(observations: list[Observation]) -> list[FilteringTest]:
    return [each for each in observations if isinstance(each, FilteringTest)]


def plain(udp: Udp, datagram: Datagram, **more: Any) -> bytes:
    request = stun.decode(datagram.data).message
    other = {"OTHER_ADDRESS": (at.STUN1, 3479)}
    return stun.response(request, XOR_MAPPED_ADDRESS=datagram.source, **other | more)


def test_a_server_that_ignores_the_request_is_no_open_filter() -> None:
    def reply(udp: Udp, datagram: Datagram) -> None:
        udp.send(plain(udp, datagram), datagram.source)

    found = answering(lab_of(network=Network(filtering="endpoint-independent")), reply)
    assert {each.failure for each in changes(found)} == {Failure.WRONG_SENDER}
    assert filtering_behaviour(Facts(parse(at.TARGET).target, found)) is None


def test_a_server_that_refuses_the_request_tells_nothing() -> None:
    def reply(udp: Udp, datagram: Datagram) -> None:
        request = stun.decode(datagram.data).message
        asks = "CHANGE-REQUEST" in request.attributes
        refusal = stun.error(request, 420, "Unknown Attribute")
        udp.send(refusal if asks else plain(udp, datagram), datagram.source)

    found = answering(lab_of(network=Network(filtering="endpoint-independent")), reply)
    assert {each.failure for each in changes(found)} == {Failure.UNSUPPORTED}


def test_a_server_whose_other_address_is_its_own_is_not_tested_with() -> None:
    def reply(udp: Udp, datagram: Datagram) -> None:
        udp.send(plain(udp, datagram, OTHER_ADDRESS=(at.STUN2, 4000)), datagram.source)

    assert changes(answering(lab_of(), reply)) == []


@pytest.mark.parametrize("inner", ["192.168.1.1", "127.0.0.1", "169.254.169.254", "0.0.0.0", "224.0.0.1"])
def test_no_server_sends_us_to_inner_addresses(inner: str) -> None:
    def reply(udp: Udp, datagram: Datagram) -> None:
        udp.send(plain(udp, datagram, OTHER_ADDRESS=(inner, 3479)), datagram.source)

    lab = lab_of()
    answering(lab, reply)
    assert [each for each in lab.network.log if inner in str(each.packet.destination)] == []
    assert family(inner) == 4


def test_ports_are_kept_or_not() -> None:
    assert ports_preserved(measured(lab_of())) is True
    assert ports_preserved(measured(lab_of(network=Network(mapping="address-and-port-dependent")))) is False
    assert ports_preserved(measured(lab_of(network=Network(mapping="none")))) is None
