"""What `natprobe serve` tells of what it counted, there and back."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from natprobe.wire.counts import SIZE_MAX, Count, Told, pack, unpack

PORTS = st.integers(0, 65535)
NUMBERS = st.integers(0, 2**32 - 1)
TIMES = st.integers(0, 2**32 - 1).map(lambda each: each / 1000)


def endpoints(version: int) -> st.SearchStrategy[tuple[str, int]]:
    return st.tuples(st.ip_addresses(v=version).map(str), PORTS)  # type: ignore[arg-type]


def counts(version: int) -> st.SearchStrategy[Count]:
    ends = endpoints(version)
    what = st.sampled_from(["check", "stun", "turn", "dtls", "tls", "http", "rtp", "connection", "other"])
    numbers = (NUMBERS, NUMBERS, NUMBERS, TIMES, TIMES, NUMBERS)
    return st.builds(Count, st.sampled_from(["udp", "tcp"]), ends, ends, what, st.booleans(), *numbers)


TOLD = st.builds(
    Told,
    TIMES,
    st.lists(st.tuples(st.sampled_from(["udp", "tcp"]), PORTS), max_size=64).map(tuple),
    st.lists(counts(4) | counts(6), max_size=40).map(tuple),
)


@given(TOLD)
def test_there_and_back(told: Told) -> None:
    data = pack(told)
    assert len(data) <= SIZE_MAX
    found = unpack(data)
    assert (found.seconds, found.ports) == (told.seconds, told.ports)
    assert found.counts == told.counts[: len(found.counts)]
    assert len(found.counts) == len(told.counts) or len(data) > SIZE_MAX - 70


@given(st.binary(max_size=300) | st.tuples(TOLD.map(pack), st.integers(0, 999)).map(lambda both: both[0][: both[1]]))
def test_any_bytes_are_counts_or_an_error(data: bytes) -> None:
    try:
        told = unpack(data)
    except ValueError:
        return
    assert all(ipaddress.ip_address(each.sender[0]) for each in told.counts)


def test_what_is_too_much_is_left_out() -> None:
    one = Count("udp", ("::1", 1), ("::2", 2), "check", True, 2**40, 1, 1, -5.0, 1e12)
    found = unpack(pack(Told(1e12, (), (one,) * 300)))
    assert 0 < len(found.counts) < 300
    assert (found.counts[0].packets, found.counts[0].first) == (2**32 - 1, 0.0)


@pytest.mark.parametrize("data", [b"", b"\x01" + bytes(20), b"\x02\x05\x00" + bytes(4), b"\x02\x00\x01" + bytes(20)])
def test_broken(data: bytes) -> None:
    with pytest.raises(ValueError, match="counts"):
        unpack(data)
