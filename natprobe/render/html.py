"""The report as one page for browsers: nothing is loaded from elsewhere, and the JSON report is inside."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from natprobe.model import Data, Report
from natprobe.render import _dialects as dialects
from natprobe.render._inside import ELEMENT, for_page
from natprobe.render._manner import PLAINLY, Manner
from natprobe.render._markup import bare, code, copyable, folded, listed, prose
from natprobe.render._outline import Advice, Card, Copy, Leg, Open, Outline, Section, SectionName, Todo, Way
from natprobe.render._page import SCRIPT, STYLE, policy
from natprobe.render._spoken import ended
from natprobe.render._svg import picture
from natprobe.render._telling import VERDICTS, outline
from natprobe.wording import language, say

_SIGNS = {"good": "✓", "degraded": "!", "broken": "✗", "unknown": "?"}
_EARLY: tuple[SectionName, ...] = ("bitrate", "compare", "quality")
_LATE: tuple[SectionName, ...] = ("trace", "cascade", "network", "host", "tried")


def render(report: Report, manner: Manner = PLAINLY) -> str:
    """Openings of firewalls are there for each of them, unless some were asked for."""
    told = outline(report, msgspec.structs.replace(manner, dialects=manner.dialects or dialects.NAMES))
    return "\n".join(_page(report, told)) + "\n"


class _Part(Data, frozen=True, kw_only=True):
    """What stands under one heading of the second rank."""

    name: str  # its id
    title: str
    inside: str


def _page(report: Report, told: Outline) -> Iterator[str]:
    """The policy stands before all that it is for."""
    parts = list(_parts(report, told))
    yield f'<!DOCTYPE html>\n<html lang="{bare(language())}">\n<head>\n<meta charset="utf-8">'
    yield f'<meta http-equiv="Content-Security-Policy" content="{policy()}">'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">'
    yield '<meta name="referrer" content="no-referrer">'
    yield f"<title>{bare(told.answer)} - natprobe</title>\n<style>{STYLE}</style>\n</head>\n<body>"
    yield _header(told)
    yield _contents(parts)
    yield "<main>\n" + "\n".join(map(_section, parts)) + "\n</main>"
    yield _footer(report)
    yield f'<script type="application/json" id="{ELEMENT}">{for_page(report)}</script>'
    yield f"<script>{SCRIPT}</script>\n</body>\n</html>"


def _header(told: Outline) -> str:
    """The answer, before anything else."""
    sign, state = _SIGNS[told.status], bare(say(VERDICTS[told.status]))
    stamp = f'<p class="stamp {told.status}"><span aria-hidden="true">{sign} </span>{state}</p>'
    facts = "\n".join(f'<p class="dim">{prose(each)}</p>' for each in told.facts)
    return f"<header>\n{stamp}\n<h1>{prose(told.answer)}</h1>\n{facts}\n</header>"


def _contents(parts: Sequence[_Part]) -> str:
    links = [f'<a href="#{each.name}">{bare(each.title)}</a>' for each in parts]
    return f'<nav aria-label="{bare(say("On this page"))}">\n{listed(links)}\n</nav>'


def _section(part: _Part) -> str:
    heading = f'<h2 id="{part.name}">{bare(part.title)}</h2>'
    return f'<section aria-labelledby="{part.name}">\n{heading}\n{part.inside}\n</section>'


def _footer(report: Report) -> str:
    """Who made it, and the report for whoever asks for it."""
    made = say("Made by natprobe {version}, started {time}.", version=report.natprobe, time=report.started)
    ask = say(
        "The whole report is inside this page: `natprobe diagnose` reads it, from the file or from what is copied."
    )
    done, failed = say("Copied."), say("Not copied: select the lines and copy them.")
    return (
        f'<footer>\n<p class="dim">{bare(made)} {prose(ask)}</p>\n'
        f'<p><button type="button" data-copy="{ELEMENT}" hidden>{bare(say("Copy the report as JSON"))}</button></p>\n'
        f'<p id="said" class="hidden" role="status" aria-live="polite" data-done="{bare(done)}"'
        f' data-failed="{bare(failed)}"></p>\n</footer>'
    )


def _parts(report: Report, told: Outline) -> Iterator[_Part]:
    """In the order in which they are read: what is wrong and what to do before all that was looked at."""
    sections = {each.name: each for each in told.sections}
    if told.ways:
        yield _Part(name="ways", title=say("Ways for media"), inside=_ways(told.ways))
    yield from (_told(sections[name]) for name in _EARLY if name in sections)
    if told.findings:
        cards = zip(told.findings, (each.evidence for each in report.findings), strict=True)
        inside = "\n".join(_card(card, evidence) for card, evidence in cards)
        yield _Part(name="findings", title=say("Findings"), inside=inside)
    if told.todo:
        inside = "\n".join(_todo(each) for each in told.todo)
        yield _Part(name="todo", title=say("What to do"), inside=inside)
    if told.unknown:
        inside = listed([_open(each) for each in told.unknown])
        yield _Part(name="unknown", title=say("Could not be told"), inside=inside)
    yield from (_told(sections[name]) for name in (*_LATE, "gate") if name in sections)
    yield _Part(name="seen", title=say("Everything that was seen"), inside=_exchanges(told))


# --- ways


def _ways(ways: Sequence[Way]) -> str:
    """The picture, and the same as a table."""
    title = say("Who can be reached, by which way, and where it breaks")
    drawn = picture(ways, title, say("The table below says the same in words."))
    figure = f"<figure>\n{drawn}\n</figure>\n" if drawn else ""
    heads = "".join(
        f'<th scope="col" role="columnheader">{bare(each)}</th>'
        for each in (say("Way"), say("State"), say("Route"), say("What was seen"))
    )
    rows = "\n".join(map(_way, ways))
    return (
        f'{figure}<table role="table">\n<caption>{bare(title)}</caption>\n'
        f'<thead role="rowgroup"><tr role="row">{heads}</tr></thead>\n'
        f'<tbody role="rowgroup">\n{rows}\n</tbody>\n</table>'
    )


def _way(way: Way) -> str:
    """A browser's choice is set off by a word, not by its place."""
    names = ", ".join(map(code, way.names))
    legs = "".join(f"<li>{_leg(each)}</li>" for each in way.legs)
    words = "".join(f"<p>{prose(ended(each))}</p>" for each in (way.words, *way.others) if each)
    return (
        f'<tr role="row"><th scope="row" role="rowheader">{names}</th>'
        f'<td role="cell" class="state mark {way.status}">{bare(way.state)}</td>'
        f'<td role="cell" class="route">{f"<ol>{legs}</ol>" if legs else ""}</td><td role="cell">{words}</td></tr>'
    )


def _leg(leg: Leg) -> str:
    state = f'<span class="mark {leg.state}">{bare(leg.word)}</span>'
    return say("{proto} to {place}: {state}", proto=bare(leg.proto), place=bare(leg.to), state=state)


# --- findings, and what to do


def _card(card: Card, evidence: Sequence[int]) -> str:
    rank = f'<span class="{card.severity}">{bare(card.rank)}</span>'
    place = f'<span class="dim">{bare(card.place)}</span>'
    head = say("{finding}, {place}", finding=f"{rank} {bare(card.code)} {bare(card.cause)}", place=place)
    file = f"<p>{prose(say('at {place}', place=f'`{card.file}`'))}</p>\n" if card.file else ""
    others = listed([prose(ended(each)) for each in card.others])
    return (
        f'<article class="edge-{card.severity}">\n<h3>{head}</h3>\n'
        f"<p>{prose(card.message)}</p>\n{file}{others}\n"
        f"{_evidence(card, evidence)}\n</article>"
    )


def _evidence(card: Card, evidence: Sequence[int]) -> str:
    """What tells most, in words, and all of it by its number."""
    shown = [each.number for each in card.seen]
    rows = [f"{_link(each.number)} {bare(each.words)}" for each in card.seen]
    left = [_link(each) for each in evidence if each not in shown]
    rows += [bare(say("and also:")) + " " + ", ".join(left)] if left else []
    return folded(bare(say("Evidence ({count})", count=len(evidence))), listed(rows)) if evidence else ""


def _link(number: int) -> str:
    return f'<a href="#seen-{number}">#{number}</a>'


def _todo(todo: Todo) -> str:
    """All of one audience, under a heading of its own; what comes after several alike stands behind the last."""
    afters = [each.after for _, each in todo.advice]
    items = []
    for number, (codes, each) in enumerate(todo.advice, 1):
        after = "" if each.after in afters[number : number + 1] else each.after
        items.append(_advice(codes, each, after, f"{todo.audience}-{number}"))
    return f"<h3>{bare(todo.title)}</h3>\n{listed(items, 'advice')}"


def _advice(codes: Sequence[str], advice: Advice, after: str, name: str) -> str:
    mends = bare(say("(for {codes})", codes=", ".join(codes)))
    why = f'<p class="dim">{prose(ended(say("Why: {why}", why=advice.why)))}</p>\n' if advice.why else ""
    then = f"<p>{prose(ended(say('Then: {after}', after=after)))}</p>\n" if after else ""
    words = f'<p>{prose(ended(advice.words))} <span class="dim">{mends}</span></p>'
    return f"{words}\n{why}{_copies(advice, name)}{then}"


def _copies(advice: Advice, name: str) -> str:
    """One after the other, or a choice of programs, of which the first is open: it is the likeliest."""
    numbered = [(copy, f"{name}-{number}") for number, copy in enumerate(advice.copy, 1)]
    choice = _choice(numbered)
    if len(choice) < 2:
        return "".join(_labelled(copy, each, advice.words) for copy, each in numbered)
    told = f'<p class="dim">{bare(say("One of these, by what is there:"))}</p>\n'
    return told + "".join(
        folded(bare(group[-1][0].label), _group(group), wide=not number) + "\n" for number, group in enumerate(choice)
    )


def _choice(copies: Sequence[tuple[Copy, str]]) -> list[list[tuple[Copy, str]]]:
    """What belongs together: what goes into a file comes before the command of the program that reads it."""
    found: list[list[tuple[Copy, str]]] = []
    for each in copies:
        if found and found[-1][-1][0].label.startswith("/"):
            found[-1].append(each)
        else:
            found.append([each])
    return found


def _group(copies: Sequence[tuple[Copy, str]]) -> str:
    return "".join(_labelled(copy, name, "" if len(copies) > 1 else copy.label) for copy, name in copies)


def _labelled(copy: Copy, name: str, said: str) -> str:
    """`said`: what stands before it, so that nothing is said twice."""
    label = f'<p class="dim">{bare(copy.label)}</p>\n' if copy.label not in said else ""
    return label + copyable(copy.lines, name, copy.label) + "\n"


def _open(unknown: Open) -> str:
    words = say("{reason}.", reason=unknown.reason.rstrip("."))
    ask = prose(ended(say("To find out: {ask}", ask=unknown.ask))) if unknown.ask else ""
    return f"<strong>{bare(unknown.code)} {bare(unknown.cause)}</strong>: {prose(words)} {ask}"


# --- all the rest


def _told(section: Section) -> _Part:
    """Lines to copy have their button; a table made of spaces keeps them."""
    if section.name == "compare":
        inside = (
            f'<pre tabindex="0" aria-label="{bare(section.title)}">'
            + "\n".join(bare(each.text) for each in section.rows)
            + "</pre>"
        )
        return _Part(name=section.name, title=section.title, inside=inside)
    rows = [
        copyable((each.text,), f"{section.name}-{number}", section.title) if each.copied else prose(each.text)
        for number, each in enumerate(section.rows, 1)
    ]
    return _Part(name=section.name, title=section.title, inside=listed(rows))


def _exchanges(told: Outline) -> str:
    """Folded, also for the printer: they may be thousands."""
    run = say("run")
    rows = "\n".join(
        f'<li id="seen-{each.number}">#{each.number} {each.at:.3f} s {bare(each.probe or run)}: {bare(each.words)}</li>'
        for each in told.exchanges
    )
    summary = bare(say("All {count} observations, in order", count=len(told.exchanges)))
    return folded(summary, f'<ul class="exchanges">\n{rows}\n</ul>', "long")
