"""JUnit XML, for what CI shows of tests: red is what decided the exit code, skipped what could not be told.

A test case for each demand of the gate, each way for media that counts, each finding and each open question.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from html import escape
from typing import NamedTuple

from natprobe.causes import BY_CODE
from natprobe.model import Report
from natprobe.render._decided import decisive, gate, missed, waived
from natprobe.render._detail import details, place, reason
from natprobe.render._manner import PLAINLY, Gate, Manner
from natprobe.render._tame import told
from natprobe.render._words import by_id

# A forecast about other clients: it counts for nobody's verdict.
_FORECAST = "p2p"


class _Case(NamedTuple):
    """A test case. `outcome`: None where it passed. `words`: why not, in one line; `more`: the rest of it."""

    name: str
    outcome: str | None = None
    words: str = ""
    more: Sequence[str] = ()


def render(report: Report, manner: Manner = PLAINLY) -> str:
    """One document; failures are there exactly where the exit code is 1."""
    judged = gate(report, manner)
    suites = {
        "gate": list(_demands(judged)),
        "ways": list(_ways(report, judged)),
        "findings": list(_findings(report, judged)),
        "questions": list(_questions(report)),
    }
    every = [case for cases in suites.values() for case in cases]
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        f"<testsuites{_attributes(name='natprobe', **_counts(every), time=f'{report.duration:.3f}')}>",
        *(line for name, cases in suites.items() if cases for line in _suite(report, name, cases)),
        "</testsuites>",
    ]
    return "\n".join(lines) + "\n"


def _demands(judged: Gate) -> Iterator[_Case]:
    outcomes = {"kept": None, "broken": "failure", "unknown": "skipped", "waived": "skipped"}
    for each in judged.held:
        words = f"waived: {each.why}" if each.status == "waived" else each.why
        yield _Case(each.demand, outcomes[each.status], words)


def _ways(report: Report, judged: Gate) -> Iterator[_Case]:
    """From the server itself no way was tried: then there is nothing to tell."""
    if all(each.vantage == "server" for each in report.sources):
        return
    broken = missed(judged)
    for each in report.paths:
        if each.name in broken:
            yield _Case(each.name, "failure", f"{each.status}: {broken[each.name] or reason(each.reason)}")
        elif each.status == "open" and each.usable:
            yield _Case(each.name)
        elif each.name != _FORECAST:
            why = f"{each.status}, but a browser does not use it here" if each.status == "open" else each.status
            yield _Case(each.name, "skipped", f"{why}: {reason(each.reason)}" if each.reason else why)


def _findings(report: Report, judged: Gate) -> Iterator[_Case]:
    """What does not count is skipped and not passed: CI shows the words of skipped cases."""
    known, counted, let_off = by_id(report), decisive(judged), waived(judged)
    for number, each in enumerate(report.findings):
        failed = number in counted
        words = each.message if failed else f"{each.severity}: {each.message}"
        if number in let_off and not failed:
            words = f"waived ({let_off[number]}): {each.message}"
        name = f"{each.code} {each.cause}{place(each)}"
        yield _Case(name, "failure" if failed else "skipped", words, tuple(details(each, known)))


def _questions(report: Report) -> Iterator[_Case]:
    for each in report.unknown:
        cause = BY_CODE.get(each.code)
        more = [told(f"to find out: {each.ask}")] if each.ask else []
        yield _Case(f"{each.code} {cause.name if cause else ''}".strip(), "skipped", reason(each.reason), more)


def _suite(report: Report, name: str, cases: list[_Case]) -> Iterator[str]:
    """Times are of the whole run: its parts ran side by side."""
    head = {"name": f"natprobe {name}", **_counts(cases), "skipped": _count(cases, "skipped"), "time": "0.000"}
    yield f" <testsuite{_attributes(**head, timestamp=report.started[:19], id=name)}>"
    yield "  <properties>"
    facts = {"target": report.target.host, "verdict": report.verdict.status, "summary": report.verdict.summary}
    for key, value in (facts | {"natprobe": report.natprobe}).items():
        yield f"   <property{_attributes(name=key, value=value)}/>"
    yield "  </properties>"
    for case, title in zip(cases, _distinct(case.name for case in cases), strict=True):
        yield from _testcase(f"natprobe.{name}", title, case)
    yield " </testsuite>"


def _testcase(group: str, title: str, case: _Case) -> Iterator[str]:
    head = f"  <testcase{_attributes(classname=group, name=title, time='0.000')}"
    if case.outcome is None:
        yield f"{head}/>"
        return
    yield f"{head}>"
    text = "\n".join(map(_escaped, case.more))
    yield f"   <{case.outcome}{_attributes(message=case.words, type=group)}>{text}</{case.outcome}>"
    yield "  </testcase>"


def _distinct(names: Iterable[str]) -> Iterator[str]:
    """Programs that keep a history know a case by its name."""
    times: dict[str, int] = {}
    for name in names:
        times[name] = times.get(name, 0) + 1
        yield name if times[name] == 1 else f"{name} ({times[name]})"


def _counts(cases: Sequence[_Case]) -> dict[str, str]:
    return {"tests": str(len(cases)), "failures": _count(cases, "failure"), "errors": "0"}


def _count(cases: Sequence[_Case], outcome: str) -> str:
    return str(sum(case.outcome == outcome for case in cases))


def _attributes(**values: str) -> str:
    return "".join(f' {name}="{_escaped(told(value))}"' for name, value in values.items())


def _escaped(line: str) -> str:
    return escape(line, quote=True)
