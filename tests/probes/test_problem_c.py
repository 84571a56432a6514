"""Problem C for real: the guide's files on the disk, its coturn asked with what Prosody signs, before and after."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from natprobe.host.server import SystemMachine
from natprobe.model import Finding, Set
from tests.configured import CONFIGS, finding, observed, report
from tests.prosody import free_port

pytestmark = pytest.mark.skipif(shutil.which("turnserver") is None, reason="coturn is not installed")

USER, PASSWORD, SECRET = "webrtcuser", "password", "your_secret"
_WAIT_SECONDS = 10.0


def test_the_guides_files_and_what_the_finding_says(tmp_path: Path) -> None:
    port = free_port()
    conf, only = told(tmp_path, port)
    with relaying(conf, port):
        assert causes(asked(tmp_path, port, secret=True)) == {"turn-unauthorized"}
        assert causes(asked(tmp_path, port, secret=False)) == set()
    conf.write_text(applied(conf.read_text(), only) + f"static-auth-secret={SECRET}\n")
    with relaying(conf, port):
        assert causes(asked(tmp_path, port, secret=True)) == set()
        assert causes(asked(tmp_path, port, secret=False)) == {"turn-unauthorized"}
    assert "turn-auth-mode-conflict" not in {each.cause for each in inspected(tmp_path).findings}


def told(folder: Path, port: int) -> tuple[Path, Finding]:
    """The files on the disk, but for addresses and ports, and what `inspect` says of whom they let in."""
    for each in (CONFIGS / "problem-c/broken").iterdir():
        text = each.read_text().replace("192.168.1.40", "127.0.0.1").replace("=3478", f"={port}")
        (folder / each.name).write_text(without_files(text))
    only = finding(inspected(folder), "turn-auth-mode-conflict")
    conf = folder / "turnserver.conf"
    assert only.file == str(conf)
    return conf, only


def without_files(text: str) -> str:
    """What would be written elsewhere stays out; so does the limit for one call, which a check may reach."""
    return "".join(f"{line}\n" for line in text.splitlines() if not line.startswith(("log-file", "bps-capacity")))


def inspected(folder: Path) -> Any:
    return report(*observed({}, ("files",), machine=SystemMachine(), files=(str(folder),)))


def applied(text: str, found: Finding) -> str:
    """Each line that the finding tells, from the last one up."""
    lines = text.splitlines()
    for each in sorted((each for each in found.fixes if isinstance(each, Set)), key=lambda each: -(each.line or 0)):
        assert each.line is not None
        if each.op == "add":
            lines.insert(each.line, each.text)
        else:
            lines[each.line - 1 : each.line] = [] if each.op == "remove" else [each.text]
    return "\n".join(lines) + "\n"


@contextmanager
def relaying(conf: Path, port: int) -> Iterator[None]:
    """coturn with this file, until it is left."""
    argv = ["turnserver", "-c", str(conf), "--log-file=stdout", "--simple-log", "--no-rfc5780", "--pidfile="]
    process = subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=conf.parent)
    try:
        deadline = time.monotonic() + _WAIT_SECONDS
        while time.monotonic() < deadline:
            assert process.poll() is None
            with socket.socket() as sock:
                if sock.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.05)
        yield
    finally:
        process.terminate()
        process.wait(10)


def asked(folder: Path, port: int, *, secret: bool) -> dict[str, Any]:
    """With what the secret signs, as Prosody does, or with the static user."""
    (kept := folder / "kept").write_text(SECRET if secret else PASSWORD)
    access = (
        ["--turn-secret-file", str(kept)] if secret else ["--turn-username", USER, "--turn-password-file", str(kept)]
    )
    command = [sys.executable, "-m", "natprobe", "check", f"turn:127.0.0.1:{port}", "--stun", "none", "--only", "turn"]
    done = subprocess.run([*command, *access, "--json"], capture_output=True, text=True, timeout=60)
    kept.unlink()
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def causes(found: dict[str, Any]) -> set[str]:
    return {each["cause"] for each in found["findings"]}
