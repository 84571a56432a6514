"""The same observations give the same bytes, in every format: whatever order hashes or a report's own fields have."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from natprobe.codec import load
from natprobe.diagnose import diagnose
from natprobe.model import Report
from natprobe.render import formats, renderer
from natprobe.render._manner import Manner
from tests.render.poison import REPORTS, gate

ROOT = Path(__file__).parents[2]
NAMES = sorted(path.stem for path in REPORTS.glob("*.json"))
SEEDS = ("1", "77", "4242")
# Of every report in every format, as a process of its own makes it.
PRINTED = """
import hashlib, sys
from tests.render.test_same_bytes import NAMES, rendered, judged
from tests.render.poison import REPORTS
from natprobe.render import formats
for name in NAMES:
    report = judged((REPORTS / f"{name}.json").read_text())
    for format in formats():
        print(name, format, hashlib.sha256(rendered(format, report).encode()).hexdigest())
"""


def judged(text: str) -> Report:
    saved = load(text)
    return diagnose(saved.target, saved.observations, saved.sources)


def rendered(format: str, report: Report) -> str:
    return renderer(format).render(report, Manner(verbose=True, dialects=(), gate=gate("words")))


def test_whatever_the_seed_of_hashes() -> None:
    """Sets and dicts keyed by text have another order in each."""
    running = [
        subprocess.Popen(
            [sys.executable, "-c", PRINTED],
            stdout=subprocess.PIPE,
            cwd=ROOT,
            text=True,
            env=os.environ | {"PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT)},
        )
        for seed in SEEDS
    ]
    told = [each.communicate(timeout=60)[0] for each in running]
    assert told[0].count("\n") == len(NAMES) * len(formats())
    assert told[1:] == told[:1] * (len(SEEDS) - 1)


@pytest.mark.parametrize("name", NAMES)
def test_whatever_the_order_of_a_reports_own_fields(name: str) -> None:
    """JSON's objects have none. What a newer version wrote is handed on as well, wherever it stood."""
    plain = json.loads((REPORTS / f"{name}.json").read_text())
    plain["observations"][0] |= {"newer": 1, "newest": {"a": 1, "b": [{"c": 1, "d": 2}]}}
    plain["observations"].append({"kind": "Tomorrow", "id": 9000, "source": 0, "x": 1, "y": {"z": 1, "w": 2}})
    report, again = judged(json.dumps(plain)), judged(json.dumps(shuffled(plain, random.Random(7))))
    assert [each for each in formats() if rendered(each, report) != rendered(each, again)] == []


def shuffled(value: Any, chance: random.Random) -> Any:
    """The same with every object's fields in another order."""
    if isinstance(value, list):
        return [shuffled(each, chance) for each in value]
    if not isinstance(value, dict):
        return value
    names = list(value)
    chance.shuffle(names)
    return {name: shuffled(value[name], chance) for name in names}
