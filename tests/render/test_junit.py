"""JUnit XML: red is what decided the exit code."""

from __future__ import annotations

import datetime
from xml.etree import ElementTree

import msgspec
import pytest

from natprobe.gate import judge
from natprobe.model import Report, Severity, Unknown
from natprobe.policy import FAIL_ON, WITHOUT, Demands, Policy, Waiver
from natprobe.render._manner import Gate, Held
from tests.render.commands import commands
from tests.render.machine import KEPT, kept, rendered, values

WAIVER = Waiver(cause="NP402", reason="known", until=datetime.date(2027, 1, 1))
ASKED = [
    WITHOUT,
    *(Demands(fail_on=each) for each in FAIL_ON),
    *(Demands(require=(each,)) for each in ("direct-udp", "turn-tls", "direct-tcp-proxy", "p2p")),
    Demands(policy=Policy(forbid=("udp-blocked",), waiver=(WAIVER,))),
]


def cases_of(report: Report, gate: Gate | None = None) -> dict[str, tuple[str, str]]:
    """Test case -> how it ended, and the message."""
    top = ElementTree.fromstring(rendered("junit", report, gate))
    found = {}
    for each in top.iter("testcase"):
        outcome = next(iter(each), None)
        words = ("passed", "") if outcome is None else (outcome.tag, outcome.get("message", ""))
        found[f"{each.get('classname')} {each.get('name')}"] = words
    assert int(top.get("failures", "")) == sum(tag == "failure" for tag, _ in found.values())
    assert int(top.get("tests", "")) == len(found)
    return found


def failed(report: Report, gate: Gate | None = None) -> list[str]:
    return [name for name, (outcome, _) in cases_of(report, gate).items() if outcome == "failure"]


def test_what_decided_is_red_and_nothing_else() -> None:
    report = kept("web-broken")
    held = (
        Held(demand="no error", status="broken", why="there is one", findings=(0,)),
        Held(demand="direct-udp is open", status="unknown", why="was not tried", ways=("direct-udp",)),
        Held(demand="turn-tls is open", status="broken", why="the policy requires it", ways=("turn-tls",)),
        Held(demand="NP112 is waived", status="waived", why="known since May", findings=(1,)),
        Held(demand="the certificate lasts", status="kept"),
    )
    gate = Gate(code=1, held=held)
    first, second = (f"natprobe.findings {each.code} {each.cause}" for each in report.findings[:2])
    found = cases_of(report, gate)
    assert failed(report, gate) == [
        "natprobe.gate no error",
        "natprobe.gate turn-tls is open",
        "natprobe.ways turn-tls",
        first,
    ]
    assert found[second][0] == "skipped"
    assert found[second][1].startswith("waived (known since May): ")
    assert found["natprobe.gate direct-udp is open"] == ("skipped", "was not tried")
    assert found["natprobe.gate the certificate lasts"] == ("passed", "")


@pytest.mark.parametrize("name", KEPT)
def test_without_a_gate_errors_and_a_broken_verdict_are_red(name: str) -> None:
    report = kept(name)
    errors = sum(each.severity is Severity.ERROR for each in report.findings)
    red = failed(report)
    assert sum(each.startswith("natprobe.findings") for each in red) == errors
    assert ("natprobe.gate the verdict is neither broken nor unknown" in red) == (report.verdict.status == "broken")
    assert bool(red) == bool(errors or report.verdict.status == "broken")


@pytest.mark.parametrize("name", KEPT)
@pytest.mark.parametrize("asked", ASKED, ids=str)
def test_red_is_exit_code_one_and_nothing_else(name: str, asked: Demands) -> None:
    report = kept(name)
    gate = judge(report, asked, datetime.date(2026, 11, 22))
    assert bool(failed(report, gate)) == (gate.code == 1)
    annotated = [each.name for each in commands(rendered("github", report, gate))]
    errors = any(each.severity is Severity.ERROR for each in report.findings)
    assert ("error" in annotated) == (gate.code == 1) or errors  # with --fail-on never an error is one all the same
    assert values(report, gate)["natprobe_exit_code"] == gate.code


def test_green_ways_are_open_and_the_others_say_why() -> None:
    found = cases_of(kept("jitsi-only-web-out-relayed"))
    assert found["natprobe.ways turn-tls"] == ("passed", "")
    assert found["natprobe.ways direct-udp"][0] == "skipped"
    assert found["natprobe.ways direct-udp"][1].startswith("blocked")
    assert "natprobe.ways p2p" not in found


def test_on_the_server_no_way_was_tried() -> None:
    assert not [name for name in cases_of(kept("relay-refuses-everybody")) if name.startswith("natprobe.ways")]


def test_an_open_question_is_skipped_with_its_reason() -> None:
    question = Unknown(code="NP111", reason="large-packets-unsure", ask="check again")
    report = msgspec.structs.replace(kept("peer-healthy"), unknown=(question, question))
    found = cases_of(report)
    words = "small packets pass, and full-size ones were sent too seldom to tell"
    assert found["natprobe.questions NP111 mtu-blackhole"] == ("skipped", words)
    assert found["natprobe.questions NP111 mtu-blackhole (2)"] == ("skipped", words)
    assert "to find out: check again" in rendered("junit", report)


def test_a_failure_has_evidence_and_fixes() -> None:
    report = kept("silent-media-port")
    text = rendered("junit", report)
    first = report.findings[0]
    assert f"seen #{first.evidence[0]}: " in text
    assert "The server&#x27;s administrator: " in text
