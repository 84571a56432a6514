"""Writes what docs/ holds of the code: the rules' pages and the report's schema. Run: python -m tests.pages"""

from __future__ import annotations

from pathlib import Path

from natprobe.cli.catalogue import schema
from natprobe.pages import pages

DOCS = Path(__file__).parent.parent / "docs"


def generated() -> dict[Path, str]:
    """Every generated file and its text."""
    files = {DOCS / "rules" / name: text for name, text in pages().items()}
    return files | {DOCS / "report.schema.json": schema()}


if __name__ == "__main__":
    files = generated()
    for stale in (DOCS / "rules").glob("*.md"):
        stale.unlink()
    for path, text in files.items():
        path.write_text(text)
