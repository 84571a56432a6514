"""The NAT as an object of its own: packets and times in, packets out."""

from __future__ import annotations

import random
from typing import Any

import pytest

from tests.lab.nat import Behaviour, Nat
from tests.lab.network import Endpoint, Packet

ANY: Behaviour = "endpoint-independent"
BOTH: Behaviour = "address-and-port-dependent"
OUTSIDE, SERVER, OTHER = "198.51.100.7", ("203.0.113.20", 3478), ("203.0.113.30", 3478)
ONE, TWO = ("192.168.1.2", 40000), ("192.168.1.3", 40001)


def nat(mapping: Any = ANY, filtering: Any = ANY, **more: Any) -> Nat:
    return Nat(OUTSIDE, mapping, filtering, random.Random(0), **more)


def mapped(made: Nat, inside: Endpoint = ONE, to: Endpoint = SERVER) -> Endpoint:
    leaving = made.outward(Packet("udp", inside, to))
    assert leaving is not None
    return leaving.source


def let_in(made: Nat, outside: Endpoint, source: Endpoint = SERVER) -> Endpoint | None:
    entering = made.inward(Packet("udp", source, outside))
    return entering and entering.destination


def turned(made: Nat, inside: Endpoint, to: Endpoint) -> Packet | None:
    leaving = made.outward(Packet("udp", inside, to))
    return leaving and made.inward(leaving)


def test_hairpin_translates_both_ends() -> None:
    made = nat(hairpin=True)
    one, two = mapped(made, ONE), mapped(made, TWO)
    assert turned(made, ONE, two) == Packet("udp", one, TWO)


def test_hairpin_is_filtered_like_everything_that_comes_in() -> None:
    made = nat(filtering=BOTH, hairpin=True)
    one, two = mapped(made, ONE), mapped(made, TWO)
    assert turned(made, ONE, two) is None
    assert turned(made, TWO, one) == Packet("udp", two, ONE)


def test_without_hairpinning_nothing_leaves_for_our_own_addresses() -> None:
    made = nat(pool=("198.51.100.71",))
    assert turned(made, ONE, mapped(made, TWO)) is None
    assert made.outward(Packet("udp", ONE, ("198.51.100.71", 5))) is None
    assert not nat("none").owns(OUTSIDE)


def test_a_mapping_dies_when_nothing_is_sent_through_it() -> None:
    clock = [100.0]
    made = nat(ports="random", lifetime=30, now=lambda: clock[0])
    first = mapped(made)
    clock[0] += 30
    assert mapped(made) == first  # sending keeps it
    clock[0] += 20
    assert let_in(made, first) == ONE  # what comes in does not
    clock[0] += 11
    assert let_in(made, first) is None
    assert mapped(made) != first


def test_who_was_sent_to_is_forgotten_with_the_mapping() -> None:
    clock = [0.0]
    made = nat(filtering=BOTH, lifetime=30, now=lambda: clock[0])
    first = mapped(made)
    clock[0] += 31
    assert mapped(made, to=OTHER) == first  # the port is kept, and free again
    assert let_in(made, first, OTHER) == ONE
    assert let_in(made, first, SERVER) is None


def test_only_udp_is_forgotten() -> None:
    clock = [0.0]
    made = nat(lifetime=30, now=lambda: clock[0])
    leaving = made.outward(Packet("tcp", ONE, SERVER))
    clock[0] += 3600
    assert leaving is not None
    assert made.inward(Packet("tcp", SERVER, leaving.source)) is not None


@pytest.mark.parametrize(
    ("ports", "moved"), [("preserved", (0, 0, 0)), ("contiguous", (1111, 1111, 1111)), ("sequential", (None, 1, 2))]
)
def test_ports(ports: Any, moved: Any) -> None:
    """Asked in the opposite order of the inside ports."""
    made = nat(ports=ports)
    inside = [(ONE[0], 40000 - number) for number in range(3)]
    outside = [mapped(made, each)[1] for each in inside]
    if ports == "sequential":
        assert outside == [outside[0] + number for number in range(3)]
    else:
        assert [one - other[1] for one, other in zip(outside, inside, strict=True)] == list(moved)


def test_nobody_gets_a_port_that_another_has() -> None:
    for ports in ("preserved", "random", "sequential", "contiguous"):
        made = nat(ports=ports)
        outside = [mapped(made, (f"192.168.1.{number}", 40000)) for number in range(2, 250)]
        assert len(set(outside)) == len(outside)


def test_a_pool_gives_sockets_different_addresses() -> None:
    made = nat(pool=("198.51.100.71", "198.51.100.72"))
    first = {mapped(made, (ONE[0], port))[0] for port in range(40000, 40030)}
    assert first == {OUTSIDE, "198.51.100.71", "198.51.100.72"}
    assert mapped(made) == mapped(made, to=OTHER)
