"""Observations of media and its ways in one line each: checks, ICE, DTLS, what --hold and --compare saw."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from natprobe.facts import (
    BridgeChannel,
    Candidate,
    IceCheck,
    IceEnded,
    Marked,
    MediaHandshake,
    PathBurst,
    PathHeld,
    PathRate,
    PathSize,
    PoolCheck,
    PseudoTls,
    TlsHello,
)
from natprobe.model import Observation
from natprobe.render._figures import by, clauses, icmp, jitter, through, timed, tries
from natprobe.wording import mark, say


def _check(each: IceCheck) -> str:
    over = each.transport.upper()
    if each.size:
        what = say(
            "ICE check of {size} bytes over {transport} to {endpoint}",
            size=each.size,
            transport=over,
            endpoint=each.endpoint,
        )
    else:
        what = say("ICE check over {transport} to {endpoint}", transport=over, endpoint=each.endpoint)
    what = by(through(what, each.relayed), each.via)
    if each.verified:
        return timed(say("{what} answered and verified", what=what), each.rtt_ms)
    return clauses(what, tries(each.tries), icmp(each.icmp, each.reported_by))


def _ended(each: IceEnded) -> str:
    what = say("ICE over {pairs} pairs", pairs=each.pairs)
    if each.endpoint:
        there = through(say("{ice} settles on {endpoint}", ice=what, endpoint=each.endpoint), each.relayed)
        what = timed(there, each.duration_ms)
    return clauses(what, say("which is not advertised") if each.pair == "peer-reflexive" else "")


def _handshake(each: MediaHandshake) -> str:
    what = through(say("DTLS with the media server at {endpoint}", endpoint=each.endpoint), each.relayed)
    if each.failure is None:
        return timed(say("{handshake} stands", handshake=what), each.duration_ms)
    return clauses(what, tries(each.tries))


def _pool(each: PoolCheck) -> str:
    if each.endpoint is None:
        return say("conference {number}, no check", number=each.conference)
    what = say("ICE check of conference {number} to {endpoint}", number=each.conference, endpoint=each.endpoint)
    if each.verified:
        return timed(say("{what} answered and verified", what=what), each.rtt_ms)
    return clauses(what, tries(each.tries))


def _path_held(each: PathHeld) -> str:
    path = through(say("media's path to {endpoint}", endpoint=each.endpoint), each.relayed)
    answered = say("{answered} of {checks} consent checks answered", answered=each.answered, checks=each.checks)
    if each.failure is None:
        return clauses(say("{path} lived for {seconds:g} s", path=path, seconds=each.hold), answered)
    stood = clauses(say("{path} stood after {seconds:g} s", path=path, seconds=each.lasted), answered)
    if each.failure == "timeout":
        beside = "" if each.control is None else say(_CONTROLS[each.control])
        lost = clauses(say("{tries} unanswered", tries=tries(each.tries)), beside)
        stood = say("{states}; then {state}", states=stood, state=lost)
    return clauses(stood, say("ended by signalling: {reason}", reason=each.ended) if each.ended else "")


_CONTROLS = {True: mark("a new socket's was answered"), False: mark("and so was a new socket's")}


def _path_burst(each: PathBurst) -> str:
    what = say(
        "train of {sent} ICE checks over {transport} to {endpoint}",
        sent=each.sent,
        transport=each.transport.upper(),
        endpoint=each.endpoint,
    )
    told = clauses(
        by(through(what, each.relayed), each.via),
        "" if each.halfway is None else say("{count} got there", count=each.halfway),
        say("{count} answered", count=each.arrived),
    )
    return clauses(timed(told, each.rtt_median_ms), jitter(each.jitter_ms))


def _size(each: PathSize) -> str:
    """What passes, what doesn't, and who says so."""
    told = ""
    if each.told is not None:
        who = each.reported_by or say("a router")
        told = say("{router} says that {mtu} fit (ICMP {icmp})", router=who, mtu=each.told, icmp=each.icmp)
    here = say("more does not fit the own interface") if each.here else told
    up = _passes(mark("up to {count} bytes get there"), each.up, each.up_lost)
    down = _passes(mark("up to {count} bytes come back"), each.down, each.down_lost)
    return clauses(say("packets to {endpoint}", endpoint=each.endpoint), up, down, here)


def _passes(most: str, passed: int | None, lost: int | None) -> str:
    if passed is None:
        return ""
    return clauses(say(most, count=passed), "" if lost is None else say("{count} never do", count=lost))


def _hello(each: TlsHello) -> str:
    what = say("TLS with {name} at {endpoint}", name=each.name, endpoint=each.endpoint)
    held = say("usual segments") if each.segment is None else say("segments of {count} bytes", count=each.segment)
    return timed(clauses(what, held), each.rtt_ms)


def _path_rate(each: PathRate) -> str:
    template = _RATES[each.direction]
    told = clauses(
        say(template, sent=each.sent, size=each.size, endpoint=each.endpoint, rate=each.bitrate / 1e6),
        "" if each.halfway is None else say("{count} got there", count=each.halfway),
        say("{count} answered", count=each.arrived),
    )
    got = "" if each.received is None else say("{rate:.2f} Mbit/s arrived", rate=each.received / 1e6)
    return clauses(told, got)


_RATES = {
    "up": mark("{sent} ICE checks of {size} bytes to {endpoint}, {rate:g} Mbit/s"),
    "down": mark("{sent} ICE checks of {size} bytes with answers as large to {endpoint}, {rate:g} Mbit/s"),
}


def _marked(each: Marked) -> str:
    seen_as = "" if each.seen is None else say("arriving with {seen}", seen=each.seen >> 2)
    return clauses(
        say("ICE checks marked DSCP {dscp} to {endpoint}", dscp=each.tos >> 2, endpoint=each.endpoint),
        seen_as,
        say("{count} of {sent} answered", count=each.answered, sent=each.sent),
        say("{count} of {sent} unmarked ones", count=each.plain_answered, sent=each.plain),
    )


def _channel(each: BridgeChannel) -> str:
    what = by(say("bridge's WebSocket {url}", url=each.url), each.via)
    return clauses(what, f"HTTP {each.status}" if each.status else "")


def _pseudo(each: PseudoTls) -> str:
    what = say("pseudo-TLS hello to {endpoint}", endpoint=each.endpoint)
    return what if each.failure else timed(say("{what} answered", what=what), each.rtt_ms)


SAY: dict[type[Observation], Callable[[Any], str]] = {
    Candidate: lambda e: say("media candidate {endpoint} {transport}", endpoint=e.endpoint, transport=e.transport),
    IceCheck: _check,
    IceEnded: _ended,
    MediaHandshake: _handshake,
    PathBurst: _path_burst,
    PathRate: _path_rate,
    Marked: _marked,
    PathHeld: _path_held,
    PathSize: _size,
    TlsHello: _hello,
    PoolCheck: _pool,
    BridgeChannel: _channel,
    PseudoTls: _pseudo,
}
