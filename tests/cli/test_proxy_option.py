"""Which proxy the options name, and that its password shows nowhere."""

from __future__ import annotations

import json
import traceback
from pathlib import Path
from typing import Any

import pytest

from natprobe.cli.errors import UsageError
from natprobe.cli.proxy import PASSWORD, Through, through
from natprobe.proxy import Proxy
from tests.cli.command import natprobe

HIDDEN = "AbCdEfGhIjKlMnOpQrStUv"
PROXY = Proxy(scheme="http", host="proxy.test", port=3128)
GIVEN = "http://proxy.test:3128"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (path := tmp_path / "password").write_text("of-a-file\r\nsecond line\n")
    return path


def who(given: Through) -> tuple[str, str] | None:
    return None if given.access is None else (given.access.user, given.access.password)


@pytest.mark.parametrize(
    ("word", "proxy"),
    [
        ("auto", "auto"),
        ("NONE", "none"),
        (GIVEN, PROXY),
        ("proxy.test:3128", PROXY),
        ("socks5://proxy.test", Proxy(scheme="socks5", host="proxy.test", port=1080)),
    ],
)
def test_which(word: str, proxy: object) -> None:
    found = through(word, None, None, False, {})
    assert (found.proxy, found.access, found.guess) == (proxy, None, False)


def test_who_we_are(file: Path) -> None:
    assert who(through(GIVEN, "alice", file, False, {PASSWORD: "other"})) == ("alice", "of-a-file")
    assert who(through("auto", "alice", None, False, {PASSWORD: "p\n"})) == ("alice", "p")
    assert who(through("http://bob@proxy.test:3128", None, file, False, {})) == ("bob", "of-a-file")


def test_a_guess() -> None:
    assert through("auto", None, None, True, {}).guess


def test_what_does_not_go_together(file: Path) -> None:
    for arguments, words in (
        ((f"http://u:{HIDDEN}@proxy.test", None, None, False, {}), "--proxy takes no password"),
        (("http://u@proxy.test", "alice", file, False, {}), "exclude each other"),
        ((GIVEN, "alice", None, False, {}), "needs --proxy-password-file"),
        (("http://u@proxy.test", None, None, False, {}), "needs --proxy-password-file"),
        ((GIVEN, None, file, False, {}), "needs --proxy-username"),
        ((GIVEN, None, None, False, {PASSWORD: HIDDEN}), "needs --proxy-username"),
        ((GIVEN, "al:ice", file, False, {}), "no colon"),
        ((GIVEN, "a" * 300, file, False, {}), "too long"),
        ((GIVEN, "a\x1b", file, False, {}), "control characters"),
        ((GIVEN, None, None, True, {}), "--proxy auto only"),
        (("none", None, None, True, {}), "--proxy auto only"),
        (("auto", "alice", file, True, {}), "takes no password"),
        (("ftp://proxy", None, None, False, {}), "--proxy: a proxy is http"),
        (("", None, None, False, {}), "the proxy has no host name"),
        (("proxy:x", None, None, False, {}), "the port is not a number"),
    ):
        with pytest.raises(UsageError, match=words) as caught:
            through(*arguments)
        assert HIDDEN not in "".join(traceback.format_exception(caught.value))


def test_nothing_shows(file: Path) -> None:
    assert "of-a-file" not in repr(through(GIVEN, "alice", file, False, {}))


def test_a_password_in_the_url_is_refused_unseen() -> None:
    done = natprobe("check", "stun:127.0.0.1", "--proxy", f"http://user:{HIDDEN}@proxy.test:3128")
    assert done.returncode == 2
    assert done.stdout == b""
    assert b"takes no password" in done.stderr
    assert HIDDEN.encode() not in done.stderr


def report(*words: str, **env: Any) -> tuple[list[dict[str, object]], bytes]:
    """What the probe saw, in a real run at nobody's expense."""
    done = natprobe("check", "stun:127.0.0.1:9", "--only", "proxies", "--json", *words, **env)
    return json.loads(done.stdout)["observations"], done.stdout + done.stderr


def kinds(observations: list[dict[str, object]], kind: str) -> list[dict[str, object]]:
    return [each for each in observations if each["kind"] == kind]


def test_the_run_says_which(file: Path) -> None:
    found, printed = report("--proxy", GIVEN, "--proxy-username", "alice", "--proxy-password-file", str(file))
    (run,), (choice,) = kinds(found, "Run"), kinds(found, "ProxyChoice")
    assert (run["proxy"], choice["by"], choice["via"]) == (GIVEN, "option", None)
    assert b"of-a-file" not in printed
    assert b"alice" not in printed


def test_the_environment_is_read() -> None:
    found, printed = report(https_proxy=f"http://user:{HIDDEN}@127.0.0.1:1", no_proxy="a.test")
    (run,), (fact,) = kinds(found, "Run"), kinds(found, "ProxySetting")
    assert run["proxy"] == "auto"
    assert (fact["by"], fact["name"], fact["proxies"]) == ("environment", "https_proxy", ["https=http://127.0.0.1:1"])
    assert HIDDEN.encode() not in printed


def test_tests_start_without_settings() -> None:
    found, _ = report()
    assert kinds(found, "ProxySetting") == []
