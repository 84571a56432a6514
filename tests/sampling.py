"""What is looked at in all that is told of a case: one case in five in every run, the others with --long."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest


def sampled(paths: Sequence[Path]) -> list[Any]:
    """The paths as pytest's parameters, by their names."""
    return [
        pytest.param(path, id=path.stem, marks=[pytest.mark.long] if number % 5 else [])
        for number, path in enumerate(paths)
    ]
