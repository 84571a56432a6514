"""The comparison of every ring finds each way in which a report can disagree, and nothing else."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from tests.case import Expect
from tests.expect import differences, implied

EXPECT = Expect(
    causes=("udp-blocked",),
    unknown=("mtu-blackhole",),
    verdict="degraded",
    exit=0,
    paths={"direct-udp": "blocked"},
    stages={"web": "ok"},
)


def report(**changes: Any) -> dict[str, Any]:
    whole = {
        "findings": [{"cause": "udp-blocked"}],
        "unknown": [{"code": "NP111"}],
        "paths": [{"name": "direct-udp", "status": "blocked"}, {"name": "p2p", "status": "unknown"}],
        "verdict": {"status": "degraded", "stages": {"name": "ok", "web": "ok"}},
    }
    return whole | changes


def test_agreement() -> None:
    assert differences(EXPECT, report(), 0) == []


def test_a_path_with_its_proof() -> None:
    expect = msgspec.structs.replace(EXPECT, paths={"turn-tls": "open media"})
    seen = {"name": "turn-tls", "status": "open"}
    assert differences(expect, report(paths=[seen | {"proof": "media"}]), 0) == []
    shallow = ["path turn-tls: open ice, expected open media"]
    assert differences(expect, report(paths=[seen | {"proof": "ice"}]), 0) == shallow


@pytest.mark.parametrize(("severity", "headline"), [("error", "udp-blocked"), ("warning", None)])
def test_the_error_that_the_sentence_names(severity: str, headline: str | None) -> None:
    found = {"cause": "udp-blocked", "severity": severity, "message": "No UDP comes back"}
    verdict = {"status": "degraded", "stages": {"web": "ok"}, "summary": "Not from here: No UDP comes back"}
    seen = report(findings=[found], verdict=verdict)
    expect = msgspec.structs.replace(EXPECT, headline="udp-blocked")
    wrong = [] if headline else ["headline: None, expected udp-blocked"]
    assert differences(expect, seen, 0) == wrong


def test_exit_code() -> None:
    assert differences(EXPECT, report(), 1) == ["exit code: 1, expected 0"]


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"findings": []}, "cause: udp-blocked is missing"),
        (
            {"findings": [{"cause": c} for c in ("udp-blocked", "double-nat")]},
            "cause: double-nat was not expected",
        ),
        ({"findings": [{"cause": "udp-blocked"}] * 2}, "cause: udp-blocked was not expected"),
        ({"unknown": []}, "unknown: mtu-blackhole is missing"),
        ({"unknown": [{"code": c} for c in ("NP111", "NP999")]}, "unknown: NP999 was not expected"),
        ({"paths": []}, "path direct-udp: None, expected blocked"),
        ({"verdict": {"status": "good", "stages": {"web": "ok"}}}, "verdict: good, expected degraded"),
        ({"verdict": {"status": "degraded", "stages": {"web": "failed"}}}, "stage web: failed, expected ok"),
    ],
)
def test_disagreement(changes: dict[str, Any], line: str) -> None:
    assert differences(EXPECT, report(**changes), 0) == [line]


def test_what_says_less_is_implied() -> None:
    more = Expect(verdict="good", exit=0, paths={"direct-udp": "open media"}, stages={"web": "ok"})
    assert implied(Expect(verdict="good", exit=0), more)
    assert implied(Expect(verdict="good", exit=0, paths={"direct-udp": "open"}), more)
    assert not implied(more, Expect(verdict="good", exit=0, paths={"direct-udp": "open"}, stages={"web": "ok"}))
    assert not implied(Expect(verdict="good", exit=0, causes=("hairpin-missing",)), more)
    assert not implied(Expect(verdict="good", exit=0, unknown=("double-nat",)), more)
    assert not implied(Expect(verdict="good", exit=0, stages={"web": "failed"}), more)
