"""Saved and pasted reports from files or stdin, with what has to be told of how they were read."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Sequence

from natprobe.cli.errors import UsageError, warn
from natprobe.codec import BadReport, Found, Saved, load_all
from natprobe.pasted import REPORTS_MAX, TEXT_MAX, decoded

# A label has nothing of a link or path in it: what follows a link's last = may be its token.
_LABELLED = re.compile(r"([^:/?#]+)=(.+)", re.DOTALL)


def reports(words: Sequence[str], quiet: bool) -> list[tuple[str, Saved]]:
    """Of each `LABEL=FILE` all the reports in it, with their labels. Raises UsageError."""
    if words.count("-") + sum(word.endswith("=-") for word in words) > 1:
        raise UsageError("- stands for stdin, which can be read once only")
    if len(words) > REPORTS_MAX:
        raise UsageError(f"at most {REPORTS_MAX} reports are merged")
    read = [each for word in words for each in _reports(word, quiet)]
    if len(read) > REPORTS_MAX:
        raise UsageError(f"at most {REPORTS_MAX} reports are merged, and these are {len(read)}")
    return read


def _reports(word: str, quiet: bool) -> list[tuple[str, Saved]]:
    """`LABEL=FILE`, unless a file of that whole name is there; several in one file are numbered."""
    match = None if os.path.exists(word) else _LABELLED.fullmatch(word)
    label, name = match.groups() if match else ("", word)
    try:
        found = load_all(decoded(_read(name)))
    except BadReport as exc:
        raise UsageError(f"{name}: {exc}") from None
    if not quiet:
        _tell(name, found)
    several = label and len(found) > 1
    return [(f"{label} {number}" if several else label, each.saved) for number, each in enumerate(found, 1)]


def _tell(name: str, found: Sequence[Found]) -> None:
    """What a reader has to know before the verdict."""
    if len(found) > 1:
        warn(f"{name}: {len(found)} reports are in it, and each is a vantage of its own")
    if undone := dict.fromkeys(words for each in found for words in each.mended):
        warn(f"{name}: the text was damaged on its way, and read without its {', '.join(undone)}")
    for each in found:
        if each.saved.torn:
            last = max(seen.at for seen in each.saved.observations)
            warn(f"{name}: the report breaks off {last:.1f} s into the run: what is missing cannot be judged")


def _read(name: str) -> bytes:
    """The file, bounded. Raises UsageError and BadReport."""
    try:
        if name == "-":
            data = sys.stdin.buffer.read(TEXT_MAX + 1)
        else:
            with open(name, "rb") as file:
                data = file.read(TEXT_MAX + 1)
    except OSError as exc:
        raise UsageError(f"cannot read {name!a}: {exc.strerror}") from None
    if len(data) > TEXT_MAX:
        raise BadReport(f"it is larger than {TEXT_MAX >> 20} MiB, which no report of natprobe is")
    return data
