"""How long a large report takes: each format of it, and judging it again."""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from natprobe.render import formats, renderer
from natprobe.render._manner import Manner
from tests.bench.figures import SCRIPT, Figure, measured, seconds
from tests.bench.large import large, pasted

# Seconds, also where a report is as large as they come.
FORMAT_MAX, DIAGNOSE_MAX = 0.5, 0.4
ROUNDS = 7


def figures() -> Iterator[Figure]:
    """Formats in this process, `diagnose` with its start-up."""
    for name in formats():
        yield Figure(f"a large report as {name}", tuple(_rendered(name) for _ in range(ROUNDS)), "s", FORMAT_MAX)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "large.json"
        path.write_text(pasted())
        asked = ["diagnose", str(path), "--quiet", "--fail-on", "never"]
        commands = {"diagnose": [sys.executable, "-c", SCRIPT, *asked]}
        measured(commands, 1)  # bytecode is written, files are cached
        runs = measured(commands, ROUNDS)["diagnose"]
    yield Figure("diagnose of a large report", seconds(runs), "s", DIAGNOSE_MAX)


def _rendered(name: str) -> float:
    """The first one pays for the import of its module."""
    report = large()
    began = time.perf_counter()
    text = renderer(name).render(report, Manner(verbose=True))
    took = time.perf_counter() - began
    assert text
    return took
