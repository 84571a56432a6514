"""The report for tickets: nothing from outside is markup or can be clicked on; it fits; the JSON report is inside."""

from __future__ import annotations

import re

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from natprobe.codec import load
from natprobe.model import Report
from natprobe.render import markdown
from natprobe.render._manner import Gate, Manner
from natprobe.render._plain import code, fenced, plain
from natprobe.render._telling import outline
from natprobe.render.markdown import LENGTH_MAX, render
from tests.render.poison import POISONS
from tests.render.test_html import HELD, REPORTS, judged

READER = MarkdownIt("commonmark").enable(["table", "strikethrough"])
# What GitHub, GitLab and Jira make links, people, pictures and references of, in words that are not code.
CLICKED = re.compile(
    r"://|www\.\w|@|#\w|\w\.\w*[A-Za-z]|\b[A-Z]+[0-9]*-\d|:[a-z0-9_+-]+:|![0-9]|[~&$^]\w|(?<!\d)%\w|\b(?=\w*[a-f])[0-9a-f]{7,}\b|\{|\["
)
OURS = re.compile(r"<details><summary>[^<>&`*_\[\]]+</summary>\n|</details>\n?")


def inline(text: str) -> list[Token]:
    """What is in a text of several lines or one, without what is around it."""
    return [child for each in READER.parse(text) for child in each.children or ()]


def read(text: str) -> str:
    """What stands there for people."""
    return "".join(each.content for each in inline(text))


def squeezed(words: str) -> str:
    return re.sub(r"[\s`]", "", words)


every_report = pytest.mark.parametrize("name", REPORTS)


@every_report
def test_everything_of_the_outline_is_there(name: str) -> None:
    gate = Gate(code=1, asked=True, held=(HELD,))
    told, text = outline(judged(name), Manner(gate=gate)), render(judged(name), Manner(gate=gate))
    tokens = READER.parse(text)
    shown = squeezed(
        "".join(each.content if each.type in ("fence", "html_block") else "" for each in tokens) + read(text)
    )
    words = [told.answer, *told.facts, *(each.message for each in told.findings)]
    words += [each.words for card in told.findings for each in card.seen]
    words += [f"{each.rank} {each.code} {each.cause}, {each.place}" for each in told.findings]
    words += [each for card in told.findings for each in (card.file, *card.others)]
    advice = [each for todo in told.todo for _, each in todo.advice]
    words += [words for each in advice for words in (each.words, each.why, each.after)]
    words += ["\n".join(copy.lines) for each in advice for copy in each.copy]
    words += [words for each in told.unknown for words in (f"{each.code} {each.cause}", each.reason, each.ask)]
    words += [words for each in told.ways for words in (", ".join(each.names), each.state, each.words, *each.others)]
    words += [f"{leg.proto} to {leg.to}: {leg.word}" for each in told.ways for leg in each.legs]
    words += [row.text for each in told.sections for row in each.rows]
    words += [each.words for each in told.exchanges]
    assert [each for each in words if squeezed(each) not in shown] == []


@every_report
def test_the_answer_is_first_and_bold(name: str) -> None:
    first = READER.parse(render(judged(name)))[1]
    assert [each.type for each in first.children or ()][:1] != []
    assert first.content.startswith("**")
    assert first.content.endswith("**")
    assert (first.children or [])[1].type == "strong_open"
    assert (first.children or [])[-2].type == "strong_close"


@every_report
def test_every_way_has_its_row(name: str) -> None:
    tokens = [each.type for each in READER.parse(render(judged(name)))]
    assert tokens.count("tr_open") == len(outline(judged(name)).ways) + (not outline(judged(name)).on_server)
    assert tokens.count("td_open") == 4 * len(outline(judged(name)).ways)


@every_report
def test_the_report_travels_inside(name: str) -> None:
    text = render(judged(name))
    assert load(text) == load(REPORTS[name])
    assert load(text.replace("\n", "\r\n")) == load(REPORTS[name])
    assert len(text) <= LENGTH_MAX


def _large(findings: int, observations: int) -> Report:
    report = judged("jitsi-company-docker")
    many = [msgspec.structs.replace(each, id=number) for number, each in enumerate(report.observations * 40, 1)]
    return msgspec.structs.replace(
        report, findings=(report.findings * 100)[:findings], observations=tuple(many[:observations])
    )


@pytest.mark.parametrize(("findings", "observations"), [(3, 190), (3, 400), (3, 2000), (100, 2000), (300, 5000)])
def test_it_never_is_too_long_for_a_ticket(findings: int, observations: int) -> None:
    report = _large(findings, observations)
    text = render(report)
    assert len(text) <= LENGTH_MAX
    assert text.count("<details>") == text.count("</details>")
    whole = "natprobe-report/1" in text
    assert whole == (observations < 300)
    assert ("`-f json -o report.json`" in text) == (not whole)
    if whole:
        assert load(text).observations == report.observations
        assert "What else was seen is in the JSON report above." in text
    answer = text.partition("\n")[0]
    assert squeezed(read(answer)) == squeezed(outline(report).answer)
    if findings < 100:
        assert text.count("**ERROR NP302") == 1


def test_a_short_report_says_nothing_of_what_was_left_out() -> None:
    assert "What else was seen" not in render(judged("udp-blocked"))
    assert "attach it" not in render(judged("udp-blocked"))


# --- words from outside


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        ("Meetings on meet.example.com will not work.", "Meetings on `meet.example.com` will not work."),
        ("round trip 12.3 ms, 50% lost", "round trip 12.3 ms, 50% lost"),
        ('IPv4 (UDP): it\'s TCP/TLS - "no"; ok?', 'IPv4 (UDP): it\'s TCP/TLS - "no"; ok?'),
        ("see `ss -ltnp`, then", "see `ss -ltnp`, then"),
        ("a [b](http://c.test) d", "a `[b](http://c.test`) d"),
        ("@octocat closes #1", "`@octocat` closes `#1`"),
        ("x || y|z", "x &#124;&#124; y&#124;z"),
        ("set a_b = {c d}", "set `a_b = {c d}`"),
        ("1. x", "1\\. x"),
        ("- x", "\\- x"),
        ("=== x", "`===` x"),
        ("a `` b", "a ``` `` ``` b"),
        ("中文 meet.example.com。", "中文 `meet.example.com`。"),
        ("fixed in deadbee1 and GH-12", "fixed in `deadbee1` and `GH-12`"),
        ("##[error]x", "`# #[error]x`"),
        ("a\nb\u2028c\u202ed", "a b c d"),
        ("50%中 a %中 b !12 c!", "50%中 a `%`中 b `!12` c!"),
        ("", ""),
    ],
)
def test_what_could_be_markup_stands_as_code(words: str, shown: str) -> None:
    assert plain(words) == shown


ALPHABET = st.sampled_from([*"`|*_[]()<>!#@:/\\.-+=~$^&%{}'\" \n\tab1中", "http://", "www.", "``", "```", "- ", "1. "])
HOSTILE = st.lists(ALPHABET, max_size=40).map("".join)


@given(HOSTILE | st.text(max_size=60))
@example("www.中")
@example(POISONS["markdown"])
@example(POISONS["fence"])
@example("`a``b` `[x](//y)` ```")
def test_no_words_are_markup_or_clicked_on(words: str) -> None:
    """In a paragraph, in bold, in a list and in the cell of a table."""
    shown = plain(words)
    expected = squeezed(_visible(words))
    for around in ("{}", "**x {}**", "- {}", "x: {}"):
        tokens = inline(around.format(shown))
        kinds = {each.type for each in tokens} - {"text", "code_inline", "text_special", "softbreak"}
        assert kinds <= ({"strong_open", "strong_close"} if "**" in around else set()), (shown, kinds)
        assert not [each.content for each in tokens if each.type != "code_inline" and CLICKED.search(each.content)]
        assert expected in squeezed("".join(each.content for each in tokens))
    table = READER.parse(f"| a | b |\n| --- | --- |\n| {shown} | x |")
    cells = [each.children or [] for each in table if each.type == "inline"]
    assert len(cells) == 4
    assert squeezed("".join(each.content for each in cells[2])) == expected


def _visible(words: str) -> str:
    """What of it is read: without controls; what some CI takes for commands is told apart."""
    from natprobe.wire.text import clean

    return clean(words, 4000)


@given(HOSTILE)
def test_code_is_code(words: str) -> None:
    shown = code(words)
    tokens = inline(f"x {shown} y")
    assert {each.type for each in tokens} <= {"text", "code_inline"}
    assert squeezed("".join(each.content for each in tokens)) == squeezed(f"x{words}y")


@example(["```"])
@example(["x", "`````", "y"])
@given(st.lists(HOSTILE.map(lambda words: words.replace("\n", " ")), min_size=1, max_size=5))
def test_no_line_ends_its_fence(lines: list[str]) -> None:
    tokens = READER.parse(fenced("\n".join(lines), "sh") + "\n\nafter")
    assert [each.type for each in tokens] == ["fence", "paragraph_open", "inline", "paragraph_close"]
    assert tokens[0].content == "\n".join(lines) + "\n"


@pytest.mark.parametrize("kind", POISONS)
def test_nothing_hostile_becomes_html(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from tests.render import poison

    monkeypatch.setattr(markdown, "LENGTH_MAX", 10**8)
    text = render(poison.made(POISONS[kind]), Manner(gate=poison.gate(POISONS[kind])))
    for each in READER.parse(text):
        assert each.type != "html_block" or not OURS.sub("", each.content), each.content[:200]
        for child in each.children or ():
            assert child.type not in ("html_inline", "link_open", "image"), child
