"""What a check leaves behind at a Janus, ended or interrupted: no session. Nobody else ends one for a minute."""

from __future__ import annotations

import random
import re
import time

import msgspec
import pytest

from tests.case import CASES, load
from tests.netns import janus
from tests.netns.lab import Lab, lab
from tests.netns.test_janus_lab import ask
from tests.netns.test_jitsi_left import ended

HTTP, WEBSOCKET = "janus+https://meet.example.test/janus", "janus+wss://meet.example.test/janus-ws"
# How long a session is there (seconds), without a delay; round trips beside it.
LATEST, ROUND_TRIPS = 0.3, 10


@pytest.mark.parametrize(
    ("target", "checks", "delay"),
    [
        (HTTP, 10, 0.0),
        pytest.param(HTTP, 200, 0.02, marks=[pytest.mark.long, pytest.mark.timeout(1200)]),
        pytest.param(WEBSOCKET, 40, 0.02, marks=[pytest.mark.long, pytest.mark.timeout(600)]),
    ],
)
def test_nothing_is_left(target: str, checks: int, delay: float) -> None:
    """Every other check is interrupted, at a moment by chance."""
    chance = random.Random(5)
    case = load(CASES / "janus-healthy.toml")
    network = msgspec.structs.replace(case.network, delay=delay)
    with lab(msgspec.structs.replace(case, target=target, network=network)) as built:
        for number in range(checks):
            moment = chance.uniform(0, LATEST + 2 * ROUND_TRIPS * delay) if number % 2 else None
            ended(built, moment, janus.LOG)
            assert remaining(built) == set(), f"check {number}, interrupted after {moment} s"
        assert ask(built, "sessions", host="web")["sessions"] == []
        made, _ = told(built)
    assert len(made) >= checks // 2  # one of each that was not interrupted: nothing is proven by nobody


def remaining(built: Lab, seconds: float = 2.0) -> set[str]:
    """The sessions that are still there a moment after the process has ended."""
    until = time.monotonic() + seconds
    while (found := _there(built)) and time.monotonic() < until:
        time.sleep(0.02)
    return found


def _there(built: Lab) -> set[str]:
    made, gone = told(built)
    return made - gone


def told(built: Lab, log_of: str = janus.LOG) -> tuple[set[str], set[str]]:
    """The sessions that Janus made, and those that it ended, as its log has them."""
    log = (built.network.folder / log_of).read_text()
    return set(re.findall(r"Creating new session: (\d+)", log)), set(re.findall(r"Destroying session (\d+)", log))
