"""The ports that a server needs, one line each: who wants them, who has them, whether strangers get through."""

from __future__ import annotations

from collections.abc import Iterator

from natprobe.derive.listening import Holder, Standing, standings, told
from natprobe.derive.needs import Need
from natprobe.derive.passing import of_address
from natprobe.facts import Facts, Listening, Passage
from natprobe.render._figures import both, bracketed, clauses, listed, states
from natprobe.wording import mark, say

_STATES = {
    "held": mark("held by {holders}"),
    "hidden": mark("held by a program that only root may see"),
    "other": mark("held by another program, {holders}"),
    "dead": mark("passed on by docker-proxy, and nobody answers behind it"),
    "elsewhere": mark("not there, but at {holders}"),
    "loopback": mark("at loopback only"),
    "unpublished": mark("not passed on into the container"),
    "absent": mark("nobody has it"),
}
_SHUT = {
    "drop": mark("dropped over IPv{family}"),
    "reject": mark("rejected over IPv{family}"),
}
# More would bury the findings; -v shows every socket.
_LINES_MAX = 20


def ports(facts: Facts) -> Iterator[str]:
    """Nothing where nothing is known to be needed, or the sockets were not read."""
    if not told(facts):
        return
    lines = list(dict.fromkeys(_line(facts, each) for each in standings(facts)))
    yield from lines[:_LINES_MAX]
    if len(lines) > _LINES_MAX:
        yield say("and {count} more ports.", count=len(lines) - _LINES_MAX)


def _line(facts: Facts, standing: Standing) -> str:
    need = standing.need
    numbers = listed(str(first) if first == last else f"{first}-{last}" for first, last in standing.runs)
    what = f"{need.proto.upper()} {numbers}"
    if need.address:
        what = say("{ports} of {address}", ports=what, address=need.address)
    state = say(_STATES[standing.state], holders=listed(dict.fromkeys(map(_holder, _told(standing)))))
    if filtered := _filtered(facts, standing):
        state = states((state, filtered))
    return say("{what}: {state}.", what=bracketed(what, _wanted(need)), state=state)


def _told(standing: Standing) -> list[Holder]:
    """Whom docker-proxy's socket is for says more than that it is there."""
    led: list[Holder] = [each for each in standing.holders if not isinstance(each, Listening)]
    return led or list(standing.holders)


def _wanted(need: Need) -> str:
    place = f"{need.file}:{need.line}" if need.line else need.file
    told = say("{key} in {place}", key=need.key, place=place) if place and need.key else place or need.by
    return clauses(need.program, told) if need.program else told


def _holder(holder: Holder) -> str:
    if isinstance(holder, Listening):
        return holder.process or say("a program that only root may see")
    if isinstance(holder, Passage):
        return say("DNAT to {endpoint}", endpoint=holder.to)
    return say("docker-proxy for {endpoint}", endpoint=holder.to)


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
    shut = dict.fromkeys(say(_SHUT[each.outcome], family=each.family) for each in about if each.outcome in _SHUT)
    if shut:
        return say("strangers' packets are {fates} by this host's filter", fates=both(shut))
    passes = bool(about) and {each.outcome for each in about} == {"accept"}
    return say("this host's filter lets strangers in") if passes and standing.holders else ""
