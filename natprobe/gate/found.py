"""What a gate demands of findings and of the verdict, and what a policy waives of them."""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator, Mapping, Sequence

from natprobe import inspected
from natprobe.causes import Cause
from natprobe.facts import Facts
from natprobe.model import GRAVITY, WORST_FIRST, Finding, Report, Severity, Unknown, VerdictStatus, clip
from natprobe.policy import Demands, FailOn, Waiver, cause
from natprobe.reasons import sentence
from natprobe.render._manner import Held
from natprobe.vantages import facts_of
from natprobe.wording import mark, phrase

# Findings, by their places in the report, and what waives each.
Waived = Mapping[int, Waiver]

_NONE_FOUND = {
    Severity.ERROR: mark("no error is found"),
    Severity.WARNING: mark("no error and no warning is found"),
    Severity.NOTE: mark("no error, no warning and no note is found"),
}
_AT_LEAST: Mapping[str, tuple[VerdictStatus, ...]] = {"good": ("good",), "degraded": ("good", "degraded")}
_BETWEEN = re.compile(r"[\s,;()'\"<>]+")
_SCHEME = re.compile(r"^(?:[a-z][a-z0-9+.-]*://|(?:stun|turn)s?:)", re.IGNORECASE)


def fitted(report: Report, waivers: Sequence[Waiver]) -> list[tuple[int, ...]]:
    """Of each waiver the findings that it fits, in force or not."""
    hosts = [_hosts(each) if any(waiver.host for waiver in waivers) else set() for each in report.findings]
    about = list(enumerate(zip(report.findings, hosts, strict=True)))
    return [tuple(n for n, (finding, names) in about if _fits(finding, names, waiver)) for waiver in waivers]


def in_force(waivers: Sequence[Waiver], fits: Sequence[tuple[int, ...]], today: datetime.date) -> Waived:
    """The findings that do not count."""
    found: dict[int, Waiver] = {}
    for waiver, places in zip(waivers, fits, strict=True):
        if today <= waiver.until:
            for place in places:
                found.setdefault(place, waiver)
    return found


def grave(report: Report, fail_on: FailOn, waived: Waived) -> Iterator[Held]:
    """No finding of this severity or a graver one."""
    if fail_on == "never":
        return
    severity = Severity(fail_on)
    places = [n for n, each in enumerate(report.findings) if GRAVITY[each.severity] <= GRAVITY[severity]]
    counted = tuple(each for each in places if each not in waived)
    yield Held(
        demand=phrase(_NONE_FOUND[severity]),
        status="broken" if counted else "kept",
        why=_found([report.findings[each] for each in counted]) if counted else "",
        findings=counted,
    )


def _found(findings: Sequence[Finding]) -> str:
    first, more = findings[0], len(findings) - 1
    words = {"code": first.code, "cause": first.cause, "message": first.message}
    if more:
        return clip(phrase("{code} {cause} is found, and {more} more: {message}", more=more, **words))
    return clip(phrase("{code} {cause} is found: {message}", **words))


def verdict(report: Report, demands: Demands, waived: Waived) -> Iterator[Held]:
    """Neither broken nor unknown, or as good as the policy wants it."""
    wish = demands.policy.verdict if demands.policy else None
    if wish == "any" or (wish is None and demands.threshold == "never"):
        return
    status = _status(report, waived)
    words = {"status": status, "summary": report.verdict.summary}
    if wish is None:
        demand, fine = phrase("the verdict is neither broken nor unknown"), status in _AT_LEAST["degraded"]
        why = phrase("the verdict is {status}: {summary}", **words)
    else:
        demand, fine = phrase("the verdict is at least {wish}", wish=wish), status in _AT_LEAST[wish]
        why = phrase("the verdict is {status}, and the policy wants at least {wish}: {summary}", wish=wish, **words)
    yield Held(
        demand=demand,
        status="kept" if fine else "unknown" if status == "unknown" else "broken",
        why="" if fine else clip(why),
    )


def _status(report: Report, waived: Waived) -> VerdictStatus:
    """On a server errors alone make the verdict broken, so without those that are waived it may be another one. What
    a client's verdict says of media no waiver mends.
    """
    clients = any(each.vantage == "client" for each in report.sources)
    if clients or not waived:
        return report.verdict.status
    left = [each for number, each in enumerate(report.findings) if number not in waived]
    several = [inspected.verdict(each, left, report.unknown).status for each in vantages(report)]
    return min(several, key=WORST_FIRST.index)


def vantages(report: Report) -> list[Facts]:
    """The facts of each client, or of each server where there is no client."""
    clients = any(each.vantage == "client" for each in report.sources)
    return [
        facts_of(report.target, report.observations, report.sources, number)
        for number, source in enumerate(report.sources)
        if source.vantage == "client" or not clients
    ]


def forbidden(report: Report, words: Sequence[str], waived: Waived) -> Iterator[Held]:
    """No finding of these causes, however small."""
    for each in dict.fromkeys(map(cause, words)):
        yield _forbidden(report, each, waived)


def _forbidden(report: Report, against: Cause, waived: Waived) -> Held:
    named = {"code": against.code, "cause": against.name}
    demand = phrase("{code} {cause} is not found", **named)
    counted = tuple(n for n, each in enumerate(report.findings) if each.code == against.code and n not in waived)
    if counted:
        message = report.findings[counted[0]].message
        why = phrase("{code} {cause} is found, and the policy forbids it: {message}", message=message, **named)
        return Held(demand=demand, status="broken", why=clip(why), findings=counted)
    if (doubt := _doubt(report, against, waived, named)) is not None:
        return Held(demand=demand, status="unknown", why=clip(doubt[0]), findings=doubt[1])
    return Held(demand=demand, status="kept")


def _doubt(
    report: Report, against: Cause, waived: Waived, named: Mapping[str, str]
) -> tuple[str, tuple[int, ...]] | None:
    """Where it may be there all the same."""
    for number, each in enumerate(report.findings):
        if number not in waived and any(other.code == against.code for other in each.alternatives):
            doubt = phrase("{found} may be {code} {cause}, which the policy forbids", found=each.code, **named)
            return doubt, (number,)
    open_: Unknown | None = next((each for each in report.unknown if each.code == against.code), None)
    if open_ is None:
        return None
    words = {"reason": sentence(open_.reason), **named}
    doubt = phrase("whether {code} {cause} is there could not be told ({reason}), and the policy forbids it", **words)
    return doubt, ()


def waivers(asked: Sequence[Waiver], fits: Sequence[tuple[int, ...]], today: datetime.date) -> Iterator[Held]:
    """What each waiver does: never anything that fails."""
    for waiver, fitting in zip(asked, fits, strict=True):
        yield _told(waiver, fitting, today)


def _told(waiver: Waiver, fitting: tuple[int, ...], today: datetime.date) -> Held:
    about = cause(waiver.cause)
    words = {"code": about.code, "cause": about.name, "until": str(waiver.until)}
    demand = phrase("{code} {cause} is waived until {until}", **words)
    if today > waiver.until:
        why = phrase("this waiver of {code} {cause} ran out on {until}, and what it fits counts again", **words)
        gone = phrase("this waiver of {code} {cause} ran out on {until}, and nothing that it fits is found", **words)
        return Held(demand=demand, status="kept", why=why if fitting else gone, findings=fitting)
    if not fitting:
        gone = phrase("nothing that this waiver of {code} {cause} fits is found: it may go", **words)
        return Held(demand=demand, status="kept", why=gone)
    return Held(demand=demand, status="waived", why=clip(waiver.reason), findings=fitting)


def _fits(finding: Finding, hosts: set[str], waiver: Waiver) -> bool:
    return (
        finding.code == cause(waiver.cause).code
        and waiver.where in (None, finding.where)
        and (not waiver.host or waiver.host.lower() in hosts)
        and (not waiver.file or f"/{finding.file or ''}".endswith(f"/{waiver.file.lstrip('/')}"))
    )


def _hosts(finding: Finding) -> set[str]:
    """The words of its sentence that may be hosts: names and addresses, out of endpoints and URIs too."""
    values = [
        value for each in finding.args.values() for value in (each if isinstance(each, (list, tuple)) else [each])
    ]
    return {_host(word) for value in values if isinstance(value, str) for word in _BETWEEN.split(value) if word}


def _host(word: str) -> str:
    bare = re.split(r"[/?#]", _SCHEME.sub("", word, count=1), maxsplit=1)[0].lower().rstrip(".:")
    address, bracket, _ = bare.lstrip("[").partition("]")
    return address if bracket or bare.count(":") != 1 else bare.partition(":")[0]
