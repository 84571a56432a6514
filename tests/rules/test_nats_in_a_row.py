"""NP105 and NP106 on facts made by hand: what proves a second NAT, and what only looks like one."""

from __future__ import annotations

from typing import Any

import pytest

from natprobe.derive.behaviour import hops, inner_hops, own_router
from natprobe.facts import Hop, Opening, RouterAnswer
from natprobe.model import Failure, Observation
from natprobe.rules import CLEAR, NOT_APPLICABLE
from tests.made import LOCAL, ROUTER, STUN1, TIMEOUT, address, doubt, facts, found, judged, route, saw, words

HOME = (address("192.168.1.2", "private"), route(4, ROUTER), saw())
NONE = ("0.0.0.0", "127.0.0.1", "169.254.7.7")


def hop(ttl: int, by: str | None, **more: Any) -> Hop:
    failure = TIMEOUT if by is None else None
    fields: dict[str, Any] = {"towards": STUN1, "local": LOCAL, "failure": failure} | more
    return Hop(ttl=ttl, address=by, **fields)


def path(*routers: str | None, **more: Any) -> list[Hop]:
    return [hop(ttl, by, **more) for ttl, by in enumerate(routers, 1)]


def told(outside: str | None, failure: Failure | None = None) -> RouterAnswer:
    return RouterAnswer(router=ROUTER, outside=outside, tries=1, failure=failure)


def opening(**more: Any) -> Opening:
    """An answer that stayed out although packets had been sent that died at the second router."""
    fields: dict[str, Any] = {"ttl": 2, "tries": 6, "controls": 7, "failure": TIMEOUT}
    return Opening(server=STUN1, local=LOCAL, opened="203.0.113.21:3479", **fields | more)


class TestHops:
    def test_in_order_and_only_those_that_spoke(self) -> None:
        last = hop(4, "203.0.113.20", reached=True)
        seen = facts(last, hop(3, "198.51.100.254"), hop(2, None), hop(1, ROUTER))
        assert [each.address for each in hops(seen)] == [ROUTER, "198.51.100.254"]

    @pytest.mark.parametrize(
        ("first", "gateway", "ours"),
        [
            (ROUTER, ROUTER, True),
            (ROUTER, "192.168.1.254", False),  # somebody else: a proxy ARP, another way out
            (ROUTER, None, False),
            ("203.0.113.1", "203.0.113.1", False),
            ("100.64.0.1", "100.64.0.1", False),  # a provider's
        ],
    )
    def test_our_own_router(self, first: str, gateway: str | None, ours: bool) -> None:
        assert (own_router(facts(route(4, gateway), hop(1, first))) is not None) is ours

    def test_who_answers_second_is_not_our_own(self) -> None:
        assert own_router(facts(*HOME, hop(1, None), hop(2, ROUTER))) is None

    def test_beyond_it_and_before_the_first_public_one(self) -> None:
        row = path(ROUTER, "192.168.1.254", "192.168.178.1", None, "198.51.100.254", "10.0.0.1")
        assert [each.address for each in inner_hops(facts(*HOME, *row))] == ["192.168.178.1"]

    def test_a_prefix_that_cannot_be(self) -> None:
        odd = (address("192.168.1.2", "private"), route(4, ROUTER), *path(ROUTER, "192.168.178.1"))
        wide = [each if not hasattr(each, "prefix") else type(each)(**_fields(each, prefix=999)) for each in odd]
        assert inner_hops(facts(*wide))


def _fields(each: Observation, **more: Any) -> dict[str, Any]:
    return {name: getattr(each, name) for name in each.__struct_fields__} | more


class TestDoubleNat:
    SECOND = path(ROUTER, "192.168.178.1", "198.51.100.254")

    def test_the_routers_own_word(self) -> None:
        said = words("double-nat", *HOME, *self.SECOND, told("192.168.178.2"))
        assert "the router 192.168.1.1 has 192.168.178.2 outside" in said
        assert found("double-nat", *HOME, *self.SECOND, told("192.168.178.2")).evidence == (5, 7)

    def test_it_counts_without_hops(self) -> None:
        assert found("double-nat", *HOME, told("10.1.2.3"))

    @pytest.mark.parametrize("outside", ["198.51.100.7", "203.0.113.99", "100.64.0.7"])
    def test_a_router_that_has_no_private_address_outside_is_the_last_of_ours(self, outside: str) -> None:
        assert judged("double-nat", *HOME, *self.SECOND, told(outside)) is CLEAR

    @pytest.mark.parametrize("second", ["192.168.178.1", "172.16.0.1", "172.31.254.2"])
    def test_a_second_network_proves_nothing(self, second: str) -> None:
        assert doubt("double-nat", *HOME, *path(ROUTER, second, "198.51.100.254")) == "second-network"

    def test_the_advice_names_both_routers(self) -> None:
        ask = judged("double-nat", *HOME, *self.SECOND).ask  # type: ignore[union-attr]  # it could not tell
        assert "status page of the router 192.168.1.1" in ask
        assert "the network of 192.168.178.1" in ask

    @pytest.mark.parametrize("failure", [TIMEOUT, Failure.PORT_UNREACHABLE, Failure.ERROR_RESPONSE])
    def test_a_router_that_does_not_tell(self, failure: Failure) -> None:
        assert doubt("double-nat", *HOME, *self.SECOND, told(None, failure)) == "second-network"

    @pytest.mark.parametrize("outside", NONE)
    def test_a_router_without_an_address_outside_tells_nothing(self, outside: str) -> None:
        assert doubt("double-nat", *HOME, *self.SECOND, told(outside)) == "second-network"

    @pytest.mark.parametrize(
        "row",
        [
            path(ROUTER, "198.51.100.254"),
            path(ROUTER, "10.0.0.1", "198.51.100.254"),  # what providers and companies number routers from
            path(ROUTER, "100.64.0.1", "198.51.100.254"),
            path(ROUTER, "100.64.0.1", "172.31.254.2"),  # a provider's, after one of its own
            path(ROUTER, "192.168.1.254", "198.51.100.254"),  # our own network again
            path(ROUTER, None, "192.168.178.1"),  # who stands between is not known
            path(ROUTER, None, None),
            path(ROUTER),
        ],
    )
    def test_no_sign_at_all(self, row: list[Hop]) -> None:
        assert judged("double-nat", *HOME, *row) is CLEAR

    @pytest.mark.parametrize(
        "row", [[], path(None, None, None), path(None, "192.168.178.1"), path("10.8.0.1", "192.168.178.1")]
    )
    def test_where_our_own_router_is_not_seen(self, row: list[Hop]) -> None:
        assert judged("double-nat", *HOME, *row) is NOT_APPLICABLE


class TestCarrierNat:
    SHARED = path(ROUTER, "100.64.0.1", "198.51.100.254")

    def test_the_routers_own_word(self) -> None:
        said = words("carrier-nat", *HOME, *self.SHARED, told("100.64.0.7"))
        assert "the router 192.168.1.1 has 100.64.0.7 outside" in said

    def test_a_router_numbered_from_the_range_proves_nothing(self) -> None:
        assert doubt("carrier-nat", *HOME, *self.SHARED) == "shared-range-hop"
        assert judged("carrier-nat", *HOME, *self.SHARED, told("198.51.100.7")) is CLEAR

    @pytest.mark.parametrize("outside", NONE)
    def test_a_router_without_an_address_outside_tells_nothing(self, outside: str) -> None:
        assert doubt("carrier-nat", *HOME, *self.SHARED, told(outside)) == "shared-range-hop"

    def test_what_is_shut_at_it_or_beyond_is_proof(self) -> None:
        row = (*HOME, *self.SHARED, opening(), opening(whole=True, failure=None))
        assert "at or beyond 100.64.0.1, after this network's own router" in words("carrier-nat", *row)
        assert found("carrier-nat", *row).evidence == (5, 7, 8)

    @pytest.mark.parametrize(
        "tests",
        [
            (opening(),),  # nothing opens it, so nothing is known to
            (opening(), opening(whole=True)),
            (opening(failure=None), opening(whole=True, failure=None)),
            (opening(tries=5), opening(whole=True, failure=None)),
            (opening(controls_lost=1), opening(whole=True, failure=None)),
            (opening(failure=Failure.UNSUPPORTED), opening(whole=True, failure=None)),
            (opening(ttl=1), opening(ttl=1, whole=True, failure=None)),  # our own router
            (opening(ttl=3), opening(ttl=3, whole=True, failure=None)),  # not where the address was seen
        ],
    )
    def test_anything_less_is_none(self, tests: tuple[Opening, ...]) -> None:
        assert doubt("carrier-nat", *HOME, *self.SHARED, *tests) == "shared-range-hop"

    def test_behind_a_second_router_the_first_cannot_know(self) -> None:
        row = path(ROUTER, "192.168.178.1", "100.64.0.1", "198.51.100.254")
        assert doubt("carrier-nat", *HOME, *row, told("192.168.178.2")) == "shared-range-hop"

    def test_silence_proves_nothing_either(self) -> None:
        assert judged("carrier-nat", *HOME, *path(ROUTER, None, None)) is CLEAR

    def test_a_tunnels_routers_are_not_the_providers(self) -> None:
        tunnel = (address("100.101.102.103", "tunnel", "tailscale0"), route(4, ROUTER), saw())
        assert judged("carrier-nat", *tunnel, hop(1, "100.100.100.100", local="100.101.102.103:4")) is CLEAR

    def test_the_own_address_is_proof_as_before(self) -> None:
        phone = (address("100.64.0.7", "carrier"), route(4, "100.64.0.1"), saw(local="100.64.0.7:4"))
        assert "100.64.0.7 is an address" in words("carrier-nat", *phone)

    def test_nobody_seen(self) -> None:
        assert judged("carrier-nat", *HOME[:2], *self.SHARED) is NOT_APPLICABLE
