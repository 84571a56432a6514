"""Lines of so many columns, in scripts with spaces and without."""

from __future__ import annotations

import textwrap
import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from natprobe.render._wrapping import TIE, columns, padded, wrapped

CHINESE = "这里无法召开会议：没有 UDP 数据包返回到此网络，而到 203.0.113.20:3478 的 TCP 可以连通（中继服务器未提供）。"
WORDS = st.lists(st.text("abc-/:.,()", min_size=1, max_size=30), min_size=1, max_size=40).map(" ".join)
MIXED = st.text("abc 123.,:中文字符，。：（）「」カナ한", min_size=1, max_size=200).filter(str.strip)


@given(WORDS, st.integers(20, 100))
def test_latin_is_wrapped_as_the_standard_library_does(text: str, width: int) -> None:
    plain = textwrap.TextWrapper(width, break_long_words=False, break_on_hyphens=False, subsequent_indent="  ")
    assert list(wrapped(text, width, "", "  ")) == plain.wrap(text)


@given(MIXED, st.integers(20, 100))
def test_nothing_is_lost_or_added(text: str, width: int) -> None:
    joined = "".join(wrapped(text, width, "> ", "  "))
    assert "".join(joined.removeprefix(">").split()) == "".join(text.split())


@given(st.text("中文字符，。：；", min_size=1, max_size=200), st.integers(20, 100))
def test_chinese_keeps_within_its_columns(text: str, width: int) -> None:
    runs = max(len(run) for run in "".join("m" if c in "，。：；" else " " for c in text).split(" "))
    for line in wrapped(text, width):
        assert sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in line) <= width or runs > width // 4


def test_chinese_breaks_without_spaces_and_no_mark_begins_a_line() -> None:
    lines = list(wrapped(CHINESE, 40, "  ", "    "))
    assert len(lines) > 2
    for line in lines:
        assert columns(line) <= 40
        assert line.strip()[0] not in "，。：）"
        assert not line.endswith("（")
    assert "203.0.113.20:3478" in "\n".join(lines)


def test_columns_of_wide_signs() -> None:
    assert [columns(each) for each in ("abc", "中文", "a中", "é", "e\u0301")] == [3, 4, 3, 1, 1]
    assert padded("开放", 6) == "开放  "


def test_a_word_that_is_wider_than_a_line_stays_whole() -> None:
    url = "https://meet.example.test/" + "a" * 100
    assert list(wrapped(f"See {url} now", 40)) == ["See", url, "now"]


def test_what_is_tied_stays_together() -> None:
    assert list(wrapped(f"you -UDP->{TIE}media{TIE}server 203.0.113.10:10000", 20)) == [
        "you",
        "-UDP-> media server",
        "203.0.113.10:10000",
    ]
