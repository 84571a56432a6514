"""Ports that the host's own packet filter shuts, and Docker's rules beside it: facts by hand."""

from __future__ import annotations

from typing import Any

import pytest

from natprobe.facts import PacketFilter, Passage
from natprobe.model import Failure, Observation, Severity
from natprobe.render._words import advice
from natprobe.rules import CLEAR, NOT_APPLICABLE, CouldNotTell, Found, Judgement
from natprobe.rules import np506_firewall_closed as closed
from natprobe.rules import np507_firewall_conflicts_with_docker as docker
from tests.made import facts
from tests.made_server import CONTAINER, PUBLIC, PUBLIC_OTHER, expected, listening, published

NEEDED = expected("udp", port=10000, program="jvb")
HIDDEN = PacketFilter(manager="nftables", failure=Failure.PERMISSION_DENIED)


def passage(outcome: str = "drop", port: int = 10000, proto: str = "udp", **more: Any) -> Passage:
    words = {"address": PUBLIC, "family": 4, "interface": "eth0", "manager": "ufw"} | more
    if outcome in ("drop", "reject"):
        words = {"rule": "policy drop", "chain": "ip filter INPUT"} | words
    return Passage(proto=proto, port=port, port_end=more.pop("port_end", port), outcome=outcome, **words)  # type: ignore[arg-type]


def one(judgement: Judgement) -> Found:
    assert isinstance(judgement, list)
    (found,) = judgement
    return found


def lines(*seen: Observation) -> list[str]:
    """What the report has to copy, without its remarks."""
    known = facts(*seen)
    found = one(closed.check(known))
    evidence = [each for kind in (Passage,) for each in known.of(kind) if each.id in found.evidence]
    return [line.strip() for line in advice(found.fixes[0], evidence)[1:] if ": # " not in line]


def test_a_needed_port_is_shut() -> None:
    found = one(closed.check(facts(NEEDED, passage())))
    text = found.message.format_map(found.args)
    assert text == "ufw drops UDP port 10000 over IPv4, which --expect wants open: policy drop (ip filter INPUT)"
    assert (found.severity, found.evidence) == (None, (1, 2))


def test_open_or_not_needed() -> None:
    assert closed.check(facts(NEEDED, passage("accept"))) is CLEAR
    assert closed.check(facts(NEEDED, passage(port=9999))) is NOT_APPLICABLE
    assert closed.check(facts()) is NOT_APPLICABLE


def test_a_usual_port_counts_only_where_somebody_holds_it_and_nobody_says_what_is_needed() -> None:
    assert closed.check(facts(passage())) is NOT_APPLICABLE
    assert one(closed.check(facts(listening(), passage()))).args["said"] == "java"
    assert closed.check(facts(listening(address="127.0.0.1"), passage())) is NOT_APPLICABLE
    assert closed.check(facts(expected(port=443), listening(), passage())) is NOT_APPLICABLE


def test_two_families_of_one_manager_are_one_finding() -> None:
    six = passage(address="2001:db8::9", family=6, chain="ip6 filter INPUT")
    found = one(closed.check(facts(NEEDED, passage(), six)))
    assert "over" not in str(found.args["ports"])
    assert lines(NEEDED, passage(), six) == ["ufw: sudo ufw allow 10000/udp"]


def test_open_over_the_other_family_is_a_warning() -> None:
    six = passage("accept", address="2001:db8::9", family=6)
    assert one(closed.check(facts(NEEDED, passage(), six))).severity is Severity.WARNING


def test_shut_at_one_address_of_two() -> None:
    found = one(closed.check(facts(NEEDED, passage(), passage("accept", address=PUBLIC_OTHER))))
    assert found.args["ports"] == f"UDP port 10000 over IPv4 of {PUBLIC}"


def test_open_for_some_senders_only_is_a_warning() -> None:
    found = one(closed.check(facts(NEEDED, passage(), passage("accept", sources="192.0.2.0/24"))))
    assert found.severity is Severity.WARNING
    assert found.message.format_map(found.args).startswith("ufw lets in only 192.0.2.0/24 to UDP port 10000")
    found = one(closed.check(facts(NEEDED, passage(sources="all but set friends"))))
    assert found.args["senders"] == "set friends"


def test_shut_for_some_senders_is_no_finding() -> None:
    assert closed.check(facts(NEEDED, passage("accept"), passage(sources="192.0.2.0/24"))) is CLEAR


def test_what_nobody_can_tell() -> None:
    assert closed.check(facts(NEEDED, HIDDEN)) == CouldNotTell(reason="filters-hidden", ask="sudo natprobe inspect")
    assert closed.check(facts(HIDDEN)) is NOT_APPLICABLE
    assert isinstance(closed.check(facts(listening(), HIDDEN)), CouldNotTell)
    unsure = closed.check(facts(NEEDED, passage("unknown", rule="limit rate 5/second accept", chain="inet own in")))
    assert isinstance(unsure, CouldNotTell)
    assert unsure.reason == "rule-depends"
    assert "limit rate 5/second accept (inet own in)" in unsure.ask


@pytest.mark.parametrize(
    ("more", "wanted"),
    [
        ({}, ["ufw: sudo ufw allow 10000/udp"]),
        (
            {"chain": "ip filter ufw-user-input", "rule": "-A ufw-user-input -p udp -m udp --dport 10000 -j DROP"},
            ["ufw: sudo ufw allow 10000/udp"],
        ),
        (
            {"chain": "ip filter ufw-user-input", "rule": "-A ufw-user-input -p udp --dport 9000:11000 -j DROP"},
            ["ufw: sudo ufw prepend allow 10000/udp"],
        ),
        ({"chain": "ip filter ufw-before-input", "rule": "-A ufw-before-input -p udp -j DROP"}, []),
        (
            {"manager": "firewalld", "chain": "inet firewalld filter_IN_public"},
            [
                "firewalld: sudo firewall-cmd --permanent --zone=public --add-port=10000/udp",
                "firewalld: sudo firewall-cmd --reload",
            ],
        ),
        (
            {"manager": "firewalld", "chain": "inet firewalld filter_INPUT"},
            [
                "firewalld: sudo firewall-cmd --permanent --add-port=10000/udp",
                "firewalld: sudo firewall-cmd --reload",
            ],
        ),
        (
            {"manager": "nftables", "chain": "inet own in"},
            ["nft: sudo nft insert rule inet own in udp dport 10000 accept"],
        ),
        (
            {"manager": "iptables", "chain": "ip filter INPUT"},
            ["iptables: sudo iptables -I INPUT -p udp --dport 10000 -j ACCEPT"],
        ),
        (
            {"manager": "iptables-legacy", "chain": "ip6 raw PREROUTING"},
            ["iptables-legacy: sudo ip6tables-legacy -t raw -I PREROUTING -p udp --dport 10000 -j ACCEPT"],
        ),
        ({"manager": "nftables", "chain": "inet a;reboot in"}, ["ufw: sudo ufw allow 10000/udp"]),
        ({"manager": None, "chain": "inet own in"}, ["ufw: sudo ufw allow 10000/udp"]),
    ],
)
def test_lines_to_copy(more: dict[str, Any], wanted: list[str]) -> None:
    assert lines(NEEDED, passage(**more)) == wanted


WHERE: dict[str, Any] = {"manager": "nftables", "chain": "inet own in"}


def test_several_ports_in_a_line() -> None:
    wanted = expected("udp", port=10000, port_end=20000)
    found = lines(wanted, passage(**WHERE), passage(port=10002, **WHERE))
    assert found == ["nft: sudo nft insert rule inet own in udp dport '{ 10000, 10002 }' accept"]


def led(outcome: str = "accept", port: int = 8080, **more: Any) -> Passage:
    return passage(outcome, port, "tcp", to=f"{CONTAINER}:80", **more)


PAST: dict[str, Any] = {"passed_by": "policy drop", "passed_manager": "ufw", "manager": "docker"}


def test_docker_leads_past_the_rules_for_the_host() -> None:
    found = one(docker.check(facts(led(**PAST))))
    said = (
        "TCP port 8080 is open to everybody, though ufw shuts it (policy drop): Docker leads it past to 172.18.0.5:80"
    )
    assert found.message.format_map(found.args) == said


def test_what_is_to_be_open_may_be() -> None:
    assert docker.check(facts(expected(port=8080), led(**PAST))) is CLEAR
    assert docker.check(facts(led(port=443, **PAST))) is CLEAR
    assert docker.check(facts(led(manager="docker"))) is CLEAR
    assert docker.check(facts(passage())) is NOT_APPLICABLE


def test_a_needed_containers_port_is_shut_on_the_way() -> None:
    shut = led("drop", chain="ip filter FORWARD", manager="docker")
    known = facts(expected(port=8080), shut)
    found = one(docker.check(known))
    assert (found.severity, found.fixes) == (Severity.ERROR, (docker._RESTART,))
    assert closed.check(known) is CLEAR
    assert docker.check(facts(led("drop"))) is CLEAR
    by_ufw = one(docker.check(facts(expected(port=8080), led("drop", chain="ip filter FORWARD"))))
    (line,) = advice(by_ufw.fixes[0], [led("drop", chain="ip filter FORWARD")])[1:]
    assert line.strip() == "ufw: sudo ufw route allow proto tcp from any to 172.18.0.5 port 80"


def test_dockers_rules_are_gone() -> None:
    found = one(docker.check(facts(published(), passage("accept", manager=None))))
    assert found.fixes == (docker._RESTART,)
    assert docker.check(facts(published(), passage("accept", to=f"{CONTAINER}:10000"))) is CLEAR
    assert docker.check(facts(published())) is CLEAR
    assert docker.check(facts(published(address="127.0.0.1"), passage())) is NOT_APPLICABLE
    assert isinstance(docker.check(facts(published(), HIDDEN)), CouldNotTell)
