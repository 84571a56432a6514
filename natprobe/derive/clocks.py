"""Other machines' clocks beside ours, from the Date of their HTTP answers (RFC 9110 section 6.6.1). Pure."""

from __future__ import annotations

from datetime import datetime

from natprobe.derive.proxies import taken
from natprobe.facts import Facts, HttpReply, Run
from natprobe.wording import mark, phrase

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
    """`12 minutes`, `1 hour`, before or after."""
    size = abs(ahead)
    number, one, several = next((round(size / each), one, several) for each, one, several in _UNITS if size >= each)
    return phrase(one if number == 1 else several, number=number)


_UNITS = (
    (86400.0, mark("{number} day"), mark("{number} days")),
    (3600.0, mark("{number} hour"), mark("{number} hours")),
    (60.0, mark("{number} minute"), mark("{number} minutes")),
    (1.0, mark("{number} second"), mark("{number} seconds")),
)
