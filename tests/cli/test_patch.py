"""`natprobe inspect --diff`: what it prints is what git applies, and it shows no secret."""

from __future__ import annotations

import subprocess
from pathlib import Path

import msgspec
import pytest

from natprobe.cli.patch import diff
from natprobe.facts import Setting
from natprobe.model import Finding, Fix, Observation, Report, Set, Severity, Where
from tests.lab.machine import FakeMachine
from tests.made_server import inspected, setting

CONF = "/etc/turnserver.conf"
TEXT = "# coturn\nlistening-port=3478\nrealm=\nuser=somebody:hunter2hunter2\n"


def change(line: int | None, text: str = "", op: str = "set", key: str = "realm", path: str = CONF) -> Set:
    return Set(system="coturn", file=path, line=line, text=text, op=op, key=key, audience="server")  # type: ignore[arg-type]


def report(*fixes: Fix, seen: tuple[Observation, ...] = ()) -> Report:
    finding = Finding(
        code="NP205",
        cause="turn-realm-missing",
        severity=Severity.ERROR,
        where=Where.TURN,
        message="",
        evidence=(),
        fixes=fixes,
    )
    return msgspec.structs.replace(inspected(*seen), findings=(finding,))


def shown(*fixes: Fix, text: str | bytes = TEXT, seen: tuple[Observation, ...] = ()) -> str:
    data = text.encode() if isinstance(text, str) else text
    return diff(report(*fixes, seen=seen), FakeMachine(files={CONF: data}))


def applied(patch: str, folder: Path, text: str = TEXT) -> str:
    """By git itself, below a folder that stands for /."""
    file = folder / CONF.lstrip("/")
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(text.encode())
    command = ["git", "apply", "--unidiff-zero", "-p1", "-"]
    subprocess.run(command, input=patch.encode(), cwd=folder, check=True, capture_output=True, timeout=20)
    return file.read_bytes().decode()


def test_a_line_is_changed(tmp_path: Path) -> None:
    patch = shown(change(3, "realm=example.com"))
    assert patch.splitlines() == [f"--- a{CONF}", f"+++ b{CONF}", "@@ -3 +3 @@", "-realm=", "+realm=example.com"]
    assert applied(patch, tmp_path) == TEXT.replace("realm=\n", "realm=example.com\n")


def test_lines_are_added_in_the_order_of_the_report_and_removed(tmp_path: Path) -> None:
    patch = shown(change(2, "a=1", "add"), change(2, "b=2", "add"), change(3, op="remove"), change(1, "# it"))
    assert applied(patch, tmp_path) == "# it\nlistening-port=3478\na=1\nb=2\nuser=somebody:hunter2hunter2\n"


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
@pytest.mark.parametrize("last", ["", "END"])
def test_line_ends_stay_as_they_were(tmp_path: Path, ending: str, last: str) -> None:
    text = "a=1\nb=2\n".replace("\n", ending)
    text = text if last == "" else text.removesuffix(ending)
    after = applied(shown(change(2, "c=3", "add"), text=text), tmp_path, text)
    assert after == "a=1\nb=2\nc=3\n".replace("\n", ending)


def test_a_line_with_a_secret_is_not_shown() -> None:
    secret: Setting = setting("coturn", "user", "somebody", 4, file=CONF, secret=1)
    patch = shown(change(4, op="remove", key="user"), change(3, "realm=example.com"), seen=(secret,))
    assert "hunter2" not in patch
    assert f"# {CONF}:4 holds a secret" in patch
    assert "+realm=example.com" in patch


def test_what_stands_beside_is_not_shown() -> None:
    assert "hunter2" not in shown(change(3, "realm=example.com"))


def test_two_changes_of_one_line() -> None:
    patch = shown(change(3, "realm=one"), change(3, "realm=two"))
    assert "+realm=one" in patch
    assert "+realm=two" not in patch
    assert f"# {CONF}:3 is changed once" in patch


def test_one_finding_may_add_a_key_twice_and_two_findings_not(tmp_path: Path) -> None:
    both = (change(4, "denied-peer-ip=10.0.0.0", "add"), change(4, "denied-peer-ip=172.16.0.0", "add"))
    other = report(change(4, "denied-peer-ip=1.1.1.1", "add")).findings
    said = report(*both)
    patch = diff(msgspec.structs.replace(said, findings=(*said.findings, *other)), FakeMachine(files={CONF: TEXT}))
    assert applied(patch, tmp_path) == TEXT + "denied-peer-ip=10.0.0.0\ndenied-peer-ip=172.16.0.0\n"


def test_what_names_no_line_is_no_diff() -> None:
    assert shown(change(None, "realm=example.com"), change(3)) == ""


def test_a_file_that_is_gone() -> None:
    assert "# /etc/gone.conf can't be read" in shown(change(3, "x", path="/etc/gone.conf"))


def test_what_a_terminal_would_act_on_is_not_shown() -> None:
    patch = shown(change(1, "new"), text="old\x1b]0;pwned\x07\n")
    assert "\x1b" not in patch
    assert "control characters" in patch


def test_bytes_that_are_no_utf8(tmp_path: Path) -> None:
    assert "+realm=example.com" in shown(change(2, "realm=example.com"), text=b"# caf\xe9\nrealm=\n")


@pytest.mark.parametrize(
    "line",
    [
        "realm=example.com # password: hunter2hunter2",
        "realm=https://somebody:hunter2hunter2@example.com/",
        "realm=https://example.com/?t=hunter2hunter2",
        "realm=a static-auth-secret=hunter2hunter2",
        "realm=turn:somebody:hunter2/hunter2@example.com",
    ],
)
@pytest.mark.parametrize("op", ["set", "remove", "add"])
def test_what_may_be_a_secret_beside_a_setting_is_not_shown(line: str, op: str) -> None:
    """What is added behind the last line shows that one, too, where its end is missing."""
    patch = shown(change(1, "realm=b" * (op != "remove"), op=op), text=line)
    assert patch == f"# {CONF}:1 may hold a secret, so that it is not shown here: {op} realm\n"
    assert op != "add" or "+realm=b" in shown(change(1, "realm=b", op=op), text=f"{line}\n")
