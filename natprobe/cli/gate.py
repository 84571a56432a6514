"""The exit code of a report: for CI gates, which must fail for the right reason and never for a wrong one. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from natprobe.cli.errors import FINDINGS, OK, UNKNOWN, UsageError
from natprobe.model import PATHS, Attempt, Path, Report, Severity, split
from natprobe.render._manner import Gate

FAIL_ON = ("error", "warning", "note", "never")
_RANK = {Severity.ERROR: 0, Severity.WARNING: 1, Severity.NOTE: 2}


class Requirement(NamedTuple):
    """`--require PATH[@HOST][/4|/6]`: any attempt on it suffices."""

    path: str
    host: str | None
    family: int | None


class Demands(NamedTuple):
    """What the options of the gate ask of a report."""

    fail_on: str = "error"
    require: tuple[Requirement, ...] = ()


WITHOUT = Demands()


def demands(fail_on: str, require: Sequence[str] | None) -> Demands:
    """Raises UsageError."""
    return Demands(threshold(fail_on), tuple(requirement(each) for each in require or ()))


def judged(report: Report, asked: Demands) -> Gate:
    """Whether the report passes, and what each demand came to."""
    return Gate(code=exit_code(report, asked.fail_on, asked.require))


def requirement(text: str) -> Requirement:
    """Raises UsageError."""
    match = re.fullmatch(r"([a-z0-9-]+)(?:@([^/@]+))?(?:/([46]))?", text)
    if match is None or match.group(1) not in PATHS:
        raise UsageError(f"--require wants PATH[@HOST][/4|/6] with one of {', '.join(PATHS)}, not {text[:60]!a}")
    return Requirement(match.group(1), match.group(2), int(match.group(3)) if match.group(3) else None)


def threshold(word: str) -> str:
    """Raises UsageError."""
    if word not in FAIL_ON:
        raise UsageError(f"--fail-on is one of {', '.join(FAIL_ON)}, not {word[:40]!a}")
    return word


def exit_code(report: Report, fail_on: str = "error", require: tuple[Requirement, ...] = ()) -> int:
    """By the contract: what is broken before what is unknown. Raises UsageError for a bad option."""
    required = [_status(report, each) for each in require]
    counts = threshold(fail_on) != "never"
    grave = counts and any(_RANK[each.severity] <= _RANK[Severity(fail_on)] for each in report.findings)
    if grave or (counts and report.verdict.status == "broken") or "blocked" in required or "not-offered" in required:
        return FINDINGS
    if (counts and report.verdict.status == "unknown") or "unknown" in required:
        return UNKNOWN
    return OK


def _status(report: Report, wanted: Requirement) -> str:
    path = next(each for each in report.paths if each.name == wanted.path)
    here = wanted._replace(host=None) if wanted.host == report.target.host else wanted
    statuses = {each.status for each in path.attempts if _fits(each, here)}
    if here.host is None and here.family is None:
        return "open" if "open" in statuses else path.status
    return next((word for word in ("open", "unknown", "blocked") if word in statuses), _without_attempt(path))


def _without_attempt(path: Path) -> str:
    return path.status if path.status == "not-offered" else "unknown"


def _fits(attempt: Attempt, wanted: Requirement) -> bool:
    hosts = {attempt.server, split(attempt.endpoint)[0], attempt.endpoint}
    return (wanted.host is None or wanted.host in hosts) and wanted.family in (None, attempt.family)
