"""A train of packets without I/O: what is sent, which of it arrived when, and what that says of the way.

Its packets are STUN Binding requests, told apart by their transaction ids (96 bits by chance): whoever answers STUN
answers them, and nobody can guess one that did not arrive.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise
from statistics import median
from typing import NamedTuple

from natprobe.wire import stun

# Where the transaction id stands (RFC 8489 section 5).
_ID = slice(8, 20)
_BLANK = bytes(12)


class Plan(NamedTuple):
    """So many packets of `size` bytes (as small as they come where that is less), so many seconds apart."""

    packets: int
    interval: float
    size: int = 0

    @property
    def seconds(self) -> float:
        """From the first to the last."""
        return (self.packets - 1) * self.interval

    @property
    def bytes(self) -> int:
        """How long each packet is."""
        return len(stun.padded_request(_BLANK, self.size))


# What a call's audio looks like: a packet each 20 ms (RFC 7874 section 4). Less than half a second in all.
SHORT = Plan(20, 0.02)


def of_packets(packets: int) -> Plan:
    """Like the short one, with so many."""
    return SHORT._replace(packets=packets)


def at_rate(rate: int, seconds: float, size: int) -> Plan:
    """As many packets as make `rate` bits per second, at least two."""
    interval = size * 8 / rate
    return Plan(max(2, int(seconds / interval) + 1), interval, size)


def train(plan: Plan, chance: Callable[[], bytes]) -> Iterator[tuple[bytes, bytes]]:
    """Each packet with its id. `chance` gives 12 random bytes a time."""
    first = stun.padded_request(_BLANK, plan.size)
    for _ in range(plan.packets):
        identity = chance()
        yield identity, first[:8] + identity + first[20:]


def identity(packet: bytes) -> bytes:
    """The id of a packet of a train, or of an answer to one."""
    return packet[_ID]


class Tally(NamedTuple):
    """What came of a train. Times are seconds; None: too little arrived to say.

    `delay_*`: from when each was sent to when it arrived, by one clock. `reordered`: those that arrived after one that
    was sent later. `duplicates`: further copies of what had arrived; they are none of `arrived`. `jitter`: the mean of
    |D(i-1,i)| of RFC 3550 section 6.4.1 in the order of arrival. The RFC smooths that with a gain of 1/16, which begins
    at zero and over 20 packets would be a third too low. `rate`: bits per second between the first arrival and the
    last.
    """

    sent: int
    arrived: int
    reordered: int
    delay_min: float | None = None
    delay_median: float | None = None
    delay_max: float | None = None
    jitter: float | None = None
    rate: float | None = None
    duplicates: int = 0


class Counter:
    """Who left when and who arrived when."""

    def __init__(self) -> None:
        self._left: dict[bytes, float] = {}
        self._came: dict[bytes, float] = {}
        self._copies = 0

    @property
    def missing(self) -> int:
        """How many that left did not arrive."""
        return len(self._left) - len(self._came)

    @property
    def slowest(self) -> float | None:
        """The longest delay so far, in seconds."""
        return max((at - self._left[each] for each, at in self._came.items()), default=None)

    def left(self, which: bytes, at: float) -> None:
        """This one was sent."""
        self._left.setdefault(which, at)

    def came(self, which: bytes, at: float) -> bool:
        """This one arrived; False where none such left, or where it is a second copy."""
        if which not in self._left:
            return False
        if which in self._came:
            self._copies += 1
            return False
        self._came[which] = at
        return True

    def tally(self, size: int) -> Tally:
        """The figures; `size` is a packet's, in bytes."""
        if not self._came:
            return Tally(len(self._left), 0, 0)
        delays = [at - self._left[each] for each, at in self._came.items()]
        return Tally(
            sent=len(self._left),
            arrived=len(self._came),
            reordered=self._reordered(),
            delay_min=min(delays),
            delay_median=median(delays),
            delay_max=max(delays),
            jitter=_mean([abs(after - before) for before, after in pairwise(delays)]),
            rate=self._rate(size),
            duplicates=self._copies,
        )

    def _reordered(self) -> int:
        place = {each: number for number, each in enumerate(self._left)}
        highest, late = -1, 0
        for each in self._came:
            late += place[each] < highest
            highest = max(highest, place[each])
        return late

    def _rate(self, size: int) -> float | None:
        times = list(self._came.values())
        span = max(times) - min(times)
        return (len(times) - 1) * size * 8 / span if span > 0 else None


def _mean(values: list[float]) -> float | None:
    return sum(values) / len(values) if values else None
