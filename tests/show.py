"""Prints what natprobe says in a case, as people would see it: python -m tests.show tests/cases/udp-blocked.toml …"""

from __future__ import annotations

import sys
from pathlib import Path

from natprobe.render.text import render
from tests.case import Case, load, repaired
from tests.lab.build import build
from tests.memory.test_cases import checked, typed


def shown(case: Case) -> str:
    """The text report of this case, made in memory."""
    lab = build(case)
    return render(checked(lab, typed(case, lab)))


if __name__ == "__main__":
    for word in sys.argv[1:]:
        case = load(Path(word))
        sys.stdout.write(f"===== {word}: {case.title}\n{shown(case)}\n")
        if case.fix:
            sys.stdout.write(f"----- with the fix applied\n{shown(repaired(case))}\n")
