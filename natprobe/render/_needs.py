"""The ports that a server needs, one line each: who wants them, who has them, whether strangers get through."""

from __future__ import annotations

from collections.abc import Iterator

from natprobe.derive.listening import Holder, Standing, standings, told
from natprobe.derive.needs import Need
from natprobe.derive.passing import of_address
from natprobe.facts import Facts, Listening, Passage

_STATES = {
    "held": "held by {holders}",
    "hidden": "held by a program that only root may see",
    "other": "held by another program, {holders}",
    "dead": "passed on by docker-proxy, and nobody answers behind it",
    "elsewhere": "not there, but at {holders}",
    "loopback": "at loopback only",
    "unpublished": "not passed on into the container",
    "absent": "nobody has it",
}
_OUTCOMES = {"drop": "dropped", "reject": "rejected"}
# More would bury the findings; -v shows every socket.
_LINES_MAX = 20


def ports(facts: Facts) -> Iterator[str]:
    """Nothing where nothing is known to be needed, or the sockets were not read."""
    if not told(facts):
        return
    lines = list(dict.fromkeys(_line(facts, each) for each in standings(facts)))
    yield from lines[:_LINES_MAX]
    if len(lines) > _LINES_MAX:
        yield f"and {len(lines) - _LINES_MAX} more ports."


def _line(facts: Facts, standing: Standing) -> str:
    need = standing.need
    place = f" of {need.address}" if need.address else ""
    numbers = ", ".join(str(first) if first == last else f"{first}-{last}" for first, last in standing.runs)
    state = _STATES[standing.state].format(holders=", ".join(dict.fromkeys(map(_holder, _told(standing)))))
    return f"{need.proto.upper()} {numbers}{place} ({_wanted(need)}): {state}{_filtered(facts, standing)}."


def _told(standing: Standing) -> list[Holder]:
    """Whom docker-proxy's socket is for says more than that it is there."""
    led: list[Holder] = [each for each in standing.holders if not isinstance(each, Listening)]
    return led or list(standing.holders)


def _wanted(need: Need) -> str:
    place = f"{need.file}:{need.line}" if need.line else need.file
    told = f"{need.key} in {place}" if place and need.key else place or need.by
    return f"{need.program}, {told}" if need.program else told


def _holder(holder: Holder) -> str:
    if isinstance(holder, Listening):
        return holder.process or "a program that only root may see"
    return f"docker-proxy for {holder.to}" if not isinstance(holder, Passage) else f"DNAT to {holder.to}"


def _filtered(facts: Facts, standing: Standing) -> str:
    """What the packet filter does with strangers' packets, where they are to come."""
    need = standing.need
    if not need.outside:
        return ""
    about = facts.ok(
        Passage,
        lambda each: (
            each.proto == need.proto and each.port <= standing.port <= each.port_end and of_address(need.address, each)
        ),
    )
    shut = dict.fromkeys(
        f"{_OUTCOMES[each.outcome]} over IPv{each.family}" for each in about if each.outcome in _OUTCOMES
    )
    if shut:
        return f"; strangers' packets are {' and '.join(shut)} by this host's filter"
    passes = bool(about) and {each.outcome for each in about} == {"accept"}
    return "; this host's filter lets strangers in" if passes and standing.holders else ""
