"""Facts -> Report: all rules over each vantage's facts, the paths, the verdict. A function of its arguments.

The same on any machine, in any year: the time of the run is a fact.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import msgspec

from natprobe import __version__, inspected
from natprobe.advising import settled
from natprobe.derive.joint import OPEN_CAUSES
from natprobe.facts import Facts
from natprobe.model import (
    GRAVITY,
    WORST_FIRST,
    Alternative,
    Finding,
    Observation,
    Path,
    Report,
    Source,
    Stages,
    Target,
    Unknown,
    Verdict,
    clip,
)
from natprobe.paths import paths, worst
from natprobe.rules import CouldNotTell, Found, Rule, rules
from natprobe.torn import is_torn, unsettled
from natprobe.vantages import facts_of
from natprobe.verdict import lowered, stages, verdict
from natprobe.wording import Phrase, phrase


class _Alone(NamedTuple):
    """What rules say of one vantage's facts."""

    findings: list[Finding]
    unknown: list[Unknown]
    paths: tuple[Path, ...]
    stages: Stages
    on_server: bool = False


class _Joint(NamedTuple):
    """What a rule says of all vantages; `replaces`: the findings of single ones that give way to it."""

    finding: Finding
    instead_of: tuple[str, ...]
    replaces: tuple[Finding, ...] = ()


class _Together(NamedTuple):
    """What rules say of all vantages at once."""

    findings: list[_Joint]
    unknown: list[Unknown]


class _Judged(NamedTuple):
    """What follows from one vantage's facts, beside those of the others."""

    findings: list[Finding]
    unknown: list[Unknown]
    paths: tuple[Path, ...]
    verdict: Verdict


def diagnose(target: Target, observations: Sequence[Observation], sources: Sequence[Source]) -> Report:
    """The report. Each vantage is judged by itself, then all together; the verdict is of the one that fares worst."""
    vantages = [facts_of(target, observations, sources, number) for number in range(len(sources))]
    alone = _decided([_judged_alone(each) for each in vantages])
    together = _judged_together(vantages, alone)
    judged = [_settled(facts, each, together) for facts, each in zip(vantages, alone, strict=True)]
    apart = [each.finding for each in together.findings]
    found = _merged([*apart, *(finding for each in judged for finding in each.findings)])
    findings = settled(found, vantages)
    asked = [*(question for each in judged for question in each.unknown), *together.unknown]
    unknown = tuple(dict.fromkeys(asked))
    clients = [each.paths for each, source in zip(judged, sources, strict=True) if source.vantage == "client"]
    ways = clients or [judged[0].paths]
    verdicts = [_signed(each.verdict, sources, number) for number, each in enumerate(judged)]
    counted = [each for number, each in enumerate(verdicts) if _counts(each, sources, number)]
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
        verdict=min(counted, key=lambda each: WORST_FIRST.index(each.status)),
    )


def _counts(verdict: Verdict, sources: Sequence[Source], number: int) -> bool:
    """What a server's vantage could not see makes nothing worse that clients have proven."""
    clients = any(each.vantage == "client" for each in sources)
    return sources[number].vantage == "client" or not clients or verdict.status == "broken"


def _judged_alone(facts: Facts) -> _Alone:
    """What each rule says of this vantage; what a client's comes to with its errors lowered."""
    findings, unknown = [], []
    on_server = facts.vantage == "server"
    for rule in rules():
        if on_server and not inspected.concerns(rule):
            continue
        judgement = rule.module.check(facts)
        if isinstance(judgement, CouldNotTell):
            unknown.append(_unknown(rule, judgement))
        elif isinstance(judgement, list):
            findings += [_finding(rule, found) for found in judgement]
    if on_server:
        return _Alone(findings, unknown, inspected.paths(), Stages(), on_server)
    ways, steps = unsettled(paths(facts)) if is_torn(facts) else paths(facts), stages(facts)
    lower = [msgspec.structs.replace(each, severity=lowered(facts, ways, steps, each)) for each in findings]
    return _Alone(lower, unknown, ways, steps)


def _decided(alone: list[_Alone]) -> list[_Alone]:
    """What clients leave open and the server's own report names stays open no longer."""
    said = {found.cause: found for each in alone if each.on_server for found in each.findings}
    found = [[_less_open(each, said) for each in one.findings] for one in alone]
    return [one if one.on_server else one._replace(findings=less) for one, less in zip(alone, found, strict=True)]


def _less_open(finding: Finding, said: Mapping[str, Finding]) -> Finding:
    """Not of media ports: the server's word may be about another one, and `derive.deciding` looks closer."""
    told = [said[each.cause] for each in finding.alternatives if each.cause in said]
    if not told or finding.cause in OPEN_CAUSES:
        return finding
    evidence = tuple(sorted({*finding.evidence, *(number for each in told for number in each.evidence)}))
    left = tuple(
        Alternative(
            code=each.code,
            cause=each.cause,
            ask=clip(phrase("the server's own report says so: {message}", message=each.message)),
        )
        for each in told
    )
    return msgspec.structs.replace(finding, alternatives=left, evidence=evidence)


def _judged_together(vantages: Sequence[Facts], alone: Sequence[_Alone]) -> _Together:
    """What rules say of all vantages at once: as grave as what gives way to it."""
    findings, unknown = [], []
    for rule in rules() if len(vantages) > 1 else ():
        judgement = rule.together(vantages) if rule.together else None
        if isinstance(judgement, CouldNotTell):
            unknown.append(_unknown(rule, judgement))
        elif isinstance(judgement, list):
            findings += [_Joint(_finding(rule, found), found.instead_of) for found in judgement]
    return _Together([_as_grave(each, alone) for each in findings], unknown)


def _as_grave(joint: _Joint, alone: Sequence[_Alone]) -> _Joint:
    given_up = [each for one in alone for each in one.findings if _gives_way(each, joint)]
    severity = min((each.severity for each in given_up), key=GRAVITY.__getitem__, default=joint.finding.severity)
    evidence = tuple(sorted({*joint.finding.evidence, *(number for each in given_up for number in each.evidence)}))
    finding = msgspec.structs.replace(joint.finding, severity=severity, evidence=evidence)
    exact = next((each for each in sorted(given_up, key=_order) if _by_server(each, joint, alone)), None)
    if exact is not None:
        finding = msgspec.structs.replace(finding, fixes=exact.fixes, file=exact.file, line=exact.line)
    return joint._replace(finding=finding, replaces=tuple(given_up))


def _by_server(finding: Finding, joint: _Joint, alone: Sequence[_Alone]) -> bool:
    """Whether the server's own report says the same: it knows best which line to change."""
    own = any(finding in each.findings for each in alone if each.on_server)
    return own and finding.cause == joint.finding.cause


def _gives_way(finding: Finding, joint: _Joint) -> bool:
    """Whether it is about the same packets, and leaves open what the other one decides, or says the same."""
    about_it = set(finding.evidence) & set(joint.finding.evidence)
    return bool(about_it) and finding.cause in (*joint.instead_of, joint.finding.cause)


def _settled(facts: Facts, alone: _Alone, together: _Together) -> _Judged:
    """With the joint findings in the place of those that give way, and the verdict that follows."""
    kept = [each for each in alone.findings if not any(each in joint.replaces for joint in together.findings)]
    joined = [joint.finding for joint in together.findings if any(each in alone.findings for each in joint.replaces)]
    found = sorted([*kept, *joined], key=_order)
    if facts.vantage == "server":
        return _Judged(found, alone.unknown, alone.paths, inspected.verdict(facts, found, alone.unknown))
    said = verdict(facts, alone.paths, alone.stages, tuple(found))
    return _Judged(found, alone.unknown, alone.paths, said)


def _unknown(rule: Rule, judgement: CouldNotTell) -> Unknown:
    return Unknown(code=rule.cause.code, reason=judgement.reason, ask=judgement.ask)


def _signed(verdict: Verdict, sources: Sequence[Source], number: int) -> Verdict:
    """Among several vantages, "here" has a name."""
    if len(sources) == 1:
        return verdict
    name = sources[number].label or phrase("vantage {number}", number=number + 1)
    return msgspec.structs.replace(
        verdict, summary=clip(phrase("{name}: {summary}", name=name, summary=verdict.summary))
    )


def _finding(rule: Rule, found: Found) -> Finding:
    return Finding(
        code=rule.cause.code,
        cause=rule.cause.name,
        severity=found.severity or rule.cause.severity,
        where=found.where or rule.cause.where,
        message=clip(_said(found)),
        args=found.args,
        evidence=found.evidence,
        alternatives=found.alternatives,
        file=found.file,
        line=found.line,
        fixes=found.fixes,
    )


def _said(found: Found) -> str:
    """What is a sentence already stands as it is."""
    whole = isinstance(found.message, Phrase) and found.message.args
    return found.message if whole else phrase(found.message, **found.args)


def _order(finding: Finding) -> tuple[int, str, tuple[int, ...], str]:
    return GRAVITY[finding.severity], finding.code, finding.evidence, finding.message


def _merged(findings: list[Finding]) -> tuple[Finding, ...]:
    """The same finding from several vantages stands once, with the evidence of all and the gravest severity."""
    by_words: dict[tuple[str, str, str | None, int | None], Finding] = {}
    for each in sorted(findings, key=_order):
        same = (each.code, each.message, each.file, each.line)
        known = by_words.get(same)
        if known is None:
            by_words[same] = each
        else:
            evidence = tuple(sorted({*known.evidence, *each.evidence}))
            by_words[same] = msgspec.structs.replace(known, evidence=evidence)
    return tuple(sorted(by_words.values(), key=_order))
