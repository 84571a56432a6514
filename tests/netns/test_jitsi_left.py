"""What a check leaves behind at a Jitsi, ended or interrupted: nobody in a room, no session, no relay."""

from __future__ import annotations

import contextlib
import random
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import msgspec
import pytest

from tests import warm
from tests.case import CASES, Case, load
from tests.netns import jitsi, relay
from tests.netns.lab import Lab, lab
from tests.netns.test_cases import STUN

# Every run makes the first number of checks, a long one the second, in which the wire takes its time too.
CHECKS = (
    (12, 0.0),
    pytest.param(100, 0.02, marks=[pytest.mark.long, pytest.mark.timeout(900)]),
)
# A conference that was asked for and that nobody has entered is given up by the focus after 15 s, as by jicofo
# (initial-timeout); nobody else can.
ROOM_SECONDS = 16.0
OURS = ("members", "endpoints", "sessions", "allocations")
# From the first word to Prosody until everything has been said (seconds), without a delay; round trips beside it.
LATEST, ROUND_TRIPS = 0.8, 15


def healthy(name: str, delay: float) -> Case:
    wanted = load(CASES / f"{name}.toml")
    return msgspec.structs.replace(wanted, network=msgspec.structs.replace(wanted.network, delay=delay))


@pytest.mark.parametrize(("checks", "delay"), CHECKS)
def test_nothing_is_left(checks: int, delay: float) -> None:
    """Every other check is interrupted, at a moment by chance."""
    chance = random.Random(5)
    with lab(healthy("jitsi-healthy", delay)) as built:
        for number in range(checks):
            moment = chance.uniform(0, LATEST + 2 * ROUND_TRIPS * delay) if number % 2 else None
            ended(built, moment)
            assert remaining(built) == {}, f"check {number}, interrupted after {moment} s"
        assert remaining(built, ("rooms",), ROOM_SECONDS) == {}
        status, (made, _) = jitsi.status(built.network.folder), allocations(built)
        assert jitsi.sessions(built.network.folder, most=True) > 0
    assert status["joins"] >= checks  # two of each that was not interrupted, and nothing is proven by nobody
    assert len(made) >= checks // 2


@pytest.mark.parametrize("moments", [4, pytest.param(40, marks=pytest.mark.long)])
def test_nothing_is_left_by_bosh(moments: int) -> None:
    """It keeps a session for a minute that nobody ends."""
    chance = random.Random(6)
    with lab(healthy("jitsi-bosh-only", 0.0)) as built:
        for _ in range(moments):
            ended(built, chance.uniform(0, LATEST))
            assert remaining(built) == {}
        assert remaining(built, ("rooms",), ROOM_SECONDS) == {}
        assert jitsi.sessions(built.network.folder, most=True) > 0


def ended(built: Lab, moment: float | None, log: str = jitsi.PROSODY_LOG, *options: str) -> None:
    """One check, interrupted so many seconds after this server's log got longer, unless it has ended by itself."""
    argv = [sys.executable, "-m", "natprobe", "check", built.target, *STUN, "--ca-file", str(built.root), *options]
    child = built.client.start(argv, log="check.log").child
    try:
        if moment is not None:
            _met(built.network.folder / log, child)
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.wait(moment)
            child.send_signal(signal.SIGINT)
        child.wait(25)
    finally:
        child.kill()
        child.wait()


def _met(log: Path, child: subprocess.Popen[bytes] | warm.Child) -> None:
    before = log.stat().st_size
    while child.poll() is None and log.stat().st_size == before:
        time.sleep(0.002)


def remaining(built: Lab, what: tuple[str, ...] = OURS, seconds: float = 3.0) -> dict[str, int]:
    """What is still there a moment after the process has ended (coturn counts by whole seconds)."""
    until = time.monotonic() + seconds
    while (found := _there(built, what)) and time.monotonic() < until:
        time.sleep(0.02)
    return found


def _there(built: Lab, what: tuple[str, ...]) -> dict[str, int]:
    made, gone = allocations(built)
    counts = jitsi.status(built.network.folder)
    counts |= {"sessions": jitsi.sessions(built.network.folder), "allocations": len(made - gone)}
    return {name: counts[name] for name in what if counts[name]}


def allocations(built: Lab) -> tuple[set[str], set[str]]:
    """The sessions that coturn made an allocation for, and those whose allocation is gone."""
    path = built.network.folder / relay.LOG
    log = path.read_text() if path.exists() else ""
    made = re.findall(r"session (\d+): new, ", log)
    return set(made), set(made) & set(re.findall(r"session (\d+): delete: ", log))
