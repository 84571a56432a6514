"""Exit codes, and the one way of saying that something was wrong with what was asked."""

from __future__ import annotations

import sys

OK, FINDINGS, USAGE, UNKNOWN, FAULT, INTERRUPTED, TERMINATED = 0, 1, 2, 3, 4, 130, 143


class UsageError(Exception):
    """Bad input; its words are one clear sentence. Ends in exit code 2."""


def warn(words: str) -> None:
    """One line on stderr, without anything that a terminal would act on."""
    from natprobe.wire.text import clean

    sys.stderr.write(f"natprobe: {clean(words, 1000)}\n")
