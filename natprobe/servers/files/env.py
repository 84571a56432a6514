"""Files of `KEY=value`, as docker compose and shells have them: python-dotenv's parser, which tells lines."""

from __future__ import annotations

import re
from typing import IO, cast

from natprobe.servers.files import ENTRIES_MAX, Entry, Parsed

# Its search for a remark tries every blank of a run anew: of longer ones this many are left.
_BLANKS = re.compile(r"[^\S\n]{32,}")
# Its time is by lines: a real file has some hundreds.
_TEXT_MAX = 1 << 17
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,100}")


def parse(text: str) -> Parsed:
    """What a line without `=` names is taken from the environment, and is no entry."""
    from dotenv.parser import parse_stream

    entries: list[Entry] = []
    broken: int | None = None
    kept = _BLANKS.sub(" ", text[:_TEXT_MAX])
    if len(text) > _TEXT_MAX:
        broken = kept.count("\n") + 1
    for each in parse_stream(cast("IO[str]", _Text(kept))):
        line = each.original.line + _blank_lines(each.original.string)
        if each.error or (each.key is not None and not _NAME.fullmatch(each.key)):
            broken = min(broken or line, line)
        elif each.key is not None and each.value is not None and len(entries) < ENTRIES_MAX:
            entries.append(Entry(line, (), each.key, each.value))
    return Parsed(entries, broken)


class _Text:
    """All that the parser asks of a stream."""

    def __init__(self, text: str) -> None:
        self._text = text

    def read(self) -> str:
        """The whole."""
        return self._text


def _blank_lines(original: str) -> int:
    return original[: len(original) - len(original.lstrip())].count("\n")
