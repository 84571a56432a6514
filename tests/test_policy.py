"""The gate: every demand kept, broken, unknown and waived, and the exit code that follows."""

from __future__ import annotations

import datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from natprobe.causes import BY_CODE
from natprobe.facts import Candidate, CertificateFile, PathBurst, RelayBurst
from natprobe.gate import judge
from natprobe.model import (
    PATHS,
    Alternative,
    Attempt,
    Failure,
    Finding,
    Observation,
    Path,
    Report,
    Severity,
    Source,
    Stages,
    Unknown,
    Verdict,
)
from natprobe.policy import Demands, read
from natprobe.render._manner import Gate
from tests.gates import TODAY
from tests.made import HOST, MEDIA, OUTSIDE, PAGE, SOURCE, STUN1, WEB, WEB6, by_dns, certificate, named, saw

FIRST, OTHER = "turn.example.test 203.0.113.40:443 tls", "turn2.example.test 203.0.113.41:5349 tls"
ON_SERVER = msgspec.structs.replace(SOURCE, vantage="server")


def attempt(status: str = "open", **more: Any) -> Attempt:
    fields: dict[str, Any] = {"endpoint": MEDIA, "family": 4, "local": "192.168.1.2", "status": status} | more
    return Attempt(**fields)


def way(*attempts: Attempt, name: str = "direct-udp", status: str | None = None, **more: Any) -> Path:
    words = [each.status for each in attempts]
    settled = status or next((each for each in ("open", "blocked", "unknown") if each in words), "unknown")
    return Path(name=name, status=settled, attempts=attempts, **more)  # type: ignore[arg-type]  # a word of it


def finding(code: str = "NP403", severity: str = "warning", **more: Any) -> Finding:
    cause = BY_CODE[code]
    fields: dict[str, Any] = {"where": cause.where, "message": f"{code} is there", "evidence": (1,)} | more
    return Finding(code=code, cause=cause.name, severity=Severity(severity), **fields)


def report(
    *ways: Path,
    findings: tuple[Finding, ...] = (),
    seen: tuple[Observation, ...] = (),
    verdict: str = "good",
    media: str | None = "direct-udp",
    unknown: tuple[Unknown, ...] = (),
    sources: tuple[Source, ...] = (SOURCE,),
) -> Report:
    by_name = {each.name: each for each in ways}
    numbered = tuple(msgspec.structs.replace(each, id=number) for number, each in enumerate(seen, 1))
    return Report(
        natprobe="0.1.0",
        started=SOURCE.started,
        duration=1.0,
        target=PAGE,
        sources=sources,
        observations=numbered,
        paths=tuple(by_name.get(name, Path(name=name, status="unknown", reason="not-tried")) for name in PATHS),
        findings=findings,
        unknown=unknown,
        verdict=Verdict(status=verdict, media=media, summary="In short", stages=Stages()),  # type: ignore[arg-type]
    )


def gate(of: Report, policy: str = "", today: datetime.date = TODAY, **options: Any) -> Gate:
    return judge(of, Demands(policy=read(policy) if policy else None, **options), today)


def told(of: Report, policy: str = "", **options: Any) -> list[tuple[str, str]]:
    """What was demanded on top of what always is, and how that stands."""
    judged = gate(of, policy, **options)
    return [(each.status, each.why) for each in judged.held[2:]]


# --- what every report is judged by


@pytest.mark.parametrize(
    ("findings", "verdict", "fail_on", "code"),
    [
        ((), "good", None, 0),
        ((), "degraded", None, 0),
        ((), "broken", None, 1),
        ((), "unknown", None, 3),
        (("warning",), "good", None, 0),
        (("warning",), "good", "warning", 1),
        (("note",), "good", "warning", 0),
        (("note",), "good", "note", 1),
        (("error",), "good", None, 1),
        (("error",), "unknown", None, 1),
        (("error",), "broken", "never", 0),
        ((), "unknown", "never", 0),
    ],
)
def test_findings_and_verdict(findings: tuple[str, ...], verdict: str, fail_on: Any, code: int) -> None:
    of = report(findings=tuple(finding(severity=each) for each in findings), verdict=verdict)
    assert gate(of, fail_on=fail_on).code == code
    if fail_on:
        assert gate(of, f'fail_on = "{fail_on}"').code == code


def test_the_option_goes_before_the_policy() -> None:
    of = report(findings=(finding(),))
    assert gate(of, 'fail_on = "warning"').code == 1
    assert gate(of, 'fail_on = "warning"', fail_on="error").code == 0


def test_what_is_found_is_named_and_counted() -> None:
    several = (finding("NP101", "error"), finding("NP402", "error"), finding())
    held = gate(report(findings=several)).held[0]
    assert (held.demand, held.status, held.findings) == ("no error is found", "broken", (0, 1))
    assert held.why == "NP101 udp-blocked is found, and 1 more: NP101 is there"


@pytest.mark.parametrize(
    ("wish", "verdict", "fail_on", "code"),
    [
        ("good", "good", None, 0),
        ("good", "degraded", None, 1),
        ("good", "unknown", None, 3),
        ("degraded", "degraded", None, 0),
        ("degraded", "broken", None, 1),
        ("degraded", "broken", "never", 1),
        ("any", "broken", None, 0),
        ("any", "unknown", None, 0),
    ],
)
def test_the_verdict_that_a_policy_wants(wish: str, verdict: str, fail_on: Any, code: int) -> None:
    assert gate(report(verdict=verdict), f'verdict = "{wish}"', fail_on=fail_on).code == code


# --- paths

TWO_RELAYS = way(
    attempt(server=FIRST), attempt("blocked", server=OTHER, reason="refused"), name="turn-tls", status="open"
)
NO_RELAY = way(name="turn-tls", status="not-offered", reason="relay-not-offered")
INNER_TOO = way(attempt("blocked", endpoint="10.0.0.10:10000"), attempt(), status="open")
BOTH_FAMILIES = way(attempt(), attempt("blocked", family=6, endpoint=f"[{WEB6}]:10000", local="2001:db8:1::2"))


@pytest.mark.parametrize(
    ("path", "word", "any_", "every"),
    [
        (way(attempt()), "direct-udp", "kept", "kept"),
        (way(attempt("blocked")), "direct-udp", "broken", "broken"),
        (way(attempt("unknown", reason="silence")), "direct-udp", "unknown", "unknown"),
        (NO_RELAY, "turn-tls", "broken", "broken"),
        (NO_RELAY, "turn-tls@turn.example.test", "broken", "broken"),
        (way(status="unknown"), "direct-udp", "unknown", "unknown"),
        (TWO_RELAYS, "turn-tls", "kept", "broken"),
        (TWO_RELAYS, "turn-tls@turn.example.test", "kept", "kept"),
        (TWO_RELAYS, "turn-tls@TURN.example.test./4", "kept", "kept"),
        (TWO_RELAYS, "turn-tls@203.0.113.40", "kept", "kept"),
        (TWO_RELAYS, "turn-tls@203.0.113.41:5349", "broken", "broken"),
        (TWO_RELAYS, "turn-tls@turn2.example.test", "broken", "broken"),
        (TWO_RELAYS, "turn-tls@turn3.example.test", "unknown", "unknown"),
        (TWO_RELAYS, f"turn-tls@{HOST}", "unknown", "unknown"),
        (TWO_RELAYS, "turn-tls/6", "unknown", "unknown"),
        (INNER_TOO, "direct-udp", "kept", "kept"),
        (INNER_TOO, f"direct-udp@{HOST}", "kept", "kept"),
        (INNER_TOO, f"direct-udp@{WEB}/4", "kept", "kept"),
        (INNER_TOO, "direct-udp@10.0.0.10", "broken", "broken"),
        (BOTH_FAMILIES, "direct-udp", "kept", "broken"),
        (BOTH_FAMILIES, "direct-udp/4", "kept", "kept"),
        (BOTH_FAMILIES, f"direct-udp@{HOST}/6", "broken", "broken"),
        (BOTH_FAMILIES, f"direct-udp@[{WEB6}]:10000", "broken", "broken"),
    ],
)
def test_required_paths(path: Path, word: str, any_: str, every: str) -> None:
    of, codes = report(path), {"kept": 0, "broken": 1, "unknown": 3}
    assert gate(of, require=(word,)).code == codes[any_]
    assert [status for status, _ in told(of, f'require = ["{word}"]')] == [any_]
    assert [status for status, _ in told(of, f'require = [{{ path = "{word}", every = true }}]')] == [every]
    assert gate(of, require=(word,), fail_on="never").code == codes[any_]


def test_who_asks_for_a_path_is_named() -> None:
    of = report(way(attempt("blocked", reason="silence"), reason="silence"), NO_RELAY)
    (policy, option) = told(of, 'require = ["direct-udp"]', require=("turn-tls", "direct-udp"))
    words = "nothing came back, however often it was sent"
    assert policy == (
        "broken",
        "turn-tls is not-offered (the server hands out no relay over this transport), and --require asks for it",
    )
    assert option == ("broken", f"direct-udp is blocked ({words}), and the policy requires it")
    (every,) = told(report(TWO_RELAYS), 'require = [{ path = "turn-tls", every = true }]')
    assert every[1].startswith(f"turn-tls by 192.168.1.2 to {OTHER} is blocked (the connection is refused)")


# --- limits


def trains(*jitters: float | None) -> tuple[Observation, ...]:
    fields: dict[str, Any] = {"endpoint": MEDIA, "transport": "udp", "size": 100, "interval_ms": 20.0}
    return tuple(PathBurst(jitter_ms=each, **fields) for each in jitters)


MEASURED = way(
    attempt(rtt_ms=40.0, loss=0.01, evidence=(1,), proof="ice"), attempt(rtt_ms=90.0, evidence=(1,), proof="media")
)


@pytest.mark.parametrize(
    ("path", "limit", "status"),
    [
        (way(attempt(rtt_ms=40.0)), "rtt_ms = 40", "kept"),
        (way(attempt(rtt_ms=40.1)), "rtt_ms = 40", "broken"),
        (way(attempt()), "rtt_ms = 40", "unknown"),
        (way(attempt("blocked")), "rtt_ms = 40", "unknown"),
        (way(attempt("blocked", rtt_ms=1.0)), "rtt_ms = 40", "unknown"),
        (way(attempt(loss=0.02)), "loss = 0.02", "kept"),
        (way(attempt(loss=0.03)), "loss = 0.02", "broken"),
        (way(attempt(loss=0.0)), "loss = 0", "kept"),
        (way(attempt()), "loss = 0.02", "unknown"),
        (way(attempt(evidence=(1, 2))), "jitter_ms = 5", "kept"),
        (way(attempt(evidence=(1, 2, 3))), "jitter_ms = 5", "broken"),
        (way(attempt(evidence=(4,))), "jitter_ms = 5", "unknown"),
        (way(attempt()), "jitter_ms = 5", "unknown"),
        (MEASURED, "rtt_ms = 50", "broken"),
        (MEASURED, "rtt_ms = 90", "kept"),
    ],
)
def test_limits_of_the_path_that_a_browser_ends_on(path: Path, limit: str, status: str) -> None:
    of = report(path, seen=trains(2.0, 5.0, 5.1, None))
    assert [each for each, _ in told(of, f"[[limit]]\n{limit}")] == [status]
    assert [each for each, _ in told(of, f'[[limit]]\npath = "direct-udp/4"\n{limit}')] == [status]
    assert [each for each, _ in told(of, f'[[limit]]\npath = "direct-udp/6"\n{limit}')] == ["unknown"]


def test_without_media_nothing_was_measured() -> None:
    of = report(way(attempt(rtt_ms=1.0)), verdict="broken", media=None)
    ((status, why),) = told(of, "[[limit]]\nrtt_ms = 40")
    assert status == "unknown"
    assert why == "the round trip by the path that a browser ends on was not measured, and the policy allows 40 ms"


def test_each_vantage_has_to_keep_a_limit() -> None:
    path = way(attempt(rtt_ms=10.0, evidence=(1,)), attempt(rtt_ms=80.0, evidence=(2,)))
    near, far = trains(None, None)
    of = report(path, seen=(near, msgspec.structs.replace(far, source=1)), sources=(SOURCE, SOURCE))
    ((status, why),) = told(of, "[[limit]]\nrtt_ms = 40")
    assert (status, why) == ("broken", "the round trip by direct-udp is 80.0 ms, and the policy allows 40 ms")


def test_jitter_of_a_relay() -> None:
    fields: dict[str, Any] = {"server": STUN1, "transport": "udp", "relayed": MEDIA, "peer": OUTSIDE, "by": "stun"}
    burst = RelayBurst(size=100, interval_ms=20.0, jitter_ms=9.0, **fields)
    of = report(way(attempt(evidence=(1,)), name="turn-udp"), seen=(burst,))
    assert [status for status, _ in told(of, '[[limit]]\npath = "turn-udp"\njitter_ms = 8')] == ["broken"]


# --- certificates and addresses

FILE: dict[str, Any] = {"path": "/etc/fullchain.pem", "role": "certificate", "system": "coturn", "file": "f", "line": 1}


@pytest.mark.parametrize(
    ("seen", "status", "why"),
    [
        ((certificate(days_left=21.0),), "kept", "lasts 21 days more"),
        ((certificate(days_left=40.0), certificate(days_left=20.4)), "broken", "lasts 20 days more, and the policy"),
        ((certificate(days_left=-1.0),), "broken", "has ended"),
        ((CertificateFile(days_left=3.0, **FILE),), "broken", "the certificate of /etc/fullchain.pem lasts 3 days"),
        ((CertificateFile(failure=Failure.PERMISSION_DENIED, **FILE),), "unknown", "no certificate was seen"),
        ((), "unknown", "no certificate was seen"),
    ],
)
def test_days_of_certificates(seen: tuple[Observation, ...], status: str, why: str) -> None:
    ((stands, words),) = told(report(seen=seen), "certificate_days = 21")
    assert stands == status
    assert why in words


def candidates(*endpoints: str, **more: Any) -> tuple[Observation, ...]:
    return tuple(Candidate(endpoint=each, transport="udp", **more) for each in endpoints)


NO_DATA = Failure.NO_DATA
EXPECTATIONS = [
    (f'name_is = ["{WEB}"]', (named(WEB),), "kept"),
    (f'name_is = ["{WEB}", "{WEB6}"]', (named(WEB), by_dns(WEB6, WEB)), "kept"),
    (f'name_is = ["{WEB}"]', (named(WEB), by_dns("203.0.113.99")), "broken"),
    (f'name_is = ["{WEB}"]', (named("203.0.113.99"),), "broken"),
    (f'name_is = ["{WEB}", "{WEB6}"]', (named(WEB),), "unknown"),
    (f'name_is = ["{WEB}", "{WEB6}"]', (named(WEB), by_dns(failure=NO_DATA, family=6)), "broken"),
    (f'name_is = ["{WEB}", "{WEB6}"]', (named(WEB), named(failure=NO_DATA, family=6)), "unknown"),
    (f'name_is = ["{WEB}"]', (named(failure=Failure.TIMEOUT),), "unknown"),
    (f'name_is = ["{WEB}"]', (named("203.0.113.99", name="other.test"),), "unknown"),
    (f'name_is = ["{WEB}"]', (), "unknown"),
    (f'name_includes = ["{WEB}"]', (named("203.0.113.99", WEB),), "kept"),
    (f'name_includes = ["{WEB}"]', (named("203.0.113.99"),), "broken"),
    (f'media_includes = ["{WEB}"]', candidates("10.0.0.1:10000", MEDIA), "kept"),
    (f'media_includes = ["{WEB}"]', candidates("10.0.0.1:10000"), "broken"),
    (f'media_includes = ["{WEB}"]', candidates(MEDIA, advertised=False), "unknown"),
    (f'media_includes = ["{WEB}"]', candidates(MEDIA, type="relay"), "unknown"),
    (f'media_includes = ["{WEB}"]', (), "unknown"),
    ('outside_in = ["198.51.100.7"]', (saw(),), "kept"),
    ('outside_in = ["198.51.100.0/28"]', (saw(),), "kept"),
    ('outside_in = ["198.51.100.8"]', (saw(),), "broken"),
    ('outside_in = ["198.51.100.7"]', (saw(), saw(mapped="192.0.2.1:4", local="192.168.1.2:40002")), "broken"),
    ('outside_in = ["198.51.100.7"]', (saw(transport="tcp"),), "kept"),
    ('outside_in = ["198.51.100.8"]', (saw(transport="tcp"),), "broken"),
    ('outside_in = ["2001:db8:1::/64"]', (saw(),), "unknown"),
    ('outside_in = ["198.51.100.7", "2001:db8:1::/64"]', (saw(),), "kept"),
    ('outside_in = ["10.0.0.1"]', (saw("10.0.0.2:3478", "10.0.0.1:5"),), "unknown"),
    ('outside_in = ["198.51.100.7"]', (), "unknown"),
]


@pytest.mark.parametrize(("wish", "seen", "status"), EXPECTATIONS)
def test_expected_addresses(wish: str, seen: tuple[Observation, ...], status: str) -> None:
    ((stands, why),) = told(report(seen=seen), f"[addresses]\n{wish}")
    assert stands == status
    assert bool(why) is (status != "kept")


@pytest.mark.parametrize(("wish", "seen", "status"), EXPECTATIONS)
def test_another_vantage_makes_nothing_better(wish: str, seen: tuple[Observation, ...], status: str) -> None:
    of = report(seen=seen, sources=(SOURCE, SOURCE))  # the second says nothing
    expected = "broken" if status == "broken" else "unknown"
    assert [each for each, _ in told(of, f"[addresses]\n{wish}")] == [expected]
    of = report(seen=seen, sources=(SOURCE, ON_SERVER))  # clients are who meets the addresses
    assert [each for each, _ in told(of, f"[addresses]\n{wish}")] == [status]


def test_what_is_no_address_leads_nowhere() -> None:
    of = report(seen=(named("....", WEB), *candidates(":::::1:5")))
    assert [each for each, _ in told(of, f'[addresses]\nname_is = ["{WEB}"]')] == ["kept"]
    assert [each for each, _ in told(of, f'[addresses]\nmedia_includes = ["{WEB}"]')] == ["unknown"]


# --- forbidden causes


@pytest.mark.parametrize(
    ("of", "status"),
    [
        (report(), "kept"),
        (report(findings=(finding(severity="note"),)), "broken"),
        (report(findings=(finding("NP101"),)), "kept"),
        (report(unknown=(Unknown(code="NP403", reason="silence"),)), "unknown"),
        (report(findings=(finding("NP101", alternatives=(Alternative(code="NP403", cause="x"),)),)), "unknown"),
    ],
)
@pytest.mark.parametrize("word", ["NP403", "certificate-expiring"])
def test_forbidden_causes(of: Report, status: str, word: str) -> None:
    assert [each for each, _ in told(of, f'forbid = ["{word}"]')] == [status]
    assert gate(of, f'forbid = ["{word}"]', fail_on="never").code == {"kept": 0, "broken": 1, "unknown": 3}[status]


# --- order


@given(st.permutations(range(6)), st.permutations(range(3)))
def test_the_order_of_a_policy_changes_nothing(places: list[int], limits: list[int]) -> None:
    words = [
        '"direct-udp"',
        '"turn-tls"',
        '"p2p"',
        '"direct-tcp"',
        '"turn-udp/6"',
        '{ path = "turn-tls", every = true }',
    ]
    parts = ["[[limit]]\nrtt_ms = 5\n", '[[limit]]\npath = "p2p"\nloss = 0.1\n', "[[limit]]\njitter_ms = 1\n"]
    of = report(way(attempt(rtt_ms=9.0)), TWO_RELAYS, findings=(finding(),))
    plain = gate(of, f"require = [{', '.join(words)}]\n{''.join(parts)}")
    mixed = gate(of, f"require = [{', '.join(words[n] for n in places)}]\n{''.join(parts[n] for n in limits)}")
    assert mixed.code == plain.code
    assert sorted(map(repr, mixed.held)) == sorted(map(repr, plain.held))
    assert gate(of, f"require = [{', '.join(words)}]\n{''.join(parts)}") == plain
