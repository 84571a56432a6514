"""Bursts through a real relay, and what it says of its inner addresses."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.case import Case, Expect, Network, Relay
from tests.netns.lab import Lab, lab
from tests.netns.test_turn import TARGETS, asked

WHATEVER = Expect(verdict="good", exit=0)
# Packets each way with --bitrate 500k.
PACKETS = 105


def case(**network: Any) -> Case:
    return Case(title="", expect=WHATEVER, relay=Relay(runs=True, tls="good"), network=Network(**network))


def report(built: Lab, wanted: Case, target: str, *options: str) -> dict[str, Any]:
    done = built.client.run(asked(built, wanted, target, "--json", *options), check=False)
    assert done.stdout, done.stderr
    return json.loads(done.stdout)  # type: ignore[no-any-return]


def kind(found: dict[str, Any], name: str) -> list[dict[str, Any]]:
    return [each for each in found["observations"] if each["kind"] == name]


def test_a_healthy_relay_carries_what_is_asked() -> None:
    with lab(wanted := case()) as built:
        for target in TARGETS:
            found = report(built, wanted, target, "--bitrate", "2.5M")
            short, out, back = kind(found, "RelayBurst")
            assert (short["by"], short["sent"], short["halfway"], short["arrived"]) == ("own-socket", 20, 20, 20)
            assert [out["direction"], back["direction"]] == ["out", "in"]
            for each in (out, back):
                assert each["arrived"] >= 0.98 * each["sent"]
                assert each["sent"] >= 400  # of 521: on a busy machine we send no faster
                assert 1_900_000 <= each["received"] <= 2_600_000
            path = next(each for each in found["paths"] if each["name"] == f"turn-{short['transport']}")
            assert path["loss"] <= 0.02


@pytest.mark.long
def test_loss_and_jitter_are_those_of_the_wire() -> None:
    """Ten of a hundred lost each way and up to 20 ms more. Over UDP each half crosses the wire twice, over TCP once.

    In every run test_quality.py measures the same of a natprobe serve.
    """
    with lab(wanted := case(loss=0.1, jitter=0.02)) as built:
        for target, lost in ((TARGETS[0], 0.19), (TARGETS[1], 0.10)):
            found = report(built, wanted, target, "--bitrate", "500k")
            ways = [each for each in kind(found, "RelayBurst") if each.get("bitrate")]
            sent, arrived = (sum(each[word] for each in ways) for word in ("sent", "arrived"))
            assert 1.5 * PACKETS <= sent <= 2 * PACKETS  # on a busy machine we send no faster
            assert 1 - arrived / sent == pytest.approx(lost, abs=0.09)  # three standard deviations
            jitter = [each["jitter_ms"] for each in ways]
            assert all(3 < each < 16 for each in jitter)


def test_coturn_denies_loopback_and_nothing_else_unless_told() -> None:
    with lab(wanted := case()) as built:
        found = report(built, wanted, TARGETS[0], "--audit-relay")
    audit = {each["peer"]: each.get("error_code") for each in kind(found, "Permission") if each["purpose"] == "audit"}
    granted = ("169.254.169.254", "10.0.0.1", "172.16.0.1", "192.168.0.1", "100.64.0.1")
    assert audit == {"127.0.0.1:9": 403} | dict.fromkeys((f"{each}:9" for each in granted), None)
