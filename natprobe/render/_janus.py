"""Observations of a Janus in one line each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from natprobe.derive.cascade import own_addresses
from natprobe.facts import (
    CascadeFlow,
    CascadeRelay,
    CascadeRequest,
    JanusCall,
    JanusDoor,
    JanusEnd,
    JanusInfo,
    MediaEcho,
)
from natprobe.model import Observation
from natprobe.render._figures import both, by, clauses, explained, listed, timed
from natprobe.wording import mark, say

_REACHED = {
    "nothing": mark("no connection"),
    "connection": mark("connected"),
    "tls": mark("TLS stands"),
    "upgrade": mark("the upgrade is through"),
    "answer": mark("Janus answered"),
    "session": mark("the session stands"),
    "handle": mark("the plugin is attached"),
    "offer": mark("the offer is taken"),
    "echo": mark("its echotest answered"),
}
_TRANSPORTS = {"http": "HTTP", "websocket": "WebSocket"}


def _error(code: int | None) -> str:
    return "" if code is None else say("error {code}", code=code)


def _door(each: JanusDoor) -> str:
    over = _TRANSPORTS[each.transport]
    place = say("Janus's API by {over} {url} at {endpoint}", over=over, url=each.url, endpoint=each.endpoint)
    what = clauses(
        by(place, each.via),
        say(_REACHED[each.reached]),
        f"HTTP {each.status}" if each.status else "",
        say("without the sub-protocol") if each.subprotocol is False else "",
        _error(each.error_code),
    )
    return timed(what, each.rtt_ms)


def _info(each: JanusInfo) -> str:
    version = each.version_string or each.version or say("of no version")
    mapped = say("advertising {addresses}", addresses=both(each.public_ips)) if each.public_ips else ""
    said = [_switch(word, value) for word, value in _switches(each) if value is not None]
    return explained(clauses(say("Janus {version} at {url}", version=version, url=each.url), mapped), listed(said))


def _switch(word: str, value: bool) -> str:
    return say("{feature} on", feature=word) if value else say("{feature} off", feature=word)


def _switches(each: JanusInfo) -> tuple[tuple[str, bool | None], ...]:
    return (
        ("IPv6", each.ipv6),
        ("ICE lite", each.ice_lite),
        ("ICE over TCP", each.ice_tcp),
        ("full trickle", each.full_trickle),
        ("mDNS", each.mdns),
    )


def _call(each: JanusCall) -> str:
    what = say("handle {handle} on {plugin}", handle=each.handle, plugin=each.plugin)
    if each.reached != "answer":
        return clauses(what, say(_REACHED[each.reached]), _error(each.error_code or None))
    answer = clauses(
        say("an answer with {count} candidates", count=each.candidates),
        say("trickled") if each.trickled else "",
        say("{count} of no use", count=each.dropped) if each.dropped else "",
    )
    return timed(explained(what, answer), each.duration_ms)


def _end(each: JanusEnd) -> str:
    up = say("Janus says that media is up") if each.up else say("Janus never said that media is up")
    over = say("and hung up: {reason}", reason=each.reason) if each.reason else ""
    return explained(say("handle {handle}", handle=each.handle), clauses(up, over))


def _echo(each: MediaEcho) -> str:
    back = say(
        "media to {endpoint} and its echo: {received} of {sent} packets of {size} bytes came back",
        endpoint=each.endpoint,
        received=each.received,
        sent=each.sent,
        size=each.size,
    )
    return timed(back, each.rtt_ms)


def _relay(each: CascadeRelay) -> str:
    name = f"Janus {each.version_string}" if each.version_string else "Janus"
    own = listed(own_addresses(each))
    return clauses(
        say("cascade to {janus} at {url}", janus=name, url=each.url),
        say(_REACHED[each.reached]),
        say("with the address {addresses}", addresses=own) if own else "",
        say("to bind {iface}", iface=each.iface) if each.iface else "",
    )


def _request(each: CascadeRequest) -> str:
    told = {"iface": each.iface, "ip": each.bound, "host": each.host, "port": each.port}
    fields = [f"{name} {value}" for name, value in told.items() if value is not None]
    what = say("{request} to {url}", request=each.request, url=each.url)
    return timed(clauses(what, *fields, _error(each.error_code)), each.rtt_ms)


def _flow(each: CascadeFlow) -> str:
    if each.by == "here":
        return say(
            "RTP from here to {endpoint}: {arrived} of {sent} packets arrived",
            endpoint=each.endpoint,
            arrived=each.arrived,
            sent=each.sent,
        )
    what = say(
        "RTP by the target to {endpoint}: {arrived} of {passed} packets arrived",
        endpoint=each.endpoint,
        arrived=each.arrived,
        passed=each.passed or 0,
    )
    return clauses(what, say("about {ms:.0f} ms later", ms=each.delay_ms) if each.delay_ms is not None else "")


SAY: dict[type[Observation], Callable[[Any], str]] = {
    JanusDoor: _door,
    JanusInfo: _info,
    JanusCall: _call,
    JanusEnd: _end,
    MediaEcho: _echo,
    CascadeRelay: _relay,
    CascadeRequest: _request,
    CascadeFlow: _flow,
}
