"""Observations of STUN and of NATs in one line each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from natprobe.derive.place import answered, end
from natprobe.facts import (
    Binding,
    FilteringTest,
    Hairpin,
    Hop,
    HopName,
    IdleMapping,
    Opening,
    OtherPayload,
    RouterAnswer,
    Stray,
    StunServer,
    Trail,
)
from natprobe.model import Endpoint, Observation, split
from natprobe.render._figures import clauses, icmp, timed, tries
from natprobe.wording import mark, say


def _binding(each: Binding) -> str:
    what = say(
        "STUN {transport} {local} to {server}",
        transport=each.transport.upper(),
        local=_from(each.local),
        server=each.server,
    )
    if each.mapped:
        return timed(say("{what} saw {endpoint}", what=what, endpoint=each.mapped), each.rtt_ms)
    return clauses(what, tries(each.tries), icmp(each.icmp, each.reported_by))


def _hairpin(each: Hairpin) -> str:
    what = say("from {sender} to our own outside endpoint {mapped}", sender=each.sender, mapped=each.mapped)
    if not each.seen_from:
        return clauses(what, tries(each.tries))
    return timed(say("{what} arrived, seen as {endpoint}", what=what, endpoint=each.seen_from), each.rtt_ms)


def _idle(each: IdleMapping) -> str:
    what = say(
        "mapping {mapped} of {local} after {idle:g} idle seconds", mapped=each.mapped, local=each.local, idle=each.idle
    )
    if each.by == "response-port" and each.failure is None and each.idle:
        what = say("{what} still there", what=what)
    again = say("then seen as {endpoint}", endpoint=each.mapped_again) if each.mapped_again else ""
    return clauses(what, say("asked by {way}", way=each.by), tries(each.tries), again)


def _hop(each: Hop) -> str:
    what = say("request to {towards} with {ttl} hops to live", towards=each.towards, ttl=each.ttl)
    if each.reached:
        what = say("{what} reached {address}", what=what, address=each.address)
    elif each.address:
        what = say("{what} ended at {address}", what=what, address=each.address)
    return timed(what, each.rtt_ms)


def _trail(each: Trail) -> str:
    """Who answered, and how many hops away, as far as the far end."""
    template = _TO_OTHER_HOST if (each.control, each.transport) == ("host", "tcp") else _PACKETS[each.control]
    what = say(template, towards=each.towards, transport=each.transport.upper(), port=split(each.towards)[1])
    heard = answered(each)
    if not heard:
        return clauses(what, say("nobody answered"))
    routers = ", ".join(say("{address} ({hop})", address=hop.address, hop=hop.ttl) for hop in heard)
    silent = end(each) is None and any(hop.ttl > heard[-1].ttl for hop in each.hops)
    return clauses(what, say("answered by {routers}", routers=routers), say("silence behind") if silent else "")


_PACKETS = {
    "none": mark("packets of the failing kind to {towards}, one hop further each"),
    "port": mark("the same to another port, {towards}"),
    "payload": mark("older STUN to {towards}"),
    "host": mark("STUN to the same port of another host, {towards}"),
    "tcp": mark("{transport} to {towards}, one hop further each"),
    "udp": mark("{transport} to {towards}, one hop further each"),
}
_TO_OTHER_HOST = mark("TCP to the same port of another host, {towards}")


def _opening(each: Opening) -> str:
    if each.whole:
        template = mark("answer from {opened} after packets that lived for {ttl} routers and one that went there")
    else:
        template = mark("answer from {opened} after packets that lived for {ttl} routers")
    return clauses(say(template, opened=each.opened, ttl=each.ttl), tries(each.tries))


def _router(each: RouterAnswer) -> str:
    if each.outside:
        told = say(
            "router {router} says that its outside address is {address}", router=each.router, address=each.outside
        )
    else:
        told = say("router {router} asked for its outside address", router=each.router)
    return clauses(told, say("result {number}", number=each.result) if each.result else "")


def _payload(each: OtherPayload) -> str:
    what = timed(say(_PAYLOADS[each.payload], server=each.server), each.rtt_ms)
    return clauses(what, say("{answers} of {tries} answered", answers=each.answers, tries=tries(each.tries)))


_PAYLOADS = {
    "classic-stun": mark("STUN without the magic cookie to {server}"),
    "fingerprint": mark("STUN with FINGERPRINT to {server}"),
}


def _from(local: Endpoint | None) -> str:
    """Port 0: no socket was bound there."""
    return say("here") if local is None else split(local)[0] if split(local)[1] == 0 else local


def _stray(each: Stray) -> str:
    if each.count > 1:
        template = mark("{count} stray datagrams from {sender} ({fault})")
    else:
        template = mark("{count} stray datagram from {sender} ({fault})")
    return say(template, count=each.count, sender=each.sender, fault=each.fault)


def _filtering(each: FilteringTest) -> str:
    what = say(
        "answer from {expected} to {local} asked of {server}",
        expected=each.expected,
        local=each.local,
        server=each.server,
    )
    return clauses(what, tries(each.tries))


def _stun_server(each: StunServer) -> str:
    return say(
        "STUN server {host} ({operator}) at {address} port {port} {transport}",
        host=each.host,
        operator=each.operator,
        address=each.address,
        port=each.port,
        transport=each.transport,
    )


SAY: dict[type[Observation], Callable[[Any], str]] = {
    StunServer: _stun_server,
    Binding: _binding,
    FilteringTest: _filtering,
    Stray: _stray,
    Hairpin: _hairpin,
    IdleMapping: _idle,
    Hop: _hop,
    HopName: lambda e: say("{address} is called {name}", address=e.address, name=e.name),
    Trail: _trail,
    RouterAnswer: _router,
    Opening: _opening,
    OtherPayload: _payload,
}
