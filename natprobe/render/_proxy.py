"""Observations of proxies in one line each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from natprobe.facts import IdleTunnel, ProxyChoice, ProxyScript, ProxySetting, SocksUdp, Tunnel
from natprobe.model import Observation, Seconds, join
from natprobe.render._figures import both, bracketed, by, clauses, explained, listed, timed, tries
from natprobe.wording import mark, say

_SOURCES = {
    "option": mark("the options"),
    "environment": mark("the environment"),
    "desktop": mark("the desktop's settings"),
    "windows": mark("Windows' settings"),
    "macos": mark("macOS's settings"),
    "wpad": mark("the network's own names (WPAD)"),
    "guess": mark("a guess"),
}


def _setting(each: ProxySetting) -> str:
    parts = [
        *each.proxies,
        *([say("script {url}", url=each.pac)] if each.pac else []),
        *([say("ask the network")] if each.detect else []),
    ]
    without = say("none for {names}", names=listed(each.bypass)) if each.bypass else ""
    counts = "" if each.counts or not parts else say("which browsers here do not go by")
    source = bracketed(say(_SOURCES[each.by]), each.name)
    return explained(source, clauses(both(parts) or say("no proxy"), without, counts))


def _script(each: ProxyScript) -> str:
    what = say("proxy script {url} of {size} bytes for {asked}", url=each.url, size=each.size, asked=each.asked)
    return timed(explained(what, each.answer), each.duration_ms)


def _choice(each: ProxyChoice) -> str:
    place = join(each.host, each.port)
    if each.bypassed is not None:
        return say("browsers go straight to {place}, as {entry} says", place=place, entry=each.bypassed)
    if each.via is None and each.failure is None:
        return say("browsers go straight to {place}", place=place)
    return by(say("browsers reach {place}", place=place), each.via or _either(each.ways))


def _either(ways: tuple[str, ...]) -> str:
    told, *more = ways or ("",)
    for each in more:
        told = say("{ways} or {way}", ways=told, way=each)
    return told


def _tunnel(each: Tunnel) -> str:
    """Which of the two numbers there is says which of the two protocols it was."""
    what = clauses(
        by(say("tunnel to {place}", place=join(each.host, each.port)), each.via),
        say("with name and password") if each.authenticated else "",
        f"HTTP {each.status}" if each.status is not None else "",
        say("SOCKS reply {number}", number=each.reply) if each.reply is not None else "",
        say("wants {schemes}", schemes=_either(each.schemes)) if each.schemes else "",
        each.error,
    )
    return timed(what, each.rtt_ms)


def quiet(what: str, lasted: Seconds | None, idle: Seconds) -> str:
    """How long something was left without a word of ours; None: it never stood."""
    if lasted is None:
        return say("{what} left alone for {idle:g} s", what=what, idle=idle)
    return say("{what} left alone for {lasted:g} of {idle:g} s", what=what, lasted=lasted, idle=idle)


def _idle_tunnel(each: IdleTunnel) -> str:
    what = by(say("empty tunnel to {place}", place=join(each.host, each.port)), each.via)
    return timed(quiet(what, each.lasted, each.idle), each.rtt_ms)


def _socks_udp(each: SocksUdp) -> str:
    what = by(say("STUN over UDP to {place}", place=join(each.host, each.port)), each.via)
    if each.mapped:
        return timed(say("{what} saw {endpoint}", what=what, endpoint=each.mapped), each.rtt_ms)
    return clauses(what, tries(each.tries), say("SOCKS reply {number}", number=each.reply) if each.reply else "")


SAY: dict[type[Observation], Callable[[Any], str]] = {
    ProxySetting: _setting,
    ProxyScript: _script,
    ProxyChoice: _choice,
    Tunnel: _tunnel,
    IdleTunnel: _idle_tunnel,
    SocksUdp: _socks_udp,
}
