"""Configuration files, parsed with line numbers: text in, entries out. No I/O, and no meaning: that is settings.py's.

Every parser takes any text, raises nothing, and goes on behind what makes no sense where its syntax lets it. What it
reads is a server's configuration, so an entry may be a secret: its repr shows no value.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from natprobe.facts.config import Form

# So many entries are kept of one file; a real one has some hundreds.
ENTRIES_MAX = 20_000
# How deep what stands in something else may stand.
DEPTH_MAX = 24
# The value of what a file computes or takes from elsewhere (Lua): not known, and no secret to be compared with others.
COMPUTED = "…"


class Entry(NamedTuple):
    """One setting as it stands at `line` (from 1). `section`: what it stands in, outermost first, as the file's syntax
    names it; of a list of objects, `name[0]`. A list of plain values is one entry for each, with the list's key.

    An include is an entry like any other, with the directive as its key and the pattern as its value.
    """

    line: int
    section: tuple[str, ...]
    key: str
    value: str

    def __repr__(self) -> str:
        return f"Entry(line={self.line}, section={self.section!r}, key={self.key!r})"


class Parsed(NamedTuple):
    """What was read. `broken_at`: the first line that makes no sense, None: there is none."""

    entries: Sequence[Entry] = ()
    broken_at: int | None = None


Parser = Callable[[str], Parsed]

# Form -> module here. Each has `parse(text) -> Parsed`.
_MODULES: dict[Form, str] = {
    "env": "env",
    "yaml": "compose",
    "hocon": "hocon",
    "properties": "properties",
    "lua": "lua",
    "flat": "flat",
    "libconfig": "libconfig",
    "nginx": "nginx",
    "javascript": "javascript",
}


def parser(form: Form) -> Parser:
    """The parser of this form; its libraries are loaded with it."""
    from importlib import import_module

    parse: Parser = import_module(f"{__name__}.{_MODULES[form]}").parse
    return parse


def count_lines(text: str) -> int:
    """As editors count them: a last line without its end is one, too."""
    return text.count("\n") + (not text.endswith("\n") and text != "")
