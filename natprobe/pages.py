"""A rule's page, out of its docstring: for `natprobe explain` and docs/rules. Pure."""

from __future__ import annotations

import inspect

from natprobe.causes import Cause
from natprobe.rules import rules


def page(cause: Cause) -> str:
    """Title, facts and the rule's own words, as Markdown; a cause without a rule says so."""
    rule = next((each for each in rules() if each.cause.code == cause.code), None)
    doc = (inspect.getdoc(rule.module) or "") if rule else ""
    title, _, body = doc.partition("\n")
    head = f"# {cause.code} {cause.name}: {title or cause.meaning}\n\n"
    facts = f"Severity: {cause.severity}. Place: {cause.where}. In short: {cause.meaning}.\n"
    words = body.strip() or "This version of natprobe has no rule for this cause yet: it never reports it."
    return f"{head}{facts}\n{words}\n"


def pages() -> dict[str, str]:
    """File name -> text of every rule's page, and the index."""
    found = {f"{each.cause.code}.md": page(each.cause) for each in rules()}
    rows = [f"- [{r.cause.code} {r.cause.name}]({r.cause.code}.md): {r.cause.meaning}" for r in rules()]
    found["README.md"] = "# Rules\n\nGenerated from natprobe/rules; never edited by hand.\n\n" + "\n".join(rows) + "\n"
    return found
