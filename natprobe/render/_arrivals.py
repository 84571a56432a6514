"""The text report's part about what arrived at a `natprobe serve`, told by itself."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

from natprobe.facts import Arrived, Facts, Watched
from natprobe.model import split
from natprobe.render._figures import bracketed, clauses
from natprobe.wording import mark, say

# How many are shown of each port; -v and the JSON have all.
SHOWN_MAX = 8

_HOW = {
    "interface": mark("{port}, watched for {seconds:.0f} s (every packet, before this host's packet filters)"),
    "socket": mark(
        "{port}, watched for {seconds:.0f} s (what came to a socket of our own, so behind this host's packet filters)"
    ),
}


def arrivals(facts: Facts) -> Iterator[str]:
    """Each port, for how long it was watched, and the busiest senders."""
    came = sorted(facts.ok(Arrived), key=lambda each: (each.by, each.proto, split(each.local)[1], -each.packets))
    found = {key: list(group) for key, group in groupby(came, key=_port)}
    for each in facts.ok(Watched):
        own = found.get((each.by, each.proto, each.port), [])
        watched = say(_HOW[each.by], port=f"{each.proto.upper()} {each.port}", seconds=each.seconds)
        yield say("{watched}:", watched=watched) if own else say("{watched}: nothing arrived.", watched=watched)
        yield from map(_arrived, own[:SHOWN_MAX])


def _port(each: Arrived) -> tuple[str, str, int]:
    return each.by, each.proto, split(each.local)[1]


def _arrived(each: Arrived) -> str:
    came = bracketed(f"{each.packets} {each.what}", say("signed") if each.verified else "")
    full = say("{count} of full size", count=each.full_size) if each.full_size else ""
    told = clauses(came, full, say("{count} answered", count=each.answered))
    return "- " + say("{sender}: {packets}.", sender=each.sender, packets=told)
