"""turnserver.conf: one option a line, with a value behind spaces or `=`, as coturn's own reader takes it.

That reader cuts no comment off a value, and skips a line that it doesn't know with a warning (measured with 4.6.1).
"""

from __future__ import annotations

from natprobe.servers.files import ENTRIES_MAX, Entry, Parsed

_GAP = " =\t"


def parse(text: str) -> Parsed:
    """Every line that is no comment. A flag has the value "" (on) or what stands behind it."""
    lines = text.split("\n")
    entries = [entry for number, line in enumerate(lines[:ENTRIES_MAX], 1) if (entry := _entry(number, line))]
    return Parsed(entries=entries, broken_at=ENTRIES_MAX if len(lines) > ENTRIES_MAX else None)


def _entry(number: int, line: str) -> Entry | None:
    line = line.strip()
    if not line or line.startswith("#"):
        return None
    end = next((at for at, c in enumerate(line) if c in _GAP), len(line))
    return Entry(line=number, section=(), key=line[:end], value=_unquoted(line[end:].lstrip(_GAP)))


def _unquoted(value: str) -> str:
    """As coturn drops a quotation mark at the beginning, and then one at the end."""
    return value[1:].removesuffix('"') if value.startswith('"') else value
