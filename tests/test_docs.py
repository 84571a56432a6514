"""docs/ and README tell the truth about what is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from natprobe.causes import CAUSES
from natprobe.facts import KINDS
from natprobe.model import Failure
from natprobe.run import SEQUENCE
from natprobe.servers.control import CONTROL_SERVERS
from tests.case import load
from tests.guides import GUIDES, fresh
from tests.pages import DOCS, generated
from tests.show import shown

README, README_ZH, MANUAL = DOCS.parent / "README.md", DOCS.parent / "README.zh.md", DOCS / "manual.md"


@pytest.mark.parametrize("path", generated(), ids=lambda path: path.name)
def test_generated_files_are_fresh(path: Path) -> None:
    assert path.read_text() == generated()[path], "run: python -m tests.pages"


def test_no_page_is_left_over() -> None:
    assert set((DOCS / "rules").glob("*.md")) == {path for path in generated() if path.suffix == ".md"}


def test_report_page_names_every_kind_and_failure() -> None:
    text = (DOCS / "report.md").read_text()
    assert [kind for kind in KINDS if f"`{kind}`" not in text] == []
    assert [word.value for word in Failure if word.value not in text] == []


def test_control_servers_are_all_listed() -> None:
    text = (DOCS / "control-servers.md").read_text()
    rows = [f"{s.host}:{s.port} | yes | {'yes' if s.tcp else 'no'}" for s in CONTROL_SERVERS]
    assert [row for row in rows if row not in text] == []


@pytest.mark.parametrize("path", [README, README_ZH, *sorted(DOCS.rglob("*.md"))], ids=lambda path: path.name)
def test_links_and_codes_lead_somewhere(path: Path) -> None:
    text = path.read_text()
    links = [link for link in re.findall(r"\]\(([^)#]+)\)", text) if "://" not in link]
    assert [link for link in links if not (path.parent / link).exists()] == []
    codes = {cause.code for cause in CAUSES.values()}
    assert [code for code in re.findall(r"\bNP\d{3}\b", text) if code not in codes] == []


@pytest.mark.parametrize(("path", "language"), [(README, "en"), (README_ZH, "zh")], ids=["en", "zh"])
def test_readmes_show_what_is_printed_today(path: Path, language: str) -> None:
    printed = shown(load(DOCS.parent / "tests" / "cases" / "udp-blocked.toml"), language).strip()
    assert printed in path.read_text(), f"the report in {path.name} is stale: python -m tests.show"


@pytest.mark.parametrize("path", GUIDES, ids=lambda path: path.stem)
def test_guides_show_what_is_printed_today(path: Path) -> None:
    text = path.read_text()
    assert text == fresh(text), "stale: python -m tests.guides"


def test_the_manual_names_every_probe() -> None:
    assert [name for name in SEQUENCE if f"`{name}`" not in MANUAL.read_text()] == []
