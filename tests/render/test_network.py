"""What the report says of the network: every NAT of the lab, in plain words and RFC 4787's."""

from __future__ import annotations

from typing import Any

import pytest

from natprobe.facts import IdleMapping
from natprobe.model import Failure, Observation
from natprobe.render._network import network
from natprobe.render.text import WIDTH, lines
from tests.case import Dns, Network, Peer
from tests.lab.check import report
from tests.lab.client import lab_of
from tests.made import LOCAL, LOCAL6, OUTSIDE, STUN1, STUN1_6, STUN2, address, facts, saw, unheard

ANY, ADDRESS, BOTH = "endpoint-independent", "address-dependent", "address-and-port-dependent"
SECOND = "10.20.0.2:50000"
ADDRESSES = [address("192.168.1.2", "private"), address("10.20.0.2", "private", "eth1")]


def shown(**parts: Any) -> list[str]:
    """The section as people see it, each sentence unwrapped."""
    lab = lab_of(peer=Peer(runs=True), **parts)
    printed = [line.text for line in lines(report(lab, lab.peer_target))]
    assert all(len(line) <= WIDTH for line in printed)
    start = printed.index("This network") + 1
    section = "\n".join(printed[start : printed.index("", start)])
    return ["IPv" + each.replace("\n    ", " ").strip() for each in section.split("IPv")[1:]]


def told(*observations: Observation) -> list[str]:
    return network(facts(*observations))


@pytest.mark.parametrize(
    ("mapping", "words"),
    [
        (ANY, "every destination sees the same port (mapping endpoint-independent)"),
        (ADDRESS, "every server sees another port (mapping address-dependent)"),
        (BOTH, 'every destination sees another port (mapping address-and-port-dependent, "symmetric")'),
    ],
)
def test_mapping(mapping: Any, words: str) -> None:
    (only,) = shown(network=Network(mapping=mapping))
    assert only.startswith("IPv4: behind a NAT; seen from outside as 198.51.100.7; ")
    assert words in only
    assert ("ports preserved" in only) is (mapping == ANY)
    assert ("ports not preserved" in only) is (mapping != ANY)


@pytest.mark.parametrize(
    ("filtering", "words"),
    [
        (ANY, "lets in anybody (filtering endpoint-independent)"),
        (ADDRESS, "lets in only hosts that were written to (filtering address-dependent)"),
        (BOTH, "lets in only answers (filtering address-and-port-dependent)"),
    ],
)
def test_filtering(filtering: Any, words: str) -> None:
    (only,) = shown(network=Network(filtering=filtering))
    assert words in only
    assert "firewall" not in only


@pytest.mark.parametrize(
    ("filtering", "words"),
    [
        (ANY, "no NAT, and no firewall keeps anybody out (filtering endpoint-independent)"),
        (ADDRESS, "no NAT, but a firewall that lets in only hosts that were written to (filtering address-dependent)"),
        (BOTH, "no NAT, but a firewall that lets in only answers (filtering address-and-port-dependent)"),
    ],
)
def test_no_nat(filtering: Any, words: str) -> None:
    assert shown(network=Network(mapping="none", filtering=filtering)) == [
        f"IPv4: {words}; seen from outside as 198.51.100.7."
    ]


def test_each_family_has_its_line() -> None:
    four, six = shown(network=Network(ipv6="works"), dns=Dns(ipv6=True))
    assert four.startswith("IPv4: behind a NAT")
    assert six.startswith("IPv6: no NAT, but a firewall that lets in only answers")
    assert six.endswith("seen from outside as 2001:db8:1::2.")


def test_addresses_that_differ_have_a_line_each_with_the_interface() -> None:
    both, first, second = shown(network=Network(uplink="works"))
    assert both.startswith("IPv4: behind a NAT; every destination sees the same port")
    assert first == "IPv4 from 192.168.1.2 (eth0): seen from outside as 198.51.100.7."
    assert second == "IPv4 from 10.20.0.2 (eth1): seen from outside as 198.51.100.77."


def test_addresses_of_which_one_has_no_nat_have_all_of_it_a_line_each() -> None:
    public = address("198.51.100.9", "public", "eth1")
    own = "198.51.100.9:1"
    first, second = told(ADDRESSES[0], public, saw(STUN1), saw(STUN2), saw(STUN1, own, own), saw(STUN2, own, own))
    assert first.startswith("IPv4 from 192.168.1.2 (eth0): behind a NAT; seen from outside as 198.51.100.7;")
    assert second == "IPv4 from 198.51.100.9 (eth1): no NAT."


def test_addresses_that_fare_the_same_share_a_line() -> None:
    """The tunnel takes UDP from both addresses."""
    (only,) = shown(network=Network(tunnel="udp"))
    assert only.startswith("IPv4: behind a NAT; seen from outside as 198.51.100.99;")


def test_without_nat_addresses_share_a_line_though_each_is_seen_as_itself() -> None:
    here = [address("2001:db8:1::2", "public"), address("2001:db8:1::3", "public")]
    other = "[2001:db8:1::3]:1"
    (only,) = told(*here, saw(STUN1_6, LOCAL6, LOCAL6), saw(STUN1_6, other, other))
    assert only == "IPv6: no NAT; seen from outside as 2001:db8:1::2 and 2001:db8:1::3."


def test_what_was_measured_from_one_address_only_makes_no_difference() -> None:
    seen = [saw(STUN1), saw(STUN2), saw(STUN1, "198.51.100.7:50000", SECOND)]
    (only,) = told(*ADDRESSES, *seen)
    assert only.startswith("IPv4: behind a NAT")
    assert "mapping endpoint-independent" in only


@pytest.mark.parametrize(
    ("uplink", "words"),
    [
        ("no-udp", "requests; TCP works, seen from outside as 198.51.100.77."),
        ("dead", "requests, nor over TCP."),
    ],
)
def test_a_silent_address_says_what_was_tried(uplink: Any, words: str) -> None:
    first, second = shown(network=Network(uplink=uplink))
    assert first.startswith("IPv4 from 192.168.1.2 (eth0): behind a NAT;")
    assert second.startswith("IPv4 from 10.20.0.2 (eth1): no answer over UDP to ")
    assert second.endswith(words)


def test_where_no_udp_comes_back_tcp_is_told() -> None:
    (only,) = shown(network=Network(udp="drop"))
    assert only.startswith("IPv4: no answer over UDP to ")
    assert only.endswith("TCP works, seen from outside as 198.51.100.7.")


@pytest.mark.parametrize(
    ("failure", "words"),
    [
        (Failure.ADDRESS_NOT_LOCAL, "(the address to send from is not on this machine)"),
        (Failure.PERMISSION_DENIED, "(this machine's own rules refuse to send)"),
    ],
)
def test_what_could_not_be_sent_says_why(failure: Failure, words: str) -> None:
    first, second = told(*ADDRESSES, saw(), unheard(STUN1, 0, failure, local="10.20.0.2:0"))
    assert first.startswith("IPv4 from 192.168.1.2 (eth0): behind a NAT")
    assert second == f"IPv4 from 10.20.0.2 (eth1): nothing can be sent over UDP {words}."


def test_an_error_answer_is_an_answer() -> None:
    (only,) = told(ADDRESSES[0], unheard(STUN1, 1, Failure.ERROR_RESPONSE))
    assert only == "IPv4: answers come over UDP."


def test_nothing_asked_nothing_told() -> None:
    assert told() == []
    assert told(*ADDRESSES) == []


def test_servers_on_this_side_of_the_nat_tell_nothing() -> None:
    assert told(ADDRESSES[0], saw("192.168.1.9:3478", LOCAL)) == []


def idle(seconds: float, again: str) -> IdleMapping:
    return IdleMapping(
        server=STUN1,
        local=LOCAL,
        mapped=OUTSIDE,
        mapped_again=again,
        idle=seconds,
        by="asking-again",
        controls=1,
        tries=1,
    )


@pytest.mark.parametrize(
    ("life", "words"),
    [
        ([idle(30, "198.51.100.7:9")], "an idle mapping is gone after 30 s."),
        ([], "ports preserved."),
    ],
)
def test_lifetime(life: list[Observation], words: str) -> None:
    (only,) = told(ADDRESSES[0], saw(STUN1), saw(STUN2), *life)
    assert only.endswith(words)


def test_hairpinning() -> None:
    (turned,) = shown(network=Network(hairpin=True))
    assert "its outside address works from inside (hairpinning)" in turned
    (kept,) = shown()
    assert "its outside address does not work from inside (no hairpinning)" in kept
    (own,) = shown(network=Network(mapping="none"))
    assert "hairpinning" not in own


@pytest.mark.parametrize(
    ("ports", "words"),
    [
        ("preserved", "ports preserved"),
        ("contiguous", "ports not preserved, neighbours stay neighbours (contiguous)"),
        ("random", "ports not preserved, not contiguous either"),
    ],
)
def test_ports(ports: Any, words: str) -> None:
    (only,) = shown(network=Network(ports=ports))
    assert f"; {words}; " in only


def test_pooling() -> None:
    (paired,) = shown()
    assert "pooling" not in paired
    (only,) = shown(network=Network(pool=3))
    assert "seen from outside as 198.51.100.7" in only
    assert "; connections are spread over these addresses (pooling arbitrary); " in only
