"""Exit codes, interrupts and faults: what a CI gate and a watchdog rely on."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from natprobe.codec import load
from tests.cli.command import REPORTS, cold, natprobe, patched, started

TOKEN = "AbCdEfGhIjKlMnOpQrStUv"


def kept(name: str) -> str:
    return str(REPORTS / f"{name}.json")


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("diagnose", kept("peer-healthy")), 0),
        (("diagnose", kept("udp-blocked")), 0),
        (("diagnose", kept("udp-blocked"), "--fail-on", "warning"), 1),
        (("diagnose", kept("udp-blocked"), "--require", "direct-udp"), 1),
        (("diagnose", kept("udp-blocked"), "--require", "direct-tcp"), 0),
        (("diagnose", kept("udp-blocked"), "--require", "turn-udp"), 1),
        (("diagnose", kept("udp-blocked"), "--require", "p2p"), 3),
        (("diagnose", kept("udp-blocked"), "--fail-on", "never", "--require", "direct-udp"), 1),
        (("diagnose", kept("udp-blocked"), "--require", "direct-tcp@203.0.113.10/4"), 0),
        (("diagnose", kept("udp-blocked"), "--require", "direct-tcp/6"), 3),
        (("diagnose", kept("udp-blocked"), "--require", "direct-tcp@meet.example.test"), 0),
        (("diagnose", kept("udp-blocked"), "--require", "direct-tcp@other.example.test"), 3),
        (("diagnose", kept("web-broken")), 1),
        (("diagnose", kept("web-broken"), "--fail-on", "never"), 0),
        (("diagnose", kept("web-broken"), kept("web-broken"), "--fail-on", "never", "-q"), 0),
        (("diagnose",), 2),
        (("diagnose", "/nowhere.json"), 2),
        (("--version",), 0),
        (("--help",), 0),
        ((), 2),
    ],
)
def test_exit_codes(words: tuple[str, ...], code: int) -> None:
    done = cold(*words)
    assert done.returncode == code, done.stderr
    assert b"Traceback" not in done.stderr


def test_the_demo_is_good_and_quick(tmp_path: Path) -> None:
    began = time.monotonic()
    done = natprobe("demo", "-f", "json", "-o", str(tmp_path / "a"), "-q")
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    assert time.monotonic() - began < 5
    assert json.loads((tmp_path / "a").read_text())["verdict"]["status"] == "good"


# --- signals


@pytest.fixture
def silent_port() -> Iterator[int]:
    """A UDP port that hears everything and says nothing: a check of it takes seconds."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        yield sock.getsockname()[1]


def waiting(port: int, *words: str) -> subprocess.Popen[bytes]:
    """A check that has begun to send."""
    target = f"natprobe://127.0.0.1:{port}#{TOKEN}"
    child = started("check", target, "--stun", "none", "-4", *words)
    assert child.stderr is not None
    for line in child.stderr:
        if b"peer complete" in line:
            return child
    pytest.fail("it ended before it could be interrupted")


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupted_run_writes_what_it_saw(silent_port: int, number: int, code: int, tmp_path: Path) -> None:
    file = tmp_path / "partial.txt"
    child = waiting(silent_port, "-f", "text", "-o", str(file), "-f", "json")
    child.send_signal(number)
    began = time.monotonic()
    out, err = child.communicate(timeout=10)
    assert child.returncode == code
    assert time.monotonic() - began < 2
    assert b"Traceback" not in err
    report = json.loads(out)
    ends = {each["probe"]: each["status"] for each in report["observations"] if each["kind"] == "Probed"}
    assert ends["names"] == "complete"
    assert "cut" in ends.values()
    assert report["verdict"]["status"] == "unknown"
    assert load(out.decode())
    assert "Verdict: unknown" in file.read_text()


def test_a_second_interrupt_does_no_harm(silent_port: int) -> None:
    child = waiting(silent_port, "--json")
    child.send_signal(signal.SIGINT)
    child.send_signal(signal.SIGINT)
    out, err = child.communicate(timeout=10)
    assert child.returncode == 130
    assert b"Traceback" not in err
    assert json.loads(out)["observations"]


def test_time_is_a_bound(silent_port: int) -> None:
    target = f"natprobe://127.0.0.1:{silent_port}#{TOKEN}"
    began = time.monotonic()
    done = natprobe("check", target, "--stun", "none", "-4", "--timeout", "1", "--json", "-q")
    assert time.monotonic() - began < 3
    assert done.returncode == 3
    assert {"cut"} <= {each.get("status") for each in json.loads(done.stdout)["observations"]}


# --- faults of natprobe itself


BOOM = "def boom(*a, **k): raise ZeroDivisionError('the secret is Xyzzy')\n"


def faulty(place: str, *words: str) -> tuple[subprocess.CompletedProcess[bytes], dict[str, Any]]:
    module, _, name = place.rpartition(".")
    done = patched(f"{BOOM}import {module} as m\nm.{name} = boom", *words)
    return done, json.loads(done.stdout) if done.stdout else {}


def test_a_fault_in_the_judgement_loses_nothing_that_was_seen() -> None:
    done, report = faulty("natprobe.cli.check.diagnose", "demo", "--json", "-q")
    assert done.returncode == 4
    assert done.stderr.startswith(b"natprobe: natprobe itself failed (ZeroDivisionError at __main__:1)")
    assert b"secret" not in done.stderr
    assert done.stderr.count(b"\n") == 1
    assert any(each["kind"] == "IceCheck" for each in report["observations"])
    assert report["verdict"]["status"] == "unknown"
    again = load(done.stdout.decode())
    assert len(again.observations) == len(report["observations"])


def test_a_fault_in_the_run_itself_loses_nothing_that_was_seen() -> None:
    watcher = "import natprobe.cli.check as m\ndef watch(self, name, seen): name != 'mapping' or boom()\n"
    done = patched(f"{BOOM}{watcher}m.Progress.__call__ = watch", "demo", "--json", "-q")
    assert done.returncode == 4
    assert b"natprobe itself failed" in done.stderr
    assert b"secret" not in done.stderr
    report = json.loads(done.stdout)
    assert any(each["kind"] == "LocalAddress" for each in report["observations"])
    assert report["verdict"]["status"] == "unknown"


def test_a_fault_in_a_probe_is_a_fact() -> None:
    done, report = faulty("natprobe.probes.peer.target_addresses", "demo", "--json", "-q")
    assert done.returncode == 3
    (crashed,) = [each for each in report["observations"] if each.get("status") == "crashed"]
    assert crashed["probe"] == "peer"
    assert "ZeroDivisionError" in crashed["detail"]
    assert b"secret" not in done.stdout


def test_a_fault_before_anything_was_seen() -> None:
    done, report = faulty("natprobe.cli.reading.load_all", "diagnose", kept("peer-healthy"))
    assert (done.returncode, report) == (4, {})
    assert b"Traceback" not in done.stderr
