"""The settings that a finding about a relay advises, put into coturn as they stand: then the relay is open."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import Any

import pytest

from tests import access
from tests.case import Case, Expect, Relay
from tests.netns import relay
from tests.netns.lab import lab
from tests.netns.test_cases import STUN

TARGET = "turn:turn.example.test"
STATES: dict[str, tuple[str, dict[str, Any]]] = {
    "user-quota": ("turn-capacity", {"state": "user-quota"}),
    "total-quota": ("turn-capacity", {"state": "total-quota"}),
    "bandwidth": ("turn-capacity", {"state": "bandwidth"}),
    "one-port": ("turn-capacity", {"state": "one-port"}),
    "no-udp-relay": ("turn-transport-disabled", {"state": "no-udp-relay"}),
    "stun-only": ("turn-stalled", {"state": "stalled"}),
    "external-ip missing": ("turn-relay-address-wrong", {"nat": True, "external": "private"}),
    "external-ip wrong": ("turn-relay-address-wrong", {"nat": True, "external": "wrong"}),
}


@pytest.mark.parametrize("name", STATES)
def test_what_is_advised_opens_the_relay(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    cause, conditions = STATES[name]
    case = Case(title=name, expect=Expect(verdict="good", exit=0), relay=Relay(runs=True, **conditions))
    (finding,) = checked(case)["findings"]
    advised = [each for each in finding["fixes"] if each["kind"] == "set"]
    assert finding["cause"] == cause
    assert {each["system"] for each in advised} == {"coturn"}

    argv = relay._argv
    monkeypatch.setattr(relay, "_argv", lambda *given: applied(argv(*given), advised))
    mended = checked(case)
    assert mended["findings"] == []
    assert mended["verdict"]["status"] == "good"


def checked(case: Case) -> dict[str, Any]:
    with lab(case) as built:
        options = (*STUN, *access.options(case, built.network.folder), "--ca-file", str(built.root), "--json")
        done = built.client.run([sys.executable, "-m", "natprobe", "check", TARGET, *options], check=False)
    return json.loads(done.stdout)  # type: ignore[no-any-return]


def applied(argv: Sequence[str], fixes: Sequence[dict[str, Any]]) -> list[str]:
    """These lines of turnserver.conf, as options: what they replace goes."""
    keys = {f"--{each['key']}" for each in fixes}
    kept = [each for each in argv if each.partition("=")[0] not in keys]
    new = [each for each in fixes if each["op"] != "remove"]
    return kept + [f"--{each['key']}" + (f"={each['value']}" if each.get("value") else "") for each in new]
