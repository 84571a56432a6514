"""The sentence that people read first is the one that was read and found good, in every case."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from natprobe.model import Report
from natprobe.render.text import lines
from tests.case import CASES
from tests.first_lines import alone, pattern, told

# Beside the host's name, in characters: four lines of a terminal at most.
LENGTH_MAX = 260


@pytest.mark.parametrize("path", alone("memory"), ids=lambda path: path.stem)
def test_it_names_the_right_thing(path: Path, in_case: Callable[[Path], Report]) -> None:
    report = in_case(path)
    assert pattern(report.verdict.summary) == pattern(told()["memory"][path.stem])
    assert lines(report)[0].text.startswith(report.verdict.summary[:40])


def test_the_table_has_every_case_and_no_other() -> None:
    table = told()
    assert {name for part in table.values() for name in part} == {path.stem for path in CASES.glob("*.toml")}
    for ring, part in table.items():
        assert set(part) == {path.stem for path in alone(ring)}


@pytest.mark.parametrize("ring", ["memory", "kernel"])
def test_each_is_one_sentence_of_a_bearable_length(ring: str) -> None:
    for name, line in told()[ring].items():
        assert len(line.replace("meet.example.test", "")) <= LENGTH_MAX, name
        assert "{" not in line.replace("${", "")
        assert not line.endswith((".", ":", ",", " "))
        assert "  " not in line
