"""Observations of raw sockets in one line each: how routers quote our packets, and from how far away answers come."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from natprobe.facts import Answerer, Quote, RawAccess
from natprobe.model import Observation
from natprobe.render._figures import clauses
from natprobe.wording import mark, say


def _access(each: RawAccess) -> str:
    if each.failure is not None:
        return say("raw sockets")
    return say("raw sockets, {count} packets sent", count=each.sent)


def _quote(each: Quote) -> str:
    """What was changed on the way there; nothing is worth no word."""
    what = say(
        "{address} quotes our {transport} packet to {towards} that was to live for {ttl} hops (ICMP {icmp})",
        address=each.address,
        transport=each.transport.upper(),
        towards=each.towards,
        ttl=each.ttl,
        icmp=each.icmp,
    )
    changed = (
        say("as from {source}", source=each.source_seen) if each.source_seen != each.local else "",
        say("as to {endpoint}", endpoint=each.towards_seen) if each.towards_seen != each.towards else "",
        say("marked {seen} instead of {tos} (type of service)", seen=each.tos_seen, tos=each.tos)
        if each.tos_seen != each.tos
        else "",
        say("renumbered") if each.renumbered else "",
    )
    return clauses(what, *changed)


def _answerer(each: Answerer) -> str:
    what = say(_ANSWERS[each.what], endpoint=each.endpoint, transport=each.transport.upper())
    if each.hops is None:
        return say("{what} came with {ttl} left to live", what=what, ttl=each.ttl)
    return say("{what} came with {ttl} left to live (routers passed: {hops})", what=what, ttl=each.ttl, hops=each.hops)


_ANSWERS = {
    "answer": mark("an answer in the name of {endpoint} ({transport})"),
    "port-unreachable": mark("port unreachable in the name of {endpoint} ({transport})"),
    "syn-ack": mark("a connection taken in the name of {endpoint} ({transport})"),
    "rst": mark("a refusal (RST) in the name of {endpoint} ({transport})"),
}

SAY: dict[type[Observation], Callable[[Any], str]] = {RawAccess: _access, Quote: _quote, Answerer: _answerer}
