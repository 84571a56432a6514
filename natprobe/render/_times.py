"""Times of day as programs count them. A report's own times have the right form; that they exist is not certain."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from natprobe.model import Time


def seconds(time: Time) -> float | None:
    """Since 1970; None for the 31st of February."""
    found = _read(time)
    return None if found is None else found.timestamp()


def later(time: Time, after: float) -> Time | None:
    """So many seconds after that."""
    found = _read(time)
    try:
        return None if found is None else f"{found + timedelta(seconds=after):%Y-%m-%dT%H:%M:%S}Z"
    except OverflowError:
        return None


def _read(time: Time) -> datetime | None:
    try:
        return datetime.fromisoformat(time).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
