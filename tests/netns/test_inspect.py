"""`natprobe inspect` on a server of several addresses: what a real kernel lets it bind, and what a real Janus binds."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator

import msgspec
import pytest

from tests import access
from tests.case import CASES, load
from tests.netns import addresses as at
from tests.netns.janus_rooms import HEAD
from tests.netns.kernel import Host, Node, Plan, Wire, built
from tests.netns.lab import lab

INSIDE, SECOND, INSIDE6, OUTSIDE = "10.0.1.60", "10.0.2.60", "2001:db8:5::60", "203.0.113.60"
# What a real videoroom says to each as `iface`: its error, or the address that it has bound.
ADD = f"""{HEAD}
import sys
room = asked(request="create", admin_key="{access.SECRET}")["room"]
def added(number, iface):  # each has an id of its own: one that is removed may stay taken for a moment
    streams = [{{"type": "audio", "mindex": 0, "mid": "0", "codec": "opus"}}]
    said = asked(request="add_remote_publisher", room=room, id=number, iface=iface, streams=streams)
    if "error" not in said:
        asked(request="remove_remote_publisher", room=room, id=number)
    return said.get("error", said.get("ip"))
print(json.dumps({{iface: added(number, iface) for number, iface in enumerate(sys.argv[1:], 1)}}))
"""
ROUTER = Node(addresses=("10.0.1.1/24 dev eth0",))
SERVER = Node(
    addresses=(f"{INSIDE}/24 dev eth0", f"{SECOND}/24 dev eth0", f"{INSIDE6}/64 dev eth0"),
    routes=("default via 10.0.1.1",),
)


@pytest.fixture(scope="module")
def server() -> Iterator[Host]:
    with built(Plan({"server": SERVER, "router": ROUTER}, (Wire("server/eth0", "router/eth0"),))) as network:
        yield network["server"]


@pytest.mark.parametrize(
    ("asked", "address", "failure"),
    [
        (INSIDE, INSIDE, None),
        (SECOND, SECOND, None),
        (INSIDE6, INSIDE6, None),
        ("eth0", INSIDE, None),
        (OUTSIDE, OUTSIDE, "address-not-local"),
        ("10.0.1.1", "10.0.1.1", "address-not-local"),
        ("2001:db8:5::1", "2001:db8:5::1", "address-not-local"),
        ("eth1", None, "address-not-local"),
    ],
)
def test_what_it_can_bind(server: Host, asked: str, address: str | None, failure: str | None) -> None:
    done = server.natprobe("inspect", "--iface", asked, "--json", "-q")
    assert done.returncode == (1 if failure else 0)
    report = json.loads(done.stdout)
    (seen,) = [each for each in report["observations"] if each["kind"] == "BindTry"]
    assert (seen["address"], seen["failure"], seen["interface"]) == (address, failure, None if failure else "eth0")
    assert [each["cause"] for each in report["findings"]] == (["iface-not-local"] if failure else [])
    assert report["verdict"]["status"] == ("broken" if failure else "good")


def test_the_fix_forwards_to_its_address_of_that_family(server: Host) -> None:
    done = server.natprobe("inspect", "--iface", OUTSIDE, "-q")
    text = " ".join(done.stdout.split())
    assert f"give publish_remotely {OUTSIDE} as host" in text
    assert f"to the same ports of {INSIDE} at the router" in text


def test_where_anybody_may_bind_anything_janus_still_looks_on_the_interfaces(server: Host) -> None:
    server.run(["sysctl", "-qw", "net.ipv4.ip_nonlocal_bind=1"])
    try:
        done = server.natprobe("inspect", "--iface", OUTSIDE, "--json", "-q")
    finally:
        server.run(["sysctl", "-qw", "net.ipv4.ip_nonlocal_bind=0"])
    report = json.loads(done.stdout)
    assert [each["failure"] for each in report["observations"] if each["kind"] == "BindTry"] == [None]
    assert (done.returncode, [each["cause"] for each in report["findings"]]) == (1, ["iface-not-local"])


def test_janus_binds_what_it_says_and_nothing_else() -> None:
    case = load(CASES / "janus-cascade-not-forwarded.toml")
    case = msgspec.structs.replace(case, cascade=msgspec.structs.replace(case.cascade, key="right"))
    ifaces = (at.CASCADE_INSIDE, at.CASCADE, INSIDE6, "eth0", "lo", "::1", "127.0.0.9", "eth7")
    with lab(case) as built:
        server = built.network["cascade"]
        server.run(["ip", "address", "add", f"{INSIDE6}/64", "dev", "eth0", "nodad"])
        said = json.loads(server.run([sys.executable, "-c", ADD, *ifaces]).stdout)
        words = [word for each in ifaces for word in ("--iface", each)]
        report = json.loads(server.natprobe("inspect", *words, "--json", "-q").stdout)
    refused = {each["args"]["iface"] for each in report["findings"]}
    assert {each for each, words in said.items() if "Invalid network interface" in words} == refused
    bound = {each["asked"]: each["address"] for each in report["observations"] if each["kind"] == "BindTry"}
    assert {each: words for each, words in said.items() if each not in refused} == {
        each: address for each, address in bound.items() if each not in refused
    }
    assert refused == {at.CASCADE, "127.0.0.9", "eth7"}
