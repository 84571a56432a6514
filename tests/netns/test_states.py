"""The states of one host in real kernels: a check, an inspection and a watch of it, and what they come to together.

Two servers: one has its public address itself, the other has an inner one behind a router. What each state is, is rules
of nftables on one of the nodes, and who has the port.
"""

from __future__ import annotations

import json
import shutil
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Literal, NamedTuple

import pytest

from natprobe.codec import load, merge
from natprobe.diagnose import diagnose
from natprobe.model import Report
from tests.netns.kernel import Network, Node, Plan, Process, Wire, built

DIRECT, SECOND, EDGE, STUN = "203.0.113.20", "203.0.113.21", "203.0.113.10", "192.0.2.2"
INNER, OTHER, PORT, TOKEN = "10.0.1.60", "10.0.1.61", 10000, "tokentokentokentoken12"
AT_STUN = ("--stun", f"stun:{STUN}:3478")
# The tests' machine has files of its own.
UNREAD = ("--skip", "files", "--skip", "certificates", "--skip", "programs")
MASQUERADE = "table ip nat { chain post { type nat hook postrouting priority 100; oifname eth1 masquerade; }; }"
NODES = {
    "client": Node(addresses=("192.168.5.2/24 dev eth0",), routes=("default via 192.168.5.1",)),
    "home": Node(
        addresses=("192.168.5.1/24 dev eth0", "198.51.100.5/24 dev eth1"),
        routes=("default via 198.51.100.1",),
        forwards=True,
        nft=MASQUERADE,
    ),
    "internet": Node(
        addresses=(
            "198.51.100.1/24 dev eth0",
            "192.0.2.1/24 dev eth1",
            "203.0.113.17/28 dev eth2",
            "203.0.113.1/28 dev eth3",
        ),
        forwards=True,
    ),
    "outside": Node(addresses=(f"{STUN}/24 dev eth0",), routes=("default via 192.0.2.1",)),
    "direct": Node(addresses=(f"{DIRECT}/28 dev eth0", f"{SECOND}/28 dev eth0"), routes=("default via 203.0.113.17",)),
    "edge": Node(
        addresses=("10.0.1.1/30 dev eth0", f"{EDGE}/28 dev eth1", "10.0.1.5/30 dev eth2"),
        routes=(f"{INNER} dev eth0", f"{OTHER} dev eth2", "default via 203.0.113.1"),
        forwards=True,
        nft=MASQUERADE,
    ),
    "inner": Node(addresses=(f"{INNER}/32 dev eth0",), routes=("10.0.1.1 dev eth0", "default via 10.0.1.1")),
    "other": Node(addresses=(f"{OTHER}/32 dev eth0",), routes=("10.0.1.5 dev eth0", "default via 10.0.1.5")),
}
WIRES = (
    Wire("client/eth0", "home/eth0"),
    Wire("home/eth1", "internet/eth0"),
    Wire("outside/eth0", "internet/eth1"),
    Wire("direct/eth0", "internet/eth2"),
    Wire("edge/eth1", "internet/eth3"),
    Wire("inner/eth0", "edge/eth0"),
    Wire("other/eth0", "edge/eth2"),
)
# Takes the port and answers nobody.
HOLDS = """
import socket, sys, time
held = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
held.bind((sys.argv[1], 10000))
time.sleep(600)
"""
Server = Literal["direct", "inner"]


class State(NamedTuple):
    """`rules`: node -> a chain's type, hook and rules. `holder`: who has the port: `serve`, an address that a silent
    program of ours has, `nobody`, or `miniserv`, another program. `clients`: who checks.
    """

    name: str
    server: Server
    cause: str | None
    rules: dict[str, str] = {}  # noqa: RUF012  # nobody changes it
    holder: str = "serve"
    clients: tuple[str, ...] = ("client",)
    watch: bool = False
    brief: bool = False


def hook(where: str, rules: str, kind: str = "filter", priority: int = 0) -> str:
    """One chain of a table of ours."""
    return f"chain own {{ type {kind} hook {where} priority {priority}; {rules}; }}\n"


IN, OUT = f"udp dport {PORT}", f"udp sport {PORT}"


def leads(to: str, proto: str = "udp", where: str = f"ip daddr {EDGE} iifname eth1") -> str:
    """A forwarding at the router."""
    return hook("prerouting", f"{where} {proto} dport {PORT} dnat to {to}", "nat", -100)


SHUT = "chain shut { type filter hook input priority 0; iifname eth1 ct state new drop; }\n"
FORWARDED = leads(INNER)
USER = f"chain user {{ {IN} drop; }}\n"
STATES = (
    State("healthy", "direct", None, brief=True),
    State("closed", "direct", "not-listening", holder="nobody", brief=True),
    State("loopback-only", "direct", "loopback-only", holder="127.0.0.1"),
    State("wrong-process", "direct", "port-held-by-other", holder="miniserv"),
    State("input-drop", "direct", "firewall-closed", {"direct": hook("input", f"{IN} drop")}, brief=True),
    State("input-reject", "direct", "firewall-closed", {"direct": hook("input", f"{IN} reject")}),
    State(
        "input-prohibited",
        "direct",
        "firewall-closed",
        {"direct": hook("input", f"{IN} reject with icmp type admin-prohibited")},
    ),
    State("input-policy", "direct", "firewall-closed", {"direct": hook("input", "policy drop; tcp dport 22 accept")}),
    State("raw", "direct", "firewall-closed", {"direct": hook("prerouting", f"{IN} drop", priority=-300)}),
    State("ingress-mangle", "direct", "firewall-closed", {"direct": hook("prerouting", f"{IN} drop", priority=-150)}),
    State("output-drop", "direct", "egress-closed", {"direct": hook("output", f"{OUT} drop")}, watch=True, brief=True),
    State("egress", "direct", "egress-closed", {"internet": hook("forward", f"{OUT} drop")}, watch=True),
    State("cloud", "direct", "cloud-firewall", {"internet": hook("forward", f"{IN} drop")}, watch=True, brief=True),
    State("cloud-untold", "direct", "media-port-silent", {"internet": hook("forward", f"{IN} drop")}),
    State(
        "blocked-here",
        "direct",
        "media-port-blocked-here",
        {"home": hook("forward", f"{IN} drop")},
        clients=("client", "outside"),
        brief=True,
    ),
    State(
        "blocked-here-watched",
        "direct",
        "media-port-blocked-here",
        {"home": hook("forward", f"{IN} drop")},
        clients=("client", "outside"),
        watch=True,
    ),
    State(
        "answers-blocked-here",
        "direct",
        "media-port-blocked-here",
        {"home": hook("forward", f"{OUT} drop")},
        clients=("client", "outside"),
        watch=True,
    ),
    State(
        "some-sources",
        "direct",
        "firewall-closed",
        {"direct": hook("input", f"ip saddr 192.0.2.0/24 accept; {IN} drop")},
        clients=("client", "outside"),
    ),
    State("other-address", "direct", "listening-on-other-address", holder=SECOND),
    State("chains", "direct", "firewall-closed", {"direct": USER + hook("input", "jump user")}),
    State("set", "direct", "firewall-closed", {"direct": hook("input", "udp dport { 53, 9000-20000 } drop")}),
    State("interface", "direct", "firewall-closed", {"direct": hook("input", "iifname eth0 meta l4proto udp drop")}),
    State(
        "established",
        "direct",
        "firewall-closed",
        {"direct": hook("input", "policy drop; ct state established,related accept; iifname lo accept")},
    ),
    State("cloud-rejects", "direct", "cloud-firewall", {"internet": hook("forward", f"{IN} reject")}, watch=True),
    State(
        "cloud-two-networks",
        "direct",
        "cloud-firewall",
        {"internet": hook("forward", f"{IN} drop")},
        clients=("client", "outside"),
    ),
    State("forwarded-process", "inner", "port-held-by-other", {"edge": FORWARDED}, holder="miniserv"),
    State(
        "forwarded-output-drop",
        "inner",
        "egress-closed",
        {"edge": FORWARDED, "inner": hook("output", f"{OUT} drop")},
        watch=True,
    ),
    State(
        "forwarded-egress",
        "inner",
        "egress-closed",
        {"edge": FORWARDED + hook("forward", f"{OUT} drop").replace("own", "way")},
        watch=True,
    ),
    # That nobody is there shows after three seconds, and then nobody listens any more.
    State("wrong-host-dead", "inner", "port-not-forwarded", {"edge": leads("10.0.1.2")}, watch=True),
    State(
        "hairpin-by-the-server",
        "inner",
        "hairpin-missing",
        {"edge": SHUT + hook("input", f"iifname eth2 {IN} drop").replace("own", "near")},
        clients=("other",),
        watch=True,
    ),
    State("forwarded", "inner", None, {"edge": FORWARDED}),
    State("not-forwarded", "inner", "port-not-forwarded", {"edge": SHUT}, watch=True, brief=True),
    State("wrong-host", "inner", "forwarded-elsewhere", {"edge": leads(OTHER)}, watch=True, brief=True),
    State("wrong-host-unwatched", "inner", "forwarded-elsewhere", {"edge": leads(OTHER)}),
    State("wrong-port", "inner", "forwarded-elsewhere", {"edge": leads(f"{INNER}:10001")}, watch=True, brief=True),
    State("wrong-protocol", "inner", "port-not-forwarded", {"edge": SHUT + leads(INNER, "tcp")}, watch=True),
    State(
        "forwarded-input-drop",
        "inner",
        "firewall-closed",
        {"edge": FORWARDED, "inner": hook("input", f"{IN} drop")},
        brief=True,
    ),
    State("forwarded-closed", "inner", "not-listening", {"edge": FORWARDED}, holder="nobody"),
    State("forwarded-loopback", "inner", "loopback-only", {"edge": FORWARDED}, holder="127.0.0.1"),
    State(
        "forwarded-router-drops",
        "inner",
        "port-not-forwarded",
        {"edge": FORWARDED + hook("forward", f"{IN} drop").replace("own", "way")},
        watch=True,
    ),
    State(
        "hairpin",
        "inner",
        "hairpin-missing",
        {"edge": SHUT + FORWARDED + hook("input", f"iifname eth2 {IN} drop").replace("own", "near")},
        clients=("other", "outside"),
        brief=True,
    ),
)


@pytest.fixture(scope="module")
def network() -> Iterator[Network]:
    with built(Plan(NODES, WIRES)) as network:
        argv = [sys.executable, "-m", "natprobe", "serve", "--udp", "3478", "--tcp", "3478", "--host", STUN]
        network["outside"].start(argv, log="stun.log").listens(udp=(3478,))
        yield network


def holder(network: Network, state: State, folder: Path) -> Process | None:
    host = network[state.server]
    if state.holder == "nobody":
        return None
    if state.holder == "serve":
        (folder / "token").write_text(TOKEN)
        argv = [sys.executable, "-m", "natprobe", "serve", "--udp", str(PORT), "--tcp", "4443"]
        argv += ["--host", DIRECT, "--token-file", str(folder / "token")]
        return host.start(argv, log=f"{state.name}-serve.log").listens(udp=(PORT,))
    program = sys.executable
    if state.holder == "miniserv":
        program = str(folder / "miniserv")
        shutil.copy(Path(sys.executable).resolve(), program)
    address = "0.0.0.0" if state.holder == "miniserv" else state.holder
    return host.start([program, "-c", HOLDS, address], log=f"{state.name}-holder.log").listens(udp=(PORT,))


class Watch:
    """`natprobe serve --watch` and its report."""

    def __init__(self, network: Network, state: State, folder: Path) -> None:
        self._file = folder / "watch.json"
        argv = [sys.executable, "-m", "natprobe", "serve", "--watch", "--udp", "10000-10001", "--tcp", str(PORT)]
        self._process = network[state.server].start([*argv, "-o", str(self._file)], log=f"{state.name}-watch.log")
        self._process.wait(lambda: "Watches " in self._process.log.read_text())

    def report(self) -> str:
        self._process.child.send_signal(signal.SIGINT)
        self._process.child.wait(20)
        return self._file.read_text()


def reports(network: Network, state: State, folder: Path) -> list[tuple[str, str]]:
    """Label and JSON of each: the clients at once, and the server's beside them."""
    address = DIRECT if state.server == "direct" else EDGE
    line = f"natprobe://{address}:{PORT}#{TOKEN}"
    with ExitStack() as undo:
        for node, chains in state.rules.items():
            network[node].run(["nft", f"table ip own {{\n{chains}\n}}\n"])
            undo.callback(network[node].run, ["nft", "delete table ip own"])
        held = holder(network, state, folder)
        if held is not None:
            undo.callback(held.stop)
        watch = Watch(network, state, folder) if state.watch else None
        words: dict[str, tuple[str, ...]] = dict.fromkeys(state.clients, ("check", line, *AT_STUN))
        words[state.server] = ("inspect", "--expect", f":{PORT}/udp", *AT_STUN, *UNREAD)
        asked = {name: _begun(network, name, each, folder) for name, each in words.items()}
        found = [(name, _ended(process, folder / f"{name}.json")) for name, process in asked.items()]
        if watch is not None:
            time.sleep(0.1)
            found.append(("watch", watch.report()))
    return found


def _begun(network: Network, name: str, words: tuple[str, ...], folder: Path) -> Process:
    argv = [sys.executable, "-m", "natprobe", *words, "-q", "-o", str(folder / f"{name}.json")]
    return network[name].start(argv, log=f"{name}-{folder.name}.log")


def _ended(process: Process, report: Path) -> str:
    process.child.wait(60)
    assert report.exists(), process.log.read_text()
    return report.read_text()


def together(found: list[tuple[str, str]]) -> Report:
    saved = merge([(label, load(text)) for label, text in found])
    return diagnose(saved.target, saved.observations, saved.sources)


def media(report: Report) -> list[str]:
    """The causes that are errors."""
    return [each.cause for each in report.findings if each.severity == "error"]


@pytest.mark.parametrize(
    "state",
    [pytest.param(each, marks=() if each.brief else pytest.mark.long, id=each.name) for each in STATES],
)
def test_the_reports_together_name_the_state(network: Network, state: State, tmp_path: Path) -> None:
    found = reports(network, state, tmp_path)
    report = together(found)
    kinds: dict[str, Any] = {label: json.loads(text)["verdict"]["summary"] for label, text in found}
    assert media(report) == ([state.cause] if state.cause else []), kinds
    assert report.verdict.status == ("broken" if state.cause else "good")


def test_there_are_enough() -> None:
    assert len({each.name for each in STATES}) == len(STATES)
    assert 10 <= sum(each.brief for each in STATES) <= 12
