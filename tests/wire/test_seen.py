"""What `natprobe serve` saw of one check, there and back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from natprobe.wire.seen import Seen, pack, unpack

SECONDS = st.integers(0, 2**50).map(lambda each: each / 1_000_000)
SEEN = st.builds(Seen, SECONDS, st.one_of(st.none(), st.integers(0, 255)), st.floats(0, 4000))


@given(SEEN)
def test_there_and_back(seen: Seen) -> None:
    found = unpack(pack(seen))
    assert found.tos == seen.tos
    assert found.at == pytest.approx(seen.at, abs=0.000001)
    assert found.held == pytest.approx(seen.held, abs=0.000001)


@given(st.binary(max_size=40))
def test_any_bytes_are_that_or_an_error(data: bytes) -> None:
    try:
        found = unpack(data)
    except ValueError:
        return
    assert found.at >= 0


@pytest.mark.parametrize("data", [b"", b"\x02" + bytes(15), bytes(17)])
def test_broken(data: bytes) -> None:
    with pytest.raises(ValueError, match="seen as"):
        unpack(data)


def test_before_the_beginning_and_after_the_end() -> None:
    assert unpack(pack(Seen(-1.0))).at == 0.0
    assert unpack(pack(Seen(1e18))).at == pytest.approx((2**64 - 1) / 1_000_000)
