"""A rule's page, out of its docstring: for `natprobe explain` and docs/rules. Pure."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator

from natprobe.causes import Cause
from natprobe.rules import rules
from natprobe.wording import mark, say

_FACTS = mark("Severity: {severity}. Place: {where}. In short: {meaning}.")
_NO_RULE = mark("This version of natprobe has no rule for this cause yet: it never reports it.")
# What stands further in than words is a listing, the same in every language; an item of a list begins with `- `.
_LISTING, _ITEM = re.compile(r"[ \t]"), re.compile(r"(?m)^(?=- )")


def page(cause: Cause) -> str:
    """Title, facts and the rule's own words, as Markdown; a cause without a rule says so."""
    title, blocks = _written(cause)
    facts = say(_FACTS, severity=cause.severity, where=cause.where, meaning=say(cause.meaning))
    body = "\n\n".join("".join(map(_told, _parts(each))) for each in blocks) or say(_NO_RULE)
    return f"# {cause.code} {cause.name}: {say(title)}\n\n{facts}\n\n{body}\n"


def words(cause: Cause) -> Iterator[str]:
    """What there is to be translated of its page: the title, each paragraph, each item of a list."""
    title, blocks = _written(cause)
    yield title
    for block in blocks:
        yield from (_flowing(each) for each in _parts(block) if not _LISTING.match(each))


def _written(cause: Cause) -> tuple[str, list[str]]:
    rule = next((each for each in rules() if each.cause.code == cause.code), None)
    doc = (inspect.getdoc(rule.module) or "") if rule else ""
    title, _, body = doc.partition("\n")
    return title or cause.meaning, re.split(r"\n{2,}", body.strip("\n")) if body.strip() else []


def _parts(block: str) -> list[str]:
    """A paragraph, or the items of a list."""
    return [each for each in _ITEM.split(block) if each]


def _told(part: str) -> str:
    """As it is written where it is said as written."""
    flowing = _flowing(part)
    told = flowing if _LISTING.match(part) else say(flowing)
    bullet = "- " if part.startswith("- ") else ""
    return part if told == flowing else f"{bullet}{told}{_end(part)}"


def _flowing(part: str) -> str:
    """In one line, as a translator wants it."""
    return " ".join(part.removeprefix("- ").split())


def _end(part: str) -> str:
    return "\n" if part.endswith("\n") else ""


def pages() -> dict[str, str]:
    """File name -> text of every rule's page, and the index."""
    found = {f"{each.cause.code}.md": page(each.cause) for each in rules()}
    rows = [f"- [{r.cause.code} {r.cause.name}]({r.cause.code}.md): {r.cause.meaning}" for r in rules()]
    found["README.md"] = "# Rules\n\nGenerated from natprobe/rules; never edited by hand.\n\n" + "\n".join(rows) + "\n"
    return found
