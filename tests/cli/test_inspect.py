"""`natprobe inspect`: its options, its exit codes and its report, of this very machine."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.command import natprobe

# Linux takes any of 127.0.0.0/8 for its own, and no interface has it: Janus, which looks there, does not.
NOWHERE, LOOSE = "198.51.100.250", "127.0.0.9"


def inspected(*ifaces: str, code: int) -> dict[str, Any]:
    words = [word for each in ifaces for word in ("--iface", each)]
    done = natprobe("inspect", *words, "--json", "-q")
    assert (done.returncode, done.stderr) == (code, b"")
    return json.loads(done.stdout)  # type: ignore[no-any-return]


def tried(report: dict[str, Any]) -> list[tuple[str, str | None, str | None, str | None]]:
    seen = [each for each in report["observations"] if each["kind"] == "BindTry"]
    return [(each["asked"], each["address"], each["interface"], each["failure"]) for each in seen]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("/no/such/folder",), b"there is no '/no/such/folder'"),
        (("--expect", "443"), b"is not ADDRESS:PORT"),
        (("--expect", "*:0/tcp"), b"*:0/tcp: a port is a number from 1"),
        (("--expect-file", "/no/such/file"), b"--expect-file '/no/such/file' cannot be read"),
        (("--name", "a b"), b"--name: "),
        (("--stun", "none", "--stun", "stun:a"), b"--stun none goes with no other"),
        (("--stun", "x y"), b"spaces or control characters"),
        (("--only", "media"), b"there is no probe 'media' here"),
        (("--skip", "turn"), b"there is no probe 'turn' here"),
        (("--timeout", "0"), b"--timeout wants seconds"),
        (("--diff", "--json"), b"--diff goes to stdout"),
        (("--iface", "lo") * 9, b"at most 8"),
        (("--iface", ""), b"wants an address or an interface"),
        (("--iface", "a\x1bb"), b"wants an address or an interface"),
        (("--iface", "x" * 101), b"wants an address or an interface"),
        (("--iface", "0.0.0.0"), b"can't be 0.0.0.0"),
        (("--iface", "ff02::1"), b"can't be ff02::1"),
        (("--iface", "fe80::1%eth0"), b"has a zone"),
        (("--iface", "lo", "--fail-on", "fatal"), b"--fail-on is one of"),
        (("--iface", "lo", "-f", "pdf"), b"pdf"),
    ],
)
def test_what_it_does_not_take(words: tuple[str, ...], said: bytes) -> None:
    done = natprobe("inspect", *words)
    assert (done.returncode, done.stdout) == (2, b"")
    assert said in done.stderr


def test_its_own() -> None:
    report = inspected("127.0.0.1", "0::1", "127.0.0.1", code=0)
    assert tried(report) == [("127.0.0.1", "127.0.0.1", "lo", None), ("::1", "::1", "lo", None)]
    assert report["verdict"]["status"] == "good"
    assert report["findings"] == report["unknown"] == []
    assert [each["vantage"] for each in report["sources"]] == ["server"]
    assert {each["kind"] for each in report["observations"]} >= {"Run", "LocalAddress", "Probed"}
    assert {(each["status"], each["reason"]) for each in report["paths"]} == {("unknown", "asked-on-the-server")}
    assert (report["target"]["port"], report["target"]["kind"]) == (0, "auto")


def test_what_is_not_here() -> None:
    report = inspected("lo", NOWHERE, LOOSE, "nowhere0", code=1)
    assert tried(report) == [
        ("lo", "127.0.0.1", "lo", None),
        (NOWHERE, NOWHERE, None, "address-not-local"),
        (LOOSE, LOOSE, None, None),
        ("nowhere0", None, None, "address-not-local"),
    ]
    assert report["verdict"]["status"] == "broken"
    assert [(each["cause"], each["severity"]) for each in report["findings"]] == [("iface-not-local", "error")] * 3
    assert [each["args"]["iface"] for each in report["findings"]] == [NOWHERE, LOOSE, "nowhere0"]


def test_the_findings_need_not_count() -> None:
    assert natprobe("inspect", "--iface", NOWHERE, "-q", "--fail-on", "never").returncode == 0


def test_it_is_read_as_what_it_is() -> None:
    """Nothing of a client's: no ways for media, and nothing about meetings."""
    done = natprobe("inspect", "--iface", NOWHERE, "--iface", "lo", "-q")
    text = " ".join(done.stdout.decode().split())
    assert "has a fault: 198.51.100.250 is no address of" in text
    assert "lo as iface: Janus takes its first address, 127.0.0.1: Janus can bind it." in text
    assert "ERROR NP513 iface-not-local, on the server" in text
    for word in ("Ways for media", "This network", "On the way to media", "eetings"):
        assert word not in text


def test_diagnose_says_the_same_again(tmp_path: Path) -> None:
    file = tmp_path / "server.json"
    assert natprobe("inspect", "--iface", NOWHERE, "-q", "-o", str(file)).returncode == 1
    again = natprobe("diagnose", str(file), "--json")
    assert (again.returncode, again.stdout) == (1, file.read_bytes())
    twice = natprobe("diagnose", f"one={file}", f"two={file}")
    assert twice.returncode == 1
    assert twice.stdout.decode().count("ERROR NP513 ") == 1
