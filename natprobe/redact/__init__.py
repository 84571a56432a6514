"""Reports that may be shown to strangers: stand-ins for addresses, names and users; the findings stay the same. Pure.

The same original has the same stand-in in every report that one key makes, so that two reports of one case still match.
Who lacks the key cannot go back, nor try out originals. docs/report.md says what goes and what stays.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from natprobe.diagnose import diagnose
from natprobe.model import Finding, Observation, Report, Source, Target
from natprobe.redact._fields import Fields


class Redacted(NamedTuple):
    """What a report rests on, with stand-ins."""

    target: Target
    observations: tuple[Observation, ...]
    sources: tuple[Source, ...]


class Redactor:
    """Stand-ins for one report; `words` does the same to a text that goes with it."""

    def __init__(self, target: Target, observations: Sequence[Observation], sources: Sequence[Source], key: bytes):
        self._given = Redacted(target, tuple(observations), tuple(sources))
        self._fields = Fields(key)
        self._fields.texts.learning = True
        self.all()
        self._fields.texts.learning = False

    def all(self) -> Redacted:
        """Target, observations and sources."""
        data = self._fields.data
        target, observations, sources = self._given
        return Redacted(
            data(target),
            tuple(data(each) for each in observations),
            tuple(self._source(number, each) for number, each in enumerate(sources, 1)),
        )

    def _source(self, number: int, source: Source) -> Source:
        """Labels are people's and places' names."""
        label = f"vantage {number}" if source.label else ""
        version = self._fields.texts.text(source.natprobe, product=True)
        return msgspec.structs.replace(source, label=label, natprobe=version, redacted=True)

    def words(self, text: str) -> str:
        """A text about this report."""
        return self._fields.texts.text(text)


def redact(target: Target, observations: Sequence[Observation], sources: Sequence[Source], key: bytes) -> Redacted:
    """With stand-ins made by this key, of at least 16 random bytes; `diagnose` makes the report of them."""
    return Redactor(target, observations, sources, key).all()


def redacted(report: Report, redactor: Redactor, *, judged: bool = True) -> Report:
    """The report of the same with stand-ins, its findings in their order; one that was not judged stays so."""
    found = redactor.all()
    if not judged:
        return msgspec.structs.replace(
            report, target=found.target, observations=found.observations, sources=found.sources
        )
    again = diagnose(found.target, found.observations, found.sources)
    return msgspec.structs.replace(again, findings=_as_before(again.findings, report.findings, redactor))


def _as_before(findings: tuple[Finding, ...], before: tuple[Finding, ...], redactor: Redactor) -> tuple[Finding, ...]:
    """Where nothing but the words decides which comes first, other words make another order; a gate counts on it."""
    left: dict[tuple[object, ...], list[Finding]] = {}
    for each in findings:
        left.setdefault(_about(each), []).append(each)
    found = []
    for each in before:
        alike = left.get(_about(each), [])
        words = redactor.words(each.message) if len(alike) > 1 else ""
        best = next((place for place, other in enumerate(alike) if other.message == words), 0)
        found += [alike.pop(best)] if alike else []
    return (*found, *(each for alike in left.values() for each in alike))


def _about(finding: Finding) -> tuple[object, ...]:
    return finding.code, finding.severity, finding.evidence, finding.line
