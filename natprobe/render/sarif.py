"""SARIF 2.1.0, for programs that show what linters find: findings of `inspect` with file and line, others by place.

GitHub's code scanning refuses a whole file in which one result names no artifact, or one by a web address: what stands
in no file is put at the made-up path `natprobe/HOST`, and its `properties` say so.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from natprobe.causes import BY_CODE
from natprobe.facts import Probed
from natprobe.model import Finding, Report, Severity
from natprobe.render._decided import gate, waived
from natprobe.render._detail import details, reason
from natprobe.render._manner import PLAINLY, Gate, Held, Manner
from natprobe.render._sarif_changes import changes
from natprobe.render._tame import told
from natprobe.render._times import later
from natprobe.render._words import by_id

_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_LEVELS: dict[Severity, str] = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.NOTE: "note"}
_GATE = "gate"


def render(report: Report, manner: Manner = PLAINLY) -> str:
    """One run. ASCII alone, and no `#` before a bracket: CI's logs are read for commands."""
    judged = gate(report, manner)
    demands = [each for each in judged.held if each.status == "broken" and not each.findings]
    rules = sorted({each.code for each in report.findings})
    driver = {
        "name": "natprobe",
        "version": told(report.natprobe),
        "rules": [*map(_rule, rules), *([_GATE_RULE] if demands else [])],
    }
    run = {
        "tool": {"driver": driver},
        "automationDetails": {"id": f"natprobe/{_host(report)}/"},
        "invocations": [_invocation(report, judged, asked=manner.gate is not None)],
        "results": [*_results(report, judged, rules), *(_unkept(report, each, len(rules)) for each in demands)],
        "columnKind": "unicodeCodePoints",
    }
    text = json.dumps({"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}, indent=1)
    return text.replace("##", "#\\u0023") + "\n"


# --- rules


def _rule(code: str) -> dict[str, Any]:
    """The cause's page is its help; a code from nowhere stands for itself."""
    from natprobe.pages import page

    cause = BY_CODE.get(code)
    if cause is None:
        return {"id": told(code)}
    text = page(cause)
    level = _LEVELS[cause.severity]
    return {
        "id": code,
        "name": "".join(word.capitalize() for word in cause.name.split("-")),
        "shortDescription": {"text": cause.meaning},
        "fullDescription": {"text": cause.meaning},
        "help": {"text": text, "markdown": text},
        "defaultConfiguration": {"level": level},
        "properties": {
            "tags": ["network", str(cause.where)],
            "problem.severity": {"note": "recommendation"}.get(level, level),
        },
    }


_GATE_RULE = {
    "id": _GATE,
    "name": "Gate",
    "shortDescription": {"text": "what --require or a policy asks of the report is not so"},
    "defaultConfiguration": {"level": "error"},
}


# --- results


def _results(report: Report, judged: Gate, rules: list[str]) -> Iterator[dict[str, Any]]:
    known, let_off = by_id(report), waived(judged)
    times: dict[str, int] = {}
    for number, each in enumerate(report.findings):
        print_ = _fingerprint(report, each)
        times[print_] = times.get(print_, 0) + 1
        found: dict[str, Any] = {
            "ruleId": told(each.code),
            "ruleIndex": rules.index(each.code),
            "level": _LEVELS[each.severity],
            "message": {"text": _message([each.message, *details(each, known)])},
            "locations": [_location(report, each)],
            "partialFingerprints": {"primaryLocationLineHash": f"{print_}:{times[print_]}"},
            "properties": {"cause": told(each.cause), "where": str(each.where), "synthetic": not each.file},
        }
        if number in let_off:
            why = {"justification": told(let_off[number])}
            found["suppressions"] = [{"kind": "external", "status": "accepted", **why}]
        if exact := changes(report, each):
            found["fixes"] = [exact]
        yield found


def _unkept(report: Report, held: Held, index: int) -> dict[str, Any]:
    """A demand of the gate that no finding speaks of."""
    print_ = _digest(_GATE, report.target.host, held.demand)
    return {
        "ruleId": _GATE,
        "ruleIndex": index,
        "level": "error",
        "message": {"text": _message([held.demand, held.why])},
        "locations": [{"physicalLocation": _made_up(report)}],
        "partialFingerprints": {"primaryLocationLineHash": f"{print_}:1"},
        "properties": {"synthetic": True},
    }


def _message(lines: list[str]) -> str:
    """Braces are doubled, as places for arguments are not (section 3.11.5); no text is a link (section 3.11.6)."""
    text = "\n".join(told(line) for line in lines if line)
    return text.replace("{", "{{").replace("}", "}}").replace("](", "] (")


def _fingerprint(report: Report, finding: Finding) -> str:
    """The same for the same cause on the same target in the same file, whatever its figures and line are today."""
    return _digest(finding.code, report.target.host, str(report.target.port), finding.file or "")


def _digest(*words: str) -> str:
    return hashlib.sha256("\n".join(map(told, words)).encode()).hexdigest()[:32]


def _location(report: Report, finding: Finding) -> dict[str, Any]:
    where = {
        "name": str(finding.where),
        "fullyQualifiedName": f"{_host(report)}/{finding.where}",
        "kind": "resource",
    }
    return {"physicalLocation": _physical(report, finding), "logicalLocations": [where]}


def _physical(report: Report, finding: Finding) -> dict[str, Any]:
    """A path that was named relative to where natprobe ran is one of the checked-out tree."""
    if not finding.file:
        return _made_up(report)
    return {
        "artifactLocation": artifact(finding.file),
        "region": {"startLine": max(finding.line or 1, 1)},
    }


def artifact(path: str) -> dict[str, str]:
    """Of a file: its URI."""
    escaped = quote(told(path))
    return {"uri": f"file://{escaped}"} if path.startswith("/") else {"uri": escaped, "uriBaseId": "%SRCROOT%"}


def _made_up(report: Report) -> dict[str, Any]:
    uri = f"natprobe/{_host(report)}"
    return {"artifactLocation": {"uri": uri, "uriBaseId": "%SRCROOT%"}, "region": {"startLine": 1}}


def _host(report: Report) -> str:
    return quote(told(report.target.host), safe="")


# --- the run


def _invocation(report: Report, judged: Gate, *, asked: bool) -> dict[str, Any]:
    """`exitCode` only where a gate judged: without one nobody knows it."""
    ended = later(report.started, report.duration)
    probes = [each for each in report.observations if isinstance(each, Probed)]
    crashed = [each for each in probes if each.status == "crashed"]
    return {
        "executionSuccessful": not crashed,
        **({"exitCode": judged.code} if asked else {}),
        "startTimeUtc": report.started,
        **({"endTimeUtc": ended} if ended else {}),
        "toolExecutionNotifications": [
            *(_notice("error", f"probe {each.probe} crashed: {each.detail}") for each in crashed),
            *(
                _notice("warning", f"probe {each.probe} was cut: {each.detail}")
                for each in probes
                if each.status == "cut"
            ),
            *(
                _notice("note", f"could not tell {each.code}: {reason(each.reason)}. {each.ask}")
                for each in report.unknown
            ),
        ],
        "properties": {"verdict": str(report.verdict.status), "summary": _message([report.verdict.summary])},
    }


def _notice(level: str, words: str) -> dict[str, Any]:
    return {"level": level, "message": {"text": _message([words])}}
