"""How probes end: a crash and a cut are facts with findings of their own, and the other probes go on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from natprobe import run
from natprobe.context import Context
from natprobe.facts import Facts, Probed
from natprobe.model import Observation, Report
from tests.case import Case, Expect, Peer
from tests.gates import exit_code
from tests.lab.build import build
from tests.memory.test_cases import checked, typed

# A peer of ours has no page, no relay and nowhere to sign in, and nobody asked for the lifetime of mappings.
NOTHING_TO_DO = (
    *("siblings", "signalling", "join", "services", "lifetime", "turn", "relay_size", "pool"),
    *("relayed", "channel", "standing", "cascade", "audit", "burst", "compare", "rates", "marks"),
)
Probe = Callable[[Context, Facts], AsyncIterator[Observation]]


def report_with(monkeypatch: pytest.MonkeyPatch, probes: dict[str, Probe], *options: str) -> Report:
    """A healthy peer's report, with these bodies in place of the probes' own."""
    load = run.load_probe

    def replaced(name: str) -> Any:
        module = load(name)
        return _with_body(module, probes[name]) if name in probes else module

    monkeypatch.setattr(run, "load_probe", replaced)
    case = Case(title="", expect=Expect(verdict="good", exit=0), target="peer", peer=Peer(runs=True), options=options)
    lab = build(case)
    return checked(lab, typed(case, lab))


def _with_body(module: ModuleType | Any, probe: Probe) -> Any:
    fields = {name: getattr(module, name) for name in ("REQUIRES", "TAKES", "YIELDS", "TIMEOUT")}
    return SimpleNamespace(**fields, probe=probe)


async def crashes(ctx: Context, facts: Facts) -> AsyncIterator[Observation]:
    raise ValueError("secret 203.0.113.99 /home/somebody")
    yield  # makes it a generator


async def hangs(ctx: Context, facts: Facts) -> AsyncIterator[Observation]:
    await asyncio.sleep(3600)
    yield Probed(status="complete")


def ends(report: Report) -> dict[str, str]:
    return {each.probe: each.status for each in report.observations if isinstance(each, Probed)}


def statuses(report: Report) -> dict[str, str]:
    return {each.name: each.status for each in report.paths}


def test_a_crash_is_a_finding_and_the_others_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    report = report_with(monkeypatch, {"mapping": crashes})
    unasked = dict.fromkeys(NOTHING_TO_DO, "skipped")
    assert ends(report) == dict.fromkeys(run.SEQUENCE, "complete") | unasked | {"mapping": "crashed"}
    (finding,) = report.findings
    assert (finding.code, finding.cause, finding.args["probe"]) == ("NP902", "probe-crashed", "mapping")
    assert (report.verdict.status, statuses(report)["direct-udp"]) == ("good", "open")
    assert exit_code(report) == 0
    assert exit_code(report, "warning") == 1


def test_a_crash_names_its_place_and_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    (finding,) = report_with(monkeypatch, {"mapping": crashes}).findings
    assert "ValueError" in finding.message
    assert "test_ends" in finding.message
    assert "secret" not in finding.message
    assert "/home" not in finding.message


def test_what_a_crash_hides_is_not_called_blocked(monkeypatch: pytest.MonkeyPatch) -> None:
    report = report_with(monkeypatch, {"media": crashes, "tcp": crashes})
    assert {each.cause for each in report.findings} == {"probe-crashed"}
    assert statuses(report)["direct-udp"] == "unknown"
    assert report.verdict.status == "unknown"
    assert exit_code(report) == 3


def test_a_probe_that_hangs_is_cut_by_its_own_time(monkeypatch: pytest.MonkeyPatch) -> None:
    report = report_with(monkeypatch, {"media": hangs})
    assert ends(report)["media"] == "cut"
    (finding,) = report.findings
    assert (finding.code, finding.args["probes"]) == ("NP903", "media")
    assert report.verdict.status == "degraded"
    assert "the time ran out" in report.verdict.summary
    assert report.duration < run.load_probe("media").TIMEOUT + 1


def test_a_run_without_time_says_so_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    report = report_with(monkeypatch, {"mapping": hangs, "media": hangs, "tcp": hangs}, "--timeout", "1")
    assert [each.cause for each in report.findings] == ["out-of-time"]
    assert set(report.findings[0].args["probes"].split(", ")) == {"mapping", "media", "tcp"}
    assert (report.verdict.status, exit_code(report)) == ("unknown", 3)
    assert statuses(report)["direct-udp"] == "unknown"
    assert report.duration == pytest.approx(1, abs=0.1)
