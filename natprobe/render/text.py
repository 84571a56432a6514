"""The report for people: the answer first, then the ways for media, what is wrong, what to do, and what is fine.

The words alone carry all the meaning: arrows and colours only repeat it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from natprobe.model import Report
from natprobe.render._manner import PLAINLY, Manner
from natprobe.render._outline import Advice, Card, Copy, Leg, LegState, Open, Outline, Section, SectionName, Todo, Way
from natprobe.render._spoken import ended
from natprobe.render._tame import tame
from natprobe.render._telling import outline
from natprobe.render._wrapping import TIE, columns, padded, wrapped
from natprobe.wording import mark, say

WIDTH = 80
# Of a terminal, which may be narrower or wider: beyond these lines are hard to read.
WIDTH_MIN, WIDTH_MAX = 60, 100

_ARROWS: dict[LegState, str] = {
    "open": "-{proto}->",
    "blocked": "-{proto}-X",
    "unknown": "-{proto}-?",
    "none": "...",
}
_WAY_STYLES = {"open": "open", "blocked": "blocked"}
_STATE_COLUMNS = 13
_EARLY: tuple[SectionName, ...] = ("bitrate", "compare", "quality")
_LATE: tuple[SectionName, ...] = ("trace", "cascade", "network", "host", "tried")


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


def lines(report: Report, manner: Manner = PLAINLY, width: int = WIDTH) -> list[Line]:
    """The report line by line; everything from outside is cleaned of what a terminal or a CI's log would act on."""
    told = outline(report, manner)
    page = _Page(min(max(width, WIDTH_MIN), WIDTH_MAX))
    every = [
        *page.head(told),
        *page.ways(told.ways),
        *page.sections(told, _EARLY),
        *page.findings(told.findings),
        *(line for each in told.todo for line in page.todo(each)),
        *page.unknown(told.unknown),
        *page.sections(told, _LATE),
        *(page.exchanges(told) if manner.verbose else ()),
        *page.sections(told, ("gate",)),
    ]
    return [line._replace(text=tame(line.text)) for line in every]


class _Page(NamedTuple):
    """Ink on lines of so many columns."""

    width: int

    def head(self, told: Outline) -> Iterator[Line]:
        yield from self._wrapped(told.answer, "", told.status)
        for each in told.facts:
            yield from self._wrapped(each, "")

    def ways(self, ways: Sequence[Way]) -> Iterator[Line]:
        """Each with its picture; below it what the picture can't say."""
        if not ways:
            return
        yield from _title(say("Ways for media"))
        for each in ways:
            label = padded(each.state, _STATE_COLUMNS - 1) + " "
            head = _way(each)
            yield from self._wrapped(head, f"  {label}", _WAY_STYLES.get(each.status, ""), hang=2)
            for words in (each.words if each.legs else "", *each.others):
                if words:
                    yield from self._wrapped(ended(words), " " * (_STATE_COLUMNS + 4))

    def sections(self, told: Outline, names: Sequence[SectionName]) -> Iterator[Line]:
        for each in told.sections:
            if each.name in names:
                yield from _title(each.title)
                yield from self._section(each)

    def _section(self, section: Section) -> Iterator[Line]:
        for row in section.rows:
            if row.copied:
                yield Line(f"      {row.text}", "copy", copied=True)
            elif section.name == "compare":
                yield Line(f"  {row.text}")
            else:
                yield from self._wrapped(row.text, "  ", hang=0 if section.name == "tried" else 2)

    def findings(self, cards: Sequence[Card]) -> Iterator[Line]:
        if cards:
            yield from _title(say("Findings"))
        for each in cards:
            yield from self._card(each)

    def _card(self, card: Card) -> Iterator[Line]:
        template = mark("{rank} {code} {cause}, {place}")
        head = say(template, rank=card.rank, code=card.code, cause=card.cause, place=card.place)
        yield from self._wrapped(head, "  ", card.severity, hang=2)
        yield from self._wrapped(card.message, "    ")
        if card.file:
            yield from self._wrapped(say("at {place}", place=card.file), "      ")
        for each in card.seen:
            words = say("seen #{number}: {words}", number=each.number, words=each.words)
            yield from self._wrapped(words, "      ", "dim", hang=2)
        if card.more:
            yield from self._wrapped(say("and {count} more (-v shows all)", count=card.more), "      ", "dim")
        for other in card.others:
            yield from self._wrapped(ended(other), "      ", hang=2)

    def todo(self, todo: Todo) -> Iterator[Line]:
        """What comes after several fixes alike is said once, behind the last of them."""
        yield from _title(todo.title)
        for number, (codes, advice) in enumerate(todo.advice):
            following = todo.advice[number + 1][1].after if number + 1 < len(todo.advice) else ""
            yield from self._advice(codes, advice)
            if advice.after and advice.after != following:
                yield from self._wrapped(say("then: {after}", after=advice.after), "      ")

    def _advice(self, codes: Sequence[str], advice: Advice) -> Iterator[Line]:
        words = say("{codes}: {advice}", codes=", ".join(codes), advice=advice.words)
        yield from self._wrapped(ended(words), "  - ", rest="    ")
        for each in advice.copy:
            yield from self._copy(each, advice)

    def _copy(self, copy: Copy, advice: Advice) -> Iterator[Line]:
        if copy.label and copy.label not in advice.words:
            yield from self._wrapped(say("with {program}:", program=copy.label), "      ")
        yield from (Line(f"        {line}", "copy", copied=True) for line in copy.lines)

    def unknown(self, unknown: Sequence[Open]) -> Iterator[Line]:
        if unknown:
            yield from _title(say("Could not be told"))
        for each in unknown:
            words = {"code": each.code, "cause": each.cause, "reason": each.reason, "ask": each.ask}
            said = say("{code} {cause}: {reason}.", **words)
            yield from self._wrapped(said, "  ", hang=2)
            if each.ask:
                yield from self._wrapped(ended(say("To find out: {ask}", **words)), "    ")

    def exchanges(self, told: Outline) -> Iterator[Line]:
        yield from _title(say("Everything that was seen"))
        for each in told.exchanges:
            words = {"number": each.number, "at": each.at, "probe": each.probe or say("run"), "words": each.words}
            yield from self._wrapped(say("#{number} {at:.3f}s {probe}: {words}", **words), "  ", "dim", hang=4)

    def _wrapped(self, text: str, indent: str, style: str = "", *, hang: int = 0, rest: str = "") -> Iterator[Line]:
        after = rest or " " * (columns(indent) + hang)
        yield from (Line(line, style) for line in wrapped(text, self.width, indent, after))


def _way(way: Way) -> str:
    """Its names and its picture, or why there is none."""
    names = ", ".join(way.names)
    if not way.legs:
        return say("{names}: {words}", names=names, words=way.words) if way.words else names
    return say("{names}: {picture}", names=names, picture=" ".join([say("you"), *map(_leg, way.legs)]))


def _leg(leg: Leg) -> str:
    """The arrow stays beside whom it leads to."""
    arrow = _ARROWS[leg.state].format(proto=leg.proto)
    who, at = (leg.who, leg.to.removeprefix(leg.who)) if leg.to.startswith(leg.who) else ("", leg.to)
    return f"{arrow} {who}".replace(" ", TIE) + at


def _title(words: str) -> Iterator[Line]:
    yield Line("")
    yield Line(words, "title")
