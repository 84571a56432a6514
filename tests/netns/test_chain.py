"""Each condition of the chain of routers does what its name says: seen by packets sent by hand."""

from __future__ import annotations

import json
from typing import Any

import pytest

from natprobe.model import Family
from tests.netns.chain import PORT, SERVER, VERSIONS, Chain, Drop, Running, running
from tests.netns.kernel import PYTHON

TTLS = 7


def climbed(chain: Running, port: int = PORT, *more: str, version: Family = 4, to: str = "server") -> list[str | None]:
    """By ttl, who answers: a router's name, and of the server what it says."""
    address = chain.chain.address(to, version)
    argv = [*PYTHON, "tests.netns.climber", address, str(port), str(TTLS), *more]
    answers: list[list[str] | None] = json.loads(chain.network["client"].run(argv).stdout)
    return [None if each is None else _named(chain.chain, *each) for each in answers]


def _named(chain: Chain, address: str, icmp: str) -> str:
    name = chain.of(address)
    return name if icmp in ("11/0", "3/0") else f"{name} {icmp}"


def routers(*numbers: int) -> list[str]:
    return [f"r{number}" for number in numbers]


ALL, CLOSED = routers(1, 2, 3, 4, 5, 6), {4: "server 3/3", 6: "server 1/4"}


@pytest.mark.parametrize("shape", [{}, {"carrier": True, "back": True}], ids=str)
def test_a_chain_where_nothing_is_lost(shape: dict[str, Any]) -> None:
    with running(Chain(**shape)) as chain:
        for version in VERSIONS:
            assert climbed(chain, version=version) == [*ALL, "server answer"]
            assert climbed(chain, 10001, version=version) == [*ALL, CLOSED[version]]
            assert climbed(chain, version=version, to="other")[:6] == [*routers(1, 2, 3, 4, 5), "other answer"]
        chain.sent()
        assert chain.check()["verdict"]["status"] == "good"
        assert chain.sent() > 0
        web = chain.network["client"].run(["curl", "-sS", "-o", "/dev/null", f"http://{SERVER}:443/"], check=False)
        assert web.stderr == ""


LOSSES = [
    (Drop(at="r3", hook="prerouting"), 2),
    (Drop(at="server", hook="input"), 6),
    (Drop(at="r1", hook="prerouting", what="cookie"), 0),
    *(
        pytest.param(drop, seen, marks=pytest.mark.long)
        for drop, seen in (
            (Drop(at="r3", hook="forward"), 3),
            (Drop(at="r3", hook="postrouting"), 3),
            (Drop(at="r6", hook="postrouting"), 6),
            (Drop(at="server", hook="prerouting"), 6),
            (Drop(at="server", hook="output", what="answers"), 6),
            (Drop(at="r3", hook="prerouting", what="answers"), 6),
            (Drop(at="r1", hook="forward", what="udp"), 1),
        )
    ),
]


@pytest.mark.parametrize(
    ("drop", "seen"), LOSSES, ids=lambda each: f"{each.at}-{each.hook}-{each.what}" if isinstance(each, Drop) else ""
)
def test_what_is_lost_where(drop: Drop, seen: int) -> None:
    """And the controls: another port, another payload."""
    with running(Chain(drops=(drop,))) as chain:
        for version in VERSIONS:
            assert climbed(chain, version=version) == [*ALL[:seen], *[None] * (TTLS - seen)]
            other_port = [*ALL, CLOSED[version]] if drop.what in ("port", "answers") else None
            assert other_port in (None, climbed(chain, 10001, version=version))
        assert climbed(chain, 10001, "text")[0] == "r1"
        assert climbed(chain, 10001, "text")[6] == (None if drop.what == "udp" else CLOSED[4])


def test_this_hosts_own_hooks() -> None:
    for hook in ("output", "postrouting"):
        with running(Chain(routers=1, drops=(Drop(at="client", hook=hook),))) as chain:
            with pytest.raises(RuntimeError, match="Operation not permitted"):
                climbed(chain)
            assert climbed(chain, 10001)[:2] == ["r1", CLOSED[4]]


def test_refusals_come_from_the_hop_that_gives_them() -> None:
    drops = (
        Drop(at="r3", rejects="icmp type admin-prohibited"),
        Drop(at="r4", hook="prerouting", rejects="icmpv6 type admin-prohibited"),
    )
    with running(Chain(drops=drops)) as chain:
        assert climbed(chain) == [*routers(1, 2, 3), *["r3 3/13"] * 4]
        assert climbed(chain, version=6) == [*routers(1, 2, 3), *["r4 1/1"] * 4]


def test_errors_are_limited_or_off() -> None:
    with running(Chain(icmp="off")) as chain:
        for version in VERSIONS:
            assert climbed(chain, version=version) == [*[None] * 6, "server answer"]
            assert climbed(chain, 10001, version=version) == [None] * TTLS
    with running(Chain(icmp="limited", icmp_at={"r2": "on", "r3": "off"})) as chain:
        for version in VERSIONS:
            answers = climbed(chain, PORT, "stun", "0", "12", version=version)
            counts = [sum(each is not None for each in answers[hop::TTLS]) for hop in range(TTLS)]
            assert (counts[1], counts[2], counts[6]) == (12, 0, 12)
            assert all(0 < count < 12 for count in (counts[0], *counts[3:6])), counts


@pytest.mark.parametrize("at", ["b1", pytest.param("b2", marks=pytest.mark.long)])
def test_answers_come_back_another_way(at: str) -> None:
    """So do the server's errors; the routers' own don't."""
    with running(Chain(back=True, drops=(Drop(at=at, what="answers"),))) as chain:
        for version in VERSIONS:
            assert climbed(chain, version=version) == [*ALL, None]
            assert climbed(chain, 10001, version=version) == [*ALL, CLOSED[version]]


def test_equal_ways_are_taken_by_flow() -> None:
    with running(Chain(twin=4, drops=(Drop(at="r4b"),))) as chain:
        for version in VERSIONS:
            ways = [climbed(chain, PORT, "stun", str(port), version=version) for port in range(40001, 40011)]
            assert {tuple(each) for each in ways} == {
                (*ALL, "server answer"),
                (*routers(1, 2, 3), "r4b", None, None, None),
            }
            assert climbed(chain, PORT, "stun", "40001", version=version) == ways[0]


@pytest.mark.parametrize("silent", [True, pytest.param(False, marks=pytest.mark.long)])
def test_small_links_there_and_back(silent: bool) -> None:
    """1,320 bytes with "don't fragment"; what comes back is measured by the check itself."""
    with running(Chain(mtu={"r3": 1300}, black_hole=silent)) as chain:
        for version in VERSIONS:
            ends = [None] * 4 if silent else [f"r3 {'3/4' if version == 4 else '2/0'}"] * 4
            assert climbed(chain, 10001, "large", version=version) == [*routers(1, 2, 3), *ends]
            assert climbed(chain, 10001, version=version)[6] == CLOSED[version]
    with running(Chain(mtu_back={"r3": 1100}, black_hole=True)) as chain:
        assert climbed(chain, 10001, "large")[6] == CLOSED[4]
        (path,) = [each for each in chain.check()["paths"] if each["name"] == "direct-udp"]
        assert (path["attempts"][0]["large_up"], path["attempts"][0]["large_down"]) == (True, False)
