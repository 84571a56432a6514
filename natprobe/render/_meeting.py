"""Observations of Jitsi's signalling in one line each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from natprobe.facts import ConferenceReply, JitsiConfig, RoomEntry, Services, SessionOffer, SignallingIdle, SignIn
from natprobe.model import Observation
from natprobe.render._figures import both, by, clauses, explained, listed, timed, tries
from natprobe.render._proxy import quiet
from natprobe.wording import mark, say


def _config(each: JitsiConfig) -> str:
    ways = both(word for word, url in (("WebSocket", each.websocket), ("BOSH", each.bosh)) if url)
    return say(
        "{url} names the domain {domain} and {ways}",
        url=each.url,
        domain=each.domain or "?",
        ways=ways or say("no signalling"),
    )


def _sign_in(each: SignIn) -> str:
    place = by(f"{_SIGNALLING[each.transport]} {each.url}", each.via)
    what = clauses(
        say("signing in to {domain} by {place}", domain=each.domain, place=place),
        say(_REACHED[each.reached]),
        f"HTTP {each.status}" if each.status else "",
        each.condition,
    )
    return timed(what, each.duration_ms)


def _left_alone(each: SignallingIdle) -> str:
    place = by(f"{_SIGNALLING[each.transport]} {each.url}", each.via)
    return timed(quiet(place, each.lasted, each.idle), each.rtt_ms)


_SIGNALLING = {"websocket": "WebSocket", "bosh": "BOSH"}
_REACHED = {
    "nothing": mark("no connection"),
    "connection": mark("connected"),
    "tls": mark("TLS stands"),
    "upgrade": mark("HTTP answered"),
    "stream": mark("the stream is open"),
    "login": mark("logged in"),
    "binding": mark("signed in"),
}


def _services(each: Services) -> str:
    servers = listed(f"{e.type}:{e.host}" + (f":{e.port}" if e.port else "") for e in each.services)
    what = say("STUN and TURN servers of {domain} by {way}", domain=each.domain, way=each.by)
    return explained(what, servers or say("none"))


def _conference(each: ConferenceReply) -> str:
    says = "" if each.ready is None else say("ready") if each.ready else say("not ready")
    what = explained(say("conference asked of {focus}", focus=each.focus), says)
    return timed(clauses(what, tries(each.tries)), each.rtt_ms)


def _entry(each: RoomEntry) -> str:
    if not each.focus:
        template = mark("participant {number} enters the room")
    elif each.bridge is False:
        template = mark("participant {number} enters the room with the focus, which has no bridge")
    else:
        template = mark("participant {number} enters the room with the focus")
    return timed(say(template, number=each.participant), each.rtt_ms)


def _offer(each: SessionOffer) -> str:
    if each.failure is not None:
        return say("session for participant {number}", number=each.participant)
    what = say(
        "session for participant {number} with {count} candidates", number=each.participant, count=each.candidates
    )
    return timed(what, each.duration_ms)


SAY: dict[type[Observation], Callable[[Any], str]] = {
    JitsiConfig: _config,
    SignIn: _sign_in,
    SignallingIdle: _left_alone,
    Services: _services,
    ConferenceReply: _conference,
    RoomEntry: _entry,
    SessionOffer: _offer,
}
