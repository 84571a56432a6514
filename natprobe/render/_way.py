"""Observations of this machine and of the way to the server in one line each: names, routes, TCP, TLS, pages."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from natprobe.facts import (
    BindTry,
    Certificate,
    Connected,
    DefaultRoute,
    HttpReply,
    LocalAddress,
    NaptrAnswer,
    Platform,
    Probed,
    Resolved,
    Run,
    SourceAddress,
    SrvAnswer,
    TlsSession,
)
from natprobe.model import Observation
from natprobe.render._figures import both, bracketed, by, clauses, explained, listed, timed
from natprobe.wording import mark, say


def _platform(each: Platform) -> str:
    return explained(say("this machine is {vendor}'s", vendor=each.vendor), each.cloud or "")


def _bind_try(each: BindTry) -> str:
    what = say("UDP bind to {address}", address=each.address or each.asked)
    if each.address not in (each.asked, None):
        what = say("{what} as the first address of {asked}", what=what, asked=each.asked)
    where = say("on {interface}", interface=each.interface) if each.interface else say("on no interface")
    return clauses(what, where)


def _resolved(each: Resolved) -> str:
    template = _RESOLVED["server" if each.server else "system" if each.by == "system" else "target"]
    kind = "A" if each.family == 4 else "AAAA"
    return explained(say(template, name=each.name, kind=kind, server=each.server), listed(each.addresses))


_RESOLVED = {
    "server": mark("{name} {kind} by DNS server {server}"),
    "system": mark("{name} {kind} by this system"),
    "target": mark("{name} {kind} by the target"),
}


def _route(each: DefaultRoute) -> str:
    way = say("IPv{family} default route", family=each.family)
    if each.interface:
        way = say("{route} by {interface}", route=way, interface=each.interface)
    return say("{route} via {gateway}", route=way, gateway=each.gateway) if each.gateway else way


def _tls(each: TlsSession) -> str:
    to = by(say("{transport} to {endpoint}", transport=each.transport.upper(), endpoint=each.endpoint), each.via)
    return clauses(
        say("{session} for {name}", session=to, name=each.name),
        say("offering {protocols}", protocols=both(each.offered)) if each.offered else "",
        say("verified") if each.verified else say("not verified"),
        each.protocol,
    )


def _certificate(each: Certificate) -> str:
    return say(
        "{certificate} for {names}, until {time}",
        certificate=by(say("certificate of {endpoint}", endpoint=each.endpoint), each.via),
        names=listed(each.names[:3]) or each.subject,
        time=each.not_after,
    )


def _http(each: HttpReply) -> str:
    what = explained(by(f"GET {each.url}", each.via), f"HTTP {each.status}" if each.status else "")
    return clauses(what, say("says {systems}", systems=both(each.says)) if each.says else "")


def _connected(each: Connected) -> str:
    what = by(say("TCP to {endpoint}", endpoint=each.endpoint), each.via)
    return timed(what, each.rtt_ms) if each.failure is None else what


def _srv(each: SrvAnswer) -> str:
    return f"{each.service}.{each.name}" + "".join(f" {record.target}:{record.port}" for record in each.records)


def _naptr(each: NaptrAnswer) -> str:
    records = "".join(f" {record.service} {record.replacement}" for record in each.records)
    return say("NAPTR of {name}", name=each.name) + records


SAY: dict[type[Observation], Callable[[Any], str]] = {
    Run: lambda e: say(
        "natprobe {version} on {system}, {started}", version=e.version, system=e.system, started=e.started
    ),
    Probed: lambda e: bracketed(say("probe {probe} {status}", probe=e.probe, status=e.status), e.detail),
    BindTry: _bind_try,
    Platform: _platform,
    LocalAddress: lambda e: clauses(
        say("{address} on {interface}", address=f"{e.address}/{e.prefix}", interface=e.interface), e.scope
    ),
    DefaultRoute: _route,
    SourceAddress: lambda e: say(
        "packets to {towards} leave from {local}", towards=e.towards, local=e.local or say("nowhere")
    ),
    Resolved: _resolved,
    NaptrAnswer: _naptr,
    SrvAnswer: _srv,
    Connected: _connected,
    TlsSession: _tls,
    Certificate: _certificate,
    HttpReply: _http,
}
