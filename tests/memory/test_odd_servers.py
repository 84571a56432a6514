"""STUN servers that answer oddly in healthy networks: nothing is laid to the network, and nobody is led astray."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from natprobe.derive.behaviour import filtering_behaviour, mapping_varies, outside_addresses
from natprobe.facts import Binding, Facts, Opening, Probed
from natprobe.model import Report, split
from natprobe.net.api import Datagram
from natprobe.render.text import render
from natprobe.target import parse, stun_server
from natprobe.wire import stun
from tests.case import Network
from tests.lab.build import Lab
from tests.lab.check import observed, report
from tests.lab.client import BEHAVIOURS, lab_of
from tests.lab.sockets import Handler, LabUdp
from tests.netns import addresses as at

ODD = f"{at.STUN2}:3999"
Said = Callable[[tuple[str, int]], dict[str, Any]]


def saying(said: Said) -> Handler:
    """Answers with what `said` makes of the address that asked."""

    def asked(udp: LabUdp, datagram: Datagram) -> None:
        if stun.is_stun(datagram.data):
            request = stun.decode(datagram.data).message
            attributes: dict[str, Any] = {"XOR_MAPPED_ADDRESS": datagram.source} | said(datagram.source)
            udp.send(stun.response(request, fingerprint=False, **attributes), datagram.source)

    return asked


def network_with(said: Said, **network: Any) -> Lab:
    lab = lab_of(network=Network(**network))
    lab.servers["stun2"].serve_udp(at.STUN2, 3999, saying(said))
    return lab


def checked(said: Said) -> Report:
    """Beside a server that answers as it should."""
    return report(network_with(said), stun=(stun_server("stun1.example.test"), stun_server(ODD)))


def sent_to(lab: Lab, address: str) -> set[int]:
    """The ports there that packets went to."""
    return {each.packet.destination[1] for each in lab.network.log if each.packet.destination[0] == address}


@pytest.mark.parametrize(
    "said",
    [
        lambda _: {"XOR_MAPPED_ADDRESS": ("172.17.0.1", 40000)},  # behind a container's proxy
        lambda _: {"XOR_MAPPED_ADDRESS": ("100.64.3.9", 40000)},  # behind a balancer
        lambda source: {"XOR_MAPPED_ADDRESS": (f"::ffff:{source[0]}", source[1])},  # one socket for both families
        lambda _: {"XOR_MAPPED_ADDRESS": ("0.0.0.0", 0)},
    ],
)
def test_what_stands_before_the_server_is_no_view_from_outside(said: Said) -> None:
    found = checked(said)
    facts = Facts(found.target, found.observations)
    assert len({each.mapped for each in facts.ok(Binding) if split(each.server) == (at.STUN2, 3999)}) >= 1
    assert mapping_varies(facts) is False
    assert outside_addresses(facts) == ["198.51.100.7"]
    assert not found.findings
    assert render(found)


def test_an_old_attribute_that_one_server_fills_with_nothing_is_its_own_fault() -> None:
    assert "NP108" not in {each.code for each in checked(lambda _: {"MAPPED_ADDRESS": ("0.0.0.0", 0)}).findings}


def test_another_address_of_the_other_family_is_not_asked() -> None:
    lab = network_with(lambda _: {"OTHER_ADDRESS": ("2001:db8:f::99", 3478)})
    found = observed(lab, probes=("interfaces", "names", "mapping"), stun=(stun_server(ODD),))
    assert all(each.status == "complete" for each in found if isinstance(each, Probed))
    assert not [each for each in found if isinstance(each, Binding) and each.server.startswith("[")]


@pytest.mark.parametrize("inner", [("192.168.1.1", 5000), ("127.0.0.1", 5000), ("100.64.0.1", 5000)])
def test_no_server_sends_us_to_inner_doors(inner: tuple[str, int]) -> None:
    """With a router of the shared range in the way, where the server's other address is asked for (probes/hops.py)."""
    lab = network_with(lambda _: {"OTHER_ADDRESS": inner}, carrier=True)
    found = observed(lab, probes=("interfaces", "names", "mapping", "filtering", "hops"), stun=(stun_server(ODD),))
    assert 5000 not in sent_to(lab, inner[0])
    assert not Facts(parse(at.TARGET).target, found).of(Opening)


def half_dead(lab: Lab, address: str) -> None:
    """A server at `address` whose other address, 203.0.113.31, is nobody's: what is to come from there is lost."""
    host = lab.servers["stun2"]
    other = host.serve_udp(address, 4000, lambda *_: None)

    def asked(udp: LabUdp, datagram: Datagram) -> None:
        request = stun.decode(datagram.data).message if stun.is_stun(datagram.data) else None
        change = request.attributes.get("CHANGE-REQUEST", 0) if request else 4
        if request is not None and not change & 4:
            seen: dict[str, Any] = {"XOR_MAPPED_ADDRESS": datagram.source, "OTHER_ADDRESS": ("203.0.113.31", 4000)}
            (other if change else udp).send(stun.response(request, **seen), datagram.source)

    host.serve_udp(address, 3999, asked)


@pytest.mark.parametrize("beside", [(), ("stun1.example.test",)])
@pytest.mark.parametrize("filtering", BEHAVIOURS)
@pytest.mark.parametrize("mapping", ["none", "endpoint-independent"])
def test_another_address_that_is_dead_is_no_filter_of_this_network(
    mapping: Any, filtering: Any, beside: tuple[str, ...]
) -> None:
    lab = lab_of(network=Network(mapping=mapping, filtering=filtering))
    half_dead(lab, at.STUN2)
    found = report(lab, stun=tuple(map(stun_server, (ODD, *beside))))
    assert filtering_behaviour(Facts(found.target, found.observations)) == (filtering if beside else None)
