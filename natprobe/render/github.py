"""GitHub Actions' workflow commands: an annotation for each finding and each demand of the gate that is not kept.

The job's summary is another format: `-f markdown -o "$GITHUB_STEP_SUMMARY"`.
"""

from __future__ import annotations

from collections.abc import Iterator

from natprobe.model import Report
from natprobe.render._decided import decisive, gate, waived
from natprobe.render._detail import fixes
from natprobe.render._manner import PLAINLY, Gate, Manner
from natprobe.render._tame import told
from natprobe.render._words import by_id

_LEVELS = {"error": "error", "warning": "warning", "note": "notice"}


def render(report: Report, manner: Manner = PLAINLY) -> str:
    """One command to a line, the answer first."""
    judged = gate(report, manner)
    return "\n".join([_answer(report, judged), *_demands(judged), *_findings(report, judged)]) + "\n"


def _answer(report: Report, judged: Gate) -> str:
    level = {0: "notice", 3: "warning"}.get(judged.code, "error")
    return _command(level, [report.verdict.summary], title=f"natprobe: {report.target.host} {report.verdict.status}")


def _demands(judged: Gate) -> Iterator[str]:
    """Those whose findings are told anyway are not told twice: ten annotations of a level are shown of a step."""
    for each in judged.held:
        if each.status == "broken" and not each.findings:
            yield _command("error", [each.demand, each.why], title="natprobe gate")
        elif each.status == "unknown":
            yield _command("warning", [each.demand, each.why], title="natprobe gate")


def _findings(report: Report, judged: Gate) -> Iterator[str]:
    """An error is what decided, or would: what a policy waives is told as a notice."""
    known, counted, let_off = by_id(report), decisive(judged), waived(judged)
    for number, each in enumerate(report.findings):
        level = "error" if number in counted else "notice" if number in let_off else _LEVELS[each.severity]
        why = f"waived: {let_off[number]}" if number in let_off else ""
        evidence = [known[place] for place in each.evidence if place in known]
        where = {"file": each.file, "line": str(each.line) if each.line else None} if each.file else {}
        told_so = {"title": f"{each.code} {each.cause}"} | {name: value for name, value in where.items() if value}
        yield _command(level, [each.message, why, *fixes(each, evidence)], **told_so)


def _command(level: str, words: list[str], **properties: str) -> str:
    """The runner takes back %25, %0D and %0A in the words, and %3A and %2C in properties besides."""
    given = ",".join(f"{name}={_property(told(value))}" for name, value in properties.items())
    return f"::{level} {given}::{'%0A'.join(_data(told(word)) for word in words if word)}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
