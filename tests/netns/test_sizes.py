"""The largest packet that passes, on chains of real kernels: with and without a word of it, there and back, and the fix
that the report says, applied.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from natprobe.model import Family
from tests.netns import certificates
from tests.netns.chain import SERVER, Chain, Running, running
from tests.netns.kernel import PYTHON, Host

TOP = 1500
_WAY = "chain way { type filter hook forward priority 0; "
# One in twenty packets of UDP, in each direction.
LOSSY = f"table inet lossy {{ {_WAY} meta l4proto udp numgen random mod 100 < 5 drop; }}; }}"
PIECES = f"table ip pieces {{ {_WAY} ip frag-off & 0x3fff != 0 drop; }}; }}"
NARROW6 = f"table ip6 narrow {{ {_WAY} meta l4proto udp meta length > 1140 drop; }}; }}"
WEB = """
import http.server, ssl, sys
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(*sys.argv[1:])
server = http.server.ThreadingHTTPServer(("", 8443), http.server.SimpleHTTPRequestHandler)
server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
server.serve_forever()
"""


def measured(report: dict[str, Any], kind: str = "PathSize") -> list[dict[str, Any]]:
    return [each for each in report["observations"] if each["kind"] == kind]


def sizes(report: dict[str, Any]) -> tuple[Any, ...]:
    """Up, the least that is lost, and the same down."""
    (size,) = measured(report)
    return tuple(size.get(each) for each in ("up", "up_lost", "down", "down_lost"))


def word(report: dict[str, Any]) -> tuple[Any, ...]:
    """Who says how much fits."""
    (size,) = measured(report)
    return tuple(size.get(each) for each in ("icmp", "reported_by", "told"))


def causes(report: dict[str, Any]) -> list[str]:
    return [each["cause"] for each in report["findings"]]


def open_up(host: Host) -> None:
    """ICMP, as the fix says."""
    host.run(["nft", "flush", "table", "inet", "place"])


def test_a_black_hole_and_its_fix() -> None:
    with running(Chain(routers=3, mtu={"r2": 1100}, black_hole=True)) as built:
        report = built.check()
        (finding,) = report["findings"]
        assert (finding["cause"], finding["args"]["fits"], finding["args"]["needed"]) == ("mtu-blackhole", 1100, 1228)
        assert sizes(report) == (1100, 1104, 1100, None)
        assert word(report) == (None, None, None)
        assert measured(report)[0]["sent"] <= 60
        open_up(built.network["r2"])
        assert causes(built.check()) == []


def test_a_router_that_says_so_and_fragments_that_are_dropped() -> None:
    with running(Chain(routers=3, mtu={"r2": 1100})) as built:
        assert causes(built.check()) == []  # in fragments all gets there
        traced = built.check("--trace")
        assert sizes(traced) == (1100, 1104, 1100, None)
        assert word(traced) == ("3/4", built.chain.address("r2"), 1100)
        built.network["r3"].run(["nft", PIECES])
        report = built.check()
        (finding,) = report["findings"]
        assert (finding["args"]["router"], finding["args"]["told"]) == (built.chain.address("r2"), 1100)
        assert "fragments of UDP" in json.dumps(finding["fixes"])
        built.network["r3"].run(["nft", "delete", "table", "ip", "pieces"])
        assert causes(built.check()) == []


@pytest.mark.parametrize(
    ("chain", "version", "up", "down"),
    [
        (Chain(routers=3), 4, (TOP, None), (TOP, None)),
        (Chain(routers=3), 6, (TOP, None), (TOP, None)),
        (Chain(routers=3, mtu={"r3": 1400}, mtu_back={"r2": 1300}, black_hole=True), 4, (1400, 1404), (1300, 1304)),
        (Chain(routers=3, mtu={"r2": 1280}), 6, (1280, 1284), (1280, None)),
        (Chain(routers=3, mtu={"r2": 1280}, black_hole=True), 6, (1280, 1284), (1280, None)),
    ],
    ids=["whole", "whole IPv6", "up and down", "IPv6", "IPv6, silent"],
)
def test_a_path_that_media_fits_is_measured_with_trace(
    chain: Chain, version: Family, up: tuple[int, int | None], down: tuple[int, int | None]
) -> None:
    with running(chain) as built:
        report = built.check("--trace", version=version)
        assert sizes(report) == (*up, *down)
        assert causes(report) == []
        told = version == 6 and up[1] is not None and not chain.black_hole
        assert word(report) == (("2/0", chain.address("r2", 6), 1280) if told else (None, None, None))
        assert measured(built.check(version=version)) == []


def test_answers_alone_are_lost() -> None:
    with running(Chain(routers=3, mtu_back={"r2": 1100}, black_hole=True)) as built:
        report = built.check()
        (finding,) = report["findings"]
        assert (finding["cause"], finding["args"]["fits"], sizes(report)) == (
            "mtu-blackhole",
            1100,
            (1228, None, 1100, 1104),
        )


def test_ipv6_below_what_a_link_must_carry() -> None:
    """Linux itself never goes below 1,280: a filter does."""
    with running(Chain(routers=3)) as built:
        built.network["r2"].run(["nft", NARROW6])
        report = built.check(version=6)
        (finding,) = report["findings"]
        assert (finding["args"]["fits"], finding["args"]["needed"]) == (1140, 1248)
        assert "RFC 8200 section 5" in json.dumps(finding["fixes"])


# --- TLS


@contextmanager
def page(chain: Chain) -> Iterator[tuple[Running, list[str]]]:
    """The chain with a page over TLS, and the words that check it."""
    with running(chain) as built:
        files = certificates.write("good", built.network.folder, SERVER)
        argv = [sys.executable, "-c", WEB, str(files.chain), str(files.key)]
        built.network["server"].start(argv, log="page.log").listens(tcp=[8443])
        yield built, [f"https://{SERVER}:8443", "--ca-file", str(files.root), "--stun", "none", "--json", "-q", "-4"]


def opened(built: Running, words: list[str], *more: str) -> dict[str, Any]:
    done = built.network["client"].run([*PYTHON, "natprobe", "check", *words, *more], check=False)
    return json.loads(done.stdout)  # type: ignore[no-any-return]


def test_a_page_that_hangs_and_the_clamp_that_mends_it() -> None:
    with page(Chain(routers=3, mtu_back={"r2": 1100}, black_hole=True)) as (built, words):
        report = opened(built, words)
        (finding,) = report["findings"]
        assert (finding["cause"], finding["args"]["segment"]) == ("mtu-blackhole", 536)
        assert report["verdict"]["stages"]["web"] == "failed"
        said = json.dumps(finding["fixes"])
        (line,) = re.findall(r"`(nft add rule inet filter forward [^`]*)`", said)
        router = built.network["r1"]
        router.run(["nft", "table inet filter { chain forward { type filter hook forward priority 0; }; }"])
        router.run(line.split())
        mended = opened(built, words)
        assert mended["verdict"]["stages"]["web"] == "ok"
        assert causes(mended) == []
        assert measured(mended, "TlsHello") == []


def test_a_hello_that_is_as_large_as_browsers_send_it() -> None:
    with page(Chain(routers=3, mtu={"r2": 1100}, black_hole=True)) as (built, words):
        report = opened(built, words, "--trace")
        assert report["verdict"]["stages"]["web"] == "ok"  # our own hello is small
        tries = [(each.get("segment"), each.get("failure")) for each in measured(report, "TlsHello")]
        assert sorted(tries, key=str) == [(536, None), (536, None), (None, "timeout"), (None, "timeout")]
        (finding,) = report["findings"]
        assert (finding["cause"], finding["args"]["segment"]) == ("mtu-blackhole", 536)
        assert finding["args"]["size"] > 1200


# --- all of them


_HOPS = ("r1", "r2", "r3")
_MTUS = (576, 1000, 1100, 1206)


@pytest.mark.long
@pytest.mark.parametrize("silent", [False, True], ids=["told", "silent"])
@pytest.mark.parametrize("mtu", _MTUS)
@pytest.mark.parametrize("hop", _HOPS)
def test_every_hop_and_size(hop: str, mtu: int, silent: bool) -> None:
    with running(Chain(routers=3, mtu={hop: mtu}, black_hole=silent)) as built:
        report = built.check("--trace")
        up = mtu // 4 * 4
        assert sizes(report)[:2] == (up, up + 4)
        assert word(report) == ((None, None, None) if silent else ("3/4", built.chain.address(hop), mtu))
        assert causes(report) == (["mtu-blackhole"] if silent else [])


@pytest.mark.long
@pytest.mark.parametrize("version", [4, 6])
@pytest.mark.parametrize("mtu", [1280, 1340, 1400, 1420, 1492])
@pytest.mark.parametrize("hop", _HOPS)
def test_every_size_that_media_fits(hop: str, mtu: int, version: Family) -> None:
    with running(Chain(routers=3, mtu_back={hop: mtu}, black_hole=True)) as built:
        report = built.check("--trace", version=version)
        assert sizes(report) == (TOP, None, mtu, mtu + 4)
        assert causes(report) == []


@pytest.mark.long
@pytest.mark.parametrize("seed", range(20))
def test_loss_is_never_told_as_a_size(seed: int) -> None:  # the kernel's chance differs by itself
    with running(Chain(routers=2, mtu={"r2": 1100}, black_hole=True)) as built:
        built.network["r1"].run(["nft", LOSSY])
        report = built.check()
        for size in measured(report):
            assert size.get("up") is None or size["up"] <= 1100
            assert size.get("up_lost") is None or size["up_lost"] > 1100
            assert size.get("down_lost") is None or size["down_lost"] > 1100
        built.network["r2"].run(["ip", "route", "replace", SERVER, "dev", "out"])
        whole = built.check("--trace")
        assert [each for each in measured(whole) if each.get("up_lost") or each.get("down_lost")] == []
