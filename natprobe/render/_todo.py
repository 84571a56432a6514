"""The fixes, by who can do them: equal ones once, each with the findings that it mends. Pure."""

from __future__ import annotations

from typing import Literal

from natprobe.advising import Merged, merged
from natprobe.model import Report
from natprobe.render._fixing import copies, words
from natprobe.render._manner import PLAINLY, Manner
from natprobe.render._outline import Advice, Copy, Todo
from natprobe.render._spoken import spoken, tidy
from natprobe.render._words import by_id, rested_on
from natprobe.wording import mark, say

Audience = Literal["user", "network", "server"]
_TITLES: dict[Audience, str] = {
    "user": mark("What you can do"),
    "network": mark("What your network's administrator can do"),
    "server": mark("What the server's administrator can do"),
}


def todo(report: Report, manner: Manner = PLAINLY) -> tuple[Todo, ...]:
    """Who has nothing to do is not named."""
    known = by_id(report)
    found: dict[Audience, dict[Advice, dict[str, None]]] = {each: {} for each in _TITLES}
    for each in merged(report.findings):
        lines = copies(each.fix, rested_on(each.evidence, known), manner.dialects, report.observations)
        found[each.fix.audience].setdefault(_advice(each, lines), {}).update(dict.fromkeys(each.codes))
    return tuple(_todo(audience, advice) for audience, advice in found.items() if advice)


def _todo(audience: Audience, found: dict[Advice, dict[str, None]]) -> Todo:
    advice = tuple((tuple(map(tidy, codes)), each) for each, codes in found.items())
    return Todo(audience=audience, title=say(_TITLES[audience]), advice=advice)


def _advice(each: Merged, lines: tuple[Copy, ...]) -> Advice:
    fix = each.fix
    return Advice(words=words(fix), why=spoken(fix.why), copy=lines, after=spoken(fix.after).rstrip("."))
