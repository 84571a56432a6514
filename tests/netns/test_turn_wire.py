"""natprobe's TURN machine against real coturn in each of its moods: what is allowed, and every refusal."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from tests.netns.kernel import Network, Node, Plan, Process, Wire, built

CLIENT, SERVER = "192.0.2.2", "192.0.2.1"
RELAY, RELAY6 = "203.0.113.1", "2001:db8:f::1"
PEER, PEER6, DENIED, ECHO = "203.0.113.9", "2001:db8:f::9", "203.0.113.77", 7000
ALICE = ["alice", "wonder"]

PLAN = Plan(
    nodes={
        "client": Node(addresses=(f"{CLIENT}/24 dev eth0",)),
        "turn": Node(
            addresses=(f"{SERVER}/24 dev eth0", f"{RELAY}/24 dev eth1", f"{RELAY6}/64 dev eth1"),
        ),
        "peer": Node(addresses=(f"{PEER}/24 dev eth0", f"{PEER6}/64 dev eth0")),
    },
    wires=(Wire("client/eth0", "turn/eth0"), Wire("peer/eth0", "turn/eth1")),
)
COTURN = (
    *("turnserver", "-n", "--relay-threads=1", "--no-tls", "--no-dtls", "--no-cli", "--log-file=stdout", "-v"),
    *("--simple-log", "--no-rfc5780", f"--listening-ip={SERVER}", f"--relay-ip={RELAY}", "--realm=example.org"),
)
USERS = ("--lt-cred-mech", f"--user={ALICE[0]}:{ALICE[1]}")
SERVERS = {
    "users": (3478, (*USERS, f"--denied-peer-ip={DENIED}")),
    "secret": (3480, ("--use-auth-secret", "--static-auth-secret=north", "--user-quota=1")),
    "open": (3482, ("--no-auth", f"--relay-ip={RELAY6}")),
    "no-udp-relay": (3484, (*USERS, "--no-udp-relay")),
    "narrow": (3486, (*USERS, "--min-port=60000", "--max-port=60000")),
    "forgetful": (3488, (*USERS, "--stale-nonce=1")),
}


@pytest.fixture(scope="module")
def network() -> Iterator[tuple[Network, dict[str, Process]]]:
    with built(PLAN) as network:
        echo = network["peer"].start([sys.executable, "-m", "tests.netns.turn_client", "echo", str(ECHO)], log="echo")
        servers = {}
        for name, (port, options) in SERVERS.items():
            own = network["turn"].folder / name
            files = (f"--listening-port={port}", f"--pidfile={own}.pid", f"--userdb={own}.db")
            servers[name] = network["turn"].start([*COTURN, *files, *options], log=f"{name}.log")
        for name, process in servers.items():
            process.listens(udp=[SERVERS[name][0]], tcp=[SERVERS[name][0]])
        echo.listens(udp=[ECHO])
        yield network, servers


def went(network: tuple[Network, dict[str, Process]], name: str, *scenarios: dict[str, Any]) -> list[list[str]]:
    asked = json.dumps([{"port": SERVERS[name][0]} | scenario for scenario in scenarios])
    done = network[0]["client"].run([sys.executable, "-m", "tests.netns.turn_client", SERVER, asked])
    return json.loads(done.stdout)  # type: ignore[no-any-return]


def scenario(*steps: Sequence[Any], **options: Any) -> dict[str, Any]:
    return {"steps": steps, **options}


ALLOWED = ["Challenged 401", f"Allocated {RELAY} True 600"]
REFUSED = "Refused {}, signed"


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_from_the_first_request_to_the_last(network: tuple[Network, dict[str, Process]], transport: str) -> None:
    steps: list[list[Any]] = [["allocate"], ["permit", PEER, ECHO], ["small", PEER, ECHO], ["large", PEER, ECHO]]
    steps += [["bind", 0x4000, PEER, ECHO], ["small", PEER, ECHO], ["large", PEER, ECHO], ["refresh", 900], ["close"]]
    (found,) = went(network, "users", scenario(*steps, transport=transport, user=ALICE))
    by_indication, by_channel = ["back by indication"] * 2, ["back by channel"] * 2
    assert found == [*ALLOWED, "Permitted", *by_indication, "Bound", *by_channel, "Refreshed 900", "Refreshed 0"]


def test_an_open_relay_of_both_families(network: tuple[Network, dict[str, Process]]) -> None:
    found = went(
        network,
        "open",
        scenario(["allocate"], ["close"], user=ALICE),
        scenario(["allocate"], ["permit", PEER, ECHO], ["small", PEER, ECHO], ["close"]),
        scenario(["allocate", 6], ["permit", PEER6, ECHO], ["small", PEER6, ECHO], ["close"]),
    )
    assert found[0] == [f"Allocated {RELAY} False 600", "Refreshed 0"]
    for relayed, each in zip((RELAY, RELAY6), found[1:], strict=True):
        assert each == [f"Allocated {relayed} False 600", "Permitted", "back by indication", "Refreshed 0"]


def test_who_is_not_let_in(network: tuple[Network, dict[str, Process]]) -> None:
    """A wrong password, an unknown user, one that has expired, one of another kind: all the same."""
    moods: dict[str, tuple[dict[str, Any], ...]] = {
        "users": ({"user": ["alice", "x"]}, {"user": ["bob", "wonder"]}, {"secret": "north"}),
        "secret": ({"secret": "south"}, {"secret": "north", "lasts": -60}, {"user": ALICE}),
    }
    for name, options in moods.items():
        for found in went(network, name, *[scenario(["allocate"], **each) for each in options]):
            assert found == ["Challenged 401", "Refused 401 Unauthorized"]
        (found,) = went(network, name, scenario(["allocate"]))
        assert found == ["Refused 401 Unauthorized, not authenticated"]


@pytest.mark.parametrize(("verb", "number"), [(["permit"], 4), (["bind", 0x4001], 3)])
def test_peers_that_are_refused(network: tuple[Network, dict[str, Process]], verb: list[Any], number: int) -> None:
    mismatch = f"443 Peer Address Family Mismatch ({number})"
    peers = {DENIED: "403 Forbidden IP", "127.0.0.1": "403 Forbidden IP", PEER6: mismatch}
    steps = [[*verb, peer, ECHO] for peer in peers]
    (found,) = went(network, "users", scenario(["allocate"], *steps, ["close"], user=ALICE))
    assert found == [*ALLOWED, *map(REFUSED.format, peers.values()), "Refreshed 0"]


def test_a_second_allocation_where_one_is(network: tuple[Network, dict[str, Process]]) -> None:
    """From the same 5-tuple, as a client that was started again: the first is in its way."""
    (found,) = went(network, "users", scenario(["allocate"], ["anew"], user=ALICE))
    words = "Refused 437 Mismatched allocation: wrong transaction ID, not authenticated"
    assert found == [*ALLOWED, words]


def test_a_nonce_that_gets_stale(network: tuple[Network, dict[str, Process]]) -> None:
    steps: list[list[Any]] = [["allocate"], ["wait", 2.1], ["permit", PEER, ECHO], ["close"]]
    (found,) = went(network, "forgetful", scenario(*steps, user=ALICE))
    assert found == [*ALLOWED, "Challenged 438", "Permitted", "Refreshed 0"]


def test_what_a_server_has_not(network: tuple[Network, dict[str, Process]]) -> None:
    (found,) = went(network, "users", scenario(["allocate", 6], user=ALICE))
    assert found == ["Challenged 401", REFUSED.format("440 Unsupported address family")]
    (found,) = went(network, "no-udp-relay", scenario(["allocate"], user=ALICE))
    words = "442 UDP Transport is not allowed by the TURN Server configuration"
    assert found == ["Challenged 401", REFUSED.format(words)]


def test_what_is_used_up(network: tuple[Network, dict[str, Process]]) -> None:
    secret = scenario(["allocate"], secret="north")
    assert went(network, "secret", secret, secret) == [
        ALLOWED,
        ["Challenged 401", REFUSED.format("486 Allocation Quota Reached")],
    ]
    narrow = scenario(["allocate"], user=ALICE)
    assert went(network, "narrow", narrow, narrow) == [
        ALLOWED,
        ["Challenged 401", REFUSED.format("508 Cannot create socket")],
    ]
