"""Which login counts, that it shows nowhere, and what rooms and media addresses may be."""

from __future__ import annotations

import traceback
from pathlib import Path

import pytest

from natprobe.cli.check import Asked, understood
from natprobe.cli.entrance import (
    JANUS_SECRET,
    JANUS_TOKEN,
    PASSWORD,
    TOKEN,
    Entrance,
    entrance,
    janus_access,
    media_addresses,
)
from natprobe.cli.errors import UsageError
from tests.cli.command import natprobe

JWT = "eyJhbGciOiJIUzI1NiJ9.eyJyb29tIjoiSGlkZGVuIn0.c2lnbmF0dXJl"
HIDDEN = "AbCdEfGhIjKlMnOpQrStUv"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (path := tmp_path / "secret").write_text("of-a-file\r\nsecond line\n")
    return path


@pytest.fixture
def jwt(tmp_path: Path) -> Path:
    (path := tmp_path / "jwt").write_text(JWT + "\n")
    return path


def of(
    user: str | None = None, password: Path | None = None, token: Path | None = None, env: dict[str, str] | None = None
) -> Entrance:
    return entrance(user, password, token, None, True, env or {})


def test_nothing_is_a_guest() -> None:
    assert of().kind == "anonymous"


def test_a_password_belongs_to_a_user(file: Path) -> None:
    assert (of("alice", file).kind, of("alice", file).login.password) == ("password", "of-a-file")
    assert of("alice", env={PASSWORD: "p\n"}).login.password == "p"


def test_a_token(jwt: Path) -> None:
    assert (of(token=jwt).kind, of(token=jwt).login.token) == ("token", JWT)
    assert of(env={TOKEN: JWT}).login.token == JWT
    assert of(token=jwt, env={TOKEN: "other"}).login.token == JWT


def test_what_does_not_go_together(file: Path, jwt: Path) -> None:
    for given, words in (
        (("alice", None, None, None, True, {}), "--user needs"),
        ((None, file, None, None, True, {}), "needs --user"),
        ((None, None, None, None, True, {PASSWORD: "p"}), "needs --user"),
        (("alice", file, jwt, None, True, {}), "exclude each other"),
        ((None, None, file, None, True, {}), "three parts"),
        ((None, None, None, None, True, {TOKEN: "a.b.c\x00"}), "three parts"),
        (("al\x00ice", file, None, None, True, {}), "control characters"),
        ((None, None, None, "Room", False, {}), "--no-join"),
        ((None, None, None, "https://meet.example.test/Room", True, {}), "not a link"),
        ((None, None, None, " ", True, {}), "not a link"),
        ((None, None, None, "x" * 501, True, {}), "too long"),
    ):
        with pytest.raises(UsageError, match=words):
            entrance(*given)


def test_a_link_brings_its_token_with_a_warning(capsys: pytest.CaptureFixture[str], jwt: Path) -> None:
    assert Entrance().with_link(JWT).login.token == JWT
    said = capsys.readouterr().err
    assert "--jwt-file" in said
    assert JWT not in said
    assert of(token=jwt).with_link("a.b.c").login.token == JWT
    assert capsys.readouterr().err == ""
    assert Entrance().with_link("SecretToken").kind == "anonymous"
    assert "SecretToken" not in capsys.readouterr().err


def test_nothing_of_it_shows(tmp_path: Path) -> None:
    (path := tmp_path / "jwt").write_text(HIDDEN)
    with pytest.raises(UsageError) as caught:
        of(token=path)
    assert HIDDEN not in "".join(traceback.format_exception(caught.value))
    shown = repr(of("alice", env={PASSWORD: HIDDEN})) + repr(of("alice", env={PASSWORD: HIDDEN}).login)
    assert HIDDEN not in shown


def test_media_addresses_are_addresses() -> None:
    assert media_addresses(("192.0.2.1", "2001:db8::1", "192.0.2.1")) == ("192.0.2.1", "2001:db8::1")
    ported = ("192.0.2.1:12000", "[2001:db8::1]:443")
    assert media_addresses(ported) == ported
    bad = ("jvb.example.test", "192.0.2.1:0", "192.0.2.1:65536", "192.0.2.1:", "jvb.example.test:1", "[192.0.2.1]:1")
    for words in (*((each,) for each in bad), ("192.0.2.1",) * 9):
        with pytest.raises(UsageError, match="media-address"):
            media_addresses(words)
    asked = Asked(target="meet.example.test", media_addresses=("192.0.2.7",))
    assert understood(asked)[1].media_addresses == ("192.0.2.7",)


def test_the_command_takes_them(jwt: Path) -> None:
    for words, said in (
        (["--room", "A", "--no-join"], "--no-join"),
        (["--user", "alice"], "--user needs"),
        (["--media-address", "name.example.test"], "--media-address"),
        (["--jwt-file", str(jwt), "--user", "alice"], "--user needs"),
    ):
        done = natprobe("check", "meet.example.test", *words)
        assert done.returncode == 2
        assert said in done.stderr.decode()


class TestJanus:
    def test_nothing(self) -> None:
        assert janus_access(None, None, {}) is None

    def test_files_count_before_the_environment(self, file: Path) -> None:
        both = {JANUS_SECRET: "s\n", JANUS_TOKEN: "t"}
        found = [janus_access(None, None, both), janus_access(file, None, both), janus_access(None, file, both)]
        assert [(each.secret, each.token) for each in found if each] == [
            ("s", "t"),
            ("of-a-file", "t"),
            ("s", "of-a-file"),
        ]

    def test_what_no_request_can_carry(self, tmp_path: Path) -> None:
        with pytest.raises(UsageError, match="--janus-token-file is too long or has control"):
            janus_access(None, None, {JANUS_TOKEN: "a\x00b"})
        with pytest.raises(UsageError, match="--janus-secret-file cannot be read"):
            janus_access(tmp_path, None, {})

    def test_they_show_nowhere(self) -> None:
        assert HIDDEN not in repr(janus_access(None, None, {JANUS_SECRET: HIDDEN, JANUS_TOKEN: HIDDEN}))
        done = natprobe("check", "janus+https://127.0.0.1:1", "--stun", "none", "--json", NATPROBE_JANUS_SECRET=HIDDEN)
        assert HIDDEN.encode() not in done.stdout + done.stderr
        assert b"JanusDoor" in done.stdout
