"""What --deep, --hold and --sessions take from a Jitsi is given back by a run that is interrupted in the middle."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time

from tests.case import CASES, load
from tests.netns import jitsi
from tests.netns.lab import Lab, lab
from tests.netns.test_cases import STUN
from tests.netns.test_jitsi_left import remaining

# With --deep five in the first room. With --sessions there were two in another, which have left it.
INSIDE = 5


def test_interrupted_while_it_holds_every_path() -> None:
    with lab(load(CASES / "jitsi-healthy.toml")) as built:
        options = [*STUN, "--ca-file", str(built.root), "--json", "--deep", "--hold", "60", "--sessions", "2"]
        argv = built.client.inside([sys.executable, "-m", "natprobe", "check", built.target, *options])
        with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as child:
            _holds(built, child)
            child.send_signal(signal.SIGINT)
            said, _ = child.communicate(timeout=20)
        left = remaining(built)
    ends = {each["probe"]: each["status"] for each in json.loads(said)["observations"] if each["kind"] == "Probed"}
    assert (child.returncode, ends["session"], ends["media"]) == (130, "cut", "complete")
    assert left == {}


def _holds(built: Lab, child: subprocess.Popen[str]) -> None:
    """Until progress says that everybody else has ended: only the session is still there."""
    assert child.stderr is not None
    until = time.monotonic() + 20
    while time.monotonic() < until and "relayed complete" not in child.stderr.readline():
        pass
    time.sleep(2)  # into the hold, before the first consent check
    assert jitsi.status(built.network.folder)["members"] == INSIDE
