"""Address pooling, ports and hairpinning from facts made by hand: what decides, and what doesn't."""

from __future__ import annotations

from typing import Any

import pytest

from natprobe.derive.behaviour import address_pooling, hairpinning, ports_contiguous, ports_preserved
from natprobe.facts import Binding, Hairpin
from natprobe.model import Failure
from tests.made import LOCAL, OUTSIDE, STUN1, STUN2, facts, saw, unheard


def sockets(*outside: int, server: str = STUN1, address: str = "198.51.100.7", first: int = 40000) -> list[Binding]:
    """Sockets on neighbouring ports, and the ports that the server saw."""
    found = enumerate(outside, start=first)
    return [saw(server, f"{address}:{port}", f"192.168.1.2:{number}") for number, port in found]


@pytest.mark.parametrize(
    ("outside", "kept", "neighbours"),
    [
        ((40000,), True, None),
        ((50000,), None, None),
        ((50000, 51000), None, None),
        ((50000, 51000, 52000), False, None),
        ((40000, 40001, 40002, 40003, 40004, 40005), True, True),
        ((40000, 50001, 40002, 40003, 40004, 40005), True, True),  # one met another's port
        ((40000, 50001, 40002, 50003, 40004, 40005), True, True),
        ((40000, 50001, 50002, 50003, 40004, 40005), None, None),
        ((40000, 50001, 51002, 52003, 53004, 54005), None, False),
        ((20100, 20101, 20102, 20103, 20104, 20105), False, True),
        ((20100, 20101, 33333, 20103, 20104, 20105), False, True),
        ((20100, 20106, 20105, 20104, 20103, 20102), False, False),  # one after the other, the furthest first
        ((20100, 20105, 20104, 20103, 20102, 20101), False, False),
        ((20100, 20104, 20103, 20102), False, False),
        ((20100, 20103, 20102, 20101), False, None),
        ((20100, 33000, 41000, 59000), False, False),
    ],
)
def test_ports(outside: tuple[int, ...], kept: bool | None, neighbours: bool | None) -> None:
    assert (ports_preserved(facts(*sockets(*outside))), ports_contiguous(facts(*sockets(*outside)))) == (
        kept,
        neighbours,
    )


def test_a_socket_keeps_its_port_once() -> None:
    """With dependent mapping only one of its mappings can have it."""
    again = [saw(STUN2, f"198.51.100.7:{50000 + number}", f"192.168.1.2:{40000 + number}") for number in range(3)]
    assert ports_preserved(facts(*sockets(40000, 40001, 40002), *again)) is True


def test_ports_far_from_each_other_are_no_neighbours() -> None:
    far = [saw(STUN1, f"198.51.100.7:{9000 + port}", f"192.168.1.2:{port}") for port in (40000, 41000, 42000, 43000)]
    assert ports_contiguous(facts(*far)) is None


def test_neighbours_are_compared_by_what_one_server_saw() -> None:
    mixed = [*sockets(20100, 20101, 20102), *sockets(30100, 30101, server=STUN2, first=40003)]
    assert ports_contiguous(facts(*mixed)) is None


def test_two_networks_that_differ_say_nothing_together() -> None:
    other = [saw(STUN1, f"198.51.100.99:{50000 + number}", f"10.8.0.2:{41000 + 7 * number}") for number in range(3)]
    both = facts(*sockets(40000, 40001, 40002), *other)
    assert ports_preserved(both) is None
    assert ports_preserved(both, 4, "192.168.1.2") is True
    assert ports_preserved(both, 4, "10.8.0.2") is False


def test_pools() -> None:
    paired = sockets(*range(40000, 40006))
    elsewhere = saw(STUN1, "198.51.100.71:40009", "192.168.1.2:40009")
    assert address_pooling(facts(*paired)) is False
    assert address_pooling(facts(*paired[:5])) is None
    assert address_pooling(facts(*paired[:1], elsewhere)) is True
    assert address_pooling(facts(*paired, elsewhere)) is True
    assert address_pooling(facts(*paired, elsewhere), 6) is None
    assert address_pooling(facts(*paired, elsewhere), 4, "10.8.0.2") is None


def test_an_address_that_follows_the_server_is_no_pool() -> None:
    """Two ways out look the same; but it is not one and the same address either."""
    elsewhere = sockets(*range(50000, 50006), server=STUN2, address="198.51.100.71")
    assert address_pooling(facts(*sockets(*range(40000, 40006)), *elsewhere)) is None


def test_two_local_addresses_have_outside_addresses_of_their_own() -> None:
    other = [saw(STUN1, f"198.51.100.99:{port}", f"10.8.0.2:{port}") for port in range(41000, 41006)]
    assert address_pooling(facts(*sockets(*range(40000, 40006)), *other)) is False


def test_without_a_nat() -> None:
    own = [saw(mapped=f"192.168.1.2:{port}", local=f"192.168.1.2:{port}") for port in range(40000, 40008)]
    assert [told(facts(*own)) for told in (ports_preserved, ports_contiguous, address_pooling)] == [None] * 3
    unbound = [saw(local=f"0.0.0.0:{port}", mapped=f"198.51.100.7:{port}") for port in range(40000, 40008)]
    assert [told(facts(*unbound)) for told in (ports_preserved, ports_contiguous, address_pooling)] == [None] * 3
    assert ports_preserved(facts(unheard())) is None


def turned(**more: Any) -> Hairpin:
    fields: dict[str, Any] = {"tries": 6, "controls": 7, "failure": Failure.TIMEOUT} | more
    return Hairpin(server=STUN1, local=LOCAL, mapped=OUTSIDE, sender="192.168.1.2:40001", **fields)


INDEPENDENT = (saw(STUN1), saw(STUN2))
DEPENDENT = (saw(STUN1), saw(STUN2, "198.51.100.7:50000"))


@pytest.mark.parametrize(
    ("tests", "mapping", "told"),
    [
        ([turned()], INDEPENDENT, False),
        ([turned()], DEPENDENT, None),
        ([turned()], INDEPENDENT[:1], None),
        ([turned(controls_lost=1)], INDEPENDENT, None),
        ([turned(tries=12, controls=4, controls_lost=3)], INDEPENDENT, False),
        ([turned(controls=3)], INDEPENDENT, None),
        ([turned(failure=Failure.PERMISSION_DENIED)], INDEPENDENT, None),
        ([turned(failure=None, seen_from="198.51.100.7:40001")], DEPENDENT, True),
        ([turned(), turned(failure=None, seen_from="198.51.100.7:40001")], INDEPENDENT, True),
        ([], INDEPENDENT, None),
    ],
)
def test_hairpinning(tests: list[Hairpin], mapping: tuple[Binding, ...], told: bool | None) -> None:
    assert hairpinning(facts(*mapping, *tests)) is told


def test_hairpinning_of_one_local_address() -> None:
    assert hairpinning(facts(*INDEPENDENT, turned()), 4, "192.168.1.2") is False
    assert hairpinning(facts(*INDEPENDENT, turned()), 4, "10.8.0.2") is None
