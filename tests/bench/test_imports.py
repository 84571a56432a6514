"""What a command loads is what it costs before it begins."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

TREE = Path(__file__).parents[2]
WATCHED = ["aioice", "asyncio", "cryptography", "dns", "h11", "msgspec", "psutil", "rich", "scapy", "typer"]
CODE = f"""
import sys
from natprobe.cli import main
try:
    main()
finally:
    sys.stderr.write(" ".join(name for name in {WATCHED!r} if name in sys.modules))
"""


def loaded(*arguments: str) -> set[str]:
    """Which of the watched modules a command has loaded when it ends."""
    argv = [sys.executable, "-c", CODE, *arguments]
    done = subprocess.run(argv, capture_output=True, text=True, check=True, cwd=TREE)
    return set(done.stderr.split())


def test_version_loads_nothing() -> None:
    assert loaded("--version") == set()


@pytest.mark.parametrize("words", [["--help"], ["check", "--help"]], ids=" ".join)
def test_help_loads_the_command_line_only(words: list[str]) -> None:
    assert loaded(*words) == {"typer"}


def test_a_check_loads_what_it_uses() -> None:
    """Certificates, pages, colours and crafted packets are not this target's."""
    assert loaded("demo", "--quiet") == {"aioice", "asyncio", "dns", "msgspec", "psutil", "typer"}
