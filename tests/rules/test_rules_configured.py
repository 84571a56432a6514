"""Whole folders of Jitsi's configuration: each fault found at its line, and nothing said of the corrected ones."""

from __future__ import annotations

import pytest

from natprobe.derive.advertising import advertised
from natprobe.derive.needs import needs
from natprobe.derive.versions import older
from natprobe.facts import Facts, Program
from natprobe.model import Finding, Observation, Report, Set
from natprobe.servers.obsolete import ROWS, Row
from natprobe.servers.settings import kind_of
from tests.inspecting import folder
from tests.made import numbered
from tests.made_server import INNER, PUBLIC, SERVER, inspected, own, program

JITSI = {"NP309", "NP408", "NP416", "NP508", "NP509", "NP511", "NP512", "NP517", "NP518"}
HERE = (own(INNER), own("172.18.0.1", "br-1"))
V2025, V2020 = program("jitsi-meet", "2.0.10431-1"), program("jitsi-meet", "2.0.4548-1")
HEALTHY = {
    "docker-11146": (),
    "docker-10532": (),
    "docker-8138": (),
    "debian-2025": (V2025,),
    "debian-2020": (V2020,),
    "problem-a/fixed": (),
    "problem-d/fixed": (),
}


def judged(name: str, *more: Observation) -> Report:
    return inspected(*folder(name), *HERE, *more)


def ours(report: Report) -> list[Finding]:
    """What is said of files: sockets and packet filters were not looked at."""
    return [each for each in report.findings if each.code in JITSI]


def at(report: Report) -> set[tuple[str, str, int | None]]:
    return {(each.code, (each.file or "").rpartition("/")[2], each.line) for each in ours(report)}


@pytest.mark.parametrize("name", HEALTHY)
def test_nothing_is_said_of_what_is_right(name: str) -> None:
    assert [(each.code, each.message) for each in ours(judged(name, *HEALTHY[name]))] == []


def test_the_first_problem_as_it_was_told() -> None:
    found = at(judged("problem-a/broken"))
    assert ("NP512", "custom-sip-communicator.properties", 3) in found  # the host's address, in a container
    assert ("NP517", "custom-sip-communicator.properties", 4) in found  # ICE over TCP, gone from the bridge
    assert ("NP517", ".env", 9) in found  # and from docker-jitsi-meet
    assert ("NP518", ".env", 8) in found  # DISABLE_AWS_HARVESTER, which this compose file passes on to nobody


def test_the_fourth_problem_as_it_was_told() -> None:
    report = judged("problem-d/broken")
    found = at(report)
    assert ("NP511", "sip-communicator.properties", 2) in found
    assert ("NP509", "docker-compose.yml", 55) in found
    assert ("NP408", ".env", None) in found  # PUBLIC_URL is not set
    assert ("NP517", ".env", 8) in found
    assert ("NP518", "sip-communicator.properties", 2) in found  # lost at the next start
    (same,) = [each for each in ours(report) if each.code == "NP511"]
    (fix,) = same.fixes
    assert isinstance(fix, Set)
    assert (fix.key, fix.op, fix.text) == ("JVB_ADVERTISE_IPS", "add", "")
    (shut,) = [each for each in ours(report) if each.code == "NP509"]
    assert shut.fixes[0].text == "- '127.0.0.1:8080:8080'"  # type: ignore[union-attr]


def ports(name: str, *more: Program) -> set[tuple[str, int, str, str | None]]:
    facts = Facts(SERVER, numbered(*folder(name), *more))
    return {(each.proto, each.port, each.role, each.address) for each in needs(facts)}


DOCKER_PORTS = {
    ("udp", 10000, "media", None),
    ("tcp", 80, "web", None),
    ("tcp", 443, "web", None),
    ("tcp", 8080, "admin", "127.0.0.1"),
    ("tcp", 8888, "admin", "127.0.0.1"),
}


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("docker-10532", DOCKER_PORTS),
        ("docker-11146", DOCKER_PORTS),
        ("docker-8138", (DOCKER_PORTS - {("tcp", 443, "web", None)}) | {("tcp", 8443, "web", None)}),
        (
            "docker-5142",
            {("udp", 10000, "media", None), ("tcp", 4443, "media", None)}
            | {("tcp", 80, "web", None), ("tcp", 443, "web", None)},
        ),
        ("debian-2025", {("udp", 10000, "media", None)}),
        ("debian-2020", {("udp", 10000, "media", None)}),
    ],
)
def test_the_ports_that_are_needed(name: str, wanted: set[tuple[str, int, str, str | None]]) -> None:
    assert ports(name) == wanted


@pytest.mark.parametrize("name", [*HEALTHY, "docker-5142"])
def test_what_clients_are_told(name: str) -> None:
    facts = Facts(SERVER, numbered(*folder(name)))
    assert PUBLIC in [each.address for each in advertised(facts)]
    assert all(each.line and each.file for each in advertised(facts))


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.keys[0])
def test_every_row_of_what_is_gone_can_be_met(row: Row) -> None:
    """Its keys are among those that enter a report, and its version is one that can be compared."""
    for system in row.systems:
        assert [key for key in row.keys if kind_of(system, (), key) is None] == []
    assert not row.gone or older(row.gone, row.gone) is False
    assert row.instead
    assert not row.instead.endswith(".")
