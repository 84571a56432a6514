"""Forged answers on a real network: told for what they are, and never believed."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from tests.netns.forger import LIE, OTHER
from tests.netns.kernel import Network, Node, Plan, Wire, built

CLIENT, SERVER = "203.0.113.2", "203.0.113.1"
PLAN = Plan(
    nodes={
        "client": Node(addresses=(f"{CLIENT}/24 dev eth0",), routes=(f"default via {SERVER}",)),
        "server": Node(addresses=(f"{SERVER}/24 dev eth0",)),
    },
    wires=(Wire("client/eth0", "server/eth0"),),
)


@pytest.fixture(scope="module")
def report() -> Iterator[dict[str, Any]]:
    """Of one check of the forger's server."""
    with built(PLAN) as network:
        server = network["server"].start([sys.executable, "-m", "tests.netns.forger", SERVER], log="forger.log")
        server.wait(lambda: "ready" in server.log.read_text())
        yield json.loads(checked(network))


def checked(network: Network) -> str:
    words = ["check", f"stun:{SERVER}", "--stun", "none", "-4", "--json", "-q"]
    return network["client"].natprobe(*words).stdout


def test_the_mapping_is_the_true_one(report: dict[str, Any]) -> None:
    asked = [each for each in report["observations"] if each["kind"] == "Binding" and each["probe"] == "mapping"]
    (binding,) = [each for each in asked if each["transport"] == "udp"]
    assert (binding["failure"], binding["tries"]) == (None, 1)
    assert binding["mapped"] == binding["local"]
    assert binding["mapped"].startswith(f"{CLIENT}:")
    assert binding["software"] is None
    assert LIE[0] not in json.dumps(report)


def test_each_forgery_is_counted_as_what_it_is(report: dict[str, Any]) -> None:
    """By the first socket, whose two requests were each answered like that."""
    heard = [each for each in report["observations"] if each["kind"] == "Stray"]
    first = next(each["local"] for each in report["observations"] if each["kind"] == "Binding")
    strays = {(each["sender"], each["fault"]): each["count"] / 2 for each in heard if each["local"] == first}
    strays.pop((f"{SERVER}:3478", "duplicate"), None)  # it may come after the socket has closed
    assert strays == {
        (f"{OTHER}:3478", "wrong-sender"): 1,
        (f"{SERVER}:3479", "wrong-sender"): 1,
        (f"{SERVER}:3478", "wrong-transaction"): 2,
        (f"{SERVER}:3478", "altered"): 1,
        **{(f"{OTHER}:{port}", "garbage"): 1 for port in range(1, 4)},
    }


def test_and_nothing_crashed(report: dict[str, Any]) -> None:
    assert {each["status"] for each in report["observations"] if each["kind"] == "Probed"} <= {"complete", "skipped"}
    assert report["verdict"]["status"] == "good"
