"""Java's properties (java.util.Properties.load): `key=value`, `key: value`, `key value`; a backslash joins lines."""

from __future__ import annotations

import re

from natprobe.servers.files import ENTRIES_MAX, Entry, Parsed

_BLANK = " \t\f"
# A key ends at the first separator without a backslash before it.
_LINE = re.compile(r"((?:\\.|[^\\=: \t\f])*)[ \t\f]*[=:]?[ \t\f]*(.*)", re.DOTALL)
_ESCAPE = re.compile(r"\\(u[0-9A-Fa-f]{4}|.|$)", re.DOTALL)
_LETTERS = {"t": "\t", "n": "\n", "r": "\r", "f": "\f"}
_JOINED_MAX = 1000


def parse(text: str) -> Parsed:
    """Nothing makes no sense to that reader."""
    entries: list[Entry] = []
    lines = text.split("\n")
    at = 0
    while at < len(lines) and len(entries) < ENTRIES_MAX:
        began, whole = at, lines[at].lstrip(_BLANK)
        at += 1
        if not whole or whole[0] in "#!":
            continue
        parts = [whole]
        while _goes_on(parts[-1]) and at < len(lines) and at - began < _JOINED_MAX:
            parts[-1] = parts[-1][:-1]
            parts.append(lines[at].lstrip(_BLANK))
            at += 1
        if (found := _LINE.fullmatch("".join(parts))) is not None:
            entries.append(Entry(began + 1, (), _plain(found[1]), _plain(found[2])))
    return Parsed(entries)


def _goes_on(line: str) -> bool:
    """An odd number of backslashes at its end."""
    return (len(line) - len(line.rstrip("\\"))) % 2 == 1


def _plain(text: str) -> str:
    return _ESCAPE.sub(_escaped, text) if "\\" in text else text


def _escaped(found: re.Match[str]) -> str:
    word = found[1]
    return chr(int(word[1:], 16)) if len(word) == 5 else _LETTERS.get(word, word)
