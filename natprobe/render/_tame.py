"""Words from outside, made fit for output that other programs act on line by line. Pure.

Whoever runs natprobe in CI has its output read for commands: GitHub's runner takes `::command::` at a line's beginning,
blanks before it or not, and `##[command]` anywhere in a line; Azure's and TeamCity's take `##vso[…]`, `##teamcity[…]`.
"""

from __future__ import annotations

import re

from natprobe.wire.text import clean

_COMMAND = re.compile(r"##(?=\w*\[)")
_OPENING = re.compile(r"^(\s*):(?=:)")


def tame(line: str) -> str:
    """One line of output in which no CI finds a command; others stay as they are."""
    return _COMMAND.sub("# #", _OPENING.sub(r"\1: ", line))


def told(text: str, limit: int = 2000) -> str:
    """A text for one line of a format that programs read: no control characters, bounded, tame."""
    return tame(clean(text, limit))
