"""`natprobe inspect` against real sockets of every sort, on a server of several addresses: what the kernel lists, who
has it, what is missing; real Janus on the wrong address, and the real docker-proxy.
"""

from __future__ import annotations

import json
import os
import resource
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pytest

from natprobe.run import INSPECTION
from tests.case import CASES, load, repaired
from tests.netns import addresses as at
from tests.netns import docker_proxy, janus
from tests.netns.kernel import Host, Network, Node, Plan, Process, Wire, built
from tests.netns.lab import lab

FIRST, SECOND, INNER, FIRST6 = "203.0.113.222", "203.0.113.223", "10.0.1.60", "2001:db8:5::222"
SERVER = Node(
    addresses=(
        f"{FIRST}/24 dev eth0",
        f"{SECOND}/24 dev eth0",
        f"{FIRST6}/64 dev eth0 nodad",
        f"{INNER}/24 dev eth1",
    ),
    routes=("default via 203.0.113.1", "default via 2001:db8:5::1"),
)
OUTSIDE = Node(addresses=("203.0.113.1/24 dev eth0", "2001:db8:5::1/64 dev eth0 nodad", "10.0.1.1/24 dev eth1"))
WIRES = (Wire("server/eth0", "outside/eth0"), Wire("server/eth1", "outside/eth1"))
# Nobody's user has no way into other users' processes; it may read natprobe's own files wherever they are.
NOBODY = (
    "setpriv",
    "--reuid=65534",
    "--regid=65534",
    "--clear-groups",
    "--inh-caps=+dac_read_search",
    "--ambient-caps=+dac_read_search",
)


PORTS = ("NP501", "NP502", "NP503", "NP504", "NP505", "NP508")
# How long the list of sockets takes, in the best of five, and psutil's; and how many kinds there are.
MEASURED = """
import json, time
import psutil
from natprobe.host.sockets import table
def best(work):
    began = [time.perf_counter() for _ in range(5) if work() or True]
    spans = [later - sooner for sooner, later in zip(began, began[1:])]
    return min(spans)
print(json.dumps([best(table), best(lambda: psutil.net_connections("inet")), len(table().sockets)]))
"""


@pytest.fixture(scope="module")
def network() -> Iterator[Network]:
    with built(Plan({"server": SERVER, "outside": OUTSIDE}, WIRES)) as network:
        yield network


@pytest.fixture(scope="module")
def server(network: Network) -> Host:
    return network["server"]


@contextmanager
def holding(server: Host, name: str, *wanted: dict[str, Any]) -> Iterator[Process]:
    """For as long as this lasts."""
    words = [sys.executable, "-m", "tests.netns.holding", name, json.dumps(wanted)]
    process = server.start(words, log=f"{name}.log")
    process.wait(lambda: "ready" in process.log.read_text())
    try:
        yield process
    finally:
        process.stop()


def options(expect: Sequence[str], *more: str, besides: Sequence[str] = ()) -> list[str]:
    """Sockets alone, whatever else this machine has in its files and filters. `more`: a folder of files to read;
    `besides`: probes that run too.
    """
    probes = ("interfaces", "listening", "ports", *(("files",) if more else ()), *besides)
    named = [word for each in expect for word in ("--expect", each)]
    left_out = [word for each in INSPECTION if each not in probes for word in ("--skip", each)]
    return [*more, *named, *left_out, "--stun", "none", "--json", "-q"]


def inspected(server: Host, *expect: str) -> dict[str, Any]:
    done = server.natprobe("inspect", *options(expect))
    assert done.stderr == ""
    return json.loads(done.stdout)  # type: ignore[no-any-return]


def by_files(server: Host, folder: str, *besides: str) -> list[dict[str, Any]]:
    """The findings about ports, where the configuration in this folder says what is to be there."""
    done = server.natprobe("inspect", *options((), f"tests/configs/{folder}", besides=besides))
    assert done.stderr == ""
    return [each for each in json.loads(done.stdout)["findings"] if each["code"] in PORTS]


def of(report: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    return [each for each in report["observations"] if each["kind"] == kind]


def causes(report: dict[str, Any]) -> list[str]:
    return [each["cause"] for each in report["findings"]]


def test_every_sort_of_socket_is_told_as_it_is(server: Host) -> None:
    wanted = (
        {"proto": "tcp", "address": "0.0.0.0", "port": 7001},
        {"proto": "tcp", "address": "::", "port": 7002, "v6only": False},
        {"proto": "tcp", "address": "::", "port": 7003, "v6only": True},
        {"proto": "udp", "address": f"::ffff:{SECOND}", "port": 7004, "v6only": False},
        {"proto": "udp", "address": FIRST, "port": 7005, "reuse": True, "count": 3},
        {"proto": "udp", "address": "0.0.0.0", "port": 7006, "device": "eth1"},
        {"proto": "udp", "address": FIRST6, "port": 7007},
    )
    with holding(server, "turnserver", *wanted) as process:
        report = inspected(server)
        pid = process.child.pid
    told = [
        (each["proto"], each["address"], each["port"], each["v6only"], each["interface"], each["sockets"])
        for each in of(report, "Listening")
    ]
    assert told == [
        ("tcp", "0.0.0.0", 7001, None, "", 1),
        ("tcp", "::", 7002, False, "", 1),
        ("tcp", "::", 7003, True, "", 1),
        ("udp", f"::ffff:{SECOND}", 7004, False, "", 1),
        ("udp", FIRST, 7005, None, "", 3),
        ("udp", "0.0.0.0", 7006, None, "eth1", 1),
        ("udp", FIRST6, 7007, True, "", 1),
    ]
    assert {(each["process"], each["pid"], each["user"]) for each in of(report, "Listening")} == {
        ("turnserver", pid, "root")
    }
    assert [each["listening"] for each in of(report, "Sockets")] == [9]


def test_what_is_expected_and_there_is_quiet_and_reached(server: Host) -> None:
    wanted = (
        {"proto": "tcp", "address": "::", "port": 443, "v6only": False},
        {"proto": "tcp", "address": SECOND, "port": 8443},
        {"proto": "udp", "address": FIRST, "port": 10000},
    )
    expect = (":443/tcp=nginx", f"[{FIRST6}]:443/tcp", "0.0.0.0:443/tcp", f"{SECOND}:8443/tcp", "*:10000/udp=nginx")
    with holding(server, "nginx", *wanted):
        report = inspected(server, *expect)
    assert (causes(report), report["unknown"], report["verdict"]["status"]) == ([], [], "good")
    reached = {each["endpoint"]: each["failure"] for each in of(report, "OwnExchange")}
    assert reached == dict.fromkeys(
        (f"{FIRST}:443", f"{SECOND}:443", f"{INNER}:443", f"[{FIRST6}]:443", f"{SECOND}:8443")
    )


@pytest.mark.parametrize(
    ("there", "expect", "cause", "words"),
    [
        (None, f"{FIRST}:443/tcp=janus", "not-listening", f"Nothing listens at {FIRST}:443/tcp"),
        (None, "198.51.100.9:443/tcp=janus", "not-listening", "this host does not have that address"),
        (("tcp", SECOND, 443), f"{FIRST}:443/tcp=janus", "listening-on-other-address", f"but at {SECOND}:443"),
        (("tcp", "0.0.0.0", 443), f"[{FIRST6}]:443/tcp", "listening-on-other-address", "it takes IPv4 alone"),
        (("udp", "127.0.0.1", 3478), ":3478/udp", "loopback-only", "janus listens at 127.0.0.1:3478 only"),
        (("udp", "::1", 3478), f"{SECOND}:3478/udp", "loopback-only", "janus listens at [::1]:3478 only"),
        (("udp", "0.0.0.0", 10000), "*:10000/udp=jvb", "port-held-by-other", "is held by janus (pid"),
        (("tcp", "::", 443), f"{FIRST}:443/tcp=nginx", "port-held-by-other", "is held by janus (pid"),
    ],
)
def test_what_is_wrong(server: Host, there: tuple[str, str, int] | None, expect: str, cause: str, words: str) -> None:
    wanted = [dict(zip(("proto", "address", "port"), there, strict=True))] if there else []
    with holding(server, "janus", *wanted):
        report = inspected(server, expect)
    assert causes(report) == [cause]
    assert words in report["findings"][0]["message"]
    assert report["verdict"]["status"] == "broken"


def test_a_free_port_is_bound_and_what_is_not_here_can_not_be(server: Host) -> None:
    report = inspected(server, f"{SECOND}:443/tcp", "198.51.100.9:443/tcp", f"[{FIRST6}]:3478/udp")
    assert [(each["endpoint"], each["failure"]) for each in of(report, "PortTry")] == [
        (f"{SECOND}:443", None),
        ("198.51.100.9:443", "address-not-local"),
        (f"[{FIRST6}]:3478", None),
    ]


def test_a_service_that_is_stopped_is_told_once(server: Host) -> None:
    expect = [f"{FIRST}:{port}/tcp=janus" for port in (8088, 8188, 8989)]
    report = inspected(server, *expect, ":3478/udp=coturn", ":5349/tcp=coturn")
    assert causes(report) == ["not-listening"] * 2
    assert "8088/tcp" in report["findings"][0]["message"]
    assert "8989/tcp" in report["findings"][0]["message"]


def test_an_answer_from_another_address_is_seen_by_a_real_exchange(server: Host) -> None:
    """The first address is what the system sends from; to the inner one only its own network comes."""
    with holding(server, "stunner", {"proto": "udp", "address": "0.0.0.0", "port": 3478, "stun": True}):
        report = inspected(server, ":3478/udp")
    answered = {each["endpoint"]: each["answered_from"] for each in of(report, "OwnExchange")}
    assert answered[f"{SECOND}:3478"] == f"{FIRST}:3478"
    assert [(each["cause"], each["severity"]) for each in report["findings"]] == [
        ("wildcard-answers-from-other-address", "warning")
    ]
    assert f"{SECOND}:3478/udp and answers from {FIRST}:3478" in report["findings"][0]["message"]


def test_one_socket_for_each_address_answers_from_where_it_was_asked(server: Host) -> None:
    """The fix of the test before; the responder of `serve` binds each address."""
    wanted = [{"proto": "udp", "address": each, "port": 3478} for each in (FIRST, SECOND, INNER)]
    with holding(server, "stunner", *wanted):
        assert causes(inspected(server, ":3478/udp", f"{SECOND}:3478/udp")) == []


def test_an_ordinary_user_is_told_what_is_hidden(server: Host) -> None:
    wanted = ({"proto": "tcp", "address": "0.0.0.0", "port": 443}, {"proto": "udp", "address": FIRST, "port": 10000})
    with holding(server, "janus", *wanted):
        words = [*NOBODY, sys.executable, "-m", "natprobe", "inspect", *options([":443/tcp=janus", ":9/tcp=nginx"])]
        done = server.run(words, check=False)
    report = json.loads(done.stdout)
    mine = [each for each in of(report, "Listening") if each["port"] in (443, 10000)]
    assert [(each["process"], each["pid"], each["user"]) for each in mine] == [(None, None, "root")] * 2
    assert [each["hidden"] for each in of(report, "Sockets")] == [2]
    assert [(each["code"], each["reason"]) for each in report["unknown"]] == [("NP504", "owners-hidden")]
    assert causes(report) == ["not-listening"]
    assert [each["failure"] for each in of(report, "OwnExchange")] == [None] * 3


@pytest.mark.long
def test_two_thousand_sockets_cost_no_more_than_psutil_takes_for_them(server: Host) -> None:
    """Measured beside psutil, which reads the same from /proc and tells less: 0.05 to 0.15 s on a small machine."""
    wanted = [
        {"proto": "udp" if port % 2 else "tcp", "address": FIRST if port % 3 else "0.0.0.0", "port": port}
        for port in range(20000, 22000)
    ]
    limit, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(8192, most), most))
    try:
        with holding(server, "janus", *wanted):
            ours, theirs, count = json.loads(server.run([sys.executable, "-c", MEASURED]).stdout)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (limit, most))
    assert count == 2000
    assert ours < 3 * theirs


# --- Janus


@pytest.mark.parametrize(("mended", "cause"), [(False, ["listening-on-other-address"]), (True, [])])
def test_janus_with_two_addresses_listens_on_the_wrong_one(mended: bool, cause: list[str]) -> None:
    """Problem E, and its fix applied. Its HTTP is where it should be."""
    case = load(CASES / "janus-websocket-elsewhere.toml")
    with lab(repaired(case) if mended else case) as lab_:
        web = lab_.network["web"]
        report = inspected(web, f"{at.WEB}:{janus.WS}/tcp=janus", f"*:{janus.HTTP}/tcp=janus")
    assert causes(report) == cause
    for each in report["findings"]:
        assert f"but at {at.WEB_OTHER}:{janus.WS}" in each["message"]
        assert "ws_ip" in json.dumps(each["fixes"])


def test_the_files_of_problem_e_against_the_sockets(server: Host) -> None:
    """The finding stands at the line that is not kept, and the corrected files with Janus anew are quiet."""
    http = [
        {"proto": "tcp", "address": "127.0.0.1", "port": 8088},
        {"proto": "tcp", "address": FIRST, "port": 8443},
    ]
    with holding(server, "janus", *http, {"proto": "tcp", "address": SECOND, "port": 443}):
        (found,) = by_files(server, "problem-e/broken")
    with holding(server, "janus", *http, {"proto": "tcp", "address": "::", "port": 443, "v6only": False}):
        assert by_files(server, "problem-e/fixed") == []
    assert found["cause"] == "listening-on-other-address"
    assert (found["file"].rpartition("/")[2], found["line"]) == ("janus.transport.websockets.jcfg", 6)
    assert ("remove", "wss_ip", 6) in [(each.get("op"), each.get("key"), each.get("line")) for each in found["fixes"]]


# --- containers


@pytest.fixture
def proxied(server: Host) -> Host:
    reason = docker_proxy.binary()
    if isinstance(reason, str):
        (pytest.fail if os.environ.get("NATPROBE_REQUIRE_DOCKER_PROXY") else pytest.skip)(reason)
    return server


def test_the_real_docker_proxy_is_read_from_its_command_line(proxied: Host) -> None:
    with holding(proxied, "container", {"proto": "tcp", "address": INNER, "port": 80}):
        live = docker_proxy.start(proxied, "tcp", "0.0.0.0", 8000, (INNER, 80))
        dead = docker_proxy.start(proxied, "tcp", "0.0.0.0", 8443, (INNER, 443))
        near = docker_proxy.start(proxied, "tcp", "127.0.0.1", 8080, (INNER, 80))
        media = docker_proxy.start(proxied, "udp", "0.0.0.0", 10000, (INNER, 10000))
        expect = (":8000/tcp=web", ":8443/tcp=web", ":8080/tcp=jvb", "*:10000/udp=jvb")
        report = inspected(proxied, *expect)
        for each in (live, dead, near, media):
            each.stop()
    assert [(each["address"], each["port"], each["to"], each["answers"]) for each in of(report, "Published")] == [
        ("0.0.0.0", 8000, f"{INNER}:80", True),
        ("0.0.0.0", 8443, f"{INNER}:443", False),
        ("127.0.0.1", 8080, f"{INNER}:80", True),
        ("0.0.0.0", 10000, f"{INNER}:10000", None),
    ]
    assert causes(report) == ["not-listening", "loopback-only"]
    assert f"nobody in the container takes them: {INNER}:443 is closed" in report["findings"][0]["message"]


# A container's address: in another namespace, as Docker has it.
BEHIND = "10.0.1.1"
PUBLISHED = (
    ("tcp", "0.0.0.0", 80, 80),
    ("tcp", "0.0.0.0", 443, 443),
    ("udp", "0.0.0.0", 10000, 10000),
    ("tcp", "127.0.0.1", 8080, 8080),
)


@pytest.mark.parametrize(
    ("published", "causes_"),
    [
        (PUBLISHED, []),
        ((), ["not-listening"]),
        (PUBLISHED[:2], ["port-not-published"]),
        ((*PUBLISHED[:2], ("udp", "0.0.0.0", 20000, 10000)), ["port-not-published"]),
        ((*PUBLISHED[:2], ("udp", "0.0.0.0", 10000, 20000)), ["port-not-published"]),
        ((*PUBLISHED[:2], ("udp", "127.0.0.1", 10000, 10000)), ["loopback-only"]),
    ],
)
def test_the_files_of_docker_against_what_is_published(
    network: Network, proxied: Host, published: Sequence[tuple[str, str, int, int]], causes_: list[str]
) -> None:
    inside = [{"proto": "tcp", "address": BEHIND, "port": port} for port in (80, 443, 8080)]
    with holding(network["outside"], "container", *inside):
        running = [docker_proxy.start(proxied, proto, at_, port, (BEHIND, to)) for proto, at_, port, to in published]
        found = by_files(proxied, "docker-10532")
        for each in running:
            each.stop()
    assert [each["cause"] for each in found] == causes_


@pytest.mark.parametrize(
    ("led", "causes_"), [(("tcp 80", "tcp 443", "udp 10000"), []), (("tcp 80", "tcp 443"), ["port-not-published"])]
)
def test_the_files_of_docker_without_its_userland_proxy(server: Host, led: Sequence[str], causes_: list[str]) -> None:
    """No socket is there: rules of DNAT lead strangers on."""
    rules = "; ".join(f"{each.replace(' ', ' dport ')} dnat to {BEHIND}:{each.split()[1]}" for each in led)
    chain = "type nat hook prerouting priority dstnat; fib daddr type local jump DOCKER"
    server.run(["nft", f"table ip nat {{ chain DOCKER {{ {rules}; }}; chain PREROUTING {{ {chain}; }}; }}"])
    try:
        found = by_files(server, "docker-10532", "rulesets", "filters")
    finally:
        server.run(["nft", "delete table ip nat"])
    assert [each["cause"] for each in found] == causes_
