"""Facts -> Report: all rules over each vantage's facts, the paths, the verdict. A function of its arguments.

The same on any machine, in any year: the time of the run is a fact.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from natprobe import __version__, inspected
from natprobe.facts import Facts
from natprobe.model import (
    Finding,
    Foreign,
    Observation,
    Path,
    Report,
    Severity,
    Source,
    Target,
    Unknown,
    Verdict,
    clip,
)
from natprobe.paths import paths, worst
from natprobe.rules import CouldNotTell, Found, Rule, rules
from natprobe.verdict import lowered, stages, verdict

_RANK = {Severity.ERROR: 0, Severity.WARNING: 1, Severity.NOTE: 2}
_WORST_FIRST = ("broken", "unknown", "degraded", "good")


class _Judged(NamedTuple):
    """What follows from one vantage's facts."""

    findings: list[Finding]
    unknown: list[Unknown]
    paths: tuple[Path, ...]
    verdict: Verdict


def diagnose(target: Target, observations: Sequence[Observation], sources: Sequence[Source]) -> Report:
    """The report. Each vantage is judged by itself; the verdict is that of the one that fares worst."""
    judged = [_judge(_facts(target, observations, sources, number)) for number in range(len(sources))]
    findings = _merged([finding for each in judged for finding in each.findings])
    unknown = tuple(dict.fromkeys(question for each in judged for question in each.unknown))
    clients = [each.paths for each, source in zip(judged, sources, strict=True) if source.vantage == "client"]
    ways = clients or [judged[0].paths]
    verdicts = [_signed(each.verdict, sources, number) for number, each in enumerate(judged)]
    return Report(
        natprobe=__version__,
        started=sources[0].started,
        duration=sources[0].duration,
        target=target,
        sources=tuple(sources),
        observations=tuple(observations),
        paths=ways[0] if len(ways) == 1 else worst(ways),
        findings=findings,
        unknown=tuple(each for each in unknown if each.code not in {f.code for f in findings}),
        verdict=min(verdicts, key=lambda each: _WORST_FIRST.index(each.status)),
    )


def _facts(target: Target, observations: Sequence[Observation], sources: Sequence[Source], number: int) -> Facts:
    """One vantage's facts; what a newer version wrote is carried, not judged."""
    own = [each for each in observations if not isinstance(each, Foreign) and each.source == number]
    return Facts(target, own, sources[number].vantage)


def _judge(facts: Facts) -> _Judged:
    findings, unknown = [], []
    on_server = facts.vantage == "server"
    for rule in rules():
        if on_server and not inspected.concerns(rule):
            continue
        judgement = rule.module.check(facts)
        if isinstance(judgement, CouldNotTell):
            unknown.append(Unknown(code=rule.cause.code, reason=judgement.reason, ask=judgement.ask))
        elif isinstance(judgement, list):
            findings += [_finding(rule, found) for found in judgement]
    if on_server:
        said = inspected.verdict(facts, sorted(findings, key=_order), unknown)
        return _Judged(findings, unknown, inspected.paths(), said)
    ways, steps = paths(facts), stages(facts)
    settled = sorted(
        (msgspec.structs.replace(each, severity=lowered(facts, ways, steps, each)) for each in findings),
        key=_order,
    )
    return _Judged(settled, unknown, ways, verdict(facts, ways, steps, tuple(settled)))


def _signed(verdict: Verdict, sources: Sequence[Source], number: int) -> Verdict:
    """Among several vantages, "here" has a name."""
    if len(sources) == 1:
        return verdict
    name = sources[number].label or f"vantage {number + 1}"
    return msgspec.structs.replace(verdict, summary=clip(f"{name}: {verdict.summary}"))


def _finding(rule: Rule, found: Found) -> Finding:
    return Finding(
        code=rule.cause.code,
        cause=rule.cause.name,
        severity=found.severity or rule.cause.severity,
        where=found.where or rule.cause.where,
        message=clip(found.message.format_map(found.args)),
        args=found.args,
        evidence=found.evidence,
        alternatives=found.alternatives,
        fixes=found.fixes,
    )


def _order(finding: Finding) -> tuple[int, str, tuple[int, ...], str]:
    return _RANK[finding.severity], finding.code, finding.evidence, finding.message


def _merged(findings: list[Finding]) -> tuple[Finding, ...]:
    """The same finding from several vantages stands once, with the evidence of all and the gravest severity."""
    by_words: dict[tuple[str, str], Finding] = {}
    for each in sorted(findings, key=_order):
        known = by_words.get((each.code, each.message))
        if known is None:
            by_words[each.code, each.message] = each
        else:
            evidence = tuple(sorted({*known.evidence, *each.evidence}))
            by_words[each.code, each.message] = msgspec.structs.replace(known, evidence=evidence)
    return tuple(sorted(by_words.values(), key=_order))
