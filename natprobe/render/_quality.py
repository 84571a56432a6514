"""How good the measured ways are, in lines for people: audio by the E-model, each direction, copies and disorder."""

from __future__ import annotations

from collections.abc import Iterator

from natprobe.derive.emodel import BPL, IE, R_MAX, Audio, mos
from natprobe.derive.lossy import Lost, Train
from natprobe.derive.quality import Quality, qualities
from natprobe.facts import Facts, Marked, RelayBurst
from natprobe.render._figures import listed
from natprobe.wording import mark, say

_AUDIO = mark(
    "{way}: audio MOS {mos:.1f} of {best:.1f} (E-model, ITU-T G.107: one way {ms:.0f} ms, loss {loss:.1f} %,"
    " Ie {ie:g}, Bpl {bpl:g})"
)
_HOW = mark(
    "As far as the server; the other participant's half comes on top. The codec's figures are those of G.711 with"
    " concealment (G.113), the delay has a packet of 20 ms, Opus' look-ahead and a jitter buffer in it."
)
_APART = {
    "up": mark("up {loss:.1f} % lost, jitter {ms:.1f} ms"),
    "down": mark("down {loss:.1f} % lost, jitter {ms:.1f} ms"),
}
_LOST = {"up": mark("up {loss:.1f} % lost"), "down": mark("down {loss:.1f} % lost")}


def quality(facts: Facts) -> list[str]:
    """The lines; none where nobody measured."""
    ways = qualities(facts)
    told = [line for each in ways for line in _lines(each)]
    told += [say(_HOW)] if any(each.audio for each in ways) else []
    return told + [_marks(each) for each in facts.of(Marked) if each.sent]


def _marks(each: Marked) -> str:
    """What became of the mark."""
    words = {"dscp": _MARKS.get(each.tos >> 2, each.tos >> 2), "place": each.endpoint}
    if not each.answered:
        return say(_UNANSWERED if each.plain_answered else _ALL_LOST, **words)
    if each.seen is None:
        return say("Packets marked DSCP {dscp} get to {place}; as what they arrive, nobody there tells.", **words)
    if each.seen >> 2 == each.tos >> 2:
        return say("DSCP {dscp} arrives at {place} as it was sent.", **words)
    if each.seen >> 2 == 0:
        return say("DSCP {dscp} arrives at {place} as 0: cleared on the way.", **words)
    return say("DSCP {dscp} arrives at {place} as {seen}: changed on the way.", **words, seen=each.seen >> 2)


_MARKS = {46: "EF"}
_UNANSWERED = mark("Packets marked DSCP {dscp} to {place} stay unanswered, unmarked ones do not.")
_ALL_LOST = mark("Packets marked DSCP {dscp} to {place} stay unanswered, and so do unmarked ones.")


def _lines(each: Quality) -> Iterator[str]:
    name = _name(each)
    if each.audio is not None:
        yield _audio(name, each.audio)
    apart = listed(_direction(lost, each.train) for lost in each.lost if lost.direction != "either")
    if apart:
        yield say("{way}: {words}", way=name, words=apart)
    if each.train.duplicates or each.train.reordered:
        template = mark("{way}: {copies} came twice, {late} out of order, of {arrived}")
        counts = {"copies": each.train.duplicates, "late": each.train.reordered, "arrived": each.train.arrived}
        yield say(template, way=name, **counts)


def _name(each: Quality) -> str:
    server = each.train.server
    return say("{way} by {server}", way=each.way, server=server) if server else each.way


def _audio(name: str, found: Audio) -> str:
    figures = {"mos": found.mos, "best": mos(R_MAX), "ms": found.one_way, "loss": 100 * found.loss}
    return say(_AUDIO, way=name, ie=IE, bpl=BPL, **figures)


def _direction(lost: Lost, train: Train) -> str:
    ms = _jitter(train).get(lost.direction)
    loss = 100 * lost.share
    if ms is None:
        return say(_LOST[lost.direction], loss=loss)
    return say(_APART[lost.direction], loss=loss, ms=ms)


def _jitter(train: Train) -> dict[str, float | None]:
    return {} if isinstance(train, RelayBurst) else {"up": train.jitter_up_ms, "down": train.jitter_down_ms}
