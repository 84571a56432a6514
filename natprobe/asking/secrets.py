"""Secrets of configuration files as numbers: equal ones have equal numbers, so that they can be compared in a report.

The numbers are those of the order in which the secrets are met, and tell nothing else. The secrets themselves lie in
the run's drawer and go with it.
"""

from __future__ import annotations

from natprobe.context import Keep

_KEY = "secrets-of-files"


class Secrets:
    """One for a run. Its repr says nothing."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}

    def number(self, secret: str) -> int | None:
        """From 1; None for an empty one, which is none."""
        return self._numbers.setdefault(secret, len(self._numbers) + 1) if secret else None

    def __repr__(self) -> str:
        return "Secrets()"


def secrets(keep: Keep) -> Secrets:
    """The run's."""
    found = keep.get(_KEY, Secrets)
    if found is None:
        keep.put(_KEY, found := Secrets())
    return found
