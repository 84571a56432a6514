"""The report for tickets (GitHub, GitLab and their like): short in sight, the rest folded, the JSON report inside."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from enum import IntEnum
from typing import NamedTuple

from natprobe.model import Report
from natprobe.render._inside import for_ticket
from natprobe.render._manner import PLAINLY, Manner
from natprobe.render._markup import bare
from natprobe.render._outline import Advice, Card, Leg, Open, Outline, Section, SectionName, Seen, Todo, Way
from natprobe.render._plain import code, fenced, plain
from natprobe.render._spoken import ended
from natprobe.render._tame import tame
from natprobe.render._telling import outline
from natprobe.wording import mark, say

# GitHub takes 65,536 characters; somebody writes something around it.
LENGTH_MAX = 60_000
# Of what is said where something was left out; and the shortest line of an exchange.
_NOTE_MAX, _EXCHANGE_MIN = 300, 20
_ELSEWHERE = mark("The rest is too long for a ticket: write the report with `-f json -o report.json`, and attach it.")
_INSIDE = mark("What else was seen is in the JSON report above.")

_EARLY: tuple[SectionName, ...] = ("bitrate", "compare", "quality")
_LATE: tuple[SectionName, ...] = ("trace", "cascade", "network", "host", "tried", "gate")


class Rank(IntEnum):
    """What is left out first where there is no room: the last of the highest."""

    ANSWER = 0
    FINDING = 1
    ADVICE = 2
    MORE = 3
    EVIDENCE = 4
    REPORT = 5
    EXCHANGES = 6


class Block(NamedTuple):
    """What stands between two empty lines, or more of it."""

    rank: Rank
    text: str


def render(report: Report, manner: Manner = PLAINLY) -> str:
    """Openings of firewalls are those asked for, else of the one that is there or most likely."""
    told, inside = outline(report, manner), for_ticket(report, LENGTH_MAX)
    blocks = [*_blocks(told), *_folded_away(told, inside)]
    return "\n\n".join(_fitting(blocks, whole=bool(inside))) + "\n"


def _fitting(blocks: Sequence[Block], *, whole: bool) -> list[str]:
    """As much as a ticket holds, and how to hand on what had no room. `whole`: the JSON report is among them."""
    length = sum(len(each.text) + 2 for each in blocks) + _NOTE_MAX
    left: set[int] = set()
    for number in sorted(range(len(blocks)), key=lambda number: (-blocks[number].rank, -number)):
        if length <= LENGTH_MAX:
            break
        left.add(number)
        length -= len(blocks[number].text) + 2
    kept = [each.text for number, each in enumerate(blocks) if number not in left]
    if whole and all(blocks[number].rank is not Rank.REPORT for number in left):
        return kept + ([plain(say(_INSIDE))] if left else [])
    return [*kept, plain(say(_ELSEWHERE))]


def _blocks(told: Outline) -> Iterator[Block]:
    """In the order in which they are read."""
    yield Block(Rank.ANSWER, f"**{plain(told.answer)}**")
    yield from (Block(Rank.ANSWER, plain(each)) for each in told.facts)
    if told.ways:
        yield Block(Rank.ANSWER, f"## {plain(say('Ways for media'))}\n\n{_ways(told.ways)}")
    yield from _sections(told, _EARLY)
    yield from _headed(say("Findings"), [block for each in told.findings for block in _card(each)])
    for todo in told.todo:
        yield from _headed(todo.title, [Block(Rank.ADVICE, text) for text in _todo(todo)])
    rows = [f"- {plain(_open(each))}" for each in told.unknown]
    yield from _headed(say("Could not be told"), [Block(Rank.MORE, "\n".join(rows))] if rows else [])
    yield from _sections(told, _LATE)


def _folded_away(told: Outline, inside: str) -> Iterator[Block]:
    """Everything, for who wants to read it and for programs."""
    if len(told.exchanges) * _EXCHANGE_MIN < LENGTH_MAX:
        seen = fenced("\n".join(map(_exchange, told.exchanges)))
        yield Block(Rank.EXCHANGES, _folded(say("Everything that was seen"), seen))
    if inside:
        title = say("The report as JSON, for natprobe diagnose")
        yield Block(Rank.REPORT, _folded(title, fenced(inside, "json")))


def _headed(title: str, blocks: Sequence[Block]) -> Iterator[Block]:
    """A heading goes with what is first under it."""
    for number, each in enumerate(blocks):
        yield each if number else each._replace(text=f"## {plain(title)}\n\n{each.text}")


def _folded(summary: str, inside: str) -> str:
    """The summary is HTML; between the empty lines Markdown is read again."""
    return f"<details><summary>{bare(summary)}</summary>\n\n{inside}\n\n</details>"


def _sections(told: Outline, names: Sequence[SectionName]) -> Iterator[Block]:
    for each in told.sections:
        if each.name in names:
            yield from _headed(each.title, [Block(Rank.MORE, "\n".join(_rows(each)))])


def _rows(section: Section) -> Iterator[str]:
    """A table made of spaces keeps them."""
    if section.name == "compare":
        yield fenced("\n".join(tame(each.text) for each in section.rows))
        return
    for each in section.rows:
        yield f"\n{fenced(tame(each.text))}\n" if each.copied else f"- {plain(each.text)}"


# --- ways


def _ways(ways: Sequence[Way]) -> str:
    heads = (say("Way"), say("State"), say("Route"), say("What was seen"))
    rows = [_row(map(plain, heads)), _row(["---"] * len(heads))]
    return "\n".join([*rows, *(_row(_way(each)) for each in ways)])


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _way(way: Way) -> Iterator[str]:
    yield ", ".join(map(code, way.names))
    yield plain(way.state)
    yield ", ".join(_leg(each) for each in way.legs)
    yield " ".join(plain(ended(each)) for each in (way.words, *way.others) if each)


def _leg(leg: Leg) -> str:
    return plain(say("{proto} to {place}: {state}", proto=leg.proto, place=leg.to, state=leg.word))


# --- findings, and what to do


def _card(card: Card) -> Iterator[Block]:
    finding = f"**{plain(card.rank)} {plain(card.code)} {plain(card.cause)}**"
    head = say("{finding}, {place}", finding=finding, place=plain(card.place))
    file = " " + plain(say("(at {place})", place=card.file)) if card.file else ""
    others = "".join(f"\n- {plain(ended(each))}" for each in card.others)
    yield Block(
        Rank.FINDING,
        say("{finding}: {message}", finding=head + file, message=plain(card.message))
        + (f"\n{others}" if others else ""),
    )
    rows = [f"- {code(f'#{each.number}')} {plain(each.words)}" for each in card.seen]
    rows += [f"- {plain(say('and {count} more', count=card.more))}"] if card.more else []
    count = len(card.seen) + card.more
    if rows:
        yield Block(Rank.EVIDENCE, _folded(say("Evidence ({count})", count=count), "\n".join(rows)))


def _todo(todo: Todo) -> Iterator[str]:
    """What comes after several alike stands behind the last."""
    afters = [each.after for _, each in todo.advice]
    for number, (codes, advice) in enumerate(todo.advice, 1):
        yield _advice(codes, advice, "" if advice.after in afters[number : number + 1] else advice.after)


def _advice(codes: Sequence[str], advice: Advice, after: str) -> str:
    words = plain(ended(advice.words))
    why = " " + plain(ended(say("Why: {why}", why=advice.why))) if advice.why else ""
    parts = [f"**{plain(', '.join(codes))}**: {words}{why}"]
    for each in advice.copy:
        named = [plain(say("with {program}:", program=f"`{each.label}`"))] if each.label not in advice.words else []
        parts += [*named, fenced("\n".join(map(tame, each.lines)))]
    return "\n\n".join([*parts, *([plain(ended(say("Then: {after}", after=after)))] if after else [])])


def _open(unknown: Open) -> str:
    said = say("{code} {cause}: {reason}.", code=unknown.code, cause=unknown.cause, reason=unknown.reason)
    return f"{said} {ended(say('To find out: {ask}', ask=unknown.ask))}" if unknown.ask else said


def _exchange(each: Seen) -> str:
    words = {"number": each.number, "at": each.at, "probe": each.probe or say("run"), "words": each.words}
    return tame(say("#{number} {at:.3f}s {probe}: {words}", **words))
