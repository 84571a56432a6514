"""Observations of proxies in one line each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from natprobe.facts import IdleTunnel, ProxyChoice, ProxyScript, ProxySetting, SocksUdp, Tunnel
from natprobe.model import Observation, Seconds, Text, join
from natprobe.render._figures import ms, tries

_SOURCES = {
    "option": "the options",
    "environment": "the environment",
    "desktop": "the desktop's settings",
    "windows": "Windows' settings",
    "macos": "macOS's settings",
    "wpad": "the network's own names (WPAD)",
    "guess": "a guess",
}


def by(proxy: Text | None) -> str:
    """` by proxy http://proxy:3128`, or nothing where it is straight."""
    return "" if proxy is None else f" by proxy {proxy}"


def _setting(each: ProxySetting) -> str:
    parts = [
        *each.proxies,
        *([f"script {each.pac}"] if each.pac else []),
        *(["ask the network"] if each.detect else []),
    ]
    without = f", none for {', '.join(each.bypass)}" if each.bypass else ""
    named = f" ({each.name})" if each.name else ""
    counts = "" if each.counts or not parts else ", which browsers here do not go by"
    return f"{_SOURCES[each.by]}{named}: {' and '.join(parts) or 'no proxy'}{without}{counts}"


def _script(each: ProxyScript) -> str:
    what = f"proxy script {each.url} of {each.size} bytes for {each.asked}"
    return what + (f": {each.answer}" if each.answer else "") + ms(each.duration_ms)


def _choice(each: ProxyChoice) -> str:
    place = join(each.host, each.port)
    if each.bypassed is not None:
        return f"browsers go straight to {place}, as {each.bypassed} says"
    if each.via is None and each.failure is None:
        return f"browsers go straight to {place}"
    return f"browsers reach {place}{by(each.via or ' or '.join(each.ways))}"


def _tunnel(each: Tunnel) -> str:
    """Which of the two numbers there is says which of the two protocols it was."""
    status = f", HTTP {each.status}" if each.status is not None else ""
    reply = f", SOCKS reply {each.reply}" if each.reply is not None else ""
    wants = f", wants {' or '.join(each.schemes)}" if each.schemes else ""
    given = ", with name and password" if each.authenticated else ""
    error = f", {each.error}" if each.error else ""
    return f"tunnel to {join(each.host, each.port)}{by(each.via)}{given}{status}{reply}{wants}{error}{ms(each.rtt_ms)}"


def quiet(lasted: Seconds | None, idle: Seconds) -> str:
    """How long something was left without a word of ours; None: it never stood."""
    return f"left alone for {idle:g} s" if lasted is None else f"left alone for {lasted:g} of {idle:g} s"


def _idle_tunnel(each: IdleTunnel) -> str:
    return (
        f"empty tunnel to {join(each.host, each.port)}{by(each.via)} {quiet(each.lasted, each.idle)}{ms(each.rtt_ms)}"
    )


def _socks_udp(each: SocksUdp) -> str:
    reply = f", SOCKS reply {each.reply}" if each.reply else ""
    saw = f" saw {each.mapped}{ms(each.rtt_ms)}" if each.mapped else f", {tries(each.tries)}{reply}"
    return f"STUN over UDP to {join(each.host, each.port)}{by(each.via)}{saw}"


SAY: dict[type[Observation], Callable[[Any], str]] = {
    ProxySetting: _setting,
    ProxyScript: _script,
    ProxyChoice: _choice,
    Tunnel: _tunnel,
    IdleTunnel: _idle_tunnel,
    SocksUdp: _socks_udp,
}
