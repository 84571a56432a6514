"""Reports of former versions (tests/reports), judged again by today's rules: none may be lost, none told otherwise.

A report that was once written is kept for good; what is expected of it stands beside it.
"""

from __future__ import annotations

import hashlib
import json
import tomllib
from pathlib import Path

import msgspec
import pytest

from natprobe.codec import dump, load
from natprobe.diagnose import diagnose
from tests.case import Expect
from tests.expect import differences, told
from tests.gates import exit_code

FOLDER = Path(__file__).parent / "reports"
# As they were when they were first kept, where a later version of them was made since.
OLD = sorted((FOLDER / "old").glob("*.json"))
KEPT = sorted(FOLDER.glob("*.json"))


def test_the_first_ones_are_still_there() -> None:
    assert {path.stem for path in KEPT} >= {"peer-healthy", "udp-blocked", "web-broken"}
    assert {path.stem for path in KEPT} == {path.stem for path in FOLDER.glob("*.toml")}


@pytest.mark.parametrize("path", KEPT, ids=lambda path: path.stem)
def test_it_is_judged_as_expected(path: Path) -> None:
    expect = msgspec.convert(tomllib.loads(path.with_suffix(".toml").read_text()), Expect)
    saved = load(path.read_text())
    report = diagnose(saved.target, saved.observations, saved.sources)
    plain = json.loads(dump(report))
    wrong = differences(expect, plain, exit_code(report))
    assert not wrong, "\n".join([*wrong, told(plain)])


@pytest.mark.parametrize("path", KEPT, ids=lambda path: path.stem)
def test_what_it_rests_on_comes_back_as_it_was(path: Path) -> None:
    saved = load(path.read_text())
    again = json.loads(dump(diagnose(saved.target, saved.observations, saved.sources)))
    before = json.loads(path.read_text())
    for part in ("schema", "started", "duration"):
        assert again[part] == before[part]
    for now, then in zip(again["sources"], before["sources"], strict=True):
        assert now | then == now
    assert again["target"] | before["target"] == again["target"]
    assert len(again["observations"]) == len(before["observations"])
    for now, then in zip(again["observations"], before["observations"], strict=True):
        assert now | then == now  # what was added to a kind since stands beside it


@pytest.mark.parametrize("path", OLD, ids=lambda path: path.stem)
def test_the_first_version_of_it_says_the_same(path: Path) -> None:
    expect = msgspec.convert(tomllib.loads((FOLDER / f"{path.stem}.toml").read_text()), Expect)
    saved = load(path.read_text())
    report = diagnose(saved.target, saved.observations, saved.sources)
    plain = json.loads(dump(report))
    wrong = differences(expect, plain, exit_code(report))
    assert not wrong, "\n".join([*wrong, told(plain)])


def test_no_report_that_was_kept_is_ever_changed() -> None:
    """Their digests, with those of the first versions: whoever makes one anew puts the former one into `old`."""
    kept = [line.split("  ") for line in (FOLDER / "old" / "SHA256SUMS").read_text().splitlines()]
    there = {hashlib.sha256(path.read_bytes()).hexdigest() for path in (*KEPT, *OLD)}
    assert [name for digest, name in kept if digest not in there] == []
    assert len(kept) == len(KEPT) + len(OLD)
