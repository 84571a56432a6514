"""--redact and --redact-key: for every command that writes reports, on every way that one can take out."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from natprobe.cli.errors import UsageError
from natprobe.cli.redaction import key
from tests.cli.command import REPORTS, natprobe, patched

DOCKER = str(REPORTS / "jitsi-company-docker.json")
REAL = ("meet.example.test", "example.test", "203.0.113.", "198.51.100.", "192.168.1.")
KEY = "0f" * 16


def leaks(done: bytes) -> list[str]:
    return [each for each in REAL if each.encode() in done]


@pytest.mark.parametrize("name", ["text", "json", "html", "markdown", "junit", "sarif", "github", "line", "prometheus"])
def test_no_format_tells(name: str) -> None:
    plain, hidden = (natprobe("diagnose", DOCKER, "-q", "-f", name, "-v", *more) for more in ((), ("--redact",)))
    assert leaks(plain.stdout)
    assert leaks(hidden.stdout + hidden.stderr) == []
    assert plain.returncode == hidden.returncode == 1


def test_nor_does_the_line_on_stderr(tmp_path: Path) -> None:
    done = natprobe("diagnose", DOCKER, "--redact", "-o", "a.json", "-o", "a.html", cwd=tmp_path)
    assert b"Written to a.json, a.html" in done.stderr
    assert leaks(done.stderr) == []
    assert leaks((tmp_path / "a.json").read_bytes() + (tmp_path / "a.html").read_bytes()) == []


def test_the_gate_judges_the_real_report_and_tells_of_the_other() -> None:
    done = natprobe("diagnose", DOCKER, "--redact", "--fail-on", "never", "--require", "direct-udp@203.0.113.10")
    assert done.returncode != 0
    assert leaks(done.stdout + done.stderr) == []


def test_reports_of_one_key_match_and_others_do_not(tmp_path: Path) -> None:
    (tmp_path / "key").write_text(f"{KEY}\n")
    with_file = [natprobe("diagnose", DOCKER, "-q", "--json", "--redact-key", "key", cwd=tmp_path) for _ in range(2)]
    with_word = natprobe("diagnose", DOCKER, "-q", "--json", "--redact", NATPROBE_REDACT_KEY=KEY)
    assert len({each.stdout for each in (*with_file, with_word)}) == 1
    alone = {host(natprobe("diagnose", DOCKER, "-q", "--json", "--redact").stdout) for _ in range(2)}
    assert len(alone | {host(with_word.stdout)}) == 3


def host(report: bytes) -> str:
    return str(json.loads(report)["target"]["host"])


def test_the_key_alone_in_the_environment_hides_nothing() -> None:
    assert leaks(natprobe("diagnose", DOCKER, "-q", "--json", NATPROBE_REDACT_KEY=KEY).stdout)


def test_the_demo_has_stand_ins_too() -> None:
    done = natprobe("demo", "--redact", "--json", "-q")
    assert done.returncode == 0
    assert json.loads(done.stdout)["verdict"]["status"] == "good"


@pytest.mark.parametrize("content", [b"", b"short", b"x" * 15 + b"\n", b"x" * 1025])
def test_a_key_has_to_be_one(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "key").write_bytes(content)
    done = natprobe("diagnose", DOCKER, "--redact-key", "key", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, b"")
    assert b"key" in done.stderr
    assert not content or content.strip() not in done.stderr.replace(b"x'", b"")


def test_where_a_key_comes_from(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_bytes(b"f" * 16 + b"\r\n")
    assert key(False, None, {}) is None
    assert key(False, None, {"NATPROBE_REDACT_KEY": KEY}) is None
    assert key(True, None, {"NATPROBE_REDACT_KEY": KEY}) == KEY.encode()
    assert key(True, path, {"NATPROBE_REDACT_KEY": KEY}) == key(False, path, {}) == b"f" * 16
    fresh = {key(True, None, {}) for _ in range(2)}
    assert [len(each or b"") for each in fresh] == [32, 32]
    with pytest.raises(UsageError):
        key(True, tmp_path / "nowhere", {})
    with pytest.raises(UsageError):
        key(True, None, {"NATPROBE_REDACT_KEY": "short"})


def test_a_diff_is_of_real_files() -> None:
    done = natprobe("inspect", "--diff", "--redact", "--only", "files")
    assert done.returncode == 2
    assert b"--redact" in done.stderr


FAULT = """
import natprobe.cli.check
def broken(*anything):
    raise RuntimeError("a fault of natprobe")
natprobe.cli.check.diagnose = broken
"""


def test_what_is_saved_from_a_fault_is_redacted(tmp_path: Path) -> None:
    file = tmp_path / "a.json"
    words = (
        "check",
        "stun:127.0.0.9:9",
        "--only",
        "interfaces",
        "--only",
        "names",
        "--stun",
        "stun:wrong.acme.invalid",
    )
    done = patched(FAULT, *words, "-q", "--redact", "-o", str(file))
    assert done.returncode == 4
    saved = file.read_text()
    assert "natprobe itself failed" in saved
    assert "acme" not in saved
    assert re.search(r"wrong\.name-|name-[a-z2-7]{10}\.name-", saved)


def test_a_redacted_report_says_so_also_when_it_is_diagnosed_again(tmp_path: Path) -> None:
    natprobe("diagnose", DOCKER, "--redact", "-q", "-o", "hidden.json", cwd=tmp_path)
    again = natprobe("diagnose", "hidden.json", cwd=tmp_path)
    assert b"stand-ins" in again.stdout
    assert b"stand-ins" not in natprobe("diagnose", DOCKER).stdout
