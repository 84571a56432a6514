"""The report for people: the answer first, then the ways for media, what is wrong with what to do, and what is fine."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from itertools import groupby
from typing import NamedTuple

from natprobe.causes import BY_CODE
from natprobe.derive.bursts import LOSS_MAX, carried
from natprobe.facts import Facts, HttpReply, JanusInfo, Resolved
from natprobe.model import Finding, Foreign, Observation, Path, Report, Unknown
from natprobe.reasons import sentence
from natprobe.render._cascade import cascade
from natprobe.render._host import host
from natprobe.render._manner import PLAINLY, Manner
from natprobe.render._network import network
from natprobe.render._side_by_side import side_by_side
from natprobe.render._words import AUDIENCES, PLACES, advice, seen
from natprobe.wire.text import clean

WIDTH = 80
# Evidence beyond this is counted, not shown; -v and the JSON have all of it.
EVIDENCE_MAX = 4

_STAGES = {"name": "name", "web": "web page", "signalling": "signalling", "session": "session"}
# Targets that have no page and nothing to sign in to: what was not needed is not praised.
_WITHOUT_WEB = ("stun", "turn", "natprobe")


class Line(NamedTuple):
    """A line and what it is, so that a terminal can colour it. The words alone carry all the meaning. `copied`: it is
    there to be copied, and stays whole.
    """

    text: str
    style: str = ""
    copied: bool = False


def render(report: Report, manner: Manner = PLAINLY) -> str:
    """Plain text, at most 80 columns where words allow."""
    return "\n".join(line.text for line in lines(report, manner)) + "\n"


def lines(report: Report, manner: Manner = PLAINLY) -> list[Line]:
    """The report line by line; everything from outside is cleaned of what a terminal would act on."""
    on_server = all(each.vantage == "server" for each in report.sources)
    shown = [
        *_head(report, on_server),
        *(
            _host(report)
            if on_server
            else (*_paths(report), *_side_by_side(report), *_network(report), *_cascade(report))
        ),
        *_findings(report),
        *_open(report),
        *_fine(report),
        *(_exchanges(report) if manner.verbose else ()),
    ]
    return [line._replace(text=_safe(line.text)) for line in shown]


def _safe(text: str) -> str:
    indent = text[: len(text) - len(text.lstrip(" "))]
    return indent + clean(text, 2000)


def _head(report: Report, on_server: bool) -> Iterator[Line]:
    verdict = report.verdict
    yield from _wrapped(verdict.summary.rstrip(".") + ".", "", verdict.status)
    by = f", settled on {verdict.media}" if verdict.media else ""
    words = f"Verdict: {verdict.status}{by}. Target: {report.target.input}. Took {report.duration:.1f} s."
    yield from _wrapped(words, "")
    if on_server:
        return
    names = ("name",) if report.target.kind in _WITHOUT_WEB else tuple(_STAGES)
    steps = [f"{_STAGES[name]} {getattr(verdict.stages, name)}" for name in names]
    yield from _wrapped("On the way to media: " + ", ".join(steps) + _system(report) + ".", "")


def _system(report: Report) -> str:
    """What the pages say that the server is, and which version answers."""
    says = {mark for each in report.observations if isinstance(each, HttpReply) for mark in each.says}
    told = [each.version_string or "" for each in report.observations if isinstance(each, JanusInfo)]
    versions = "".join(f"; Janus {each} answers" for each in dict.fromkeys(told) if each)
    return "".join(f"; the page says {_SYSTEMS[mark]}" for mark in sorted(says & _SYSTEMS.keys())) + versions


_SYSTEMS = {"jitsi": "Jitsi Meet", "janus": "Janus"}


def _paths(report: Report) -> Iterator[Line]:
    """Neighbours that share a fate share a line."""
    yield from _title("Ways for media")
    for (status, reason, proof), group in groupby(report.paths, key=_fate):
        ways = list(group)
        names = ", ".join(each.name for each in ways)
        why = f" - {sentence(reason)}" if reason else ""
        proved = f" (proof: {proof})" if proof else ""
        yield from _wrapped(f"{status:<12} {names}{proved}{why}", "  ", status, hang=15)
    yield from _pictures(report)


def _pictures(report: Report) -> Iterator[Line]:
    """What relays carry, where --bitrate asked."""
    for each in carried(Facts(report.target, report.observations)):
        name = f"turn-{each.leg.transport}"
        rate, lost = f"{each.asked / 1e6:g} Mbit/s", f"{each.loss:.1%} loss".replace("%", " %")
        if each.failure is not None:
            words = f"{name} was not tried at {rate}: {each.leg.detail or sentence(each.failure)}"
        elif each.holds:
            words = f"{name} carries {each.picture or 'no picture of a meeting'}: {rate} with {lost}"
        else:
            fits = f"enough for {each.picture}" if each.picture else "too little for the smallest picture"
            arrive = f"{each.arrived / 1e6:.2g} Mbit/s"
            slower = f"{name} took {arrive} of the {rate}, with {lost}: {fits}"  # be it that we could send no more
            lossy = f"{name} does not carry {rate} ({lost}): {arrive} arrive, {fits}"
            words = lossy if each.loss > LOSS_MAX else slower
        yield from _wrapped(words, "  ", hang=2)


def _fate(path: Path) -> tuple[str, str | None, str | None]:
    """What neighbours may share; an open way has its own figures and so its own line."""
    return path.status, path.reason, path.proof and f"{path.proof}{_measured(path)}"


def _measured(path: Path) -> str:
    large = [each.large_up for each in path.attempts if each.status == path.status]
    full = ", full-size packets pass" if any(large) else ""
    lost = f", {path.loss:.1%} lost".replace("%", " %") if path.loss else ""
    return (f", {path.rtt_ms:.1f} ms" if path.rtt_ms is not None else "") + lost + full


def _side_by_side(report: Report) -> Iterator[Line]:
    """What --compare measured. The rows are made to fit."""
    told = side_by_side(report)
    if told:
        yield from _title("Ways side by side")
        yield from (Line(f"  {words}") for words in told)


def _network(report: Report) -> Iterator[Line]:
    """What the network of the first vantage does to packets, where that was measured."""
    own = [each for each in report.observations if each.source == 0 and not isinstance(each, Foreign)]
    told = network(Facts(report.target, own))
    if told:
        yield from _title("This network")
        for words in told:
            yield from _wrapped(words, "  ", hang=2)


def _host(report: Report) -> Iterator[Line]:
    """What was asked on the server, and what it said, of each vantage."""
    yield from _title("This host")
    for number in range(len(report.sources)):
        own = [each for each in report.observations if each.source == number and not isinstance(each, Foreign)]
        for words in host(Facts(report.target, own)):
            yield from _wrapped(words, "  ", hang=2)


def _cascade(report: Report) -> Iterator[Line]:
    """Where --cascade asked, of each vantage, which all count from 1; the requests are there to be copied, and stay on
    one line each.
    """
    own = [[each for each in report.observations if each.source == number] for number in range(len(report.sources))]
    told = [said for each in own for said in cascade(Facts(report.target, each))]
    if told:
        yield from _title("Cascade")
    for each in told:
        yield from (
            [Line(f"      {each.text}", "fix", copied=True)] if each.copied else _wrapped(each.text, "  ", hang=2)
        )


def _findings(report: Report) -> Iterator[Line]:
    if not report.findings:
        return
    yield from _title("Findings")
    by_id = {each.id: each for each in report.observations}
    for finding in report.findings:
        yield from _finding(finding, by_id)


def _finding(finding: Finding, by_id: dict[int, Observation]) -> Iterator[Line]:
    head = f"{finding.severity.upper()} {finding.code} {finding.cause}, {PLACES[finding.where]}"
    yield Line(f"  {head}", finding.severity)
    yield from _wrapped(finding.message.rstrip(".?") + ("?" if finding.message.endswith("?") else "."), "    ")
    evidence = [by_id[number] for number in finding.evidence if number in by_id]
    for each in _telling(evidence):
        yield from _wrapped(f"seen #{each.id}: {seen(each)}", "      ", "dim", hang=6)
    if len(evidence) > EVIDENCE_MAX:
        yield Line(f"      and {len(evidence) - EVIDENCE_MAX} more (-v shows all)", "dim")
    for other in finding.alternatives:
        yield from _wrapped(f"or it is {other.code} {other.cause}. To decide: {other.ask}", "      ", hang=4)
    for fix in finding.fixes:
        words, *copyable = advice(fix, evidence)
        yield from _wrapped(f"{AUDIENCES[fix.audience]}: {words}.", "    > ", "fix", hang=2)
        for line in copyable:
            yield Line(f"      {line}", "fix")
        if fix.after:
            yield from _wrapped(f"then: {fix.after}", "      ", "fix")


def _telling(evidence: list[Observation]) -> list[Observation]:
    """The first of each sort before a second of any: what decided may be a single one among many."""
    sorts: dict[tuple[object, ...], Observation] = {}
    for each in evidence:
        sorts.setdefault((type(each), each.failure, getattr(each, "transport", "")), each)
    first = list(sorts.values())
    chosen = [*first, *(each for each in evidence if each not in first)][:EVIDENCE_MAX]
    return [each for each in evidence if each in chosen]


def _open(report: Report) -> Iterator[Line]:
    if not report.unknown:
        return
    yield from _title("Could not be told")
    for each in report.unknown:
        yield from _wrapped(_question(each), "  ", hang=2)


def _question(unknown: Unknown) -> str:
    cause = BY_CODE.get(unknown.code)
    ask = f" To find out: {unknown.ask}" if unknown.ask else ""
    return f"{unknown.code} {cause.name if cause else ''}: {sentence(unknown.reason)}.{ask}"


def _fine(report: Report) -> Iterator[Line]:
    """Short: what was tried and worked, by kind of step."""
    worked: dict[str, int] = {}
    tried: dict[str, int] = {}
    for each in report.observations:
        kind = _COUNTED.get(type(each).__name__)
        if kind:
            tried[kind] = tried.get(kind, 0) + 1
            worked[kind] = worked.get(kind, 0) + (each.failure is None)
    if tried:
        yield from _title("What was tried")
        yield from _wrapped("; ".join(f"{worked[kind]} of {tried[kind]} {kind}" for kind in tried) + ".", "  ")
    yield from _disagreement(report)


_COUNTED = {
    "Resolved": "name lookups gave an address",
    "Connected": "TCP connections stood",
    "TlsSession": "TLS handshakes worked",
    "HttpReply": "pages were served",
    "Binding": "STUN requests were answered",
    "IceCheck": "ICE checks were answered",
}


def _disagreement(report: Report) -> Iterator[Line]:
    """The system's own answer beside the DNS servers': a hosts file, mDNS, or a split horizon made on purpose."""
    for version in (4, 6):
        answers = [
            each
            for each in report.observations
            if isinstance(each, Resolved) and each.name == report.target.host and each.family == version
        ]
        by_system = {address for each in answers if each.by == "system" for address in each.addresses}
        by_dns = {address for each in answers if each.by == "dns" for address in each.addresses}
        if by_system and by_dns and not by_system & by_dns:
            words = (
                f"This system takes {', '.join(sorted(by_system))} for {report.target.host}, its DNS servers say"
                f" {', '.join(sorted(by_dns))}: a hosts file, or a split horizon."
            )
            yield from _wrapped(words, "  ")


def _exchanges(report: Report) -> Iterator[Line]:
    yield from _title("Everything that was seen")
    for each in report.observations:
        yield from _wrapped(f"#{each.id} {each.at:.3f}s {each.probe or 'run'}: {seen(each)}", "  ", "dim", hang=4)


def _title(words: str) -> Iterator[Line]:
    yield Line("")
    yield Line(words, "title")


def _wrapped(text: str, indent: str, style: str = "", hang: int = 0) -> Iterator[Line]:
    flat = clean(text, 2000)
    wrapper = textwrap.TextWrapper(
        width=WIDTH,
        initial_indent=indent,
        subsequent_indent=" " * (len(indent) + hang),
        break_long_words=False,
        break_on_hyphens=False,
    )
    yield from (Line(line, style) for line in wrapper.wrap(flat) or [""])
