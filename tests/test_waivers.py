"""What a policy waives does not fail the gate, for as long as it says and no longer."""

from __future__ import annotations

import datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from natprobe.facts import Setting
from natprobe.gate import judge
from natprobe.model import Finding, Report, Unknown
from natprobe.policy import Demands, FailOn, Policy, Waiver, read
from natprobe.render._manner import Held
from tests.gates import TODAY
from tests.made import SOURCE
from tests.test_policy import ON_SERVER, attempt, finding, gate, report, way

LATER, BEFORE = TODAY + datetime.timedelta(days=30), TODAY - datetime.timedelta(days=1)
LINE = '[[waiver]]\ncause = "NP403"\nreason = "renewed on Friday"\nuntil = {until}\n'
EXPIRING: dict[str, Any] = {"args": {"endpoint": "203.0.113.10:443", "name": "meet.example.test", "days": 3}}


def last(of: Report, policy: str, today: datetime.date = TODAY) -> Held:
    return gate(of, policy, today).held[-1]


def test_a_waived_finding_does_not_count_and_is_told_with_its_reason() -> None:
    of = report(findings=(finding(severity="error"),))
    assert gate(of).code == 1
    judged = gate(of, LINE.format(until=LATER))
    assert judged.code == 0
    assert [each.status for each in judged.held] == ["kept", "kept", "waived"]
    assert judged.held[-1] == Held(
        demand=f"NP403 certificate-expiring is waived until {LATER}",
        status="waived",
        why="renewed on Friday",
        findings=(0,),
    )


def test_only_what_it_names() -> None:
    of = report(findings=(finding("NP101", "error"), finding(severity="error")))
    judged = gate(of, LINE.format(until=LATER))
    assert (judged.code, judged.held[0].findings) == (1, (0,))


def test_it_lasts_to_the_end_of_its_day() -> None:
    of, policy = report(findings=(finding(severity="error"),)), LINE.format(until=TODAY)
    assert gate(of, policy, TODAY).code == 0
    assert gate(of, policy, TODAY + datetime.timedelta(days=1)).code == 1


def test_when_it_ran_out_that_is_told_and_the_finding_counts_again() -> None:
    of, policy = report(findings=(finding(severity="error"),)), LINE.format(until=BEFORE)
    assert gate(of, policy).code == 1
    held = last(of, policy)
    assert (held.status, held.findings) == ("kept", (0,))
    assert held.why.endswith(f"ran out on {BEFORE}, and what it fits counts again")
    assert last(report(), policy).why.endswith("nothing that it fits is found")


def test_one_that_fits_nothing_is_told() -> None:
    held = last(report(), LINE.format(until=LATER))
    assert (held.status, held.findings) == ("kept", ())
    assert held.why == "nothing that this waiver of NP403 certificate-expiring fits is found: it may go"
    assert gate(report(), LINE.format(until=LATER)).code == 0


def test_another_in_force_is_enough() -> None:
    of = report(findings=(finding(severity="error"),))
    assert gate(of, LINE.format(until=BEFORE) + LINE.format(until=LATER)).code == 0


FILED: dict[str, Any] = {"file": "/etc/jitsi/videobridge/jvb.conf", "line": 3}
RELAYS: dict[str, Any] = {
    "args": {
        "relays": "turns:turn.example.test:5349?transport=tcp and [2001:db8::5]:443, turn:203.0.113.40:3478",
        "url": "https://a.test/x",
        "address": "fe80::7",
    }
}


@pytest.mark.parametrize(
    ("about", "narrowed", "fits"),
    [
        (EXPIRING, 'host = "meet.example.test"', True),
        (EXPIRING, 'host = "MEET.example.test"', True),
        (EXPIRING, 'host = "203.0.113.10"', True),
        (EXPIRING, 'host = "example.test"', False),
        (EXPIRING, 'host = "203.0.113.1"', False),
        (EXPIRING, 'host = "3"', False),
        (RELAYS, 'host = "turn.example.test"', True),
        (RELAYS, 'host = "2001:db8::5"', True),
        (RELAYS, 'host = "a.test"', True),
        (RELAYS, 'host = "203.0.113.40"', True),
        (RELAYS, 'host = "fe80::7"', True),
        ({"args": {"names": ["a.test", "b.test"], "days": 3}}, 'host = "b.test"', True),
        ({}, 'host = "meet.example.test"', False),
        (FILED, 'file = "/etc/jitsi/videobridge/jvb.conf"', True),
        (FILED, 'file = "jvb.conf"', True),
        (FILED, 'file = "videobridge/jvb.conf"', True),
        (FILED, 'file = "vb.conf"', False),
        ({}, 'file = "jvb.conf"', False),
        ({}, 'where = "server-host"', True),
        ({}, 'where = "turn"', False),
        ({"where": "turn"}, 'where = "turn"', True),
        (FILED | EXPIRING, 'file = "jvb.conf"\nhost = "other.test"', False),
    ],
)
def test_what_narrows_it(about: dict[str, Any], narrowed: str, fits: bool) -> None:
    of = report(findings=(finding(severity="error", **about),))
    assert gate(of, LINE.format(until=LATER) + narrowed).code == int(not fits)


def test_a_forbidden_cause_may_be_waived() -> None:
    of, policy = report(findings=(finding(severity="note"),)), 'forbid = ["NP403"]\n'
    assert gate(of, policy).code == 1
    assert gate(of, policy + LINE.format(until=LATER)).code == 0


# --- verdicts


def test_no_waiver_makes_media_flow() -> None:
    of = report(way(attempt("blocked")), findings=(finding("NP403", "error"),), verdict="broken", media=None)
    judged = gate(of, LINE.format(until=LATER))
    assert (judged.code, [each.status for each in judged.held]) == (1, ["kept", "broken", "waived"])
    assert gate(of, f'verdict = "any"\n{LINE.format(until=LATER)}').code == 0


SET = Setting(system="jvb", file="/etc/jitsi/videobridge/jvb.conf", line=1, key="k", value="v")


@pytest.mark.parametrize(
    ("findings", "unknown", "code"),
    [
        ((finding("NP403", "error"),), (), 0),
        ((finding("NP403", "error"),), (Unknown(code="NP505", reason="sockets-unread"),), 3),
        ((finding("NP403", "error"), finding("NP509", "error")), (), 1),
    ],
)
def test_on_a_server_nothing_but_errors_breaks_the_verdict(
    findings: tuple[Finding, ...], unknown: tuple[Unknown, ...], code: int
) -> None:
    of = report(findings=findings, unknown=unknown, seen=(SET,), verdict="broken", sources=(ON_SERVER,), media=None)
    assert gate(of).code == 1
    assert gate(of, LINE.format(until=LATER)).code == code


def test_beside_a_client_the_verdict_stands() -> None:
    of = report(findings=(finding("NP403", "error"),), verdict="broken", sources=(SOURCE, ON_SERVER))
    assert gate(of, LINE.format(until=LATER)).code == 1


# --- laws

CODES = st.sampled_from(["NP101", "NP403", "NP513"])
FINDINGS = st.lists(
    st.builds(finding, CODES, st.sampled_from(["error", "warning", "note"]), where=st.sampled_from(["turn", "proxy"])),
    max_size=4,
)
WAIVERS = st.lists(
    st.builds(
        Waiver,
        cause=CODES,
        where=st.sampled_from([None, "turn", "proxy"]),
        reason=st.just("so"),
        until=st.sampled_from([BEFORE, TODAY, LATER]),
    ),
    max_size=4,
)
REPORTS = st.builds(
    lambda findings, verdict, on_server: report(
        way(attempt()),
        findings=tuple(findings),
        verdict=verdict,
        seen=(SET,),
        sources=(ON_SERVER,) if on_server else (SOURCE,),
    ),
    FINDINGS,
    st.sampled_from(["good", "degraded", "broken", "unknown"]),
    st.booleans(),
)
FAIL_ON: st.SearchStrategy[FailOn] = st.sampled_from(["error", "warning", "note", "never"])
FORBIDDEN = st.lists(CODES, max_size=2).map(tuple)


def code(of: Report, waivers: list[Waiver], **policy: Any) -> int:
    return judge(of, Demands(policy=Policy(waiver=tuple(waivers), **policy)), TODAY).code


@given(REPORTS, WAIVERS, WAIVERS, FAIL_ON, FORBIDDEN)
def test_one_more_waiver_makes_nothing_worse(
    of: Report, some: list[Waiver], more: list[Waiver], fail_on: FailOn, forbid: tuple[str, ...]
) -> None:
    """0 stays 0, and what was not broken is not broken then."""
    before = code(of, some, fail_on=fail_on, forbid=forbid)
    after = code(of, some + more, fail_on=fail_on, forbid=forbid)
    assert after == 0 if before == 0 else after != 1 if before == 3 else True


@given(REPORTS, WAIVERS, st.randoms(), FAIL_ON)
def test_the_order_of_waivers_changes_nothing(of: Report, some: list[Waiver], chance: Any, fail_on: FailOn) -> None:
    mixed = list(some)
    chance.shuffle(mixed)
    assert code(of, mixed, fail_on=fail_on) == code(of, some, fail_on=fail_on)


def test_the_code_follows_from_the_demands_alone() -> None:
    for verdict, expected in (("good", 0), ("unknown", 3), ("broken", 1)):
        judged = judge(report(verdict=verdict), Demands(policy=read("")), TODAY)
        statuses = {each.status for each in judged.held}
        assert judged.code == expected == (1 if "broken" in statuses else 3 if "unknown" in statuses else 0)
