"""Prints what natprobe says in a case, as people would see it: python -m tests.show [--zh] tests/cases/x.toml …"""

from __future__ import annotations

import sys
from pathlib import Path

from natprobe.cli.language import spoken
from natprobe.render.text import render
from tests.case import Case, load, repaired
from tests.lab.build import build
from tests.memory.test_cases import checked, typed


def shown(case: Case, language: str = "en") -> str:
    """The text report of this case, made in memory."""
    lab = build(case)
    with spoken(language):
        return render(checked(lab, typed(case, lab)))


if __name__ == "__main__":
    chosen = "zh" if "--zh" in sys.argv else "en"
    for word in (each for each in sys.argv[1:] if each != "--zh"):
        case = load(Path(word))
        sys.stdout.write(f"===== {word}: {case.title}\n{shown(case, chosen)}\n")
        if case.fix:
            sys.stdout.write(f"----- with the fix applied\n{shown(repaired(case), chosen)}\n")
