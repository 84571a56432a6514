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
from natprobe.render._figures import ms
from natprobe.render._proxy import by

_REACHED = {
    "nothing": "no connection",
    "connection": "connected",
    "tls": "TLS stands",
    "upgrade": "the upgrade is through",
    "answer": "Janus answered",
    "session": "the session stands",
    "handle": "the plugin is attached",
    "offer": "the offer is taken",
    "echo": "its echotest answered",
}
_TRANSPORTS = {"http": "HTTP", "websocket": "WebSocket"}


def _door(each: JanusDoor) -> str:
    status = f", HTTP {each.status}" if each.status else ""
    unnamed = ", without the sub-protocol" if each.subprotocol is False else ""
    code = f", error {each.error_code}" if each.error_code is not None else ""
    place = f"{each.url} at {each.endpoint}{by(each.via)}"
    what = f"Janus's API by {_TRANSPORTS[each.transport]} {place}, {_REACHED[each.reached]}"
    return what + status + unnamed + code + ms(each.rtt_ms)


def _info(each: JanusInfo) -> str:
    version = each.version_string or each.version or "of no version"
    mapped = f", advertising {' and '.join(each.public_ips)}" if each.public_ips else ""
    said = [f"{word} {'on' if value else 'off'}" for word, value in _switches(each) if value is not None]
    return f"Janus {version} at {each.url}{mapped}" + (f": {', '.join(said)}" if said else "")


def _switches(each: JanusInfo) -> tuple[tuple[str, bool | None], ...]:
    return (
        ("IPv6", each.ipv6),
        ("ICE lite", each.ice_lite),
        ("ICE over TCP", each.ice_tcp),
        ("full trickle", each.full_trickle),
        ("mDNS", each.mdns),
    )


def _call(each: JanusCall) -> str:
    what = f"handle {each.handle} on {each.plugin}"
    if each.reached != "answer":
        return f"{what}, {_REACHED[each.reached]}" + (f", error {each.error_code}" if each.error_code else "")
    trickled = ", trickled" if each.trickled else ""
    dropped = f", {each.dropped} of no use" if each.dropped else ""
    return f"{what}: an answer with {each.candidates} candidates{trickled}{dropped}{ms(each.duration_ms)}"


def _end(each: JanusEnd) -> str:
    up = "Janus says that media is up" if each.up else "Janus never said that media is up"
    return f"handle {each.handle}: {up}" + (f", and hung up: {each.reason}" if each.reason else "")


def _echo(each: MediaEcho) -> str:
    back = f"{each.received} of {each.sent} packets of {each.size} bytes came back"
    return f"media to {each.endpoint} and its echo: {back}{ms(each.rtt_ms)}"


def _relay(each: CascadeRelay) -> str:
    version = f" {each.version_string}" if each.version_string else ""
    own = ", ".join(own_addresses(each))
    shown = f", with the address {own}" if own else ""
    wanted = f", to bind {each.iface}" if each.iface else ""
    return f"cascade to Janus{version} at {each.url}, {_REACHED[each.reached]}{shown}{wanted}"


def _request(each: CascadeRequest) -> str:
    told = {"iface": each.iface, "ip": each.bound, "host": each.host, "port": each.port}
    named = "".join(f", {name} {value}" for name, value in told.items() if value is not None)
    code = f", error {each.error_code}" if each.error_code is not None else ""
    return f"{each.request} to {each.url}{named}{code}{ms(each.rtt_ms)}"


def _flow(each: CascadeFlow) -> str:
    if each.by == "here":
        return f"RTP from here to {each.endpoint}: {each.arrived} of {each.sent} packets arrived"
    late = f", about {each.delay_ms:.0f} ms later" if each.delay_ms is not None else ""
    return f"RTP by the target to {each.endpoint}: {each.arrived} of {each.passed or 0} packets arrived{late}"


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
