"""What a finding about a relay advises, put into coturn and nftables as it stands: then the relay is open."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest

from tests import access
from tests.case import Case, Expect, Relay
from tests.netns import relay
from tests.netns.lab import Lab, lab
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
    "redirects in a ring": ("turn-answer-unusable", {"state": "redirects-in-ring"}),
    "inner addresses": ("turn-inner-addresses", {"tls": "good"}),
}
# What each advised opening says, and what the text beside it says of the way back, as a rule put before all others.
FIREWALLS: dict[str, tuple[str, dict[str, Any], list[str]]] = {
    "range": ("turn-relay-silent", {"range": "closed"}, ["output udp sport 49152-65535"]),
    "udp": ("turn-unreachable", {"udp": "drop"}, []),
}


@pytest.mark.parametrize("name", STATES)
def test_what_is_advised_opens_the_relay(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    cause, conditions = STATES[name]
    case = conditioned(name, conditions)
    (finding,) = checked(case)["findings"]
    advised = [each for each in finding["fixes"] if each["kind"] == "set"]
    assert finding["cause"] == cause
    assert {each["system"] for each in advised} == {"coturn"}

    argv = relay._argv
    monkeypatch.setattr(relay, "_argv", lambda *given: applied(argv(*given), advised))
    mended = checked(case)
    assert mended["findings"] == []
    assert mended["verdict"]["status"] == "good"


@pytest.mark.parametrize("name", FIREWALLS)
def test_what_is_advised_opens_the_firewall(name: str) -> None:
    cause, conditions, back = FIREWALLS[name]
    with lab(case := conditioned(name, conditions)) as built:
        (finding,) = asked(built, case)["findings"]
        advised = [each for each in finding["fixes"] if each["kind"] == "allow"]
        assert (finding["cause"], len(advised)) == (cause, 1)
        rules = [f"input {each['proto']} dport {','.join(each['ports'])}" for each in advised] + back
        for rule in rules:
            built.network["relay"].run(["nft", "insert", "rule", "inet", "filter", *rule.split(), "accept"])
        mended = asked(built, case)
    assert (mended["findings"], mended["verdict"]["status"]) == ([], "good")


def conditioned(name: str, conditions: dict[str, Any]) -> Case:
    audits = ("--audit-relay",) if name == "inner addresses" else ()
    expect = Expect(verdict="good", exit=0)
    return Case(title=name, expect=expect, relay=Relay(runs=True, **conditions), options=audits)


def checked(case: Case) -> dict[str, Any]:
    with lab(case) as built:
        return asked(built, case)


def asked(built: Lab, case: Case) -> dict[str, Any]:
    given = (*STUN, *access.options(case, built.network.folder), *case.options)
    done = built.client.natprobe("check", TARGET, *given, "--ca-file", str(built.root), "--json")
    return json.loads(done.stdout)  # type: ignore[no-any-return]


def applied(argv: Sequence[str], fixes: Sequence[dict[str, Any]]) -> list[str]:
    """These lines of turnserver.conf, as options: what they replace goes."""
    keys = {f"--{each['key']}" for each in fixes}
    kept = [each for each in argv if each.partition("=")[0] not in keys]
    new = [each for each in fixes if each["op"] != "remove"]
    return kept + [f"--{each['key']}" + (f"={each['value']}" if each.get("value") else "") for each in new]
