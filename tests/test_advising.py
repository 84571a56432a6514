"""Fixes put together: equal ones once, none against another, and for the versions that are there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

from natprobe.advising import merged, settled
from natprobe.facts import Facts, JanusInfo, Program
from natprobe.model import Allow, Do, Finding, Fix, Forward, Report, Set, Severity, Where
from natprobe.servers.jitsi import media
from tests.made_jitsi import JITSI
from tests.memory.test_cases import PATHS

TURN = "/etc/turnserver.conf"


def finding(*fixes: Fix, code: str = "NP206", **more: Any) -> Finding:
    usual = {"cause": "x", "severity": Severity.ERROR, "where": Where.TURN, "message": "", "evidence": (1,)}
    return Finding(code=code, fixes=fixes, **(usual | more))


def change(value: str = "1.2.3.4", **changes: Any) -> Set:
    usual: dict[str, Any] = {
        "system": "coturn",
        "file": TURN,
        "key": "external-ip",
        "value": value,
        "audience": "server",
    }
    return Set(**(usual | changes))


def allow(**changes: Any) -> Allow:
    usual: dict[str, Any] = {"proto": "udp", "ports": ("10000",), "direction": "in", "audience": "server"}
    return Allow(**(usual | changes))


def left(*findings: Finding, seen: Any = ()) -> list[tuple[Fix, ...]]:
    return [each.fixes for each in settled(findings, [Facts(JITSI, seen)])]


# --- equal


def test_an_equal_fix_stands_once_with_all_that_it_mends() -> None:
    one = finding(allow(why="media arrives"), evidence=(1, 2))
    other = finding(allow(why="strangers have to reach it", after="reload"), code="NP306", evidence=(2, 7))
    (only,) = merged([one, other])
    assert (only.codes, only.evidence) == (("NP206", "NP306"), (1, 2, 7))
    assert only.fix == allow(why="media arrives", after="reload")


@pytest.mark.parametrize(
    "other",
    [
        allow(ports=("10001",)),
        allow(at="the provider's firewall"),
        allow(audience="network"),
        Do(text="Do it", audience="server"),
        change(),
    ],
)
def test_other_fixes_stay_apart(other: Fix) -> None:
    assert len(merged([finding(allow(), other)])) == 2


def test_what_a_client_guesses_and_the_server_knows_is_one_change() -> None:
    """The server's own report has the file's place and the line."""
    guessed, known = change(file=".env"), change(file="/opt/jitsi/.env", line=5, text="external-ip=1.2.3.4")
    for pair in ((guessed, known), (known, guessed)):
        (only,) = merged(finding(each, code=code) for each, code in zip(pair, ("NP301", "NP302"), strict=True))
        assert (only.fix, only.codes) == (known, ("NP301", "NP302"))


def test_two_lines_and_two_files_are_two_changes() -> None:
    assert len(merged([finding(change(line=3), change(line=9))])) == 2
    assert len(merged([finding(change(file="/a/x.conf"), change(file="/b/x.conf"))])) == 2
    assert len(merged([finding(change(), change(section="other"))])) == 2


# --- contradicting


CONTRARY = [
    (change("1.2.3.4"), change("5.6.7.8")),
    (change("1.2.3.4", line=4), change("5.6.7.8")),
    (change(file=".env"), change("5.6.7.8", file="/opt/jitsi/.env", line=4)),
    (change(), change("", op="remove")),
    (change("", op="remove"), change(line=3)),
    (change("", op="remove", line=3), change("5.6.7.8", op="set", line=3)),
    (change("10.0.0.0", op="add"), change("", op="remove")),
    (
        Forward(proto="udp", outside="1.2.3.4:1", inside="10.0.0.1:1", audience="server"),
        Forward(proto="udp", outside="1.2.3.4:1", inside="10.0.0.2:1", audience="server"),
    ),
]


@pytest.mark.parametrize(("one", "other"), CONTRARY)
def test_of_two_contrary_ones_the_graver_findings_is_kept(one: Fix, other: Fix) -> None:
    for first, second in ((one, other), (other, one)):
        beside = Do(text="And this", audience="server")
        assert left(finding(first), finding(second, beside, code="NP520")) == [(first,), (beside,)]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (change(), change()),
        (change("10.0.0.0", op="add"), change("172.16.0.0", op="add")),
        (change(line=3), change("5.6.7.8", line=4)),
        (change(), change("5.6.7.8", section="server")),
        (change(), change("5.6.7.8", key="relay-ip")),
        (change(file="/a/x.conf"), change("5.6.7.8", file="/b/x.conf")),
        (change("", op="remove", line=3), change("10.0.0.0", op="add", line=3)),
        (change("", op="remove"), change("", op="remove")),
        (change(until="4.6"), change("5.6.7.8", since="4.6")),
        (allow(), allow(ports=("443",))),
    ],
)
def test_what_agrees_stays(one: Fix, other: Fix) -> None:
    assert left(finding(one), finding(other, code="NP520")) == [(one,), (other,)]


def test_the_files_of_two_relays_are_called_alike() -> None:
    first, second = (finding(change(each), args={"host": each}) for each in ("1.2.3.4", "5.6.7.8"))
    assert left(first, second) == [first.fixes, second.fixes]


def test_one_finding_is_taken_at_its_word() -> None:
    both = finding(change("", op="remove"), change("10.0.0.0", op="add"))
    assert left(both) == [both.fixes]


# --- versions

ADVERTISED = media.advertise(("203.0.113.10",), None, "docker")


def keys(version: str) -> list[str]:
    told = (Program(name="docker-jitsi-meet", version=version, by="image"),) if version else ()
    ((*fixes,),) = left(finding(*ADVERTISED), seen=told)
    return [each.key for each in fixes if isinstance(each, Set)]


def test_only_what_the_installed_version_knows() -> None:
    assert keys("stable-9646") == ["JVB_ADVERTISE_IPS"]
    assert keys("stable-7287") == ["DOCKER_HOST_ADDRESS"]
    assert keys("") == keys("unstable") == ["JVB_ADVERTISE_IPS", "DOCKER_HOST_ADDRESS"]


def test_two_versions_are_none() -> None:
    told = [Program(name="docker-jitsi-meet", version=f"stable-{each}", by="image") for each in (9646, 7287)]
    assert left(finding(*ADVERTISED), seen=told) == [ADVERTISED]


def test_what_would_leave_nothing_of_its_system_stays() -> None:
    """Better a line that says from when on it holds than none."""
    newer = change(system="Janus", file="janus.jcfg", key="keep_private_host", since="0.9.5")
    told = (JanusInfo(url="https://a", endpoint="192.0.2.1:443", version_string="0.9.1"),)
    assert left(finding(newer), seen=told) == [(newer,)]
    assert left(finding(newer, change(system="Janus", file="janus.jcfg")), seen=told) == [
        (change(system="Janus", file="janus.jcfg"),)
    ]


# --- all that the tests make


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_no_report_says_two_things_of_one_setting(path: Path, in_case: Callable[[Path], Report]) -> None:
    report = in_case(path)
    for one, other in combinations(settable(report), 2):
        assert (one.file, one.section, one.key, one.line) != (other.file, other.section, other.key, other.line) or (
            one.value == other.value
            or {one.op, other.op} == {"add"}
            or (one.since, one.until) != (other.since, other.until)
        )
    assert settled(report.findings, [Facts(report.target, report.observations)]) == report.findings


def settable(report: Report) -> Iterator[Set]:
    yield from (each.fix for each in merged(report.findings) if isinstance(each.fix, Set))
