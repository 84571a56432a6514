"""The words that every ink shares: places, audiences, an observation in one line, a fix in lines."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from natprobe.model import Fix, Observation, Report, Set
from natprobe.render import _inspection, _janus, _media, _meeting, _nat, _proxy, _raw, _relays, _way
from natprobe.render._figures import bracketed, explained
from natprobe.render._fixing import copies, words
from natprobe.wording import mark

PLACES = {
    "this-host": mark("on this machine"),
    "local-network": mark("in this network"),
    "provider": mark("at the provider"),
    "server-edge": mark("at the server's firewall or router"),
    "server-host": mark("on the server"),
    "server-process": mark("in the server's software"),
    "turn": mark("at the TURN relay"),
    "proxy": mark("at the proxy"),
    "unknown": mark("place not known"),
}
AUDIENCES = {
    "user": mark("You"),
    "network": mark("Your network's administrator"),
    "server": mark("The server's administrator"),
}


def seen(each: Observation) -> str:
    """One observation in a few words: what was done, and what came of it."""
    tell = _SAY.get(type(each))
    what = tell(each) if tell else type(each).__name__
    if each.failure is None:
        return what
    return explained(what, bracketed(str(each.failure), each.detail))


def by_id(report: Report) -> dict[int, Observation]:
    """For finding evidence again."""
    return {each.id: each for each in report.observations}


def rested_on(evidence: Sequence[int], known: Mapping[int, Observation]) -> list[Observation]:
    """What a finding or a fix rests on, as far as it is there."""
    return [known[number] for number in evidence if number in known]


_ROOMS = (_way, _nat, _relays, _meeting, _janus, _media, _proxy, _inspection, _raw)
_SAY: dict[type[Observation], Callable[[Any], str]] = {kind: tell for room in _ROOMS for kind, tell in room.SAY.items()}


def advice(fix: Fix, evidence: Sequence[Observation] = ()) -> list[str]:
    """A fix in words; then, where they can be written for certain, the lines to copy. A firewall's have the name of its
    program before them. `evidence`: what it rests on, which may say by which program a firewall is managed.
    """
    copied = copies(fix, evidence)
    if isinstance(fix, Set):
        return [words(fix), *(f"  {line}" for each in copied for line in each.lines)]
    return [words(fix), *(f"  {each.label}: {line}" for each in copied for line in each.lines)]
