"""`python -m natprobe` as others run it."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
import termios
from pathlib import Path

from tests import warm

ROOT = Path(__file__).parents[2]
REPORTS = ROOT / "tests" / "reports"
NATPROBE = (sys.executable, "-m", "natprobe")
# What Python and typer look at when they start.
_AT_START = ("PYTHON", "LANG", "LC_", "_", "TERMINAL_WIDTH")


def environment(**more: str) -> dict[str, str]:
    """Without what would make the machine's settings part of the test."""
    dropped = ("NO_COLOR", "FORCE_COLOR", "COLUMNS", "PYTHONIOENCODING")
    kept = {name: value for name, value in os.environ.items() if name not in dropped}
    return kept | {"PYTHONPATH": str(ROOT)} | more


def natprobe(*words: str, stdin: bytes = b"", cwd: Path = ROOT, **env: str) -> subprocess.CompletedProcess[bytes]:
    """Its bytes and its exit code. From a process that has loaded it already, where that makes no difference."""
    if warm.there() and not any(name.startswith(_AT_START) for name in env):
        return warm.run(("natprobe", *words), stdin=stdin, cwd=cwd, env=environment(**env), timeout=60)
    return cold(*words, stdin=stdin, cwd=cwd, **env)


def cold(*words: str, stdin: bytes = b"", cwd: Path = ROOT, **env: str) -> subprocess.CompletedProcess[bytes]:
    """The same from its very start."""
    return subprocess.run(
        [*NATPROBE, *words], input=stdin, capture_output=True, cwd=cwd, env=environment(**env), timeout=60
    )


def shell(script: str, *words: str) -> subprocess.CompletedProcess[bytes]:
    """A line of sh in which "$@" is natprobe with these words."""
    argv = ["sh", "-c", script, "sh", *NATPROBE, *words]
    return subprocess.run(argv, capture_output=True, cwd=ROOT, env=environment(), timeout=60)


def started(*words: str, **env: str) -> subprocess.Popen[bytes]:
    """Running, with pipes to read from."""
    pipe = subprocess.PIPE
    return subprocess.Popen([*NATPROBE, *words], stdout=pipe, stderr=pipe, cwd=ROOT, env=environment(**env))


def patched(code: str, *words: str) -> subprocess.CompletedProcess[bytes]:
    """With this done to it before it starts."""
    script = f"{code}\nimport sys\nfrom natprobe.cli import main\nsys.argv = ['natprobe', *{list(words)!r}]\nmain()"
    argv = [sys.executable, "-c", script]
    return subprocess.run(argv, capture_output=True, cwd=ROOT, env=environment(), timeout=60)


def on_a_terminal(*words: str, columns: int = 0, **env: str) -> bytes:
    """What a person would see of stdout and stderr; 0: the terminal doesn't know how wide it is."""
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (40, columns))
    with subprocess.Popen(
        [*NATPROBE, *words], stdin=theirs, stdout=theirs, stderr=theirs, cwd=ROOT, env=environment(**env)
    ) as child:
        os.close(theirs)
        seen = b""
        while chunk := _read(ours):
            seen += chunk
        child.wait(30)
    os.close(ours)
    return seen


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65536)
    except OSError:  # Linux: the other end has gone
        return b""
