"""A finding in plain lines, for formats that have one field for all of it: message, evidence, fixes. English."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from natprobe.model import Finding, Observation
from natprobe.reasons import sentence
from natprobe.render._tame import told
from natprobe.render._words import AUDIENCES, PLACES, advice, rested_on, seen

# More evidence than this is counted, not told; the JSON has all of it.
EVIDENCE_MAX = 10


def details(finding: Finding, known: Mapping[int, Observation]) -> Iterator[str]:
    """Everything that is to be said of it but its message, line by line."""
    yield told(f"{finding.code} {finding.cause}, {finding.severity}, {PLACES[finding.where]}{place(finding)}")
    evidence = rested_on(finding.evidence, known)
    yield from (told(f"seen #{each.id}: {seen(each)}") for each in evidence[:EVIDENCE_MAX])
    if len(evidence) > EVIDENCE_MAX:
        yield f"and {len(evidence) - EVIDENCE_MAX} more in the JSON report"
    for other in finding.alternatives:
        yield told(f"or it is {other.code} {other.cause}" + (f"; to decide: {other.ask}" if other.ask else ""))
    yield from fixes(finding, evidence)


def fixes(finding: Finding, evidence: list[Observation]) -> Iterator[str]:
    """What to do, and the lines to copy."""
    for fix in finding.fixes:
        words, *lines = advice(fix, evidence)
        yield told(f"{AUDIENCES[fix.audience]}: {words}" + (f" ({fix.why})" if fix.why else ""))
        yield from (f"  {told(line)}" for line in lines)
        if fix.after:
            yield told(f"then: {fix.after}")


def place(finding: Finding) -> str:
    """The file and line that it stands in, where `inspect` knows them."""
    if not finding.file:
        return ""
    return f", {finding.file}" + (f" line {finding.line}" if finding.line else "")


def reason(slug: str | None) -> str:
    """A reason in words; empty for none."""
    return told(sentence(slug)) if slug else ""
