"""Observations of the server itself in one line each: sockets, files, packet filters, what arrived."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from natprobe.facts import (
    Arrived,
    CertificateFile,
    ConfigFile,
    Expected,
    Listening,
    OwnExchange,
    PacketFilter,
    Passage,
    PortTry,
    Program,
    Published,
    Setting,
    Sockets,
    Watched,
)
from natprobe.model import Observation, Text, join
from natprobe.render._figures import ms

_OUTCOMES = {"accept": "lets in", "drop": "drops", "reject": "rejects", "unknown": "may or may not let in"}


def ports(proto: Text, port: int, end: int) -> str:
    """`UDP 10000`, `TCP 20000-20010`."""
    return f"{proto.upper()} {port}" + (f"-{end}" if end != port else "")


def _sockets(each: Sockets) -> str:
    hidden = f", {each.hidden} of them held by programs that only root may see" if each.hidden else ""
    return f"{each.listening} sockets wait for others{hidden}"


def holder(each: Listening) -> str:
    """Who has it: `janus (pid 7)`, or who may not be seen."""
    who = f"{each.process} (pid {each.pid})" if each.process else "a program that only root may see"
    return who + (f" of {each.user}" if each.user and not each.process else "")


def _listening(each: Listening) -> str:
    only = " of IPv6 alone" if each.v6only else ""
    inside = f" in container {each.container}" if each.container else ""
    by = f", on {each.interface} alone" if each.interface else ""
    many = f", {each.sockets} sockets" if each.sockets > 1 else ""
    return f"{each.proto.upper()} {join(each.address, each.port)}{only} is held by {holder(each)}{inside}{by}{many}"


def _published(each: Published) -> str:
    what = f"{ports(each.proto, each.port, each.port_end)} of {each.address}"
    dead = ", where nothing answers" if each.answers is False else ""
    return f"{what} is passed on to {each.to} in a container ({each.by}){dead}"


def _expected(each: Expected) -> str:
    place = f" of {each.address}" if each.address else ""
    who = f", held by {each.program}" if each.program else ""
    return f"expected: {ports(each.proto, each.port, each.port_end)}{place}{who}"


def _port_try(each: PortTry) -> str:
    return f"{each.proto.upper()} bind to {each.endpoint}" + (": it is free" if each.failure is None else "")


def _exchange(each: OwnExchange) -> str:
    source = f" from {each.local}" if each.local else ""
    what = f"{each.proto.upper()}{source} to {each.endpoint} on this host"
    answered = f" answered from {each.answered_from}{ms(each.rtt_ms)}" if each.answered_from else ""
    return what + answered


def _file(each: ConfigFile) -> str:
    what = f"{each.path}, configuration of {each.system}"
    return what + (", written anew at each start of its container" if each.generated else "")


def setting(each: Setting) -> str:
    """`/etc/turnserver.conf:3 realm = example.com`; a secret has no value."""
    place = f"{each.file}:{each.line}" + (f" {each.section}" if each.section else "")
    value = each.value if each.secret is None else f"{each.value}(secret {each.secret})"
    return f"{place} {each.key} = {value or '(empty)'}"


def _certificate(each: CertificateFile) -> str:
    names = f" for {', '.join(each.names)}" if each.names else ""
    until = f", until {each.not_after}" if each.not_after else ""
    who = {True: f", readable for {each.user}", False: f", not readable for {each.user}", None: ""}[each.readable]
    return f"{each.role} file {each.path}{names}{until}{who}, named in {each.file}:{each.line}"


def _filter(each: PacketFilter) -> str:
    state = {True: "in force", False: "off", None: "not known whether in force"}[each.active]
    return f"packet filter {each.manager}: {state}" + (f", {each.rules} rules" if each.rules else "")


def _passage(each: Passage) -> str:
    to = f" of {each.address}" if each.address else ""
    by = f" by {each.interface}" if each.interface else ""
    dnat = f", led on to {each.to}" if each.to else ""
    rule = f": {each.rule}" if each.rule else ""
    where = f" ({each.chain})" if each.chain else ""
    what = f"{ports(each.proto, each.port, each.port_end)}{to} over IPv{each.family}{by}"
    return f"this host's filter {_OUTCOMES[each.outcome]} {what}{dnat}{rule}{where}"


def _watched(each: Watched) -> str:
    how = "every packet that came in" if each.by == "interface" else "what came to our own socket"
    return f"{each.proto.upper()} port {each.port} was watched for {each.seconds:g} s: {how}"


def _arrived(each: Arrived) -> str:
    signed = "signed " if each.verified else ""
    full = f", {each.full_size} of full size" if each.full_size else ""
    many = f"{each.packets} {signed}{each.what} packets{full}"
    return f"{many} came over {each.proto.upper()} from {each.sender} to {each.local}, {each.answered} answered"


SAY: dict[type[Observation], Callable[[Any], str]] = {
    Sockets: _sockets,
    Listening: _listening,
    Published: _published,
    Expected: _expected,
    PortTry: _port_try,
    OwnExchange: _exchange,
    ConfigFile: _file,
    Setting: setting,
    CertificateFile: _certificate,
    Program: lambda e: f"{e.name} {e.version} is installed ({e.by})",
    PacketFilter: _filter,
    Passage: _passage,
    Watched: _watched,
    Arrived: _arrived,
}
