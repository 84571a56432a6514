"""Nothing is said that no catalogue knows, and nothing that it says in the other language says something else."""

from __future__ import annotations

import re
import string
from collections.abc import Callable
from pathlib import Path

import pytest

from natprobe.cli.language import spoken
from natprobe.codec import load
from natprobe.diagnose import diagnose
from natprobe.model import Report
from natprobe.render import renderer
from natprobe.render._manner import Manner
from natprobe.rules import rules
from natprobe.wording import enumerated, listed, mark, phrase, say, speaking
from tests.case import CASES
from tests.catalogues import ALL, CATALOGUES, explained, left, places, read, renewed, said, written
from tests.sampling import sampled

HINT = "run: python -m tests.catalogues"
ROOT = Path(__file__).parent
CASE_FILES = sorted(CASES.glob("*.toml"))
REPORTS = sorted((ROOT / "reports").glob("*.json"))
CJK = re.compile(r"[\u4e00-\u9fff]")
# What is the same in both: commands, and names.
FOREIGN = re.compile(r"[A-Za-z]{2,}")
# Between words of both writings, and beside its own marks, Chinese has its own spaces.
GLUED = re.compile(r"[\u4e00-\u9fff][A-Za-z0-9]|[A-Za-z0-9][\u4e00-\u9fff]")
HALF = re.compile(r"[\u4e00-\u9fff]\s*[,;:?!](?=\s|$|[\u4e00-\u9fff])|[\u4e00-\u9fff]\.(?=\s|$)")


@pytest.fixture(scope="module", params=sorted(ALL))
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def pairs(name: str) -> list[tuple[str, str]]:
    return [(str(each.id), str(each.string)) for each in read(name) if each.id and each.string]


def test_catalogues_are_fresh(name: str) -> None:
    """Every template of the code is in them, none that is gone, and the bytes are those of the text."""
    text, code = written(renewed(name, ALL[name]()))
    assert (CATALOGUES / f"{name}.po").read_bytes() == text, HINT
    assert (CATALOGUES / f"{name}.mo").read_bytes() == code, HINT


def test_nothing_is_left_in_english(name: str) -> None:
    assert left(name) == []
    assert [each.id for each in read(name) if each.id and each.fuzzy] == []


def test_places_are_the_same(name: str) -> None:
    """A place that is not there would end the report; one that is left out would tell less."""
    assert [each for each in pairs(name) if places(each[0]) != places(each[1])] == []


def test_edges_are_the_same(name: str) -> None:
    """What stands beside a place, as a mark or a space, would be lost or doubled."""
    edge = re.compile(r"^\s|\s$")
    assert [(a, b) for a, b in pairs(name) if name == "pages" and edge.search(b)] == []
    assert [(a, b) for a, b in pairs(name) if b != b.strip() and a == a.strip() and not b.startswith(" ")] == []


def test_codes_and_commands_are_kept(name: str) -> None:
    """What stands in backticks, options and codes are the same in every language."""
    fixed = re.compile(r"`[^`]+`|(?<![\w-])--[a-z][a-z-]+|\bNP\d{3}\b|\bRFC \d+\b")
    astray = [(a, b) for a, b in pairs(name) if sorted(fixed.findall(a)) != sorted(fixed.findall(b))]
    assert astray == []


def test_chinese_has_its_own_marks_and_spaces(name: str) -> None:
    bare = [(b, re.sub(r"`[^`]*`|\{[^}]*\}", "·", b)) for _, b in pairs(name)]
    assert [b for b, words in bare if GLUED.search(words) or HALF.search(words)] == []


def test_it_is_chinese() -> None:
    """A sentence that stands there in English was forgotten, but for what is a command or a name."""
    words = [b for _, b in pairs("pages") if len(FOREIGN.findall(b)) > 3 and not CJK.search(b)]
    assert words == []


class Recorder:
    """Says everything as it is, and keeps what it was asked for."""

    def __init__(self) -> None:
        self.asked: set[str] = set()

    def __call__(self, template: str) -> str:
        self.asked.add(str(template))
        return template


def strange(asked: set[str]) -> list[str]:
    """What no catalogue has: words that were filled in before they were said, mostly."""
    return sorted(each for each in asked - set(said()) if any(map(str.isalpha, each)))


def asked_for(report: Report, formats: tuple[str, ...]) -> set[str]:
    recorder = Recorder()
    with speaking(recorder):
        for each in formats:
            renderer(each).render(report, Manner(verbose=True))
    return recorder.asked


@pytest.mark.parametrize("path", sampled(CASE_FILES))
def test_whatever_is_said_of_cases_is_in_the_catalogue(path: Path, in_case: Callable[[Path], Report]) -> None:
    assert strange(asked_for(in_case(path), ("text",))) == []


@pytest.mark.parametrize("path", REPORTS, ids=lambda path: path.stem)
def test_whatever_formats_for_people_say_is_in_the_catalogue(path: Path) -> None:
    saved = load(path.read_text())
    report = diagnose(saved.target, saved.observations, saved.sources)
    assert strange(asked_for(report, ("text", "html", "markdown"))) == []


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule.cause.code)
def test_whatever_pages_say_is_in_the_catalogue(rule: object) -> None:
    from natprobe.pages import page

    recorder = Recorder()
    with speaking(recorder):
        page(rule.cause)  # type: ignore[attr-defined]
    assert sorted(recorder.asked - set(said()) - set(explained())) == []


def test_rules_make_their_words_with_places() -> None:
    """Of a rule's module nothing is filled in by hand: no f-string, no `format` with words in it."""
    held = re.compile(r"[A-Za-z]{3,} [A-Za-z]{2,}")
    found = [
        f"{path.name}:{line}"
        for path in sorted((ROOT.parent / "natprobe" / "rules").glob("[n_]*[a-z].py"))
        for line, words in filled(path)
        if held.search(words)
    ]
    assert found == []


def filled(path: Path) -> list[tuple[int, str]]:
    """The fixed words of each f-string, with its line."""
    import ast

    every = [each for each in ast.walk(ast.parse(path.read_text())) if isinstance(each, ast.JoinedStr)]
    return [(e.lineno, "".join(str(v.value) for v in e.values if isinstance(v, ast.Constant))) for e in every]


def test_words_without_places_are_left_alone() -> None:
    """Whatever braces a configuration's line has, or a stranger's words."""
    line = "map $name $behind { default 127.0.0.1:4444; }"
    assert phrase(line) == line
    with speaking(str.upper):
        assert say(phrase(line)) == line.upper()
        assert say("{not a place}") == "{NOT A PLACE}"


def test_phrases_in_phrases_are_said_too() -> None:
    words = {"{first} and {last}": "{last} & {first}", "a door": "une porte"}
    inner = listed(["x", phrase("a door")])
    assert inner == "x and a door"
    with speaking(lambda template: words.get(template, template)):
        assert say(inner) == "une porte & x"
        assert say("see {what}", what=inner) == "see une porte & x"


@pytest.mark.parametrize(
    ("template", "value", "told"),
    [
        ("在 {x} 允许", "服务器的防火墙", "在服务器的防火墙允许"),
        ("在 {x} 允许", "ufw", "在 ufw 允许"),
        ("通过{x}传输", "TCP", "通过 TCP 传输"),
        ("通过{x}传输", "中继", "通过中继传输"),
        ("{x} 得到应答", "（ICE）", "（ICE）得到应答"),
        ("{x}（{x}）", "a b", "a b（a b）"),
        ("{x}", "会议 室 A室", "会议 室 A室"),
        ("用时 {x:.1f} 秒 {{", 2.04, "用时 2.0 秒 {"),
    ],
)
def test_chinese_has_its_spaces_round_what_is_filled_in(template: str, value: object, told: str) -> None:
    with speaking(str, "zh-Hans"):
        assert say(template, x=value) == told
    with speaking(str):
        assert say(template, x=value) == template.format(x=value)


@pytest.mark.parametrize("path", REPORTS, ids=lambda path: path.stem)
def test_no_english_is_glued_into_chinese(path: Path) -> None:
    saved = load(path.read_text())
    report = diagnose(saved.target, saved.observations, saved.sources)
    with spoken("zh"):
        told = renderer("markdown").render(report, Manner(verbose=True))
    assert not re.findall(r"[\u4e00-\u9fff] ?an? [a-z-]+", told)
    assert not GLUED.findall(told)


def test_long_lists_make_no_deep_nest() -> None:
    words = [str(number) for number in range(3000)]
    assert listed(words) == " and ".join(words)
    assert enumerated(words) == ", ".join(words)
    assert say(listed(words)) == " and ".join(words)
    assert (listed([]), listed(["a"]), listed(["a", "a", "b"])) == ("", "a", "a and b")


def test_a_template_is_itself() -> None:
    assert mark("{x}") == "{x}"
    assert places("{a} {b:.1f} {{c}}") == ["a!None:", "b!None:.1f"]
    assert [*string.Formatter().parse("{{")] == [("{", None, None, None)]


def test_what_is_gone_goes_and_what_is_known_stays() -> None:
    known, words = pairs("natprobe")[0]
    new = renewed("natprobe", {known: {"a.py"}, "never said {x}": {"a.py"}})
    assert [(each.id, each.string) for each in new if each.id] == [(known, words), ("never said {x}", "")]
