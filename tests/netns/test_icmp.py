"""What a real kernel tells natprobe of ICMP errors, of its own firewall, and of link-local addresses."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.netns.kernel import Host, Network, Node, Plan, Wire, built

HERE = Path(__file__).parent
CLIENT, ROUTER, SERVER = "192.168.1.2", "192.168.1.1", "203.0.113.10"
CLIENT6, ROUTER6, SERVER6 = "2001:db8:1::2", "2001:db8:1::1", "2001:db8:f::10"
LOCAL, LOCAL_ROUTER = "fe80::2", "fe80::1"
TOKEN = "AbCdEfGhIjKlMnOpQrStUv"

# The router's answer to each port: IPv4 type/code, and IPv6's.
REJECTS = {
    7000: ("icmp net-unreachable", "3/0", "unreachable-net"),
    7001: ("icmp host-unreachable", "3/1", "unreachable-host"),
    7002: ("icmp port-unreachable", "3/3", "port-unreachable"),
    7003: ("icmp net-prohibited", "3/9", "prohibited"),
    7004: ("icmp host-prohibited", "3/10", "prohibited"),
    7005: ("icmp admin-prohibited", "3/13", "prohibited"),
    7010: ("icmpv6 no-route", "1/0", "unreachable-net"),
    7011: ("icmpv6 admin-prohibited", "1/1", "prohibited"),
    7012: ("icmpv6 addr-unreachable", "1/3", "unreachable-host"),
    7013: ("icmpv6 port-unreachable", "1/4", "port-unreachable"),
    7014: ("icmpv6 policy-fail", "1/5", "prohibited"),
    7015: ("icmpv6 reject-route", "1/6", "prohibited"),
}
CLOSED, SILENT, REFUSED_HERE = 7100, 7101, 7102


def rejects() -> str:
    lines = [f"udp dport {port} reject with {kind.replace(' ', ' type ')}" for port, (kind, _, _) in REJECTS.items()]
    return firewall("forward", *lines, f"udp dport {SILENT} drop")


def firewall(hook: str, *rules: str) -> str:
    body = "\n".join([f"type filter hook {hook} priority 0;", *rules])
    return f"table inet f {{\nchain c {{\n{body}\n}}\n}}\n"


PLAN = Plan(
    nodes={
        "client": Node(
            addresses=(f"{CLIENT}/24 dev eth0", f"{CLIENT6}/64 dev eth0", f"{LOCAL}/64 dev eth0"),
            routes=(f"default via {ROUTER}", f"default via {ROUTER6}"),
            nft=firewall("output", f"udp dport {REFUSED_HERE} drop"),
        ),
        "router": Node(
            forwards=True,
            addresses=(
                *(f"{ROUTER}/24 dev lan", f"{ROUTER6}/64 dev lan", f"{LOCAL_ROUTER}/64 dev lan"),
                *("203.0.113.1/24 dev wan", "2001:db8:f::1/64 dev wan"),
            ),
            routes=("unreachable 198.51.100.0/25", "prohibit 198.51.100.128/25"),
            nft=rejects(),
        ),
        "server": Node(
            addresses=(f"{SERVER}/24 dev eth0", f"{SERVER6}/64 dev eth0"),
            routes=("default via 203.0.113.1", "default via 2001:db8:f::1"),
        ),
    },
    wires=(Wire("client/eth0", "router/lan"), Wire("router/wan", "server/eth0")),
)


@pytest.fixture(scope="module")
def network() -> Iterator[Network]:
    with built(PLAN) as network:
        yield network


def asked(client: Host, address: str, *ports: int) -> dict[str, Any]:
    words = [address, *map(str, ports)]
    found = json.loads(client.run([sys.executable, "-m", "tests.netns.asker", *words]).stdout)
    assert found["strays"] == []
    return found["asked"]  # type: ignore[no-any-return]


@pytest.mark.parametrize(("address", "router", "version"), [(SERVER, ROUTER, "icmp "), (SERVER6, ROUTER6, "icmpv6 ")])
def test_every_refusal_of_a_router(network: Network, address: str, router: str, version: str) -> None:
    """All from one socket: each error is its own packet's."""
    wanted = {port: words for port, words in REJECTS.items() if words[0].startswith(version)}
    found = asked(network["client"], address, *wanted, CLOSED, SILENT)
    for port, (_, icmp, failure) in wanted.items():
        assert found[str(port)] == {"failure": failure, "icmp": icmp, "by": router, "tries": 1, "mapped": None}
    closed, silent = found[str(CLOSED)], found[str(SILENT)]
    assert (closed["failure"], closed["by"]) == ("port-unreachable", address)
    assert (silent["failure"], silent["icmp"], silent["tries"]) == ("timeout", None, 2)


@pytest.mark.parametrize(
    ("address", "icmp", "failure", "by"),
    [
        ("198.51.100.7", "3/1", "unreachable-host", ROUTER),
        ("198.51.100.200", "3/13", "prohibited", ROUTER),
        ("192.0.2.7", "3/0", "unreachable-net", ROUTER),
        ("2001:db8:bad::1", "1/0", "unreachable-net", ROUTER6),
    ],
)
def test_routes_that_lead_nowhere(network: Network, address: str, icmp: str, failure: str, by: str) -> None:
    time.sleep(1.0)  # Linux sends one such error a second to each host
    (found,) = asked(network["client"], address, 3478).values()
    assert (found["failure"], found["icmp"], found["by"]) == (failure, icmp, by)


def test_no_route_at_all(network: Network) -> None:
    (found,) = asked(network["router"], "192.0.2.7", 3478).values()
    assert (found["failure"], found["icmp"], found["tries"]) == ("no-route", None, 1)


@pytest.mark.parametrize("address", [SERVER, SERVER6])
def test_this_machines_own_firewall(network: Network, address: str) -> None:
    """EPERM, and it spoils nothing for the next port."""
    found = asked(network["client"], address, REFUSED_HERE, CLOSED)
    assert found[str(REFUSED_HERE)]["failure"] == "permission-denied"
    assert found[str(REFUSED_HERE)]["icmp"] is None
    assert found[str(CLOSED)]["failure"] == "port-unreachable"


@pytest.mark.parametrize("zone", ["eth0", "2"])
def test_a_peer_on_the_link(network: Network, zone: str, tmp_path: Path) -> None:
    """Zones all the way: the route, the socket, and the answer's sender, who has a number where we have a name."""
    client, router = network["client"], network["router"]
    zone = "eth0" if zone == "eth0" else client.run(["cat", "/sys/class/net/eth0/ifindex"]).stdout.strip()
    (tmp_path / "token").write_text(TOKEN)
    ports = ["--udp", "10000", "--tcp", "4443", "--address", f"{LOCAL_ROUTER}%lan"]
    argv = [sys.executable, "-m", "natprobe", "serve", *ports, "--token-file", str(tmp_path / "token")]
    server = router.start(argv, log=f"serve-{zone}.log").listens(udp=[10000], tcp=[4443])
    target = f"natprobe://[{LOCAL_ROUTER}%25{zone}]:10000?tcp=4443#{TOKEN}"
    done = client.natprobe("check", target, "--stun", "none", "--json", "-q")
    server.stop()
    report = json.loads(done.stdout)
    checks = [each for each in report["observations"] if each["kind"] == "IceCheck"]
    assert {(each["transport"], each["verified"]) for each in checks} == {("udp", True), ("tcp", True)}
    assert report["verdict"]["status"] == "good"
    assert done.returncode == 0
