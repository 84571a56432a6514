"""The reports of the cases in memory, each made once for all tests and all processes of a test run: they are the same
each time, by virtual time and by chance with a seed.
"""

from __future__ import annotations

import os
import pickle
from contextlib import suppress
from functools import cache
from pathlib import Path

from natprobe.model import Report
from tests.case import Case, load
from tests.lab.build import build
from tests.memory.test_cases import checked, typed


def reported(case: Case, seed: int = 0) -> Report:
    lab = build(case, seed)
    return checked(lab, typed(case, lab))


@cache
def shared(path: Path, folder: Path) -> Report:
    """That of the case in this file; `folder` is that of the test run."""
    saved = folder / f"{path.stem}.report"
    with suppress(FileNotFoundError):
        return pickle.loads(saved.read_bytes())  # type: ignore[no-any-return]  # what stands there is ours
    report = reported(load(path))
    (new := folder / f"{path.stem}.{os.getpid()}").write_bytes(pickle.dumps(report))
    new.replace(saved)  # whole at once
    return report
