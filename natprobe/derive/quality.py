"""How good each measured way is: what each direction loses, and what audio would be worth on it. Pure."""

from __future__ import annotations

from typing import NamedTuple

from natprobe.derive.emodel import Audio, audio
from natprobe.derive.lossy import Lost, Train, losses, trains
from natprobe.facts import Facts, PathBurst, RelayBurst


class Quality(NamedTuple):
    """Of one way: its name as paths have it, its train, its audio as far as the server (None: too little is known)."""

    way: str
    train: Train
    lost: tuple[Lost, ...]
    audio: Audio | None


def qualities(facts: Facts) -> list[Quality]:
    """Each way with a train, in a browser's order."""
    return [_quality(each) for each in trains(facts)]


def _quality(train: Train) -> Quality:
    lost = tuple(losses(train))
    return Quality(way(train), train, lost, _audio(train, lost))


def _audio(train: Train, lost: tuple[Lost, ...]) -> Audio | None:
    """By the worse direction. To our own socket and back is the way to the relay twice."""
    share = max((each.share for each in lost), default=0.0)
    own = isinstance(train, RelayBurst) and train.by == "own-socket"
    rtt = train.delay_median_ms if isinstance(train, RelayBurst) else train.rtt_median_ms
    if rtt is None or train.jitter_ms is None:
        return None
    return audio(rtt / 2 if own else rtt, _jitter(train), share)


def _jitter(train: Train) -> float:
    """Of one direction: the worse one where the other end told, else no more than of both together."""
    if isinstance(train, PathBurst) and train.jitter_up_ms is not None and train.jitter_down_ms is not None:
        return max(train.jitter_up_ms, train.jitter_down_ms)
    return train.jitter_ms or 0.0


def way(train: Train) -> str:
    """The path's name."""
    leg = train.transport if isinstance(train, RelayBurst) else train.leg
    name = f"turn-{leg}" if leg else f"direct-{'udp' if train.transport == 'udp' else 'tcp'}"
    return f"{name}-proxy" if isinstance(train, PathBurst) and train.via is not None else name
