"""A real browser beside natprobe in the same networks: whether a meeting would work, and by which way (Chromium)."""

from __future__ import annotations

import json
import shutil
import sys
from typing import Any, NamedTuple

import pytest

from tests import access
from tests.case import CASES, load
from tests.netns import browser
from tests.netns.lab import Lab, lab
from tests.netns.test_cases import STUN


class Seen(NamedTuple):
    """iceConnectionState, connectionState, and the path by the report's names; and natprobe's verdict."""

    ice: str
    connection: str
    way: str | None
    verdict: str


# docs/accuracy.md has this table in words.
EXPECTED = {
    "jitsi-healthy": Seen("connected", "connected", "direct-udp", "good"),
    "jitsi-udp-blocked": Seen("connected", "connected", "turn-tcp", "degraded"),
    "jitsi-media-dropped": Seen("disconnected", "failed", None, "broken"),
    "jitsi-dtls-dropped": Seen("connected", "connecting", "direct-udp", "broken"),
    "jitsi-advertises-wrong": Seen("disconnected", "failed", None, "broken"),
}


@pytest.mark.long
@pytest.mark.parametrize("name", EXPECTED)
def test_natprobe_says_what_the_browser_meets(name: str) -> None:
    if not shutil.which(browser.PROGRAM):
        pytest.skip(f"not installed: {browser.PROGRAM}")
    case = load(CASES / f"{name}.toml")
    with lab(case) as built:
        met = of_browser(built)
        report = of_natprobe(built, access.options(case, built.network.folder))
    found = Seen(met["ice"], met["connection"], met["way"], report["verdict"]["status"])
    assert found == EXPECTED[name]
    works = met["way"] if met["connection"] == "connected" else None
    assert report["verdict"]["media"] == works


def of_browser(built: Lab) -> dict[str, Any]:
    """It takes the lab's certificates by their keys; everything else about them it checks."""
    folder = built.network.folder
    served = [str(path) for path in (folder / "turns" / "chain.pem", folder / "chain.pem") if path.exists()]
    argv = [sys.executable, "-m", "tests.netns.browser", str(built.root), *served]
    return json.loads(built.client.run(argv, timeout=90).stdout)  # type: ignore[no-any-return]


def of_natprobe(built: Lab, given: list[str]) -> dict[str, Any]:
    argv = [sys.executable, "-m", "natprobe", "check", built.target, *STUN, *given, "--json", "--ca-file"]
    return json.loads(built.client.run([*argv, str(built.root)], check=False).stdout)  # type: ignore[no-any-return]
