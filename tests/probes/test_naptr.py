"""S-NAPTR records of a relay's domain: followed as far as RFC 5928 goes, and no further than is bearable."""

from __future__ import annotations

import pytest

from natprobe.facts import NaptrAnswer, SrvAnswer, TurnServer
from natprobe.model import Failure
from tests.lab.build import Lab
from tests.lab.client import lab_of
from tests.lab.servers import DnsServer
from tests.netns import addresses as at
from tests.probes.seen import of, seen

NAME = "turn.example.test"
PROBES = ("interfaces", "names")


def lab_saying(**records: tuple[str, ...]) -> Lab:
    """NAPTR records by name, `_` for a dot, of a resolver beside the real one."""
    lab = lab_of()
    names: dict[str, dict[str, tuple[str, ...]]] = {NAME: {"A": (at.RELAY,)}}
    for name, lines in records.items():
        names.setdefault(name.replace("_", "."), {})["NAPTR"] = lines
    DnsServer(lab.servers["stun2"], at.STUN2, names, NAME, "works")
    vars(lab.client)["nameservers"] = lambda: [(at.STUN2, 53)]
    return lab


def relays(lab: Lab, target: str) -> list[tuple[str, str, int]]:
    found = seen(lab, target, PROBES)
    return [(each.transport, each.origin, each.port) for each in of(found, TurnServer) if each.origin != "target"]


def test_by_address_with_the_ports_of_the_scheme() -> None:
    lab = lab_saying(turn_example_test=(f'1 1 "A" "RELAY:turn.tcp:turn.udp" "" {NAME}.',))
    assert sorted(relays(lab, f"turn:{NAME}")) == [("tcp", "srv", 3478), ("udp", "srv", 3478)]
    lab = lab_saying(turn_example_test=(f'1 1 "a" "relay:turn.tls:turn.dtls:turn.udp" "" {NAME}.',))
    assert sorted(relays(lab, f"turns:{NAME}")) == [("dtls", "srv", 5349), ("tls", "srv", 5349)]


@pytest.mark.parametrize("target", [f"turn:{NAME}:3478", f"turn:{NAME}?transport=udp", NAME, f"stun:{NAME}"])
def test_only_where_port_and_transport_are_left_open(target: str) -> None:
    lab = lab_saying(turn_example_test=(f'1 1 "a" "RELAY:turn.tcp" "" {NAME}.',))
    assert of(seen(lab, target, PROBES), NaptrAnswer) == []


def test_a_domain_without_any() -> None:
    (answer,) = of(seen(lab_of(), f"turn:{NAME}", PROBES), NaptrAnswer)
    assert (answer.failure, answer.records) == (Failure.NO_DATA, ())


@pytest.mark.parametrize(
    "record",
    [
        '1 1 "u" "RELAY:turn.tcp" "!^.*$!turn:evil.test!" .',
        f'1 1 "a" "SIP+D2U" "" {NAME}.',
        f'1 1 "a" "" "" {NAME}.',
        f'1 1 "p" "RELAY:turn.tcp" "" {NAME}.',
        '1 1 "a" "RELAY:turn.tcp" "" .',
        '1 1 "s" "RELAY:turn.tcp" "" short.',
        f'1 1 "a" "RELAY:turn.sctp" "" {NAME}.',
        '1 1 "a" "RELAY:turn.tcp" "" a\\032b.test.',
        f'1 1 "a" "RELAY:{"x" * 200}" "" {NAME}.',
    ],
)
def test_what_is_none_of_ours_is_left(record: str) -> None:
    assert relays(lab_saying(turn_example_test=(record,)), f"turn:{NAME}") == []


def test_a_ring_and_a_crowd_end_after_four() -> None:
    ring = lab_saying(turn_example_test=(f'1 1 "" "RELAY:turn.udp" "" {NAME}.',))
    assert len(of(seen(ring, f"turn:{NAME}", PROBES), NaptrAnswer)) == 1 + 4
    crowd = tuple(f'1 {n} "s" "RELAY:turn.udp" "" _turn._udp.s{n}.test.' for n in range(16))
    found = seen(lab_saying(turn_example_test=crowd), f"turn:{NAME}", PROBES)
    assert len(of(found, NaptrAnswer)[0].records) == 10
    assert [each.name for each in of(found, SrvAnswer) if each.name != NAME] == [f"s{n}.test" for n in range(4)]
