"""How long mappings outlive their last packet, in every NAT that the lab can be (RFC 4787 section 4.3)."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from natprobe.derive.behaviour import Lifetime, binding_lifetime
from natprobe.facts import Facts, IdleMapping, Probed
from natprobe.model import Failure, Family, Observation
from natprobe.net.api import Datagram, Udp
from natprobe.probes.lifetime import steps
from natprobe.rules.np104_binding_short_lived import check
from natprobe.target import parse, stun_server
from natprobe.wire import stun
from tests.case import Dns, Network
from tests.lab.build import Lab
from tests.lab.check import SERVERS, observed
from tests.lab.client import BEHAVIOURS, lab_of
from tests.netns import addresses as at
from tests.probes.seen import of

PROBES = ("interfaces", "names", "mapping", "lifetime")
DRAWN = ("random", "sequential")


def measured(lab: Lab, idle: float = 8, **options: Any) -> Facts:
    return Facts(parse(at.TARGET).target, observed(lab, probes=PROBES, idle=idle, **options))


def told(facts: Facts, version: Family = 4, local: str | None = None) -> tuple[float | None, float | None]:
    return binding_lifetime(facts, version, local)[:2]


def left_idle(facts: Facts) -> list[IdleMapping]:
    return [each for each in facts.of(IdleMapping) if each.idle]


@pytest.mark.parametrize(
    ("idle", "wanted"),
    [
        (2, [2]),
        (3, [3]),
        (6, [6, 3]),
        (15, [15, 7.5, 3.8]),
        (16, [16, 15, 8, 4, 2]),
        (60, [60, 30, 15, 7.5, 3.8]),
        (600, [600, 300, 150, 75, 37.5, 15]),
    ],
)
def test_the_idle_times(idle: float, wanted: list[float]) -> None:
    assert steps(idle) == wanted


@pytest.mark.parametrize(("mapping", "filtering"), [*itertools.product((*BEHAVIOURS, "none"), BEHAVIOURS)])
def test_every_nat(mapping: Any, filtering: Any) -> None:
    for lifetime, wanted in ((0, (8, None)), (1, (None, 2)), (3, (2, 4)), (5, (4, 8))):
        found = measured(lab_of(network=Network(mapping=mapping, filtering=filtering, lifetime=lifetime)))
        open_house = (mapping, filtering) == ("none", "endpoint-independent")  # what nobody filters never dies
        assert told(found) == ((8, None) if open_house else wanted)
        assert {each.by for each in left_idle(found)} == {"response-port"}
        assert {each.tries for each in left_idle(found) if each.failure is Failure.TIMEOUT} <= {12}


def test_ipv6_has_no_nat_and_a_firewall_that_forgets() -> None:
    found = measured(lab_of(network=Network(ipv6="works", lifetime=3), dns=Dns(ipv6=True)))
    assert told(found, 6) == told(found, 4) == (2, 4)


def test_each_address_has_its_own() -> None:
    found = measured(lab_of(network=Network(uplink="works", lifetime=3)))
    assert told(found, 4, at.LAN_CLIENT) == (2, 4)
    assert told(found, 4, at.UPLINK_CLIENT) == (8, None)
    judged = check(found)
    assert isinstance(judged, list)
    assert [each.args["local"] for each in judged] == [at.LAN_CLIENT]


@pytest.mark.parametrize("pool", [2, 8])
def test_a_pool_of_outside_addresses(pool: int) -> None:
    """Where the asking socket is seen under another address the idle one asks again: nothing false comes of it."""
    for seed in range(10):
        for lifetime, wanted in ((0, (8, None)), (3, (2, 4))):
            alive, dead = told(measured(lab_of(seed, network=Network(pool=pool, lifetime=lifetime))))
            assert alive is None or alive <= (wanted[0] or 0)
            assert dead is None or dead >= (wanted[1] or 99)


# --- servers that can't answer to another port


def without(lab: Lab, refuses: bool, **options: Any) -> Facts:
    """By a server that ignores RESPONSE-PORT, or refuses it."""

    def reply(udp: Udp, datagram: Datagram) -> None:
        request = stun.decode(datagram.data).message
        if refuses and "RESPONSE-PORT" in request.attributes:
            udp.send(stun.error(request, 420, "Unknown Attribute"), datagram.source)
        else:
            udp.send(stun.response(request, XOR_MAPPED_ADDRESS=datagram.source), datagram.source)

    lab.servers["stun2"].serve_udp(at.STUN2, 3999, reply)
    return measured(lab, stun=(stun_server(f"{at.STUN2}:3999"),), **options)


@pytest.mark.parametrize("refuses", [True, False])
def test_a_nat_that_draws_ports_shows_it_to_who_asks_again(refuses: bool) -> None:
    for ports, (lifetime, wanted) in itertools.product(DRAWN, ((0, (8, None)), (3, (2, 4)), (1, (None, 2)))):
        found = without(lab_of(network=Network(ports=ports, lifetime=lifetime)), refuses)  # type: ignore[arg-type]
        assert told(found) == wanted
        assert {each.by for each in left_idle(found)} == {"asking-again"}
        assert [each.failure for each in found.of(IdleMapping) if not each.idle] == [Failure.UNSUPPORTED]


@pytest.mark.parametrize("ports", ["preserved", "contiguous"])
@pytest.mark.parametrize("lifetime", [0, 3])
def test_a_nat_that_gives_the_same_port_again_shows_nothing(ports: Any, lifetime: float) -> None:
    found = without(lab_of(network=Network(ports=ports, lifetime=lifetime)), refuses=False)
    assert told(found) == (None, None)


def test_who_can_do_it_is_asked_though_another_comes_first() -> None:
    lab = lab_of(network=Network(lifetime=3))

    def reply(udp: Udp, datagram: Datagram) -> None:
        request = stun.decode(datagram.data).message
        other = (at.STUN1, 3479)
        udp.send(stun.response(request, XOR_MAPPED_ADDRESS=datagram.source, OTHER_ADDRESS=other), datagram.source)

    lab.servers["stun1"].serve_udp(at.STUN1, 3400, reply)
    found = measured(lab, stun=tuple(map(stun_server, (f"{at.STUN1}:3400", SERVERS[0]))))
    assert told(found) == (2, 4)
    trials = [(each.server, each.failure) for each in found.of(IdleMapping) if not each.idle]
    assert trials == [(f"{at.STUN1}:3400", Failure.UNSUPPORTED), (f"{at.STUN1}:3478", None)]


@pytest.mark.parametrize("then", ["silent", "ignores", "plain", "refuses"])
def test_a_server_that_does_it_no_more_is_no_death(then: str) -> None:
    """It answers to other ports for five seconds, and then to nobody, to who asks, or only to plain requests."""
    lab = lab_of()
    until = lab.clock.now + 5

    def reply(udp: Udp, datagram: Datagram) -> None:
        if not stun.is_stun(datagram.data):
            return
        request = stun.decode(datagram.data).message
        port, own = request.attributes.get("RESPONSE-PORT"), datagram.source[1]
        answer = stun.response(request, XOR_MAPPED_ADDRESS=datagram.source)
        if lab.clock.now < until:
            udp.send(answer, (datagram.source[0], port or own))
        elif then == "refuses" and port is not None:
            udp.send(stun.error(request, 420, "Unknown Attribute"), datagram.source)
        elif then != "silent" and (port is None or then == "ignores"):
            udp.send(answer, datagram.source)

    lab.servers["stun2"].serve_udp(at.STUN2, 3999, reply)
    found = measured(lab, stun=(stun_server(f"{at.STUN2}:3999"),))
    assert told(found) == (None, None)
    assert len(left_idle(found)) == 3


# --- loss


def lost(lifetime: float, runs: int, mapping: Any = "endpoint-independent", loss: float = 0.15) -> int:
    """How many runs could not tell; none may tell anything false."""
    unsure = 0
    for seed in range(runs):
        lab = lab_of(seed, network=Network(mapping=mapping, lifetime=lifetime, loss=loss))
        alive, dead = told(measured(lab))
        assert not (lifetime and alive) or alive <= lifetime
        assert dead is None or 0 < lifetime <= dead
        unsure += (dead if lifetime else alive) is None
    return unsure


@pytest.mark.parametrize("mapping", BEHAVIOURS)
@pytest.mark.parametrize("lifetime", [0, 3])
def test_loss_never_makes_it_wrong(lifetime: float, mapping: Any) -> None:
    assert lost(lifetime, 12, mapping) <= 8


@pytest.mark.long
@pytest.mark.parametrize("loss", [0.05, 0.15, 0.3])
@pytest.mark.parametrize("lifetime", [0, 3])
def test_loss_never_makes_it_wrong_many_times(lifetime: float, loss: float) -> None:
    lost(lifetime, 300, loss=loss)


# --- when, and for how long


def ends(observations: list[Observation]) -> dict[str, tuple[str, str]]:
    return {each.probe: (each.status, each.detail) for each in of(observations, Probed)}


def test_nobody_waits_unasked() -> None:
    lab = lab_of()
    began = lab.clock.now
    found = observed(lab, probes=PROBES)
    assert ends(found)["lifetime"] == ("skipped", "not asked for: --idle")
    assert lab.clock.now - began < 0.2


def test_the_idle_time_comes_on_top_of_the_run() -> None:
    found = observed(lab_of(), probes=PROBES, idle=30, timeout=8)
    assert ends(found)["lifetime"][0] == "complete"
    cut = observed(lab_of(network=Network(udp="drop")), probes=PROBES, idle=30, timeout=1)
    assert ends(cut)["mapping"][0] == "cut"


def test_what_is_sent_stays_little() -> None:
    lab = lab_of(network=Network(lifetime=3))
    measured(lab, idle=60)
    packets = [each.packet for each in lab.network.log if (each.node, each.fate) == ("client", "sent")]
    assert len([each for each in packets if each.destination[1] in (3478, 3479)]) < 180


def test_nothing_was_asked() -> None:
    assert binding_lifetime(Facts(parse(at.TARGET).target, [])) == Lifetime(None, None, (), ())
