"""A real browser beside natprobe in networks with a Janus: whether a call would work, and by which way (Chromium)."""

from __future__ import annotations

import json
import shutil
import sys

import pytest

from tests import access
from tests.case import CASES, load
from tests.netns import browser
from tests.netns.lab import lab
from tests.netns.test_browser import Seen, of_natprobe

# docs/accuracy.md has this table in words.
EXPECTED = {
    "janus-healthy": Seen("connected", "connected", "direct-udp", "good"),
    "janus-mapping-wrong-luck": Seen("connected", "connected", "direct-udp", "good"),
    "janus-mapping-wrong": Seen("disconnected", "failed", None, "broken"),
    "janus-ice-tcp": Seen("connected", "connected", "direct-tcp", "degraded"),
    "janus-udp-blocked-relay": Seen("connected", "connected", "turn-tls", "degraded"),
    "janus-inside": Seen("disconnected", "failed", None, "broken"),
}


@pytest.mark.long
@pytest.mark.parametrize("name", EXPECTED)
def test_natprobe_says_what_the_browser_meets(name: str) -> None:
    if not shutil.which(browser.PROGRAM):
        pytest.skip(f"not installed: {browser.PROGRAM}")
    case = load(CASES / f"{name}.toml")
    relays = [each for each in case.options if each.startswith("turn")]
    with lab(case) as built:
        folder = built.network.folder
        served = [str(path) for path in (folder / "turns" / "chain.pem", folder / "chain.pem") if path.exists()]
        named = [{"urls": each, "username": access.USER, "credential": access.PASSWORD} for each in relays]
        argv = [sys.executable, "-m", "tests.netns.browser_janus", json.dumps(served), json.dumps(named)]
        met = json.loads(built.client.run(argv, timeout=90).stdout)
        report = of_natprobe(built, [*access.options(case, folder), *case.options])
    found = Seen(met["ice"], met["connection"], met["way"], report["verdict"]["status"])
    assert found == EXPECTED[name]
    assert report["verdict"]["media"] == (met["way"] if met["connection"] == "connected" else None)
