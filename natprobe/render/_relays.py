"""Observations of TURN relays in one line each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from natprobe.facts import Allocation, Permission, RelayBurst, Relayed, TurnServer
from natprobe.model import Observation, join
from natprobe.render._figures import both, by, clauses, icmp, jitter, timed, tries
from natprobe.wording import mark, say


def _allocation(each: Allocation) -> str:
    place = each.server if each.via is None or each.port is None else join(each.host, each.port)
    what = by(say("Allocate {transport} to {place}", transport=each.transport.upper(), place=place), each.via)
    offering = say("offering {protocols}", protocols=both(each.offered)) if each.offered else ""
    if each.relayed:
        return clauses(
            say("{what} gave {relayed}", what=clauses(what, offering), relayed=each.relayed),
            icmp(each.icmp, each.reported_by),
        )
    return clauses(what, offering, tries(each.tries), icmp(each.icmp, each.reported_by))


def _relayed(each: Relayed) -> str:
    told = say(_RELAYED[each.direction], size=each.size, relayed=each.relayed, peer=each.peer)
    seen_from = say("seen from {endpoint}", endpoint=each.seen_from) if each.seen_from else ""
    return timed(clauses(told, seen_from), each.rtt_ms)


_RELAYED = {
    "both": mark("{size} bytes through relay {relayed} to STUN server {peer} and back"),
    "in": mark("{size} bytes through relay {relayed} from {peer} to us"),
    "out": mark("{size} bytes through relay {relayed} from us to {peer}"),
}


def _burst(each: RelayBurst) -> str:
    sent = say("burst of {sent} packets of {size} bytes", sent=each.sent, size=each.size)
    if each.bitrate:
        sent = say("{burst}, {rate:g} Mbit/s,", burst=sent, rate=each.bitrate / 1e6)
    told = clauses(
        say(_BURSTS[each.direction], burst=sent, relayed=each.relayed, peer=each.peer),
        "" if each.halfway is None else say("{count} got there", count=each.halfway),
        say("{count} arrived", count=each.arrived),
    )
    return clauses(timed(told, each.delay_median_ms), jitter(each.jitter_ms))


_BURSTS = {
    "both": mark("{burst} through relay {relayed} to {peer} and back"),
    "in": mark("{burst} through relay {relayed} from {peer} to us"),
    "out": mark("{burst} through relay {relayed} from us to {peer}"),
}


def _permission(each: Permission) -> str:
    peer = say("{peer}, an inner address,", peer=each.peer) if each.purpose == "audit" else each.peer
    what = say("permission for {peer} on {server} {transport}", peer=peer, server=each.server, transport=each.transport)
    return timed(what, each.rtt_ms)


def _turn_server(each: TurnServer) -> str:
    return say(
        "relay {host} at {address} port {port} {transport}",
        host=each.host,
        address=each.address or say("no address"),
        port=each.port,
        transport=each.transport,
    )


SAY: dict[type[Observation], Callable[[Any], str]] = {
    TurnServer: _turn_server,
    Allocation: _allocation,
    Permission: _permission,
    Relayed: _relayed,
    RelayBurst: _burst,
}
