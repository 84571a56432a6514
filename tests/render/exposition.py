"""A strict reader of Prometheus' text format 0.0.4, by its description: what a scraper might take kindly is refused."""

from __future__ import annotations

import re
from typing import NamedTuple

_NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
_LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(,|$)')
_SAMPLE = re.compile(rf"({_NAME})(?:\{{(.*)\}})? (-?[0-9]+(?:\.[0-9]+)?(?:e[+-]?[0-9]+)?|NaN|[+-]Inf)")
_UNITS = ("_seconds", "_ratio")


class Sample(NamedTuple):
    """One line of values."""

    name: str
    labels: tuple[tuple[str, str], ...]
    value: float


def read(text: str) -> list[Sample]:
    """Every sample. Raises AssertionError at the first line that is not as it must be."""
    assert text.endswith("\n")
    assert "\r" not in text
    found: list[Sample] = []
    described: list[str] = []
    typed: list[str] = []
    for line in text.removesuffix("\n").split("\n"):
        if line.startswith("# HELP "):
            described.append(_described(line))
        elif line.startswith("# TYPE "):
            _, _, name, kind = line.split(" ")
            assert kind == "gauge"
            assert described[-1] == name  # both before the samples, HELP first
            typed.append(name)
        else:
            found.append(_sample(line))
            assert typed[-1] == found[-1].name, line  # all of a metric's in one group
    assert len(set(typed)) == len(typed) == len(described)
    series = [(each.name, frozenset(each.labels)) for each in found]
    assert len(set(series)) == len(series), "the same series twice"
    return found


def _described(line: str) -> str:
    name, _, words = line.removeprefix("# HELP ").partition(" ")
    assert re.fullmatch(_NAME, name)
    assert words
    assert not re.sub(r"\\[\\n]", "", words).count("\\")
    return name


def _sample(line: str) -> Sample:
    match = _SAMPLE.fullmatch(line)
    assert match, line
    name, inside, value = match.groups()
    assert not name.endswith(("_ms", "_percent", "_total"))
    return Sample(name, tuple(_labels(inside or "")), float(value))


def _labels(text: str) -> list[tuple[str, str]]:
    found, at = [], 0
    while at < len(text):
        match = _LABEL.match(text, at)
        assert match, text
        found.append((match[1], _plain(match[2])))
        at = match.end()
        assert (match[3] == ",") == (at < len(text)), text
    assert len({name for name, _ in found}) == len(found)
    return found


def _plain(escaped: str) -> str:
    return re.sub(r"\\(.)", lambda each: "\n" if each[1] == "n" else each[1], escaped)
