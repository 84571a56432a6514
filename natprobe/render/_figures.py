"""Figures that many words have at their end: how long it took, how often it was tried."""

from __future__ import annotations


def ms(value: float | None) -> str:
    """` in 12.3 ms`, or nothing where it was not measured."""
    return "" if value is None else f" in {value:.1f} ms"


def tries(count: int) -> str:
    """`9 tries`; what was never sent says so."""
    return "1 try" if count == 1 else f"{count} tries" if count else "not sent"
