"""Relays made by hand: healthy ones and such as fail, and what is judged of them."""

from __future__ import annotations

from typing import Any

import msgspec

from natprobe.derive.relays import legs, outcome
from natprobe.facts import TlsSession
from natprobe.model import Failure, Observation
from tests.made import (
    OUTSIDE,
    RELAY,
    RELAY_HOST,
    RELAY_TLS,
    STUN1,
    STUN2,
    TURN,
    allocated,
    connected,
    facts,
    named,
    ours,
    permitted,
    relay,
    report,
    saw,
    session,
    through,
)

TCP = msgspec.structs.replace(TURN, transport="tcp")
TLS = msgspec.structs.replace(TURN, scheme="turns", port=5349, transport="tcp")
NAME = named("203.0.113.40", name=RELAY_HOST)
# This network: UDP passes, and TCP to the relay's ports.
PASSES = (saw(STUN1), saw(STUN2), saw(STUN1, transport="tcp"))
INNER, ELSEWHERE = "10.0.0.40:50000", "203.0.113.99:50000"
CUT, CLOSED, REFUSED = Failure.RESET, Failure.CLOSED, Failure.REFUSED


def causes(*observations: Observation, target: Any = TURN) -> list[str]:
    """Every cause that is found, of whatever rule."""
    return [each.cause for each in report(NAME, *observations, target=target).findings]


def verdict(*observations: Observation, target: Any = TURN) -> str:
    return report(NAME, *observations, target=target).verdict.status


def ways(*observations: Observation) -> list[tuple[str, str | None]]:
    known = facts(*observations, target=TURN)
    return [outcome(known, each) for each in legs(known)]


def healthy(transport: str = "udp", server: str = RELAY, **more: Any) -> tuple[Observation, ...]:
    """A relay that does everything right, small and full-size."""
    leg = allocated(transport, server, **more)
    own = [ours(way, size, leg) for way in ("in", "out") for size in (20, 1200)]
    return (relay(transport, server), leg, permitted(leg=leg), through(leg=leg), through(size=1200, leg=leg), *own)


def closed_range(transport: str = "udp", server: str = RELAY) -> tuple[Observation, ...]:
    leg = allocated(transport, server)
    peers = [through(peer, None, leg=leg) for peer in (STUN1, STUN2)]
    return (relay(transport, server), leg, *[permitted(peer, leg) for peer in (STUN1, STUN2, OUTSIDE)], *peers)


def tls(failure: Failure | None = None, **more: Any) -> TlsSession:
    fields: dict[str, Any] = {"name": RELAY_HOST, "probe": "turn"} | more
    return session(RELAY_TLS, failure, **fields)


def at_relay(endpoint: str = RELAY) -> Observation:
    """A connection of the turn probe's that stood."""
    return connected(endpoint, probe="turn")
