"""How much of a call's path is lost, how long it takes and how evenly, as far as that is certain. Pure.

Few packets tell little: what is judged is the lower end of what they allow (95 %). What went there and back was lost in
either direction, so that one of the two loses at least as much as both would if they were alike.
"""

from __future__ import annotations

import math
from typing import Literal, NamedTuple

from natprobe.facts import Binding, Connected, Facts, IceCheck, PathBurst, PathHeld, RelayBurst
from natprobe.model import Endpoint, Observation, split

Direction = Literal["up", "down", "either"]
Train = PathBurst | RelayBurst

# Above these a call suffers, and above the second ones it is hardly one. Share lost in one direction; milliseconds of
# round trip (twice ITU-T G.114's 150 and 400 one way); milliseconds from packet to packet in one direction.
LOSS_MAX, LOSS_BAD = 0.03, 0.10
RTT_MAX, RTT_BAD = 300.0, 800.0
JITTER_MAX = 30.0
# At 2 % three of twenty are lost once in seventy trains of two directions (3 of 200 measured), four once in a thousand.
_FEW = 4
# So many standard deviations to either side are 95 %.
_Z = 1.96
# One measured round trip may have had a lost packet sent again in it.
_ROUND_TRIPS = 2


class Lost(NamedTuple):
    """So many of so many packets, on a way that crosses the network so often."""

    direction: Direction
    lost: int
    of: int
    crossings: int
    seen: Observation

    @property
    def share(self) -> float:
        """Of one direction, the worse one."""
        return _each_way(self.lost / self.of, self.crossings)

    @property
    def certain(self) -> float:
        """No less than this; fewer than a few lost packets are chance."""
        return _each_way(lower_end(self.lost, self.of), self.crossings) if self.lost >= _FEW else 0.0


class Uneven(NamedTuple):
    """Mean difference of two packets' delays, in milliseconds, over so many differences."""

    direction: Direction
    mean: float
    of: int
    seen: Observation

    @property
    def certain(self) -> float:
        """No less than this in one direction. Delays that vary vary about as much as their mean (exponentially)."""
        least = self.mean * max(0.0, 1 - _Z / math.sqrt(self.of)) if self.of else 0.0
        return least / 2 if self.direction == "either" else least


class Far(NamedTuple):
    """The shortest round trip that was seen, in milliseconds, to this endpoint."""

    endpoint: Endpoint
    rtt: float
    seen: tuple[Observation, ...]


def lower_end(lost: int, of: int) -> float:
    """Of the Wilson score interval (95 %) of a share."""
    if not lost:
        return 0.0
    share, square = lost / of, _Z * _Z
    centre = share + square / (2 * of)
    spread = _Z * math.sqrt(share * (1 - share) / of + square / (4 * of * of))
    return max(0.0, (centre - spread) / (1 + square / of))


def _each_way(share: float, crossings: int) -> float:
    return float(1 - (1 - share) ** (1 / crossings))


def trains(facts: Facts) -> list[Train]:
    """Those that arrived, as a browser prefers their ways: to the media server, or through a relay. What --bitrate
    filled on purpose tells of no call.
    """
    relayed = facts.ok(RelayBurst, lambda each: each.direction == "both" and not each.bitrate)
    return [*facts.ok(PathBurst), *relayed]


def burst(facts: Facts) -> Train | None:
    """The first of them."""
    return next(iter(trains(facts)), None)


def losses(train: Train) -> list[Lost]:
    """By direction where the other end counted. Over TCP nothing is lost for good."""
    if not train.sent or not _datagrams(train):
        return []
    if isinstance(train, RelayBurst):  # each half crosses this network up and down
        there = train.halfway or 0
        return [Lost("either", train.sent - train.arrived, train.sent + there, 2, train)]
    if train.halfway is None:
        return [Lost("either", train.sent - train.arrived, train.sent, 2, train)]
    up = Lost("up", train.sent - train.halfway, train.sent, 1, train)
    return [up, Lost("down", train.halfway - train.arrived, train.halfway, 1, train)] if train.halfway else [up]


def _datagrams(train: Train) -> bool:
    if isinstance(train, RelayBurst):
        return train.transport in ("udp", "dtls")
    return train.transport == "udp" and train.leg in (None, "udp", "dtls")


def held(facts: Facts) -> list[Lost]:
    """Consent checks on a path that was watched and lived (--hold)."""
    lived = facts.ok(PathHeld, lambda each: each.checks > 0 and each.leg in (None, "udp", "dtls"))
    return [Lost("either", each.checks - each.answered, each.checks, 2, each) for each in lived]


def unevenness(train: Train) -> list[Uneven]:
    """By direction where the other end told when each came."""
    if train.jitter_ms is None:
        return []
    whole = [Uneven("either", train.jitter_ms, train.arrived - 1, train)]
    if isinstance(train, RelayBurst) or train.jitter_up_ms is None or train.jitter_down_ms is None:
        return whole
    ways: tuple[tuple[Direction, float], ...] = (("up", train.jitter_up_ms), ("down", train.jitter_down_ms))
    return [Uneven(direction, mean, train.arrived - 1, train) for direction, mean in ways]


def far(facts: Facts) -> Far | None:
    """The round trip to the media server, or to the relay where that is the target: the train's on that way, else by
    what is known without asking again, checks and connections to the same address. None: too little.
    """
    train = burst(facts)
    if isinstance(train, PathBurst) and train.rtt_min_ms is not None:
        return Far(train.endpoint, train.rtt_min_ms, (train,))
    if isinstance(train, RelayBurst) and train.delay_min_ms is not None:
        return Far(train.server, train.delay_min_ms / (2 if train.by == "own-socket" else 1), (train,))
    checks = facts.ok(IceCheck, lambda each: each.verified and each.via is None)
    near = [each for each in checks if each.server is None] or checks
    return _far(facts, near) if near else None


def _far(facts: Facts, checks: list[IceCheck]) -> Far | None:
    """A check over UDP that takes longer than its first repetition has no round trip of its own (Karn)."""
    hosts = {split(each.endpoint)[0] for each in checks if each.server is None}
    timed: list[tuple[float, Observation]] = [(each.rtt_ms, each) for each in checks if each.rtt_ms is not None]
    opened = facts.ok(Connected, lambda each: each.via is None and split(each.endpoint)[0] in hosts)
    timed += [(each.rtt_ms, each) for each in opened if each.rtt_ms is not None]
    if len(timed) < _ROUND_TRIPS:
        return None
    return Far(checks[0].endpoint, min(ms for ms, _ in timed), tuple(each for _, each in timed))


def all_far(facts: Facts) -> bool | None:
    """Whether STUN servers of others are as far; None: too few are known."""
    others = facts.ok(Binding, lambda each: each.origin != "target" and each.rtt_ms is not None)
    nearest: dict[str, float] = {}
    for each in others:
        nearest[each.operator] = min(nearest.get(each.operator, math.inf), each.rtt_ms or 0.0)
    return None if len(nearest) < _ROUND_TRIPS else min(nearest.values()) > RTT_MAX
