"""Lines of so many columns. What is not ASCII may be two columns wide, and Chinese has no spaces to break at."""

from __future__ import annotations

import re
from collections.abc import Iterator

# Words as they are kept whole, and signs that may stand at either side of a line's end.
_WIDE = r"\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff\uff00-\uffef"
_PARTS = re.compile(rf"\s+|[{_WIDE}]|[^\s{_WIDE}]+")
# Stands for a space at which no line ends.
TIE = "\x01"
# Marks that begin no line, and brackets that end none (GB/T 15834).
_NOT_FIRST = "，。、；：？！）》」』”’…,.;:?!)"
_NOT_LAST = "（《「『“‘("


def columns(text: str) -> int:
    """How wide it is on a terminal."""
    if text.isascii():
        return len(text)
    from wcwidth import wcswidth

    return max(wcswidth(text.replace(TIE, " ")), 0) or len(text)


def wrapped(text: str, width: int, first: str = "", rest: str = "") -> Iterator[str]:
    """Lines that begin with `first` and then `rest`. A word that is wider than a line stays whole on its own."""
    yield from (line.replace(TIE, " ").rstrip() for line in _wrapped(text, width, first, rest))


def _wrapped(text: str, width: int, first: str, rest: str) -> Iterator[str]:
    line, bare = first, True
    for gap, part in _pieces(text):
        if not bare and columns(line) + len(gap) + columns(part) > width:
            yield line
            line, gap = rest, ""
        line += ("" if bare else gap) + part
        bare = False
    yield line


def _pieces(text: str) -> Iterator[tuple[str, str]]:
    """What may not be parted, each with the gap before it."""
    gap, held = "", ""
    parts = _PARTS.findall(text.strip())
    for number, part in enumerate(parts):
        if part.isspace():
            gap = " "
            continue
        held += part
        after = parts[number + 1] if number + 1 < len(parts) else " "
        if after.isspace() or not (after[0] in _NOT_FIRST or part[-1] in _NOT_LAST):
            yield gap, held
            gap, held = "", ""


def padded(text: str, width: int) -> str:
    """With spaces up to this many columns."""
    return text + " " * max(0, width - columns(text))
