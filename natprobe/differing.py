"""What has changed from one report to a later one: `natprobe diff`. Pure.

Both were judged by the rules of today, so that nothing differs by natprobe's own version. Round trips and losses that
differ by no more than they do from run to run are the same.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

from natprobe.facts import (
    TORN,
    Candidate,
    Certificate,
    JanusInfo,
    Probed,
    Program,
    Resolved,
    Run,
)
from natprobe.model import (
    GRAVITY,
    WORST_FIRST,
    Data,
    Finding,
    HostName,
    Milliseconds,
    Observation,
    Path,
    Report,
    Severity,
    Share,
    Status,
    Text,
    Time,
    Unknown,
    Verdict,
    VerdictStatus,
    clip,
    split,
)

SCHEMA: Literal["natprobe-diff/1"] = "natprobe-diff/1"

# By how much two runs over the same network differ: a path's figures come from few packets, of which one is 5 to 11 %.
_RTT_NOISE_MS, _RTT_NOISE = 20.0, 0.5
_LOSS_NOISE = 0.1
_VALUES_MAX = 20
# What `Run` says of itself beside what was asked for.
_OF_THE_RUN = ("id", "at", "started", "version", "session", "kind", "carried", "flow", "failure", "detail")

Answer = Literal["fixed", "better", "told", "worse", "untold", "changed", "same"]


class Side(Data, frozen=True, kw_only=True):
    """One of the two reports. `torn`: it breaks off, so that what is not in it may be all the same."""

    host: HostName
    started: Time
    natprobe: Text
    torn: bool
    verdict: Verdict


class PathChange(Data, frozen=True, kw_only=True):
    """A way for media: its status, and its figures where they differ by more than they do anyhow."""

    name: Text
    old: Status
    new: Status
    old_rtt_ms: Milliseconds | None = None
    new_rtt_ms: Milliseconds | None = None
    old_loss: Share | None = None
    new_loss: Share | None = None


class FindingChange(Data, frozen=True, kw_only=True):
    """A cause. `untold`: it was found, and this time nobody could tell. `gone`: it could be found, and was not."""

    change: Literal["new", "gone", "untold", "graver", "milder", "other"]
    code: Text
    cause: Text
    severity: Severity
    was: Severity | None = None
    message: Text
    old_message: Text = ""


class UnknownChange(Data, frozen=True, kw_only=True):
    """A question that the evidence decides now, or does not any more."""

    change: Literal["decided", "open"]
    code: Text
    reason: Text


class ValueChange(Data, frozen=True, kw_only=True):
    """What the servers say of themselves (`advertised`, `certificate-until` …), or what was asked for (an option)."""

    name: Text
    of: Text = ""
    old: tuple[Text, ...]
    new: tuple[Text, ...]


class Difference(Data, frozen=True, kw_only=True):
    """From the old report to the new one. `worse`: the verdict is; `new_worst`: the gravest finding that is new."""

    schema: Literal["natprobe-diff/1"] = SCHEMA
    answer: Answer
    worse: bool
    new_worst: Severity | None
    same_target: bool
    old: Side
    new: Side
    findings: tuple[FindingChange, ...]
    paths: tuple[PathChange, ...]
    unknown: tuple[UnknownChange, ...]
    servers: tuple[ValueChange, ...]
    options: tuple[ValueChange, ...]


def compare(old: Report, new: Report) -> Difference:
    """What is different in the new one."""
    findings = _findings(old, new)
    worse = WORST_FIRST.index(new.verdict.status) < WORST_FIRST.index(old.verdict.status)
    # A finding that has become graver is as new, at that severity, as one that was not there.
    fresh = [each.severity for each in findings if each.change in ("new", "graver")]
    paths = tuple(each for a, b in zip(old.paths, new.paths, strict=True) if (each := _path(a, b)))
    return Difference(
        answer=_answer(old.verdict.status, new.verdict.status, findings, paths),
        worse=worse,
        new_worst=min(fresh, key=GRAVITY.__getitem__, default=None),
        same_target=(old.target.host, old.target.port) == (new.target.host, new.target.port),
        old=_side(old),
        new=_side(new),
        findings=findings,
        paths=paths,
        unknown=_unknown(old.unknown, new.unknown),
        servers=_values(_FACTS, old, new),
        options=_options(old, new),
    )


def _side(report: Report) -> Side:
    return Side(
        host=report.target.host,
        started=report.started,
        natprobe=report.sources[0].natprobe,
        torn=_is_torn(report),
        verdict=report.verdict,
    )


def _is_torn(report: Report) -> bool:
    return any(isinstance(each, Probed) and each.detail == TORN for each in report.observations)


# --- the answer


def _answer(
    old: VerdictStatus, new: VerdictStatus, findings: Sequence[FindingChange], paths: Sequence[PathChange]
) -> Answer:
    """The verdict before the findings, and these before the paths."""
    if old != new:
        return _OF_VERDICTS.get((old, new)) or (
            "better" if WORST_FIRST.index(old) < WORST_FIRST.index(new) else "worse"
        )
    matter = [each for each in findings if each.severity is not Severity.NOTE or each.was not in (None, Severity.NOTE)]
    came = any(each.change in ("new", "graver") for each in matter)
    went = [each.change for each in matter if each.change in ("gone", "milder")]
    if came or went:
        return "changed" if came and went else "worse" if came else "fixed" if "gone" in went else "better"
    moved = [each for each in paths if each.old != each.new]
    return "changed" if moved or matter else "same"


_OF_VERDICTS: dict[tuple[VerdictStatus, VerdictStatus], Answer] = {
    ("broken", "good"): "fixed",
    ("broken", "degraded"): "fixed",
    ("broken", "unknown"): "untold",
    ("degraded", "unknown"): "untold",
    ("good", "unknown"): "untold",
    ("unknown", "good"): "told",
    ("unknown", "degraded"): "told",
    ("unknown", "broken"): "told",
}


# --- findings and questions


def _findings(old: Report, new: Report) -> tuple[FindingChange, ...]:
    """The very same words first; of what is left the same cause, in order, is the same finding with other words."""
    left, came = list(old.findings), list(new.findings)
    pairs: list[tuple[Finding, Finding]] = []
    for same in (_same_words, _same_cause):
        for each in tuple(came):
            if (was := next((one for one in left if same(one, each)), None)) is not None:
                pairs.append((was, each))
                left.remove(was)
                came.remove(each)
    changed = [change for was, now in pairs if (change := _both(was, now))]
    open_codes = {each.code for each in new.unknown}
    gone = [_one(each, "untold" if each.code in open_codes or _is_torn(new) else "gone") for each in left]
    every = [*(_one(each, "new") for each in came), *gone, *changed]
    return tuple(sorted(every, key=lambda each: (GRAVITY[each.severity], _CHANGES.index(each.change))))


_CHANGES = ("new", "graver", "other", "untold", "milder", "gone")


def _same_words(one: Finding, other: Finding) -> bool:
    return (one.code, one.message, one.file) == (other.code, other.message, other.file)


def _same_cause(one: Finding, other: Finding) -> bool:
    return one.code == other.code


def _one(finding: Finding, change: Literal["new", "gone", "untold"]) -> FindingChange:
    return FindingChange(
        change=change, code=finding.code, cause=finding.cause, severity=finding.severity, message=finding.message
    )


def _both(was: Finding, now: Finding) -> FindingChange | None:
    """None where nothing is different but, say, a line's number."""
    step = GRAVITY[was.severity] - GRAVITY[now.severity]
    if not step and was.message == now.message:
        return None
    return FindingChange(
        change="graver" if step > 0 else "milder" if step < 0 else "other",
        code=now.code,
        cause=now.cause,
        severity=now.severity,
        was=was.severity,
        message=now.message,
        old_message=was.message if was.message != now.message else "",
    )


def _unknown(old: Sequence[Unknown], new: Sequence[Unknown]) -> tuple[UnknownChange, ...]:
    before, after = {each.code: each for each in old}, {each.code: each for each in new}
    decided = [
        UnknownChange(change="decided", code=each.code, reason=each.reason)
        for each in before.values()
        if each.code not in after
    ]
    opened = [
        UnknownChange(change="open", code=each.code, reason=each.reason)
        for each in after.values()
        if each.code not in before
    ]
    return (*opened, *decided)


# --- ways for media


def _path(old: Path, new: Path) -> PathChange | None:
    slower = old.rtt_ms is not None and new.rtt_ms is not None and _apart(old.rtt_ms, new.rtt_ms)
    lossier = old.loss is not None and new.loss is not None and abs(old.loss - new.loss) > _LOSS_NOISE
    if old.status == new.status and not slower and not lossier:
        return None
    return PathChange(
        name=new.name,
        old=old.status,
        new=new.status,
        old_rtt_ms=old.rtt_ms if slower else None,
        new_rtt_ms=new.rtt_ms if slower else None,
        old_loss=old.loss if lossier else None,
        new_loss=new.loss if lossier else None,
    )


def _apart(old: float, new: float) -> bool:
    return abs(old - new) > max(_RTT_NOISE_MS, _RTT_NOISE * min(old, new))


# --- what servers say of themselves, and what was asked for

Told = dict[str, list[str]]


def _resolved(seen: Observation, told: Told) -> None:
    if isinstance(seen, Resolved) and seen.failure is None:
        told.setdefault(seen.name, []).extend(seen.addresses)


def _advertised(seen: Observation, told: Told) -> None:
    if isinstance(seen, Candidate) and seen.advertised:
        told.setdefault(seen.transport, []).append(split(seen.endpoint)[0])


def _until(seen: Observation, told: Told) -> None:
    if isinstance(seen, Certificate) and seen.transport == "tls":
        told.setdefault(seen.name, []).append(seen.not_after)


def _issuer(seen: Observation, told: Told) -> None:
    if isinstance(seen, Certificate) and seen.transport == "tls":
        told.setdefault(seen.name, []).append(seen.issuer)


def _version(seen: Observation, told: Told) -> None:
    if isinstance(seen, Program):
        told.setdefault(seen.name, []).append(seen.version)
    elif isinstance(seen, JanusInfo) and seen.version_string:
        told.setdefault("janus", []).append(seen.version_string)


_FACTS: tuple[tuple[str, Callable[[Observation, Told], None]], ...] = (
    ("addresses", _resolved),
    ("advertised", _advertised),
    ("version", _version),
    ("certificate-until", _until),
    ("certificate-issuer", _issuer),
)


def _values(
    tables: Sequence[tuple[str, Callable[[Observation, Told], None]]], old: Report, new: Report
) -> tuple[ValueChange, ...]:
    """Only of what both have seen: what one of them did not look at has not changed."""
    found = []
    for name, tell in tables:
        before, after = _told(old, tell), _told(new, tell)
        for of in [each for each in before if each in after]:
            if set(before[of]) != set(after[of]):
                found.append(ValueChange(name=name, of=clip(of), old=_listed(before[of]), new=_listed(after[of])))
    return tuple(found)


def _told(report: Report, tell: Callable[[Observation, Told], None]) -> Told:
    told: Told = {}
    for each in report.observations:
        tell(each, told)
    return told


def _listed(values: Sequence[str]) -> tuple[str, ...]:
    return tuple(sorted(set(values)))[:_VALUES_MAX]


def _options(old: Report, new: Report) -> tuple[ValueChange, ...]:
    """Of each side the first run's."""
    runs = [next((each for each in side.observations if isinstance(each, Run)), None) for side in (old, new)]
    before, after = runs
    if before is None or after is None:
        return ()
    names = [name for name in Run.__struct_fields__ if name not in _OF_THE_RUN]
    return tuple(
        ValueChange(name=name, old=_plain(getattr(before, name)), new=_plain(getattr(after, name)))
        for name in names
        if getattr(before, name) != getattr(after, name)
    )


def _plain(value: object) -> tuple[str, ...]:
    values = value if isinstance(value, tuple) else (value,)
    return tuple(clip(str(each)) for each in values)[:_VALUES_MAX]
