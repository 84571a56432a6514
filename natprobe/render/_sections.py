"""The parts of a report beside ways, findings and fixes: what was measured, tried and demanded. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from natprobe.derive.bursts import LOSS_MAX, Carried, carried
from natprobe.facts import Facts, Resolved
from natprobe.model import Foreign, Report
from natprobe.render._cascade import cascade
from natprobe.render._figures import listed, states
from natprobe.render._host import host
from natprobe.render._manner import Gate, Manner
from natprobe.render._network import network
from natprobe.render._outline import Row, Section, SectionName
from natprobe.render._quality import quality
from natprobe.render._side_by_side import side_by_side
from natprobe.render._spoken import spoken, tidy, why
from natprobe.render._trace import trace
from natprobe.wording import mark, say

TITLES: dict[SectionName, str] = {
    "bitrate": mark("What the ways carry"),
    "compare": mark("Ways side by side"),
    "quality": mark("Quality"),
    "trace": mark("The way there"),
    "cascade": mark("Cascade"),
    "network": mark("This network"),
    "host": mark("This host"),
    "tried": mark("What was tried"),
    "gate": mark("Gate"),
}
_HELD = {
    "kept": mark("kept: {demand}"),
    "broken": mark("broken: {demand}"),
    "unknown": mark("not known: {demand}"),
    "waived": mark("waived: {demand}"),
}
_COUNTED = {
    "Resolved": mark("{worked} of {tried} name lookups gave an address"),
    "Connected": mark("{worked} of {tried} TCP connections stood"),
    "TlsSession": mark("{worked} of {tried} TLS handshakes worked"),
    "HttpReply": mark("{worked} of {tried} pages were served"),
    "Binding": mark("{worked} of {tried} STUN requests were answered"),
    "IceCheck": mark("{worked} of {tried} ICE checks were answered"),
}


def sections(report: Report, manner: Manner, on_server: bool) -> tuple[Section, ...]:
    """Those that have something to tell."""
    away: dict[SectionName, Callable[[Report], Iterable[Row]]] = {
        "bitrate": _bitrate,
        "compare": _compare,
        "quality": _quality,
        "trace": _trace,
        "cascade": _cascade,
        "network": _network,
    }
    here: dict[SectionName, Callable[[Report], Iterable[Row]]] = {"host": _host}
    told = {**(here if on_server else away), "tried": _tried}
    rows: dict[SectionName, tuple[Row, ...]] = {name: tuple(tell(report)) for name, tell in told.items()}
    rows["gate"] = tuple(_gate(manner.gate))
    return tuple(Section(name=name, title=say(TITLES[name]), rows=rows[name]) for name in TITLES if rows.get(name))


def _of_vantage(report: Report, number: int) -> Facts:
    own = [each for each in report.observations if each.source == number and not isinstance(each, Foreign)]
    return Facts(report.target, own)


def _compare(report: Report) -> Iterator[Row]:
    """What --compare measured. The rows are made to fit."""
    yield from (Row(text=_indented(words)) for words in side_by_side(report))


def _quality(report: Report) -> Iterator[Row]:
    """What the measured ways are worth, of each vantage."""
    for number in range(len(report.sources)):
        yield from (Row(text=tidy(words)) for words in quality(_of_vantage(report, number)))


def _trace(report: Report) -> Iterator[Row]:
    """Where a way was followed hop by hop, of each vantage."""
    for number in range(len(report.sources)):
        yield from (Row(text=tidy(words)) for words in trace(_of_vantage(report, number)))


def _indented(words: str) -> str:
    return words[: len(words) - len(words.lstrip(" "))] + tidy(words)


def _network(report: Report) -> Iterator[Row]:
    """What the network of the first vantage does to packets, where that was measured."""
    yield from (Row(text=tidy(words)) for words in network(_of_vantage(report, 0)))


def _host(report: Report) -> Iterator[Row]:
    """What was asked on the server, and what it said, of each vantage."""
    for number in range(len(report.sources)):
        yield from (Row(text=tidy(words)) for words in host(_of_vantage(report, number)))


def _cascade(report: Report) -> Iterator[Row]:
    """Where --cascade asked, of each vantage, which all count from 1; the requests are there to be copied."""
    for number in range(len(report.sources)):
        for each in cascade(_of_vantage(report, number)):
            yield Row(text=tidy(each.text), copied=each.copied)


# --- what the ways carry, where --bitrate asked


def _bitrate(report: Report) -> Iterator[Row]:
    for each in carried(Facts(report.target, report.observations)):
        yield Row(text=tidy(_carried(each)))


def _carried(each: Carried) -> str:
    way, rate, loss = say(each.way), each.asked / 1e6, 100 * each.loss
    if each.failure is not None:
        words = spoken(each.detail) or why(each.failure)
        return say("{way} was not tried at {rate:g} Mbit/s: {why}", way=way, rate=rate, why=words)
    if each.holds:
        what = each.picture or say("no picture of a meeting")
        template = mark("{way} carries {picture}: {rate:g} Mbit/s with {loss:.1f} % loss")
        return say(template, way=way, picture=what, rate=rate, loss=loss)
    enough = say("enough for {picture}", picture=each.picture) if each.picture else ""
    fits, arrive = enough or say("too little for the smallest picture"), each.arrived / 1e6
    if each.loss > LOSS_MAX:
        template = mark("{way} does not carry {rate:g} Mbit/s ({loss:.1f} % loss): {arrive:.2g} Mbit/s arrive, {fits}")
    else:  # be it that we could send no more
        template = mark("{way} took {arrive:.2g} Mbit/s of the {rate:g} Mbit/s, with {loss:.1f} % loss: {fits}")
    return say(template, way=way, rate=rate, loss=loss, arrive=arrive, fits=fits)


# --- what was tried


def _tried(report: Report) -> Iterator[Row]:
    """Short: what was tried and worked, by kind of step."""
    worked: dict[str, int] = {}
    tried: dict[str, int] = {}
    for each in report.observations:
        kind = type(each).__name__
        if kind in _COUNTED:
            tried[kind] = tried.get(kind, 0) + 1
            worked[kind] = worked.get(kind, 0) + (each.failure is None)
    if tried:
        counts = states(say(_COUNTED[kind], worked=worked[kind], tried=tried[kind]) for kind in tried)
        yield Row(text=say("{sentence}.", sentence=counts))
    yield from _disagreement(report)


def _disagreement(report: Report) -> Iterator[Row]:
    """The system's own answer beside the DNS servers': a hosts file, mDNS, or a split horizon made on purpose."""
    name = report.target.host
    looked_up = [each for each in report.observations if isinstance(each, Resolved) and each.name == name]
    for version in (4, 6):
        said: dict[str, set[str]] = {"system": set(), "dns": set()}
        for each in looked_up:
            if each.family == version and each.by in said:
                said[each.by].update(each.addresses)
        if all(said.values()) and not said["system"] & said["dns"]:
            by = {who: listed(sorted(addresses)) for who, addresses in said.items()}
            template = mark(
                "This system takes {system} for {host}, its DNS servers say {dns}: a hosts file, or a split horizon."
            )
            yield Row(text=tidy(say(template, host=name, **by)))


# --- the gate


def _gate(gate: Gate | None) -> Iterator[Row]:
    """Each demand, what became of it and why; then the exit code that all come to."""
    if gate is None or not gate.asked:
        return
    for each in gate.held:
        state = say(_HELD[each.status], demand=spoken(each.demand))
        because = spoken(each.why)
        yield Row(text=tidy(say("{state} ({why})", state=state, why=because) if because else state))
    yield Row(text=say("Exit code {code}.", code=gate.code))
