"""The reports in docs/guides are made from saved ones: python -m tests.guides writes them anew.

A guide has `<!-- report: NAME -->` before the block, for tests/reports/NAME.json; `<!-- part: NAME -->` for the first
half of it; `<!-- diff: OLD NEW -->` for what changed between two.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from natprobe.codec import load
from natprobe.diagnose import diagnose
from natprobe.differing import compare
from natprobe.model import Report
from natprobe.render._difference import as_text
from natprobe.render.text import render

TREE = Path(__file__).parents[1]
GUIDES = sorted((TREE / "docs" / "guides").glob("*.md"))
_BLOCK = re.compile(r"(<!-- (report|part|diff): ([a-z0-9 -]+) -->\n```\n).*?(```\n)", re.DOTALL)


def fresh(text: str) -> str:
    """The guide with every report as it is printed today."""
    return _BLOCK.sub(lambda block: f"{block[1]}{_MADE[block[2]](*block[3].split())}{block[4]}", text)


def judged(name: str, share: float = 1.0) -> Report:
    """A saved one, or its beginning."""
    text = (TREE / "tests" / "reports" / f"{name}.json").read_text()
    saved = load(text[: int(share * len(text))])
    return diagnose(saved.target, saved.observations, saved.sources)


_MADE: dict[str, Callable[..., str]] = {
    "report": lambda name: render(judged(name)),
    "part": lambda name: render(judged(name, 0.5)),
    "diff": lambda old, new: as_text(compare(judged(old), judged(new))),
}


if __name__ == "__main__":
    for path in GUIDES:
        path.write_text(fresh(path.read_text()))
