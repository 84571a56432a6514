"""Other machines' clocks beside ours, from the Date of their HTTP answers (RFC 9110 section 6.6.1). Pure."""

from __future__ import annotations

from datetime import datetime

from natprobe.derive.proxies import taken
from natprobe.facts import Facts, HttpReply, Run

# Credentials with a time in them suffer from more than this (seconds).
OFF_MAX = 300.0


def clock_off(facts: Facts) -> tuple[HttpReply, float] | None:
    """The answer whose server's clock is furthest from ours, by more than five minutes, and by how many seconds it is
    ahead; None: no server told, or all agree.
    """
    found = [(each, ahead) for each in taken(facts, HttpReply) if (ahead := _ahead(facts, each)) is not None]
    off = [(each, ahead) for each, ahead in found if abs(ahead) > OFF_MAX]
    return max(off, key=lambda pair: abs(pair[1]), default=None)


def _ahead(facts: Facts, reply: HttpReply) -> float | None:
    run = next(iter(facts.of(Run, lambda each: each.source == reply.source)), None)
    if run is None or reply.date is None:
        return None
    return (datetime.fromisoformat(reply.date) - datetime.fromisoformat(run.started)).total_seconds() - reply.at


def in_words(ahead: float) -> str:
    """`12 minutes ahead of`, `3 hours behind`."""
    size = abs(ahead)
    amount, unit = next((size / each, name) for each, name in _UNITS if size >= each)
    number = round(amount)
    return f"{number} {unit}{'s'[: number != 1]} {'ahead of' if ahead > 0 else 'behind'}"


_UNITS = ((86400.0, "day"), (3600.0, "hour"), (60.0, "minute"), (1.0, "second"))
