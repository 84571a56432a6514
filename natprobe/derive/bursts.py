"""What bursts through a leg, or to `natprobe serve`, say: how much is lost, and which picture size fits. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from natprobe.facts import Allocation, Facts, PathRate, RelayBurst
from natprobe.model import Failure
from natprobe.wording import mark

# Above this loss senders lower their rate, or at least don't raise it (draft-ietf-rmcat-gcc-02 section 6).
LOSS_MAX = 0.02
# So much of what was asked for has to arrive per second.
_ARRIVED_MIN = 0.95
# Bits per second -> the picture that they make.
PICTURES: tuple[tuple[int, str], ...] = (
    (10_000_000, "4K"),
    (2_500_000, "720p"),
    (500_000, "360p"),
    (200_000, "180p"),
)


class Carried(NamedTuple):
    """A way under --bitrate: `asked` and `arrived` in bits per second, of the direction that fares worse; `picture` is
    the largest that fits, None: not even the smallest. Failure: it was not tried, and why.
    """

    way: str
    asked: int
    arrived: int
    loss: float
    holds: bool
    picture: str | None
    failure: Failure | None = None
    detail: str = ""


def bursts(facts: Facts, allocation: Allocation) -> list[RelayBurst]:
    """Those through this leg."""
    same = (allocation.source, allocation.flow)
    return facts.of(RelayBurst, lambda each: (each.source, each.flow) == same)


def loss(facts: Facts, allocation: Allocation) -> float | None:
    """The share that is lost on the worse of both ways, by the longest burst that there is; None: nobody looked."""
    known = [each for each in bursts(facts, allocation) if each.sent]
    longer = [each for each in known if each.bitrate]
    return max((round(_lost(each), 4) for each in longer or known), default=None)


def _lost(burst: RelayBurst) -> float:
    """Where the far end counted too, of the worse half; what there was no sender for is not lost."""
    if burst.halfway is None:
        return 1 - burst.arrived / burst.sent
    there = 1 - burst.halfway / burst.sent
    return max(there, 1 - burst.arrived / burst.halfway) if burst.halfway else there


def carried(facts: Facts) -> list[Carried]:
    """What --bitrate showed, a leg at a time."""
    legs: dict[tuple[int, str], list[RelayBurst]] = {}
    for each in facts.of(RelayBurst, lambda each: each.bitrate > 0):
        legs.setdefault((each.source, each.flow), []).append(each)
    relayed = [_carried(f"turn-{group[0].transport}", group, max(map(_lost, group))) for group in legs.values()]
    return [*_directly(facts), *relayed]


def _directly(facts: Facts) -> Iterator[Carried]:
    """To `natprobe serve`: up and down each by itself, since lines are seldom alike in both."""
    for each in facts.of(PathRate):
        yield _carried(_DIRECTLY[each.direction], [each], _lost_directly(each))


_DIRECTLY = {"up": mark("direct-udp (up)"), "down": mark("direct-udp (down)")}


def _lost_directly(rate: PathRate) -> float:
    """Up by what was counted there; down of what got there and was answered."""
    left, came = (rate.sent, rate.halfway) if rate.direction == "up" else (rate.halfway, rate.arrived)
    return 1 - (came or 0) / left if left else 1.0


def _carried(way: str, ways: Sequence[RelayBurst | PathRate], lost: float) -> Carried:
    failed = next((each for each in ways if each.failure is not None), None)
    asked = ways[0].bitrate
    if failed is not None:
        return Carried(way, asked, 0, 1.0, holds=False, picture=None, failure=failed.failure, detail=failed.detail)
    arrived = min(map(_arrived, ways))
    holds = lost <= LOSS_MAX and arrived >= _ARRIVED_MIN * asked
    fits = asked if holds else arrived
    return Carried(way, asked, arrived, lost, holds, next((name for rate, name in PICTURES if rate <= fits), None))


def _arrived(way: RelayBurst | PathRate) -> int:
    return min(way.received or 0, way.bitrate)
