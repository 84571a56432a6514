"""Needed ports against sockets: the matching, held against a slow and plain reading of what kernels do."""

from __future__ import annotations

import ipaddress
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from natprobe.derive.listening import covers, families, near_only, standings
from natprobe.derive.programs import is_program
from natprobe.facts import Listening, Sockets
from tests.made import facts
from tests.made_server import PUBLIC, PUBLIC_OTHER, expected, listening, own, published

PUBLIC6, NEAR, NEAR6 = "2001:db8:f::222", "127.0.0.1", "::1"
ADDRESSES = (PUBLIC, PUBLIC_OTHER, PUBLIC6, NEAR, NEAR6)
BOUND = ("0.0.0.0", "::", "::ffff:0.0.0.0", f"::ffff:{PUBLIC}", *ADDRESSES)
HOST = (*(own(each, "lo" if each in (NEAR, NEAR6) else "eth0") for each in ADDRESSES), Sockets())


def plainly(bound: str, v6only: bool, address: str) -> bool:
    """ip(7), ipv6(7): a wildcard takes all of its family, `::` both unless IPV6_V6ONLY is set."""
    there, asked = ipaddress.ip_address(bound), ipaddress.ip_address(address)
    if isinstance(there, ipaddress.IPv6Address) and there.ipv4_mapped is not None:
        there = there.ipv4_mapped
    if not there.is_unspecified:
        return there == asked
    return there.version == asked.version or (there.version == 6 and not v6only)


@pytest.mark.parametrize("bound", BOUND)
@pytest.mark.parametrize("address", ADDRESSES)
@pytest.mark.parametrize("v6only", [True, False])
def test_a_socket_covers_what_the_kernel_gives_it(bound: str, address: str, v6only: bool) -> None:
    socket = listening("tcp", bound, 443, v6only=v6only)
    assert covers(socket, address) is plainly(bound, v6only, address)


def test_families_and_loopback() -> None:
    assert families([listening(address="::", v6only=False)]) == {4, 6}
    assert families([listening(address="::", v6only=True)]) == {6}
    assert families([listening(address=f"::ffff:{PUBLIC}")]) == {4}
    assert families([published()]) == {4}
    assert [near_only(listening(address=each)) for each in BOUND] == [each in (NEAR, NEAR6) for each in BOUND]
    assert near_only(listening(interface="lo"))


SOCKETS = st.builds(
    listening,
    proto=st.sampled_from(("udp", "tcp")),
    address=st.sampled_from(BOUND),
    port=st.integers(440, 446),
    process=st.sampled_from(("janus", "nginx", None, "docker-proxy")),
    v6only=st.booleans(),
    interface=st.sampled_from(("", "eth0", "lo")),
)
NEEDS = st.builds(
    lambda first, length, **more: expected(port=first, port_end=first + length, **more),
    first=st.integers(438, 446),
    length=st.integers(0, 6),
    proto=st.sampled_from(("udp", "tcp")),
    address=st.sampled_from((None, "0.0.0.0", "::", "198.51.100.9", *ADDRESSES)),
    program=st.sampled_from(("", "janus", "nginx")),
)


@given(st.lists(SOCKETS, max_size=6), NEEDS)
def test_every_port_of_a_need_has_one_standing(sockets: list[Listening], need: Any) -> None:
    found = standings(facts(*HOST, *sockets, need))
    ports = sorted(port for each in found for first, last in each.runs for port in range(first, last + 1))
    assert ports == list(range(need.port, need.port_end + 1))


@given(st.lists(SOCKETS, max_size=6), NEEDS)
def test_a_standing_is_true(sockets: list[Listening], need: Any) -> None:
    for each in standings(facts(*HOST, *sockets, need)):
        there = [one for one in sockets if one.port == each.port and one.proto == need.proto]
        assert all(msgspec.structs.replace(one, id=0) in there for one in each.holders)
        if each.state == "absent":
            mine = [one for one in there if is_program(one, need.program) is not False] if need.program else there
            passing = [one for one in there if one.process == "docker-proxy"]
            assert not mine
            assert not passing
        else:
            assert each.holders
        if each.state == "held" and need.address in ADDRESSES:
            assert any(covers(one, need.address) for one in each.holders)


@given(st.lists(SOCKETS, max_size=5), NEEDS)
def test_one_more_socket_of_the_right_program_at_the_right_place_always_helps(
    sockets: list[Listening], need: Any
) -> None:
    if need.address not in ADDRESSES:
        return
    more = [listening(need.proto, need.address, port, need.program or "janus") for port in range(438, 453)]
    free = [each for each in sockets if each.proto != need.proto or not each.interface]
    assert {each.state for each in standings(facts(*HOST, *free, *more, need))} <= {"held"}


@pytest.mark.parametrize(
    ("process", "user", "program", "is_it"),
    [
        ("janus", "", "janus", True),
        ("nginx", "", "janus", False),
        ("java", "", "jvb", True),
        ("jicofo", "", "jvb", False),
        ("lua5.4", "", "prosody", True),
        ("turnserver", "", "coturn", True),
        (None, "turnserver", "coturn", True),
        (None, "root", "coturn", None),
    ],
)
def test_programs(process: str | None, user: str, program: str, is_it: bool | None) -> None:
    assert is_program(listening(process=process, user=user), program) is is_it
