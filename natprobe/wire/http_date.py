"""The Date of an HTTP answer (RFC 9110 section 5.6.7), read strictly."""

from __future__ import annotations

import re
from datetime import UTC, datetime

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_FIXDATE = re.compile(
    rf"({'|'.join(_DAYS)}), (\d\d) ({'|'.join(_MONTHS)}) (\d{{4}}) (\d\d):(\d\d):(\d\d) GMT", re.ASCII
)


def http_date(text: str) -> str | None:
    """RFC 3339 in UTC, or None for what is no IMF-fixdate: servers have to send that form, and no other is guessed."""
    match = _FIXDATE.fullmatch(text)
    if match is None:
        return None
    day, month, year = int(match[2]), _MONTHS.index(match[3]) + 1, int(match[4])
    try:
        found = datetime(year, month, day, int(match[5]), int(match[6]), int(match[7]), tzinfo=UTC)
    except ValueError:  # no such day or time; a leap second is none that matters
        return None
    return found.isoformat().replace("+00:00", "Z") if _DAYS[found.weekday()] == match[1] else None
