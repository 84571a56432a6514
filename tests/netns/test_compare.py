"""--compare beside real relays, a real proxy and a real Janus: the ways that pass are measured, and all else stays."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from tests.case import CASES, load
from tests.netns.test_cases import holds

PATHS = {
    # Every leg has a session of its own.
    "jitsi-deep": ["direct-udp", "turn-udp", "turn-tcp", "turn-tls"],
    # The train has the credentials of the session that is accepted, and Janus forgets it when that has ended.
    "janus-udp-blocked-relay": ["turn-tls"],
    "proxy-relay-443": ["turn-tls-proxy"],
}


@pytest.mark.parametrize("name", PATHS)
def test_all_that_works_is_measured_and_nothing_else_changes(name: str) -> None:
    case = load(CASES / f"{name}.toml")
    found = holds(msgspec.structs.replace(case, options=(*case.options, "--compare")), case.expect)
    trains = {each["id"]: each for each in found["observations"] if each["kind"] == "PathBurst"}
    told = [path for path in found["paths"] if _measured(path, trains)]
    assert [(each["name"], _measured(each, trains)) for each in told] == [(path, [20]) for path in PATHS[name]]
    for each in trains.values():
        assert (each["sent"], each["arrived"], each.get("failure")) == (20, 20, None), each["flow"]
        assert each["rtt_min_ms"] <= each["rtt_median_ms"] <= each["rtt_max_ms"]
    assert {each["loss"] for each in told} == {0.0}
    assert {bool(each.get("via")) for each in trains.values()} == {"proxy" in name}
    assert _begun(found) >= max(each["at"] for each in trains.values())


def _begun(found: dict[str, Any]) -> float:
    """When full ICE through a relay began, in seconds of the run: what it reads from there, a train would miss."""
    ended = [each for each in found["observations"] if each["kind"] == "IceEnded" and each.get("leg")]
    return min(float(each["at"] - each["duration_ms"] / 1000) for each in ended)


def _measured(path: dict[str, Any], trains: dict[int, Any]) -> list[int]:
    """How many answers the trains of the path had."""
    evidence = {number for each in path["attempts"] for number in each["evidence"]}
    return [trains[number]["arrived"] for number in sorted(evidence & trains.keys())]
