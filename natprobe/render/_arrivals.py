"""The text report's part about what arrived at a `natprobe serve`, told by itself."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

from natprobe.facts import Arrived, Facts, Watched
from natprobe.model import split

# How many are shown of each port; -v and the JSON have all.
SHOWN_MAX = 8

_SOCKETS = "what came to a socket of our own, so behind this host's packet filters"
_HOW = {"interface": "every packet, before this host's packet filters", "socket": _SOCKETS}


def arrivals(facts: Facts) -> Iterator[str]:
    """Each port, for how long it was watched, and the busiest senders."""
    came = sorted(facts.ok(Arrived), key=lambda each: (each.by, each.proto, split(each.local)[1], -each.packets))
    found = {key: list(group) for key, group in groupby(came, key=_port)}
    for each in facts.ok(Watched):
        own = found.get((each.by, each.proto, each.port), [])
        ends = ":" if own else ": nothing arrived."
        yield f"{each.proto.upper()} {each.port}, watched for {each.seconds:.0f} s ({_HOW[each.by]}){ends}"
        yield from map(_arrived, own[:SHOWN_MAX])


def _port(each: Arrived) -> tuple[str, str, int]:
    return each.by, each.proto, split(each.local)[1]


def _arrived(each: Arrived) -> str:
    signed = " (signed)" if each.verified else ""
    full = f", {each.full_size} of full size" if each.full_size else ""
    return f"- {each.sender}: {each.packets} {each.what}{signed}{full}, {each.answered} answered."
