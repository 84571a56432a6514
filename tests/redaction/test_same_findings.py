"""A redacted report gives the same findings, ways and verdict: every report of the tests shows it."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from natprobe.codec import Saved, dump, load, merge
from natprobe.diagnose import diagnose
from natprobe.model import Report
from natprobe.redact import Redactor, redact, redacted
from tests.case import cases
from tests.configured import CONFIGS, report
from tests.inspecting import read
from tests.made_states import STATES, State, saved, together
from tests.sampling import sampled

KEPT = sorted((Path(__file__).parents[1] / "reports").glob("*.json"))
PATHS = [path for path in cases("memory") if isinstance(path, Path)]
FOLDERS = sorted(
    path for path in CONFIGS.rglob("*") if path.is_dir() and any(each.is_file() for each in path.iterdir())
)
KEY = random.Random(9).randbytes(32)


def hidden(found: Report, key: bytes = KEY) -> Report:
    """With stand-ins, through JSON and back as others get it."""
    again = load(dump(redacted(found, Redactor(found.target, found.observations, found.sources, key))))
    return diagnose(again.target, again.observations, again.sources)


def about(found: Report) -> dict[str, Any]:
    """What must stay: all but the words and what they name."""
    return {
        "findings": sorted(
            (
                each.code,
                each.severity,
                each.where,
                each.evidence,
                each.line or 0,
                tuple(other.code for other in each.alternatives),
                tuple(type(fix).__name__ for fix in each.fixes),
            )
            for each in found.findings
        ),
        "paths": [
            (
                each.name,
                each.status,
                each.proof,
                each.reason,
                each.usable,
                sorted((way.status, way.family, way.reason or "", way.evidence) for way in each.attempts),
            )
            for each in found.paths
        ],
        "unknown": sorted((each.code, each.reason.split()[0]) for each in found.unknown),
        "verdict": (found.verdict.status, found.verdict.media, found.verdict.stages),
    }


def same(found: Report) -> None:
    once = hidden(found)
    assert about(once) == about(found)
    assert about(hidden(once, b"another key, of another day")) == about(found)


@pytest.mark.parametrize("path", KEPT, ids=lambda path: path.stem)
def test_of_former_versions(path: Path) -> None:
    old = load(path.read_text())
    same(diagnose(old.target, old.observations, old.sources))


@pytest.mark.parametrize("path", sampled(PATHS))
def test_of_every_case(path: Path, in_case: Callable[[Path], Report]) -> None:
    found = in_case(path)
    assert about(hidden(found)) == about(found)


@pytest.mark.parametrize("state", STATES, ids=lambda state: state.name)
def test_of_clients_and_servers_together(state: State) -> None:
    same(together(state.given))


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: str(folder.relative_to(CONFIGS)))
def test_of_configuration_files(folder: Path) -> None:
    same(report(*read(None, str(folder))))


@pytest.mark.parametrize("state", STATES[:12], ids=lambda state: state.name)
def test_each_redacted_with_one_key_they_still_match(state: State) -> None:
    """What the helpdesk gets: two reports, each redacted by its sender."""
    apart = [saved(each) for each in state.given]
    sent = [(label, _sent(each)) for label, each in apart]
    merged = merge(sent)
    found = diagnose(merged.target, merged.observations, merged.sources)
    assert about(found)["findings"] == about(together(state.given))["findings"]


def _sent(each: Saved) -> Saved:
    return Saved(**redact(each.target, each.observations, each.sources, KEY)._asdict())


def test_with_two_keys_they_do_not() -> None:
    old = load(KEPT[0].read_text())
    first, second = (redact(old.target, old.observations, old.sources, key) for key in (KEY, b"other" * 9))
    assert first.target.host != second.target.host
    assert json.loads(dump(diagnose(*first)))["target"] != json.loads(dump(diagnose(*second)))["target"]
