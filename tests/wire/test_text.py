"""Free text from outside, made fit for a report and a terminal."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from natprobe.wire.text import clean


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("", ""),
        ("Server Error", "Server Error"),
        ("  padded\0\0\0", "padded"),
        ("\x1b]0;title\x07\x1b[2Jx", "]0;title  [2Jx"),
        ("\x9b31mred", "31mred"),
        ("a\r\nb\tc\x7fd", "a  b c d"),
        ("left\u202eright\u2066\u200b\ufeff", "left right"),
        ("line\u2028para\u2029graph", "line para graph"),
        ("half \ud800 pair", "half   pair"),
        ("\U000e0041tag", "tag"),
        ("Grüße, 会议, 😀", "Grüße, 会议, 😀"),
        ("[bold]x[/bold]", "[bold]x[/bold]"),
    ],
)
def test_clean(text: str, shown: str) -> None:
    assert clean(text) == shown


@given(st.text(), st.integers(1, 50))
def test_it_is_bounded_and_stays_as_it_is_when_cleaned_again(text: str, limit: int) -> None:
    shown = clean(text, limit)
    assert len(shown) <= limit
    assert not any(unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp") for c in shown)
    shown.encode()
    assert len(clean(shown, limit)) <= len(shown)
