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
from natprobe.render._figures import bracketed, clauses, explained, listed, timed
from natprobe.wording import mark, say

_OUTCOMES = {
    "accept": mark("this host's filter lets in {ports}"),
    "drop": mark("this host's filter drops {ports}"),
    "reject": mark("this host's filter rejects {ports}"),
    "unknown": mark("this host's filter may or may not let in {ports}"),
}
_READABLE = {True: mark("readable for {user}"), False: mark("not readable for {user}")}
_ACTIVE = {
    True: mark("packet filter {manager}: in force"),
    False: mark("packet filter {manager}: off"),
    None: mark("packet filter {manager}: not known whether in force"),
}
_WATCHED = {
    "interface": mark("{proto} port {port} was watched for {seconds:g} s: every packet that came in"),
    "socket": mark("{proto} port {port} was watched for {seconds:g} s: what came to our own socket"),
}


def ports(proto: Text, port: int, end: int) -> str:
    """`UDP 10000`, `TCP 20000-20010`."""
    return f"{proto.upper()} {port}" + (f"-{end}" if end != port else "")


def _of(what: str, address: Text | None) -> str:
    return say("{ports} of {address}", ports=what, address=address) if address else what


def _sockets(each: Sockets) -> str:
    hidden = say("{count} of them held by programs that only root may see", count=each.hidden) if each.hidden else ""
    return clauses(say("{count} sockets wait for others", count=each.listening), hidden)


def holder(each: Listening) -> str:
    """Who has it: `janus (pid 7)`, or who may not be seen."""
    if each.process:
        return f"{each.process} (pid {each.pid})"
    who = say("a program that only root may see")
    return say("{program} of {user}", program=who, user=each.user) if each.user else who


def _listening(each: Listening) -> str:
    place = f"{each.proto.upper()} {join(each.address, each.port)}"
    if each.v6only:
        place = say("{endpoint} of IPv6 alone", endpoint=place)
    held = say("{endpoint} is held by {holder}", endpoint=place, holder=holder(each))
    if each.container:
        held = say("{held} in container {container}", held=held, container=each.container)
    return clauses(
        held,
        say("on {interface} alone", interface=each.interface) if each.interface else "",
        say("{count} sockets", count=each.sockets) if each.sockets > 1 else "",
    )


def _published(each: Published) -> str:
    what = _of(ports(each.proto, each.port, each.port_end), each.address)
    passed = say("{ports} is passed on to {to} in a container ({by})", ports=what, to=each.to, by=each.by)
    return clauses(passed, say("where nothing answers") if each.answers is False else "")


def _expected(each: Expected) -> str:
    what = _of(ports(each.proto, each.port, each.port_end), each.address)
    who = say("held by {program}", program=each.program) if each.program else ""
    return say("expected: {ports}", ports=clauses(what, who))


def _port_try(each: PortTry) -> str:
    what = say("{proto} bind to {endpoint}", proto=each.proto.upper(), endpoint=each.endpoint)
    return explained(what, say("it is free") if each.failure is None else "")


def _exchange(each: OwnExchange) -> str:
    proto = each.proto.upper()
    if each.local:
        what = say(
            "{proto} from {local} to {endpoint} on this host", proto=proto, local=each.local, endpoint=each.endpoint
        )
    else:
        what = say("{proto} to {endpoint} on this host", proto=proto, endpoint=each.endpoint)
    if not each.answered_from:
        return what
    return timed(say("{what} answered from {endpoint}", what=what, endpoint=each.answered_from), each.rtt_ms)


def _file(each: ConfigFile) -> str:
    what = say("{path}, configuration of {system}", path=each.path, system=each.system)
    return clauses(what, say("written anew at each start of its container") if each.generated else "")


def setting(each: Setting) -> str:
    """`/etc/turnserver.conf:3 realm = example.com`; a secret has no value."""
    place = f"{each.file}:{each.line}" + (f" {each.section}" if each.section else "")
    value = each.value
    if each.secret is not None:
        value += say("(secret {number})", number=each.secret)
    return f"{place} {each.key} = {value or say('(empty)')}"


def _certificate(each: CertificateFile) -> str:
    what = say("{role} file {path}", role=each.role, path=each.path)
    if each.names:
        what = say("{file} for {names}", file=what, names=listed(each.names))
    return clauses(
        what,
        say("until {time}", time=each.not_after) if each.not_after else "",
        "" if each.readable is None else say(_READABLE[each.readable], user=each.user),
        say("named in {file}:{line}", file=each.file, line=each.line),
    )


def _filter(each: PacketFilter) -> str:
    rules = say("{count} rules", count=each.rules) if each.rules else ""
    return clauses(say(_ACTIVE[each.active], manager=each.manager), rules)


def _passage(each: Passage) -> str:
    what = _of(ports(each.proto, each.port, each.port_end), each.address)
    what = say("{ports} over IPv{family}", ports=what, family=each.family)
    if each.interface:
        what = say("{ports} by {interface}", ports=what, interface=each.interface)
    fate = clauses(
        say(_OUTCOMES[each.outcome], ports=what),
        say("led on to {endpoint}", endpoint=each.to) if each.to else "",
    )
    return bracketed(explained(fate, each.rule), each.chain)


def _watched(each: Watched) -> str:
    return say(_WATCHED[each.by], proto=each.proto.upper(), port=each.port, seconds=each.seconds)


def _arrived(each: Arrived) -> str:
    count = _SIGNED if each.verified else _UNSIGNED
    many = say(count, count=each.packets, what=each.what)
    full = say("{count} of full size", count=each.full_size) if each.full_size else ""
    came = say(
        "{packets} came over {proto} from {sender} to {local}",
        packets=clauses(many, full),
        proto=each.proto.upper(),
        sender=each.sender,
        local=each.local,
    )
    return clauses(came, say("{count} answered", count=each.answered))


_SIGNED, _UNSIGNED = mark("{count} signed {what} packets"), mark("{count} {what} packets")


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
    Program: lambda e: say("{name} {version} is installed ({by})", name=e.name, version=e.version, by=e.by),
    PacketFilter: _filter,
    Passage: _passage,
    Watched: _watched,
    Arrived: _arrived,
}
