"""What raw sockets see on a chain of real routers: who refuses in the server's name, what was done to our packets."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from typing import Any

import pytest

from natprobe.model import Family
from tests.netns.chain import INSIDE, ORDINARY, OTHER, SERVER, SERVER6, Chain, Drop, Running, running
from tests.netns.kernel import PYTHON, Host

LOCAL = "192.168.1.2"
# What r1 calls itself outside.
OUTSIDE = "198.51.100.1"
RESETS = "tcp dport 443 reject with tcp reset"
ROUTERS = 4
# What leads to raw sockets where media is lost.
ONLY = [word for name in ("interfaces", "names", "peer", "media", "path", "raw") for word in ("--only", name)]


@pytest.fixture(scope="module")
def chain() -> Iterator[Running]:
    with running(Chain(routers=ROUTERS)) as chain:
        yield chain


@contextlib.contextmanager
def ruled(host: Host, *chains: str, family: str = "inet") -> Iterator[None]:
    """With these chains of nft's."""
    host.run(["nft", f"table {family} raw_test {{ {' '.join(chains)} }}"])
    try:
        yield
    finally:
        host.run(["nft", f"delete table {family} raw_test"])


def on(hook: str, rule: str, priority: int = 0) -> str:
    return f"chain {hook} {{ type filter hook {hook} priority {priority}; {rule}; }};"


def page(chain: Running, version: Family = 4, *, ordinary: bool = False) -> dict[str, Any]:
    """The report on the web front."""
    target = f"https://[{SERVER6}]/" if version == 6 else SERVER
    argv = [*PYTHON, "natprobe", "check", target, f"-{version}", "--json", "-q", "--stun", "none"]
    done = chain.network["client"].run([*ORDINARY, *argv] if ordinary else argv, check=False)
    assert done.stderr == ""
    report: dict[str, Any] = json.loads(done.stdout)
    assert [each for each in report["observations"] if each.get("status") in ("crashed", "cut")] == []
    return report


def seen(report: dict[str, Any], kind: str, **wanted: object) -> list[dict[str, Any]]:
    found = [each for each in report["observations"] if each["kind"] == kind]
    return [each for each in found if {**each, **wanted} == each]


def finding(report: dict[str, Any], code: str) -> dict[str, Any]:
    (found,) = [each for each in report["findings"] if each["code"] == code]
    return dict(found)


def places(report: dict[str, Any], what: str, proto: str = "udp") -> list[Any]:
    """By ttl, this field of the first quote; of short-lived packets."""
    found = {each["ttl"]: each[what] for each in reversed(seen(report, "Quote", transport=proto)) if each["ttl"] < 64}
    return [found[ttl] for ttl in sorted(found)]


@pytest.mark.parametrize("version", [4, 6])
def test_a_router_resets_in_the_servers_name(chain: Running, version: Family) -> None:
    with ruled(chain.network["r2"], on("forward", RESETS)):
        report = page(chain, version)
    told = finding(report, "NP401")
    assert (told["args"]["nearer"], told["args"]["distance"]) == (ROUTERS - 1, 2)
    assert told["where"] == "unknown"
    assert [each["hops"] for each in seen(report, "Answerer", what="rst")] == [1]
    (access,) = seen(report, "RawAccess")
    assert (access["failure"], access["sent"] <= 40) == (None, True)


def test_a_router_says_in_the_servers_name_that_the_media_port_is_closed(chain: Running) -> None:
    """Its ICMP error is nobody's but the server's by its address, which is all that a socket tells."""
    forges = f"icmp type destination-unreachable ip saddr set {SERVER}"
    with ruled(chain.network["r2"], on("forward", "udp dport 10000 reject"), on("postrouting", forges, 300)):
        root, ordinary = chain.check(), chain.check(ordinary=True)
    told = finding(root, "NP307")
    assert (told["args"]["nearer"], told["args"]["distance"]) == (ROUTERS - 1, 2)
    assert "nearer" not in finding(ordinary, "NP307")["args"]
    assert finding(ordinary, "NP901")["args"] == {"endpoint": f"{SERVER}:10000"}
    assert root["verdict"]["status"] == ordinary["verdict"]["status"] == "degraded"  # over TCP


def test_the_own_router_resets(chain: Running) -> None:
    with ruled(chain.network["r1"], on("forward", RESETS)):
        told = finding(page(chain), "NP401")
    assert (told["args"]["distance"], told["where"]) == (1, "local-network")
    assert [each["kind"] for each in told["fixes"]] == ["allow", "do"]


@pytest.mark.parametrize("at", ["server", f"r{ROUTERS}"])
def test_the_server_itself_and_what_stands_before_it_look_alike(chain: Running, at: str) -> None:
    """One router of difference is a container's."""
    with ruled(chain.network[at], on("input" if at == "server" else "forward", RESETS)):
        told = finding(page(chain), "NP401")
    assert "nearer" not in told["args"]


def test_the_same_verdict_for_an_ordinary_user(chain: Running) -> None:
    with ruled(chain.network["r2"], on("forward", RESETS)):
        root, ordinary = page(chain), page(chain, ordinary=True)
    for report in (root, ordinary):
        report["verdict"].pop("summary")
    assert root["verdict"] == ordinary["verdict"]
    assert [each["status"] for each in root["paths"]] == [each["status"] for each in ordinary["paths"]]
    assert [each["code"] for each in root["findings"]] == ["NP401"]
    assert [each["code"] for each in ordinary["findings"]] == ["NP401", "NP901"]
    assert finding(root, "NP401")["severity"] == finding(ordinary, "NP401")["severity"]
    (access,) = seen(ordinary, "RawAccess")
    assert (access["failure"], access["sent"]) == ("permission-denied", 0)
    assert seen(ordinary, "Quote") + seen(ordinary, "Answerer") == []


def test_where_marks_are_cleared(chain: Running) -> None:
    """r2 forwards without them: r3 is the first that sees that."""
    with (
        ruled(chain.network["r2"], on("forward", "ip dscp set cs0")),
        ruled(chain.network["server"], on("input", RESETS)),
    ):
        report = page(chain)
    assert places(report, "tos") == [184] * (ROUTERS + 1)
    assert places(report, "tos_seen") == [184, 184, 0, 0, 0]
    assert places(report, "tos_seen", "tcp") == [0] * ROUTERS


def test_addresses_that_are_rewritten_on_the_way(chain: Running) -> None:
    """By a NAT that remembers nothing, and so leaves quotes as they are: the kernel knows them for nobody's."""
    outwards = f"ip saddr {LOCAL} ip daddr {SERVER} ip daddr set {OTHER} ip saddr set {OUTSIDE}"
    inwards = f"notrack; ip saddr {OTHER} ip saddr set {SERVER}; ip daddr {OUTSIDE} ip daddr set {LOCAL}"
    stateless = (on("postrouting", outwards, 300), on("prerouting", inwards, -350))
    with ruled(chain.network["r1"], *stateless, family="ip"):
        report = page(chain)
    sources, targets = (places(report, what, "tcp") for what in ("source_seen", "towards_seen"))
    assert [each.split(":")[0] for each in sources] == [LOCAL, *[OUTSIDE] * (len(sources) - 1)]
    assert [each.split(":")[0] for each in targets] == [SERVER, *[OTHER] * (len(targets) - 1)]
    assert len(sources) == ROUTERS - 1  # `other` is behind the last router but one


def test_a_nat_that_remembers_shows_in_no_quote(chain: Running) -> None:
    """As RFC 5508 section 4.2 wants it: r1 translates every packet here."""
    with ruled(chain.network["server"], on("input", RESETS)):
        report = page(chain)
    assert [each.split(":")[0] for each in places(report, "source_seen", "tcp")] == [LOCAL] * ROUTERS
    assert {each["address"] for each in seen(report, "Quote", ttl=1)} == {INSIDE}


@pytest.mark.parametrize("version", [4, pytest.param(6, marks=pytest.mark.long)])
def test_media_that_is_lost_leaves_nothing_half_open(version: Family) -> None:
    """The web front's SYN-ACKs are answered with a reset, although the client's own firewall keeps them to itself."""
    with running(Chain(routers=ROUTERS, drops=(Drop(at="r3"),))) as chain:
        with ruled(chain.network["client"], on("input", "tcp sport 443 drop")):
            report = chain.check(*ONLY, version=version)
        taken = seen(report, "Answerer", what="syn-ack")
        left = chain.network["server"].run(["ss", "-tanH", "state", "syn-recv"]).stdout
    assert {(each["endpoint"].rpartition(":")[2], each["hops"]) for each in taken} == {
        ("443", ROUTERS),
        ("4443", ROUTERS),
    }
    ours = {each["local"].rpartition(":")[2] for each in taken}  # r1 leaves ports as they are
    assert [line for line in left.splitlines() if line.split()[3].rpartition(":")[2] in ours] == []
    assert seen(report, "Quote")
    (access,) = seen(report, "RawAccess")
    assert 0 < access["sent"] <= 40


@pytest.mark.long
@pytest.mark.parametrize("version", [4, 6])
@pytest.mark.parametrize("carrier", [False, True])
def test_resets_at_each_hop(version: Family, carrier: bool) -> None:
    with running(Chain(carrier=carrier)) as chain:
        for number in range(1, 7):
            with ruled(chain.network[f"r{number}"], on("forward", RESETS)):
                for _ in range(20):
                    told = finding(page(chain, version), "NP401")["args"]
                    assert (told.get("nearer"), told.get("distance")) == (
                        (7 - number, number) if number < 6 else (None, None)
                    )
        with ruled(chain.network["server"], on("input", RESETS)):
            assert "nearer" not in finding(page(chain, version), "NP401")["args"]


@pytest.mark.long
@pytest.mark.parametrize("icmp", ["limited", "off"])
def test_silent_routers_are_no_forgers(icmp: Any) -> None:
    """Whether or not they tell of packets, who refuses is told by its own ones."""
    with running(Chain(icmp=icmp)) as chain:
        for at, hook in (("r3", "forward"), ("server", "input")):
            with ruled(chain.network[at], on(hook, RESETS)):
                for _ in range(20):
                    told = finding(page(chain), "NP401")["args"]
                    assert told.get("distance") in ((3, None) if at == "r3" else (None,))
