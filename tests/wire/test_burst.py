"""The counters of a burst: whatever is lost, late, twice or in another order is counted for what it is."""

from __future__ import annotations

import random
from itertools import pairwise
from statistics import fmean

import pytest
from hypothesis import given
from hypothesis import strategies as st

from natprobe.wire import stun
from natprobe.wire.burst import SHORT, Counter, Plan, Tally, at_rate, identity, train

# What happens to each packet: lost, or so many milliseconds on the way.
FATES = st.lists(st.none() | st.integers(0, 500), min_size=1, max_size=60)


def played(fates: list[int | None], interval: int = 20) -> Counter:
    """Times in whole milliseconds, so that sums are exact enough to compare."""
    counter = Counter()
    ids = [number.to_bytes(12, "big") for number in range(len(fates))]
    for number, each in enumerate(ids):
        counter.left(each, number * interval / 1000)
    arrivals = [(number * interval + late, number) for number, late in enumerate(fates) if late is not None]
    for at, number in sorted(arrivals):
        assert counter.came(ids[number], at / 1000)
    return counter


@given(FATES)
def test_what_left_arrived_or_is_missing(fates: list[int | None]) -> None:
    counter = played(fates)
    tally = counter.tally(1200)
    arrived = [each for each in fates if each is not None]
    assert (tally.sent, tally.arrived) == (len(fates), len(arrived))
    assert counter.missing == tally.sent - tally.arrived
    if arrived:
        assert tally.delay_min == pytest.approx(min(arrived) / 1000)
        assert tally.delay_max == pytest.approx(max(arrived) / 1000)
        assert tally.delay_max == counter.slowest
    else:
        assert tally == Tally(tally.sent, 0, 0)


@given(FATES)
def test_jitter_is_the_mean_difference_of_rfc_3550(fates: list[int | None]) -> None:
    """D(i-1,i) = (R_i - R_(i-1)) - (S_i - S_(i-1)), in the order of arrival (section 6.4.1)."""
    came = sorted((number * 20 + late, number * 20) for number, late in enumerate(fates) if late is not None)
    wanted = [abs((r2 - r1) - (s2 - s1)) / 1000 for (r1, s1), (r2, s2) in pairwise(came)]
    jitter = played(fates).tally(20).jitter
    assert jitter == (pytest.approx(fmean(wanted), abs=1e-9) if wanted else None)


@given(FATES)
def test_reordered_are_those_that_another_overtook(fates: list[int | None]) -> None:
    came = [number for _, number in sorted((n * 20 + late, n) for n, late in enumerate(fates) if late is not None)]
    late = sum(any(before > each for before in came[:place]) for place, each in enumerate(came))
    assert played(fates).tally(20).reordered == late


@given(FATES, st.integers(0, 59), st.binary(min_size=12, max_size=12))
def test_copies_and_strangers_count_for_nothing(fates: list[int | None], again: int, stranger: bytes) -> None:
    counter = played(fates)
    before = counter.tally(20)
    which = again % len(fates)
    if fates[which] is not None:
        assert not counter.came(which.to_bytes(12, "big"), 99.0)
    if int.from_bytes(stranger, "big") >= len(fates):
        assert not counter.came(stranger, 99.0)
    copies = 1 if fates[again % len(fates)] is not None else 0
    assert counter.tally(20) == (before._replace(duplicates=copies) if before.arrived else before)


@pytest.mark.parametrize("steady", [0, 1, 40])
def test_a_steady_way_has_no_jitter(steady: int) -> None:
    tally = played([steady] * 20).tally(20)
    assert tally.jitter == pytest.approx(0)
    assert tally.reordered == 0


def test_the_rate_is_what_arrives_between_the_first_and_the_last() -> None:
    assert played([5] * 11, interval=10).tally(1250).rate == pytest.approx(1_000_000)
    assert played([5, None] * 10, interval=10).tally(1250).rate == pytest.approx(500_000)
    assert played([5]).tally(1250).rate is None


@given(st.integers(32_000, 20_000_000), st.floats(0.1, 2.5))
def test_a_plan_makes_its_rate_in_its_time(rate: int, seconds: float) -> None:
    plan = at_rate(rate, seconds, 1200)
    assert plan.packets >= 2
    assert plan.bytes * 8 / plan.interval == pytest.approx(rate)
    assert plan.seconds <= max(seconds, plan.interval) + 1e-9


@pytest.mark.parametrize(("size", "wanted"), [(0, 20), (27, 20), (28, 28), (172, 172), (1200, 1200)])
def test_a_train_is_of_requests_that_anybody_answers(size: int, wanted: int) -> None:
    plan = Plan(7, 0.02, size)
    chance = random.Random(0)
    packets = dict(train(plan, lambda: chance.randbytes(12)))
    assert len(packets) == 7
    for which, packet in packets.items():
        assert len(packet) == plan.bytes == wanted
        assert identity(packet) == which == stun.decode(packet).message.transaction_id


def test_the_short_burst_is_bounded() -> None:
    assert (SHORT.packets, SHORT.bytes) == (20, 20)
    assert SHORT.seconds == pytest.approx(0.38)
