"""What a report tells people, in the language spoken and without any ink. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from natprobe.causes import BY_CODE
from natprobe.facts import HttpReply, JanusInfo
from natprobe.model import Alternative, Finding, Observation, Report, Severity, Unknown
from natprobe.render._figures import clauses, states
from natprobe.render._manner import PLAINLY, Manner
from natprobe.render._outline import Card, Open, Outline, Seen
from natprobe.render._sections import sections
from natprobe.render._spoken import ended, spoken, tidy, why
from natprobe.render._todo import todo
from natprobe.render._ways import ways
from natprobe.render._words import PLACES, by_id, rested_on, seen
from natprobe.wording import mark, say

# Evidence beyond this is counted, not shown; -v and the JSON have all of it.
EVIDENCE_MAX = 4

VERDICTS = {
    "good": mark("good"),
    "degraded": mark("degraded"),
    "broken": mark("broken"),
    "unknown": mark("unknown"),
}
RANKS = {
    Severity.ERROR: mark("ERROR"),
    Severity.WARNING: mark("WARNING"),
    Severity.NOTE: mark("NOTE"),
}
_STAGES = {
    "name": mark("name {state}"),
    "web": mark("web page {state}"),
    "signalling": mark("signalling {state}"),
    "session": mark("session {state}"),
}
_STEPS = {"ok": mark("ok"), "failed": mark("failed"), "unknown": mark("unknown")}
# Targets that have no page and nothing to sign in to: what was not needed is not praised.
_WITHOUT_WEB = ("stun", "turn", "natprobe")
_SYSTEMS = {"jitsi": "Jitsi Meet", "janus": "Janus"}


def outline(report: Report, manner: Manner = PLAINLY) -> Outline:
    """Everything that people are told; what they are shown of it is the ink's choice."""
    on_server = all(each.vantage == "server" for each in report.sources)
    return Outline(
        answer=ended(spoken(report.verdict.summary)),
        status=report.verdict.status,
        on_server=on_server,
        facts=tuple(map(tidy, _facts(report, on_server))),
        ways=() if on_server else ways(report),
        findings=tuple(_cards(report)),
        todo=todo(report, manner),
        unknown=tuple(map(_open, report.unknown)),
        sections=sections(report, manner, on_server),
        exchanges=tuple(map(_seen, report.observations)),
    )


# --- what it is about


def _facts(report: Report, on_server: bool) -> Iterator[str]:
    verdict = report.verdict
    words: dict[str, object] = {"verdict": say(VERDICTS[verdict.status]), "way": verdict.media}
    words |= {"target": report.target.input, "seconds": report.duration}
    if verdict.media:
        yield say("Verdict: {verdict}, settled on {way}. Target: {target}. Took {seconds:.1f} s.", **words)
    else:
        yield say("Verdict: {verdict}. Target: {target}. Took {seconds:.1f} s.", **words)
    if any(each.redacted for each in report.sources):
        yield say("Addresses and names in this report are stand-ins for the real ones (--redact).")
    if not on_server:
        yield say("On the way to media: {steps}.", steps=states([_steps(report), *_systems(report)]))


def _steps(report: Report) -> str:
    names = ("name",) if report.target.kind in _WITHOUT_WEB else tuple(_STAGES)
    return clauses(*(say(_STAGES[name], state=say(_STEPS[getattr(report.verdict.stages, name)])) for name in names))


def _systems(report: Report) -> Iterator[str]:
    """What the pages say that the server is, and which version answers."""
    says = {mark for each in report.observations if isinstance(each, HttpReply) for mark in each.says}
    for each in sorted(says & _SYSTEMS.keys()):
        yield say("the page says {system}", system=_SYSTEMS[each])
    told = [each.version_string or "" for each in report.observations if isinstance(each, JanusInfo)]
    for version in dict.fromkeys(each for each in told if each):
        yield say("Janus {version} answers", version=version)


# --- findings


def _cards(report: Report) -> Iterator[Card]:
    known = by_id(report)
    for each in report.findings:
        yield _card(each, rested_on(each.evidence, known))


def _card(finding: Finding, evidence: Sequence[Observation]) -> Card:
    line = "" if finding.line is None else f":{finding.line}"
    return Card(
        code=tidy(finding.code),
        cause=tidy(finding.cause),
        severity=finding.severity,
        rank=say(RANKS[finding.severity]),
        place=say(PLACES[finding.where]),
        message=ended(spoken(finding.message)),
        file=tidy(finding.file + line) if finding.file else "",
        seen=tuple(map(_seen, telling(evidence))),
        more=max(0, len(evidence) - EVIDENCE_MAX),
        others=tuple(map(_other, finding.alternatives)),
    )


def telling(evidence: Sequence[Observation]) -> list[Observation]:
    """The first of each sort before a second of any: what decided may be a single one among many."""
    sorts: dict[tuple[object, ...], Observation] = {}
    for each in evidence:
        sorts.setdefault((type(each), each.failure, getattr(each, "transport", "")), each)
    first = list(sorts.values())
    chosen = [*first, *(each for each in evidence if each not in first)][:EVIDENCE_MAX]
    return [each for each in evidence if each in chosen]


def _other(other: Alternative) -> str:
    said = say("or it is {code} {cause}. To decide: {ask}", code=other.code, cause=other.cause, ask=spoken(other.ask))
    return tidy(said)


def _seen(each: Observation) -> Seen:
    return Seen(number=each.id, words=tidy(seen(each)), at=each.at, probe=tidy(each.probe))


def _open(unknown: Unknown) -> Open:
    cause = BY_CODE.get(unknown.code)
    return Open(
        code=tidy(unknown.code),
        cause=cause.name if cause else "",
        reason=why(unknown.reason),
        ask=spoken(unknown.ask),
    )
