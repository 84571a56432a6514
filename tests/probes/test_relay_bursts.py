"""Bursts through relays: what they count is what the network does, and they go where they may."""

from __future__ import annotations

from statistics import fmean
from typing import Any

import msgspec
import pytest

from natprobe.diagnose import diagnose
from natprobe.facts import Permission, Probed, RelayBurst
from natprobe.model import Failure, Observation
from natprobe.render.text import render
from natprobe.target import parse
from tests.case import Case, Expect, Network, Relay
from tests.lab.build import Lab, build
from tests.lab.check import session
from tests.netns import addresses as at
from tests.probes.relaying import ALICE, HEALTHY, NAME, TARGETS
from tests.probes.seen import of

WHATEVER = Expect(verdict="good", exit=0)
ROUND_TRIP = 0.06


def network(relay: Relay = HEALTHY, seed: int = 0, **conditions: Any) -> Lab:
    return build(Case(title="", expect=WHATEVER, relay=relay, network=Network(**conditions)), seed)


def checked(lab: Lab, target: str = TARGETS["udp"], **options: Any) -> tuple[Observation, ...]:
    return session(lab, target, access=ALICE, **options).observations


def bursts(lab: Lab, target: str = TARGETS["udp"], **options: Any) -> list[RelayBurst]:
    return of(checked(lab, target, **options), RelayBurst)


def ended(observations: tuple[Observation, ...], *without: str) -> float:
    return max(each.at for each in of(observations, Probed) if each.probe not in without)


@pytest.mark.parametrize("transport", TARGETS)
def test_a_healthy_relay_loses_nothing_and_takes_its_time(transport: str) -> None:
    (burst,) = bursts(network(), TARGETS[transport])
    assert (burst.by, burst.direction, burst.transport) == ("own-socket", "both", transport)
    assert (burst.sent, burst.halfway, burst.arrived, burst.reordered) == (20, 20, 20, 0)
    assert burst.delay_min_ms == burst.delay_median_ms == burst.delay_max_ms == pytest.approx(1000 * ROUND_TRIP)
    assert burst.jitter_ms == pytest.approx(0)
    assert burst.failure is None


@pytest.mark.parametrize("transport", TARGETS)
def test_it_costs_its_own_time_and_a_round_trip(transport: str) -> None:
    """And has the wire to itself: everybody else has ended by then."""
    found = checked(network(), TARGETS[transport])
    assert 0.38 <= ended(found) - ended(found, "burst") <= 0.40 + ROUND_TRIP


def test_other_targets_pay_nothing_for_it() -> None:
    """A relay beside them is tried as ever; only --bitrate asks for figures."""
    option = msgspec.structs.replace(parse(TARGETS["udp"]).target)
    found = checked(network(), at.TARGET, turn=(option,))
    assert of(found, RelayBurst) == []
    assert [each.status for each in of(found, Probed) if each.probe == "burst"] == ["complete"]
    assert of(checked(network(), at.TARGET, turn=(option,), bitrate=200_000), RelayBurst)


def test_the_best_two_ways_one_after_the_other() -> None:
    """As browsers prefer them, and each host once over each transport."""
    more = tuple(parse(TARGETS[each]).target for each in ("tls", "tcp"))
    found = of(checked(network(), TARGETS["dtls"], turn=more), RelayBurst)
    assert [each.transport for each in found] == ["tcp", "tls"]
    assert found[1].at - found[0].at >= 0.38


def test_measured_loss_is_that_of_the_network() -> None:
    """Ten of a hundred lost each way. Over UDP a packet crosses the network twice between relay and our own socket:
    nineteen of a hundred each half. Over TCP each half crosses it once in packets that can be lost. 20 seeds.
    """
    for transport, wanted in (("udp", 0.19), ("tcp", 0.10)):
        found = [one for seed in range(20) for one in bursts(network(seed=seed, loss=0.1), TARGETS[transport])]
        there = 1 - sum(each.halfway or 0 for each in found) / sum(each.sent for each in found)
        back = 1 - sum(each.arrived for each in found) / sum(each.halfway or 0 for each in found)
        assert len(found) >= 18
        assert there == pytest.approx(wanted, abs=0.06)
        assert back == pytest.approx(wanted, abs=0.06)


def test_measured_jitter_is_that_of_the_network() -> None:
    """Up to 20 ms more for each crossing, evenly drawn. Over four crossings the difference of two delays has a standard
    deviation of 20 * sqrt(8/12) = 16.3 ms and a mean of about 0.8 of it, 13.0 ms; in the order of arrival less.
    """
    found = [one for seed in range(20) for one in bursts(network(seed=seed, jitter=0.02))]
    assert fmean(each.jitter_ms or 0 for each in found) == pytest.approx(12.0, abs=2.0)
    assert any(each.reordered for each in found)


def test_as_many_packets_as_are_asked_for() -> None:
    (burst,) = bursts(network(), packets=100)
    assert (burst.sent, burst.halfway, burst.arrived, burst.duplicates) == (100, 100, 100, 0)


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_a_bitrate_is_tried_each_way(transport: str) -> None:
    lab = network()
    found = session(lab, TARGETS[transport], access=ALICE, bitrate=2_500_000)
    ways = [each for each in of(found.observations, RelayBurst) if each.bitrate]
    assert [each.direction for each in ways] == ["out", "in"]
    for each in ways:
        assert (each.size, each.sent, each.arrived) == (1200, 521, 521)
        assert each.received == pytest.approx(2_500_000, rel=0.01)
    report = diagnose(parse(TARGETS[transport]).target, found.observations, [found.source])
    assert f"turn-{transport} carries 720p: 2.5 Mbit/s with 0.0 % loss" in render(report)
    assert next(each.loss for each in report.paths if each.name == f"turn-{transport}") == 0
    assert ended(found.observations) - ended(found.observations, "burst") <= 5


def test_loss_is_told_with_what_fits_all_the_same() -> None:
    found = session(network(loss=0.05), TARGETS["tls"], access=ALICE, bitrate=2_500_000)
    report = diagnose(parse(TARGETS["tls"]).target, found.observations, [found.source])
    path = next(each for each in report.paths if each.name == "turn-tls")
    assert path.loss == pytest.approx(0.05, abs=0.03)
    assert path.attempts[0].loss == path.loss
    words = " ".join(render(report).split())
    assert "turn-tls does not carry 2.5 Mbit/s (" in words
    assert "Mbit/s arrive, enough for 360p" in words


def test_where_our_own_socket_is_not_reached_a_stun_server_echoes_the_short_one_only() -> None:
    """Never --bitrate: it is somebody else's server. A provider's pool gives our sockets different addresses."""
    for seed in range(12):
        lab = network(seed=seed, pool=3, mapping="address-and-port-dependent")
        found = bursts(lab, bitrate=500_000)
        if found and found[0].by == "stun":
            break
    else:
        pytest.fail("no seed keeps our own socket out")
    short, none = found
    assert (short.direction, short.sent, short.arrived, short.halfway) == ("both", 20, 20, None)
    assert (none.failure, none.sent, none.bitrate) == (Failure.UNSUPPORTED, 0, 500_000)
    strangers = [each for each in indications(lab) if each.attributes["XOR-PEER-ADDRESS"][1] == at.STUN_PORT]
    assert len([each for each in strangers if len(each.attributes["DATA"]) >= 1200]) <= 18  # of the turn probe: 2 x 9
    assert len(strangers) <= 20 + 2 * 18


def test_an_audit_asks_and_sends_nothing() -> None:
    lab = network(msgspec.structs.replace(HEALTHY, inner="usual"))
    found = of(checked(lab, audit_relay=True), Permission)
    audit = {each.peer: each.failure for each in found if each.purpose == "audit"}
    assert audit == {
        "127.0.0.1:9": Failure.ERROR_RESPONSE,
        **dict.fromkeys(("169.254.169.254:9", "10.0.0.1:9", "172.16.0.1:9", "192.168.0.1:9", "100.64.0.1:9")),
    }
    assert lab.relay is not None
    sent = {message.attributes["XOR-PEER-ADDRESS"][0] for message in indications(lab)}
    assert sent
    assert not sent & {peer.rpartition(":")[0] for peer in audit}


def indications(lab: Lab) -> list[Any]:
    assert lab.relay is not None
    seen = [message for client in lab.relay.clients.values() for message in client.server.seen]
    return [each for each in seen if each.message_method.name == "SEND"]


def test_a_relay_is_audited_once_and_only_when_asked() -> None:
    more = (parse(TARGETS["tcp"]).target, parse(f"turn:{NAME}?transport=udp").target)
    found = of(checked(network(), TARGETS["tls"], turn=more, audit_relay=True), Permission)
    assert len([each for each in found if each.purpose == "audit"]) == 6
    assert not any(each.purpose == "audit" for each in of(checked(network()), Permission))


def test_nothing_stays_on_the_relay() -> None:
    lab = network()
    checked(lab, bitrate=500_000, audit_relay=True)
    assert lab.relay is not None
    assert lab.relay.allocations == []
