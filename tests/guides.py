"""The reports in docs/guides are made from saved ones: python -m tests.guides writes them anew.

A guide has `<!-- report: NAME -->` before the block, for tests/reports/NAME.json.
"""

from __future__ import annotations

import re
from pathlib import Path

from natprobe.codec import load
from natprobe.diagnose import diagnose
from natprobe.render.text import render

TREE = Path(__file__).parents[1]
GUIDES = sorted((TREE / "docs" / "guides").glob("*.md"))
_BLOCK = re.compile(r"(<!-- report: ([a-z0-9-]+) -->\n```\n).*?(```\n)", re.DOTALL)


def fresh(text: str) -> str:
    """The guide with every report as it is printed today."""
    return _BLOCK.sub(lambda block: f"{block[1]}{printed(block[2])}{block[3]}", text)


def printed(name: str) -> str:
    """The text report of a saved one."""
    saved = load((TREE / "tests" / "reports" / f"{name}.json").read_text())
    return render(diagnose(saved.target, saved.observations, saved.sources))


if __name__ == "__main__":
    for path in GUIDES:
        path.write_text(fresh(path.read_text()))
