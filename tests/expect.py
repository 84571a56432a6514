"""What a case expects against what a report says: the same comparison in every ring."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from natprobe.causes import BY_CODE
from tests.case import Expect
from tests.schema import faults

Report = Mapping[str, Any]


def differences(expect: Expect, report: Report, exit_code: int) -> list[str]:
    """One line for each disagreement; none when the report is what the case expects."""
    verdict = report["verdict"]
    paths = {path["name"]: _status(path, expect.paths.get(path["name"], "")) for path in report["paths"]}
    found = _differing("exit code", expect.exit, exit_code)
    found += _differing("verdict", expect.verdict, verdict["status"])
    found += _exactly("cause", expect.causes, (finding["cause"] for finding in report["findings"]))
    if expect.unknown is not None:
        found += _exactly("unknown", expect.unknown, map(_cause, report["unknown"]))
    if expect.headline:
        found += _differing("headline", expect.headline, _headline(report))
    found += _listed("path", expect.paths, paths) + (faults(report) if "schema" in report else [])
    return found + _listed("stage", expect.stages, verdict["stages"])


def implied(less: Expect, more: Expect) -> bool:
    """Whether a report that is as `more` has it is as `less` has it."""
    same = Counter(less.causes) == Counter(more.causes) and (less.verdict, less.exit) == (more.verdict, more.exit)
    spoken = less.unknown in (None, more.unknown) and less.headline in ("", more.headline)
    ways = all(f"{more.paths.get(name, '')} ".startswith(f"{status} ") for name, status in less.paths.items())
    return same and spoken and ways and less.stages.items() <= more.stages.items()


def told(report: Report) -> str:
    """The report in a few lines, to stand under the differences."""
    findings = [f"{finding['cause']}: {finding['message']}" for finding in report["findings"]]
    failures = [
        f"{seen['probe']}/{seen['kind']}: {seen['failure']} {seen['flow']} {seen['detail']}".rstrip()
        for seen in report["observations"]
        if seen["failure"]
    ]
    paths = [f"{path['name']} {path['status']} {path['reason'] or ''}".rstrip() for path in report["paths"]]
    parts = {"findings": findings, "failures": failures, "paths": paths, "verdict": [str(report["verdict"])]}
    return "\n".join(f"{name}:" + "".join(f"\n  {line}" for line in lines) for name, lines in parts.items())


def _headline(report: Report) -> str | None:
    summary, findings = report["verdict"]["summary"], report["findings"]
    errors = (each for each in findings if each["severity"] == "error")
    return next((each["cause"] for each in errors if summary.endswith(each["message"])), None)


def _status(path: Mapping[str, str], expected: str) -> str:
    """With its proof where the case expects one: "open media"."""
    return f"{path['status']} {path['proof']}" if " " in expected else path["status"]


def _cause(entry: Mapping[str, str]) -> str:
    """`unknown` has codes only."""
    cause = BY_CODE.get(entry["code"])
    return cause.name if cause else entry["code"]


def _differing(what: str, expected: object, seen: object) -> list[str]:
    return [] if seen == expected else [f"{what}: {seen}, expected {expected}"]


def _exactly(what: str, expected: Iterable[str], seen: Iterable[str]) -> list[str]:
    wanted, had = Counter(expected), Counter(seen)
    missing = [f"{what}: {name} is missing" for name in sorted((wanted - had).elements())]
    return missing + [f"{what}: {name} was not expected" for name in sorted((had - wanted).elements())]


def _listed(what: str, expected: Mapping[str, str], seen: Mapping[str, str]) -> list[str]:
    return [line for name, status in expected.items() for line in _differing(f"{what} {name}", status, seen.get(name))]
