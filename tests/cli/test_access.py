"""Which secret for relays counts, and that it shows nowhere."""

from __future__ import annotations

import traceback
from pathlib import Path

import pytest

from natprobe.cli.access import PASSWORD, SECRET, Access, access
from natprobe.cli.errors import UsageError
from tests.cli.command import natprobe

HIDDEN = "AbCdEfGhIjKlMnOpQrStUv"
BOTH = {PASSWORD: "of-the-environment", SECRET: "of-the-environment"}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (path := tmp_path / "secret").write_text("of-a-file\r\nsecond line\n")
    return path


def kind(given: Access) -> tuple[str, str, str, str]:
    return given.kind, given.username, given.password, given.secret


def test_nothing_is_nobody() -> None:
    assert kind(access(None, None, None, {})) == ("none", "", "", "")
    assert access(None, None, None, {}).credentials(0.0) is None


def test_a_password_belongs_to_a_user(file: Path) -> None:
    assert kind(access("alice", file, None, {})) == ("password", "alice", "of-a-file", "")
    assert kind(access("alice", None, None, {PASSWORD: "p\n"})) == ("password", "alice", "p", "")


def test_a_secret_needs_none_and_takes_one(file: Path) -> None:
    assert kind(access(None, None, file, {})) == ("secret", "", "", "of-a-file")
    assert kind(access("alice", None, None, {SECRET: "s"})) == ("secret", "alice", "", "s")


@pytest.mark.parametrize("environment", [{PASSWORD: "p"}, {SECRET: "s"}, BOTH])
def test_a_file_counts_and_the_environment_does_not(file: Path, environment: dict[str, str]) -> None:
    assert kind(access("alice", file, None, environment)) == ("password", "alice", "of-a-file", "")
    assert kind(access("alice", None, file, environment)) == ("secret", "alice", "", "of-a-file")


def test_what_does_not_go_together(file: Path) -> None:
    for arguments, words in (
        (("alice", file, file, {}), "exclude each other"),
        (("alice", None, None, BOTH), "exclude each other"),
        ((None, file, None, {}), "needs --turn-username"),
        (("", file, None, {}), "needs --turn-username"),
        ((None, None, None, {PASSWORD: "p"}), "needs --turn-username"),
        (("alice", None, None, {}), "--turn-username needs"),
        (("alice", None, None, {PASSWORD: "", SECRET: "\n"}), "--turn-username needs"),
    ):
        with pytest.raises(UsageError, match=words):
            access(*arguments)


@pytest.mark.parametrize(
    ("content", "words"),
    [(b"", "nothing"), (b"\nlate", "nothing"), (b"\xff\xfe", "no UTF-8"), (bytes(4097), "longer than 4096 bytes")],
)
def test_files_with_none_in_them(tmp_path: Path, content: bytes, words: str) -> None:
    (path := tmp_path / HIDDEN).write_bytes(content)
    with pytest.raises(UsageError, match=words) as raised:
        access(None, None, path, {})
    assert HIDDEN not in str(raised.value)


def test_rest_credentials_last_a_day() -> None:
    made = Access(secret="north").credentials(1_000_000.5)
    assert made is not None
    assert made.username == "1086400:natprobe"
    named = Access(secret="north", username="alice").credentials(0.0)
    assert named is not None
    assert named.username == "86400:alice"


@pytest.mark.parametrize(
    "given", [Access(username="a" * 509, password=HIDDEN), Access(username="\udcff", secret=HIDDEN)]
)
def test_what_no_request_can_carry(given: Access) -> None:
    with pytest.raises(UsageError, match="none that a request can carry") as raised:
        given.credentials(0.0)
    assert HIDDEN not in "".join(traceback.format_exception(raised.value))


def test_nothing_of_it_shows() -> None:
    given = Access(username=HIDDEN, password=HIDDEN)
    assert HIDDEN not in repr(given) + str(given) + repr(given.credentials(0.0))


def test_the_environment_of_the_command_is_read_and_not_repeated() -> None:
    done = natprobe("check", "h.test", NATPROBE_TURN_PASSWORD=HIDDEN, NATPROBE_TURN_SECRET=HIDDEN)
    assert (done.returncode, done.stdout) == (2, b"")
    assert done.stderr == b"natprobe: a TURN password and a shared secret exclude each other: give one of them\n"
