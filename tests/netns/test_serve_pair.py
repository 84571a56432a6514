"""`natprobe serve` and `check` as the two halves of one verdict: real kernels, and a router between that loses packets
in one direction, or in one size. And `serve --watch` beside a program that has the port.
"""

from __future__ import annotations

import json
import signal
import sys
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.netns.kernel import Host, Network, Node, Plan, Wire, built

CLIENT, INSIDE, OUTSIDE, SERVER = "192.168.5.2", "192.168.5.1", "198.51.100.5", "203.0.113.5"
PORT = 10000
NAT = "table ip nat { chain post { type nat hook postrouting priority 100; oifname eth1 masquerade; }; }"
PLAN = Plan(
    {
        "client": Node(addresses=(f"{CLIENT}/24 dev eth0",), routes=(f"default via {INSIDE}",)),
        "router": Node(addresses=(f"{INSIDE}/24 dev eth0", f"{OUTSIDE}/24 dev eth1"), forwards=True, nft=NAT),
        "server": Node(addresses=(f"{SERVER}/24 dev eth0",), routes=(f"{OUTSIDE} dev eth0", f"default via {OUTSIDE}")),
    },
    (Wire("client/eth0", "router/eth0"), Wire("router/eth1", "server/eth0")),
)
# What a bridge does to natprobe's own packets, and a silent program.
HOLDS = """
import socket
held = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
held.bind(("0.0.0.0", 10000))
while True:
    data, sender = held.recvfrom(4096)
    if data == b"answer me":
        held.sendto(b"answer", sender)
"""
SENDS = """
import socket
ours = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for data in (bytes([128]) + bytes(1250), bytes([22, 254, 253]) + bytes(40), b"answer me"):
    ours.sendto(data, ("203.0.113.5", 10000))
"""


@pytest.fixture(scope="module")
def network() -> Iterator[Network]:
    with built(PLAN) as network:
        network["router"].run(["ip", "route", "add", f"{SERVER}/32", "dev", "eth1"])
        yield network


def rules(router: Host, rule: str) -> None:
    """Of the router's way through; empty: everything passes."""
    table = f"table ip lossy {{ chain way {{ type filter hook forward priority 0; {rule and rule + ';'} }}; }}"
    router.run(["nft", f"add table ip lossy; delete table ip lossy; {table}"])


class Served:
    """`natprobe serve` with a report."""

    def __init__(self, host: Host, *words: str, watch: bool = False) -> None:
        self.host, self.report = host, host.folder / f"served-{time.monotonic_ns()}.json"
        argv = [sys.executable, "-m", "natprobe", "serve", *words, "-o", str(self.report)]
        self.process = host.start(argv, log=f"{self.report.stem}.log")
        self.process.wait(lambda: ("Watches " if watch else "natprobe://") in self.process.log.read_text())

    @property
    def line(self) -> str:
        return next(each for each in self.process.log.read_text().splitlines() if each.startswith("natprobe://"))

    def end(self) -> dict[str, Any]:
        self.process.child.send_signal(signal.SIGINT)
        self.process.child.wait(20)
        found: dict[str, Any] = json.loads(self.report.read_text())
        return found


def checked(network: Network, line: str) -> dict[str, Any]:
    done = network["client"].natprobe("check", line, "--stun", "none", "--json", "-q")
    assert done.stderr == ""
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def seen(report: dict[str, Any], kind: str, **wanted: object) -> list[dict[str, Any]]:
    found = [each for each in report["observations"] if each["kind"] == kind]
    return [each for each in found if {**each, **wanted} == each]


def direct(report: dict[str, Any]) -> dict[str, Any]:
    (path,) = [each for each in report["paths"] if each["name"] == "direct-udp"]
    found: dict[str, Any] = path["attempts"][0]
    return found


UP, DOWN = f"udp dport {PORT}", f"udp sport {PORT}"
LARGE = "udp length > 1000 drop"


@pytest.mark.parametrize(
    ("rule", "cause", "says", "came", "answered"),
    [
        ("", None, "", 3, 3),
        (f"{UP} drop", "media-port-silent", "are lost on the way there", None, None),
        (f"{DOWN} drop", "media-port-silent", "the answers are lost on the way back", 27, 27),
        (f"{UP} {LARGE}", "mtu-blackhole", "vanish", 1, 1),
        (f"{DOWN} {LARGE}", "mtu-blackhole", "do not come back", 11, 11),
    ],
    ids=["healthy", "up", "down", "large up", "large down"],
)
def test_both_halves(
    network: Network, rule: str, cause: str | None, says: str, came: int | None, answered: int | None
) -> None:
    rules(network["router"], rule)
    served = Served(network["server"], "--udp", str(PORT), "--tcp", "4443", "--host", SERVER)
    report = checked(network, served.line)
    server = served.end()
    assert [each["cause"] for each in report["findings"]] == ([cause] if cause else [])
    assert all(says in each["message"] for each in report["findings"])
    (word,) = {each["session"] for each in seen(report, "Run")}
    for told in (report, server):
        found = seen(told, "Arrived", proto="udp", session=word)
        assert bool(found) == (came is not None)
        # What follows a failure, to find the place or the size, comes on top.
        assert sum(each["packets"] for each in found) >= (came or 0)
        assert sum(each["answered"] for each in found) >= (answered or 0)
        assert cause or [(each["packets"], each["answered"]) for each in found] == [(came, answered)]
        # What the NAT made of the client's address.
        assert all(each["sender"].startswith(f"{OUTSIDE}:") and each["verified"] for each in found)
    assert seen(report, "Watched", proto="udp", port=PORT)
    attempt = direct(report)
    large = {"": (True, True), f"{UP} {LARGE}": (False, None), f"{DOWN} {LARGE}": (True, False)}
    assert (attempt["large_up"], attempt["large_down"]) == large.get(rule, (None, None))


def test_answers_that_the_servers_own_firewall_keeps_in(network: Network) -> None:
    rules(network["router"], "")
    server = network["server"]
    out = f"table ip own {{ chain out {{ type filter hook output priority 0; udp sport {PORT} drop; }}; }}"
    server.run(["nft", out])
    try:
        served = Served(server, "--udp", str(PORT), "--tcp", "4443", "--host", SERVER)
        report = checked(network, served.line)
    finally:
        server.run(["nft", "delete table ip own"])
    served.end()
    (finding,) = report["findings"]
    assert "none of its answers could leave it" in finding["message"]
    assert [each["cause"] for each in finding["alternatives"]] == ["egress-closed"]


def test_a_watch_sees_what_another_program_gets(network: Network) -> None:
    """Before the host's own firewall, and with what leaves the host."""
    rules(network["router"], "")
    server = network["server"]
    holder = server.start([sys.executable, "-c", HOLDS], log="holder.log")
    shut = "table ip own { chain in { type filter hook input priority 0; udp length > 1000 drop; }; }"
    server.run(["nft", shut])
    watch = Served(server, "--watch", "--udp", str(PORT), watch=True)
    try:
        network["client"].run([sys.executable, "-c", SENDS])
        watch.process.wait(lambda: "something else" in watch.process.log.read_text())
        time.sleep(0.2)  # the answer
    finally:
        server.run(["nft", "delete table ip own"])
        holder.stop()
    report = watch.end()
    came = {each["what"]: each for each in seen(report, "Arrived", by="interface", proto="udp")}
    assert {what: (each["packets"], each["full_size"]) for what, each in came.items()} == {
        "rtp": (1, 1),
        "dtls": (1, 0),
        "other": (1, 0),
    }
    assert came["other"]["answered"] == 1
    assert {each["sender"].rpartition(":")[0] for each in came.values()} == {OUTSIDE}
    assert {each["local"] for each in came.values()} == {f"{SERVER}:{PORT}"}
    assert "answer me" not in watch.process.log.read_text() + json.dumps(report)


TO_ITSELF = """
import socket
ours = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
ours.sendto(b"twice", ("::1", 10000))
ours.sendto(b"twice", ("::1", 10000))
ours.sendto(b"elsewhere", ("::1", 10001))
for port in (443, 4443):
    with socket.socket(socket.AF_INET6) as stream:
        stream.connect_ex(("::1", port))
"""


def test_a_watch_of_ipv6_and_of_tcp(network: Network) -> None:
    """On loopback the same packet goes out and comes in. A port that nobody has answers no connection."""
    server = network["server"]
    listening = "import socket, time; held = socket.create_server(('::', 4443), family=socket.AF_INET6); time.sleep(60)"
    holder = server.start([sys.executable, "-c", listening], log="listening.log").listens(tcp=[4443])
    watch = Served(server, "--watch", "--udp", "10000", "--tcp", "443", "--tcp", "4443", watch=True)
    try:
        server.run([sys.executable, "-c", TO_ITSELF])
        watch.process.wait(lambda: "TCP 4443 from" in watch.process.log.read_text())
        time.sleep(0.2)
    finally:
        holder.stop()
    came = {each["local"]: each for each in seen(watch.end(), "Arrived", by="interface")}
    assert {local: (each["what"], each["packets"], each["answered"]) for local, each in came.items()} == {
        "[::1]:10000": ("other", 2, 0),
        "[::1]:443": ("connection", 1, 0),
        "[::1]:4443": ("connection", 1, 1),
    }


def test_a_watch_knows_the_checks_of_a_natprobe_beside_its_peer(network: Network) -> None:
    """Lost by the host's own firewall: the socket saw nothing, the interface everything."""
    rules(network["router"], "")
    server = network["server"]
    served = Served(server, "--udp", str(PORT), "--tcp", "4443", "--host", SERVER)
    watch = Served(server, "--watch", "--udp", str(PORT), watch=True)
    server.run(["nft", f"table ip own {{ chain in {{ type filter hook input priority 0; udp dport {PORT} drop; }}; }}"])
    try:
        report = checked(network, served.line)
    finally:
        server.run(["nft", "delete table ip own"])
    (word,) = {each["session"] for each in seen(report, "Run")}
    assert seen(served.end(), "Arrived", proto="udp", session=word) == []
    (came,) = seen(watch.end(), "Arrived", proto="udp", session=word)
    assert (came["full_size"], came["answered"]) == (18, 0)
    assert came["packets"] >= 27  # and those of the probe that looks for the place


def test_a_watch_takes_root_and_says_so(network: Network) -> None:
    words = ["setpriv", "--reuid", "65534", "--clear-groups", "--bounding-set", "-all", "--inh-caps", "-all"]
    done = network["server"].run(
        [*words, sys.executable, "-m", "natprobe", "serve", "--watch", "--for", "1"], check=False
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "natprobe: --watch sees every packet, which takes root: sudo natprobe serve --watch\n"


def test_an_ordinary_user_serves_all_the_same(network: Network) -> None:
    words = ["setpriv", "--reuid", "65534", "--clear-groups", "--bounding-set", "-all", "--inh-caps", "-all"]
    done = network["server"].run(
        [*words, sys.executable, "-m", "natprobe", "serve", "--for", "0.5", "--like", "jitsi"], check=False
    )
    assert done.returncode == 0
    assert "TCP port 443 needs privileges" in done.stderr
    assert done.stdout.startswith("natprobe://")
