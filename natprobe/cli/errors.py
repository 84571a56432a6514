"""Exit codes, and the one way of saying that something was wrong with what was asked."""

from __future__ import annotations

import os
import re
import sys
from typing import TextIO

OK, FINDINGS, USAGE, UNKNOWN, FAULT, INTERRUPTED = 0, 1, 2, 3, 4, 130
# A run that a signal ended: 130 and 143 with SIGINT and SIGTERM.
SIGNALLED = 128
# Of a quoted or parenthesised word, or of one with a password: all before the @, but for its scheme.
_USER = re.compile(r"(?<!\S)((?:[('\"]++(?=\S*@)|(?=[^\s:]*:\S*@))(?:\w[\w+.-]*://)?)\S*@")


class UsageError(Exception):
    """Bad input; its words are one clear sentence. Ends in exit code 2."""


def warn(words: str) -> None:
    """One line on stderr, without anything that a terminal would act on, and without a pasted link's secrets."""
    from natprobe.wire.text import clean

    say(f"natprobe: {clean(_discreet(words), 1000)}\n")


def say(text: str) -> None:
    """On stderr. Whoever closed it wants no words, and a run must not end for them."""
    try:
        sys.stderr.write(text)
        sys.stderr.flush()
    except OSError:
        silence(sys.stderr)


def silence(stream: TextIO) -> None:
    """What is still to come goes nowhere, so that the interpreter doesn't complain at its exit either."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _discreet(words: str) -> str:
    """Whoever refuses a misplaced link may quote it: its user, room, query and fragment are nobody's business."""
    words = _USER.sub(r"\1…@", words)
    words = re.sub(r"[?#]\S+", _cut, words)
    return re.sub(r"(\w://)(?:[^\s/?#@]*@)?([^\s/?#'\")]*)[/?#][^\s'\")]*", r"\1\2/…", words)


def _cut(found: re.Match[str]) -> str:
    """A ? or # without what follows it, but for what closes the quote."""
    kept = len(found[0].rstrip(".,:;").rstrip("'\")"))
    return found[0] if kept <= 1 else f"{found[0][0]}…{found[0][kept:]}"
