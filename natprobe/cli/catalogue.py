"""`natprobe explain`, `list` and `schema`: what there is, out of the code itself."""

from __future__ import annotations

import inspect
import json

from natprobe.causes import CAUSES, find
from natprobe.cli.errors import UsageError
from natprobe.pages import page


def explain(word: str) -> str:
    """The page of a cause. Raises UsageError."""
    cause = find(word)
    if cause is None:
        near = [name for name in CAUSES if word.strip().lower() and word.strip().lower() in name]
        hint = f"; did you mean {', '.join(near[:5])}?" if near else "; `natprobe list rules` shows all"
        raise UsageError(f"there is no cause {word[:60]!a}{hint}")
    return page(cause)


def listing(what: str) -> str:
    """A line for each. Raises UsageError."""
    if what not in _LISTS:
        raise UsageError(f"list wants one of {', '.join(_LISTS)}, not {what[:40]!a}")
    return "".join(f"{name:<12} {words}\n" for name, words in _LISTS[what]())


def _probes() -> list[tuple[str, str]]:
    from natprobe.run import INSPECTION, SEQUENCE, load_probe

    return [(name, _first_line(load_probe(name))) for name in dict.fromkeys((*SEQUENCE, *INSPECTION))]


def _rules() -> list[tuple[str, str]]:
    from natprobe.rules import rules

    return [(each.cause.code, f"{each.cause.name}: {each.cause.meaning}") for each in rules()]


def _formats() -> list[tuple[str, str]]:
    from natprobe.render import formats, renderer

    return [(name, _first_line(renderer(name))) for name in formats()]


_LISTS = {"probes": _probes, "rules": _rules, "formats": _formats}


def _first_line(module: object) -> str:
    return (inspect.getdoc(module) or "").splitlines()[0]


def schema() -> str:
    """The JSON Schema of the report."""
    from natprobe.codec import schema as report_schema

    return json.dumps(report_schema(), indent=1) + "\n"
