"""What real routers say of packets that have lived too long, and what a real path makes of it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.case import Case, Expect, Network
from tests.netns import addresses as at
from tests.netns.lab import lab

HOME, CARRIER, CORE = "192.168.1.1", "100.64.0.1", "198.51.100.254"
STUN = ("--stun", "stun:stun1.example.test")


def reported(*options: str, **network: Any) -> dict[str, Any]:
    case = Case(title="", expect=Expect(verdict="good", exit=0), network=Network(**network))
    words = [*STUN, "--only", "hops", "--only", "mapping", "--json", "-q", *options]
    with lab(case) as built:
        done = built.client.natprobe("check", "stun:stun1.example.test", *words)
    return json.loads(done.stdout)  # type: ignore[no-any-return]


def hops(report: dict[str, Any]) -> list[tuple[str | None, bool]]:
    found = [each for each in report["observations"] if each["kind"] == "Hop"]
    return [(each.get("address"), each.get("reached", False)) for each in found]


@pytest.mark.parametrize(
    ("network", "routers"),
    [
        ({}, [HOME, CORE]),
        ({"second": "nat"}, [HOME, at.SECOND_ROUTER, CORE]),
        ({"second": "routed"}, [HOME, at.SECOND_ROUTER, CORE]),
        ({"carrier": True}, [HOME, CARRIER, CORE]),
        ({"second": "nat", "carrier": True}, [HOME, at.SECOND_ROUTER, CARRIER, CORE]),
        ({"mapping": "address-and-port-dependent"}, [HOME, CORE]),
        ({"silent_routers": True}, [None, None]),
    ],
    ids=str,
)
def test_every_router_in_order(network: dict[str, Any], routers: list[str | None]) -> None:
    """Of a router's addresses the one on our side: what Linux takes towards the sender of the packet."""
    assert hops(reported(**network)) == [*((each, False) for each in routers), (at.STUN1, True)]


def test_a_firewall_that_rejects_is_told_from_the_end_of_a_life() -> None:
    report = reported(udp="reject")
    failures = [each.get("failure") for each in report["observations"] if each["kind"] == "Hop"]
    assert failures == [None, *["prohibited"] * 5]
    assert hops(report) == [(HOME, False)] * 6


@pytest.mark.parametrize(("tells", "outside"), [(True, at.SECOND_OUTSIDE), (False, None)])
def test_the_routers_own_word(tells: bool, outside: str | None) -> None:
    report = reported(second="nat", router_tells=tells)
    (answer,) = [each for each in report["observations"] if each["kind"] == "RouterAnswer"]
    assert (answer["router"], answer.get("outside")) == (HOME, outside)
    assert answer.get("failure") == (None if tells else "port-unreachable")
    assert [each["cause"] for each in report["findings"]] == (["double-nat"] if tells else [])


@pytest.mark.parametrize("second", ["none", "nat", "routed"])
@pytest.mark.parametrize("home", ["endpoint-independent", "address-and-port-dependent"])
@pytest.mark.parametrize("carrier", ["endpoint-independent", "address-dependent", "address-and-port-dependent"])
def test_a_providers_nat_shows_where_it_filters(home: str, carrier: str, second: str) -> None:
    """Against a real coturn with two addresses: what dies at the provider's router opened all before it."""
    report = reported(filtering=home, carrier=True, carrier_filtering=carrier, second=second)
    found = {each["cause"] for each in report["findings"]}
    unknown = {each["code"] for each in report["unknown"]}
    assert found == (set() if carrier == "endpoint-independent" else {"carrier-nat"})
    assert ("NP105" in unknown) is (carrier == "endpoint-independent")
    assert ("NP106" in unknown) is (second != "none")
