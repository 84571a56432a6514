"""The page, read strictly: whole, accessible, closed to everything from elsewhere; the same words as the outline."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from functools import cache
from itertools import pairwise

import pytest

from natprobe.codec import load, merge
from natprobe.diagnose import diagnose
from natprobe.model import Report
from natprobe.render._manner import Gate, Held, Manner
from natprobe.render._page import DARK, LIGHT
from natprobe.render._telling import outline
from natprobe.render.html import render
from natprobe.wording import speaking
from tests.cli.command import ROOT
from tests.render.pages import Read

REPORTS = {path.stem: path.read_text() for path in sorted((ROOT / "tests" / "reports").glob("*.json"))}
HELD = Held(demand="direct-udp is open", status="broken", why="it is blocked")


@cache
def judged(name: str) -> Report:
    saved = merge([("", load(REPORTS[name]))])
    return diagnose(saved.target, saved.observations, saved.sources)


@cache
def page(name: str) -> Read:
    return Read(render(judged(name), Manner(gate=Gate(code=1, asked=True, held=(HELD,)))))


every_report = pytest.mark.parametrize("name", REPORTS)


@every_report
def test_every_id_is_there_once_and_every_link_leads_to_one(name: str) -> None:
    ids = page(name).with_attribute("id")
    assert len(ids) == len(set(ids))
    links = [each.removeprefix("#") for each in page(name).with_attribute("href")]
    assert links
    named = [each for words in page(name).with_attribute("aria-labelledby") for each in words.split()]
    assert {*links, *named, *page(name).with_attribute("data-copy")} <= set(ids)


@every_report
def test_nothing_is_loaded_from_anywhere(name: str) -> None:
    names = {each.name for each in page(name).elements}
    assert not names & {"a:href", "link", "img", "iframe", "object", "embed", "base", "form", "input", "use", "image"}
    attributes = {name for each in page(name).elements for name in each.attributes}
    assert not attributes & {"src", "srcset", "style", "action", "background", "xlink:href", "ping"}
    assert not [each for each in attributes if each.startswith("on")]
    assert all(each.startswith("#") for each in page(name).with_attribute("href"))
    assert "url(" not in page(name).inside("style")[0]
    assert "@import" not in page(name).inside("style")[0]


@every_report
def test_the_policy_names_the_very_style_and_script(name: str) -> None:
    (policy,) = [each.attributes["content"] for each in page(name).named("meta") if "http-equiv" in each.attributes]
    rules = dict(each.split(" ", 1) for each in policy.split("; "))
    (style,) = page(name).inside("style")
    script = page(name).inside("script")[-1]
    assert rules == {
        "default-src": "'none'",
        "img-src": "'none'",
        "base-uri": "'none'",
        "form-action": "'none'",
        "style-src": digest(style),
        "script-src": digest(script),
    }
    types = [each.attributes.get("type") for each in page(name).named("script")]
    assert types == ["application/json", None]


def digest(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


@every_report
def test_headings_have_an_order_and_parts_have_names(name: str) -> None:
    ranks = [int(each.name[1]) for each in page(name).elements if re.fullmatch("h[1-6]", each.name)]
    assert ranks[0] == 1
    assert ranks.count(1) == 1
    assert all(later - earlier <= 1 for earlier, later in pairwise(ranks))
    assert [len(page(name).named(each)) for each in ("header", "nav", "main", "footer", "html")] == [1] * 5
    assert page(name).named("html")[0].attributes["lang"] == "en"
    assert all("aria-labelledby" in each.attributes for each in page(name).named("section"))
    buttons = page(name).named("button")
    assert all(each.attributes["type"] == "button" and "hidden" in each.attributes for each in buttons)
    (live,) = [each for each in page(name).elements if "aria-live" in each.attributes]
    assert live.attributes["role"] == "status"


@every_report
def test_everything_of_the_outline_is_there(name: str) -> None:
    told, shown = outline(judged(name), Manner(verbose=True)), page(name).words().replace(" ,", ",")
    words = [told.answer, *told.facts, *(each.message for each in told.findings)]
    words += [each.words for card in told.findings for each in card.seen]
    words += [f"{each.rank} {each.code} {each.cause}, {each.place}" for each in told.findings]
    words += [advice.words for todo in told.todo for _, advice in todo.advice]
    words += [each for todo in told.todo for _, advice in todo.advice for each in (advice.why, advice.after)]
    words += [each for card in told.findings for each in (card.file, *card.others)]
    words += [words for each in told.unknown for words in (f"{each.code} {each.cause}", each.reason, each.ask)]
    words += [words for each in told.ways for words in (", ".join(each.names), each.state, each.words, *each.others)]
    words += [row.text for each in told.sections for row in each.rows]
    words += [each.title for each in told.sections] + [each.title for each in told.todo]
    words += [each.words for each in told.exchanges]
    words += ["broken: direct-udp is open (it is blocked)"]
    assert not [each for each in words if _read(each) not in _read(shown)]


def _read(words: str) -> str:
    """Without what code is set off by, and blanks beside it."""
    return re.sub(r"[\s`]", "", words)


@every_report
def test_lines_to_copy_are_whole_and_each_has_its_button(name: str) -> None:
    told = outline(judged(name), Manner(dialects=("ufw", "nft")))
    read = Read(render(judged(name), Manner(dialects=("ufw", "nft"))))
    wanted = ["\n".join(copy.lines) for todo in told.todo for _, advice in todo.advice for copy in advice.copy]
    blocks = [text for around, text in read.texts if around[-2:] == ("pre", "code")]
    assert [each for each in wanted if each not in blocks] == []
    names = read.with_attribute("data-copy")
    assert len(names) == len(blocks) + 1
    assert names[-1] == "natprobe-report"


@every_report
def test_the_ways_are_drawn_and_told_in_words(name: str) -> None:
    told = outline(judged(name))
    read = page(name)
    pictures = [each for each in read.named("svg") if each.attributes.get("role") == "img"]
    drawn = [each for each in told.ways if each.legs]
    assert len(pictures) == bool(drawn)
    rows = [each for each in read.named("tr") if "tbody" in each.around]
    assert len(rows) == len(told.ways)
    assert len(read.inside("title")) == 1 + bool(drawn)  # the page's and the picture's
    texts = [text for around, text in read.texts if "svg" in around]
    for each in drawn:
        for leg in each.legs:
            assert f"{leg.proto}: {leg.word}" in texts
            assert _read(f"{leg.proto} to {leg.to}: {leg.word}") in _read(read.words())


@every_report
def test_the_report_travels_inside(name: str) -> None:
    inside = page(name).inside("script")[0]
    assert load(inside) == load(REPORTS[name])
    assert json.loads(inside)["verdict"]["summary"] == judged(name).verdict.summary
    assert not re.search("[<>&]", inside)


def test_every_firewall_is_served_unless_some_are_asked_for() -> None:
    from natprobe.render._dialects import NAMES

    name = "silent-media-port"
    default = set(Read(render(judged(name))).with_attribute("data-copy"))
    every = set(Read(render(judged(name), Manner(dialects=NAMES))).with_attribute("data-copy"))
    few = set(Read(render(judged(name), Manner(dialects=("nft",)))).with_attribute("data-copy"))
    assert default == every
    assert few < every


def test_the_language_is_named() -> None:
    with speaking(lambda words: words, "zh-Hans"):
        assert '<html lang="zh-Hans">' in render(judged("udp-blocked"))


@pytest.mark.parametrize("colours", [LIGHT, DARK])
def test_words_stand_out_from_their_ground(colours: dict[str, str]) -> None:
    """WCAG 2.2: 4.5:1 for words, 3:1 for the marks that say where one is and what is a control."""
    for ground in ("ground", "raised"):
        for each in ("words", "dim", "good", "fair", "bad", "open"):
            assert contrast(colours[each], colours[ground]) >= 4.5, (each, ground)
        for each in ("line", "focus"):
            assert contrast(colours[each], colours[ground]) >= 3, (each, ground)


def contrast(one: str, other: str) -> float:
    lighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(colour: str) -> float:
    parts = [int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    red, green, blue = (each / 12.92 if each <= 0.04045 else ((each + 0.055) / 1.055) ** 2.4 for each in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
