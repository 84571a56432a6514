"""Hostile words in every string of a report, in every format: they stay words.

A format's output is read by a real parser or a strict reader of its kind. What that sees beside the words (elements,
keys, commands, series, links) is the same as for harmless words.
"""

from __future__ import annotations

import unicodedata
from functools import cache

import pytest

from natprobe.codec import load
from natprobe.model import Report
from natprobe.render import formats, renderer
from natprobe.render._manner import Manner
from tests.render import poison
from tests.render.commands import commands
from tests.render.poison import NEUTRAL, POISONS
from tests.render.structure import Structure, of

# Which characters no output may have as they are: what moves cursors, hides words or turns their direction.
FORBIDDEN = ("Cc", "Cf", "Cs", "Zl", "Zp")
# Reports as strangers may send them: judged by the rules, which put the words into sentences of their own.
SENT = ("jitsi-company-docker", "proxy-relay-443", "relay-refuses-everybody")


@cache
def report(name: str, words: str) -> Report:
    return poison.made(words) if name == "made" else poison.saved(name, words)


@cache
def rendered(format: str, name: str, words: str) -> str:
    manner = Manner(verbose=True, gate=poison.gate(words) if name == "made" else None)
    return renderer(format).render(report(name, words), manner)


@cache
def harmless(format: str, name: str) -> Structure:
    return of(format, rendered(format, name, NEUTRAL))


@pytest.mark.parametrize("format", formats())
@pytest.mark.parametrize("kind", POISONS)
def test_words_stay_words(format: str, kind: str) -> None:
    """In a report that holds them everywhere."""
    text = rendered(format, "made", POISONS[kind])
    assert "qux" in text
    clean(format, text)
    if format in ("html", "markdown"):
        assert [each for each in of(format, text) if each not in harmless(format, "made")] == []
    else:
        assert of(format, text) == harmless(format, "made")


@pytest.mark.parametrize("format", formats())
@pytest.mark.parametrize("name", SENT)
@pytest.mark.parametrize("kind", ["attribute", "blocks", "command", "hidden", "json", "labels", "old command", "xml"])
def test_words_that_rules_pass_on_stay_words(format: str, name: str, kind: str) -> None:
    text = rendered(format, name, POISONS[kind])
    clean(format, text)
    of(format, text)


def clean(format: str, text: str) -> None:
    """No control characters, no command for a CI, nothing that a table would reckon, and it can be written."""
    text.encode()
    assert not {each for each in set(text) if each != "\n" and unicodedata.category(each) in FORBIDDEN}
    if format != "github":
        assert commands(text) == []
    if format not in ("html", "markdown", "text"):  # these are not read as tables
        assert not [line for line in text.splitlines() if line.startswith(("=", "+", "@", "\t"))]


@pytest.mark.parametrize("kind", POISONS)
@pytest.mark.parametrize("format", ["html", "json", "markdown"])
def test_the_report_inside_is_the_same_report(format: str, kind: str) -> None:
    """A ticket has no room for what only makes it long."""
    whole = poison.saved("peer-healthy", POISONS[kind], short=True)
    text = renderer(format).render(whole)
    if format == "markdown" and kind in ("long", "wide", "newlines"):
        assert "```json" not in text
        return
    saved = load(text)
    assert saved.observations == whole.observations
    assert (saved.target, saved.sources) == (whole.target, whole.sources)
