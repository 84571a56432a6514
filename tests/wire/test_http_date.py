"""The Date of an answer: one form, read strictly (RFC 9110 section 5.6.7)."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from natprobe.wire.http_date import http_date

# Years of four digits without a leading zero.
FIRST = datetime.fromisoformat("1000-01-01")


@given(st.datetimes(min_value=FIRST, timezones=st.just(UTC)))
def test_what_servers_send_is_read(when: datetime) -> None:
    when = when.replace(microsecond=0)
    assert http_date(format_datetime(when, usegmt=True)) == when.isoformat().replace("+00:00", "Z")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Sunday, 06-Nov-94 08:49:37 GMT",
        "Sun Nov  6 08:49:37 1994",
        "Mon, 06 Nov 1994 08:49:37 GMT",  # it was a Sunday
        "Sun, 06 Nov 1994 08:49:37 UTC",
        "Sun, 06 Nov 1994 24:00:00 GMT",
        "Wed, 30 Feb 2022 08:00:00 GMT",
        "Sun, 06 Nov 1994 08:49:37 GMT ",
        "Sun, 06 Nov 1994 08:49:37 GMT\n",
        "Sun, ٠٦ Nov 1994 08:49:37 GMT",
        "Sun, 06 Nov 0000 08:49:37 GMT",
    ],
)
def test_anything_else_is_no_date(text: str) -> None:
    assert http_date(text) is None


@given(st.text(max_size=40))
def test_no_text_breaks_it(text: str) -> None:
    http_date(text)
