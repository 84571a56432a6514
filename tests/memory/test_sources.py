"""Every local address is really sent from, over UDP and TCP, and one that can't be is a fact."""

from __future__ import annotations

import errno
import itertools
from typing import Any

import pytest

from natprobe.facts import Binding, DefaultRoute, FilteringTest, IceCheck, LocalAddress
from natprobe.model import Failure, Observation, split
from natprobe.net.api import Udp
from tests.case import Dns, Network, Peer
from tests.lab.build import Lab
from tests.lab.check import observed
from tests.lab.client import lab_of
from tests.netns import addresses as at
from tests.probes.seen import of

UPLINKS = (at.LAN_CLIENT, at.UPLINK_CLIENT)


def asked(lab: Lab, **options: Any) -> list[Observation]:
    return observed(lab, lab.peer_target, **options)


def lab_with(uplink: Any = "works", **more: Any) -> Lab:
    return lab_of(network=Network(uplink=uplink, **more), peer=Peer(runs=True), dns=Dns(ipv6=bool(more)))


def sent_from(lab: Lab, source: str, proto: str) -> set[str]:
    """The servers that packets of the client with this source left for."""
    return {
        event.packet.destination[0]
        for event in lab.network.log
        if event.node == "client" and event.fate == "sent" and event.packet.proto == proto
        if event.packet.source[0] == source
    }


def test_udp_leaves_from_every_address_to_everybody() -> None:
    lab = lab_with()
    found = asked(lab)
    for local in UPLINKS:
        assert {at.STUN1, at.STUN1_OTHER, at.STUN2, at.WEB} <= sent_from(lab, local, "udp")
    seen = {split(each.local or "")[0]: split(each.mapped or "")[0] for each in of(found, Binding) if each.mapped}
    assert seen == {at.LAN_CLIENT: "198.51.100.7", at.UPLINK_CLIENT: at.UPLINK_OUTSIDE}
    tests: list[IceCheck | FilteringTest] = [*of(found, IceCheck), *of(found, FilteringTest)]
    udp = [(type(each), split(each.local or "")[0]) for each in tests if each.flow.startswith("udp")]
    assert set(udp) == set(itertools.product((IceCheck, FilteringTest), UPLINKS))


def test_tcp_is_tried_from_every_address_where_there_are_several() -> None:
    lab = lab_with()
    controls = [each for each in of(asked(lab), Binding) if each.transport == "tcp"]
    assert {split(each.local or "")[0] for each in controls if each.mapped} == set(UPLINKS)
    assert sent_from(lab, at.UPLINK_CLIENT, "tcp") == {at.STUN1, at.STUN2}
    alone = [each for each in of(asked(lab_with("none")), Binding) if each.transport == "tcp"]
    assert len(alone) == 2, "one address needs no control of its own: a guest sends few packets"
    assert len(controls) == 2 + 2 * 2


def test_a_dead_way_out_keeps_nobody_waiting_longer_than_udp_does() -> None:
    lab = lab_with("dead")
    began = lab.clock.now
    asked(lab)
    assert lab.clock.now - began < 2.8  # the media check's own patience, and what comes before


@pytest.mark.parametrize("source", UPLINKS)
def test_source_is_all_that_is_sent_from(source: str) -> None:
    lab = lab_with()
    asked(lab, sources=(source,))
    (other,) = set(UPLINKS) - {source}
    assert not sent_from(lab, other, "udp") - {at.RESOLVER}
    assert not sent_from(lab, other, "tcp") - {at.RESOLVER}


def test_every_default_route_is_told_the_best_first() -> None:
    routes = [each for each in of(asked(lab_with()), DefaultRoute) if each.failure is None]
    assert [each.interface for each in routes] == ["eth0", "eth1"]


def test_an_address_that_nothing_binds_to_is_a_fact_with_its_name() -> None:
    found = asked(lab_with("none", ipv6="works", ghost=True))
    assert at.GHOST6 in {each.address for each in of(found, LocalAddress) if each.usable}
    tried: list[Binding | IceCheck] = [*of(found, Binding), *of(found, IceCheck)]
    gone = [each for each in tried if each.local == f"[{at.GHOST6}]:0"]
    assert {each.failure for each in gone} == {Failure.ADDRESS_NOT_LOCAL}
    assert {each.tries for each in gone if not each.flow.startswith("tcp")} == {0}
    assert {type(each) for each in gone} == {Binding, IceCheck}


def test_an_address_that_goes_while_it_is_used_is_no_crash(monkeypatch: pytest.MonkeyPatch) -> None:
    """Unplugged between the listing and the sending."""
    lab = lab_with()
    bind = lab.client.udp

    def udp(family: Any, local: str | None = None, port: int = 0) -> Udp:
        if local == at.UPLINK_CLIENT:
            raise OSError(errno.EADDRNOTAVAIL, "Cannot assign requested address")
        return bind(family, local, port)

    monkeypatch.setattr(lab.client, "udp", udp)
    found = asked(lab)
    assert [each for each in found if getattr(each, "status", "") == "crashed"] == []
    lost = [each for each in of(found, Binding) if each.local == f"{at.UPLINK_CLIENT}:0" and each.transport == "udp"]
    assert {each.failure for each in lost} == {Failure.ADDRESS_NOT_LOCAL}
