"""TURN (RFC 8656): the relays there are, what they said to an Allocate, and what came through them."""

from __future__ import annotations

from typing import Literal

from natprobe.facts.stun import Origin, Transport
from natprobe.model import Address, Count, Endpoint, Family, HostName, Milliseconds, Observation, Port, Seconds, Text


class TurnServer(Observation, frozen=True, kw_only=True):
    """A relay to try, by address, on one transport of the client's leg, and how it became known.

    `access` says which kind of credentials there are for it; they themselves lie in the drawer and in no report.
    """

    host: HostName
    address: Address
    port: Port
    transport: Transport
    origin: Origin | Literal["signalling"]
    access: Literal["none", "password", "secret", "signalling"] = "none"


class Allocation(Observation, frozen=True, kw_only=True):
    """An Allocate transaction with all its challenges (RFC 8656 section 7), and how it ended.

    `relay` is the address family asked for. `challenged`: the server wanted credentials; `authenticated`: we gave some.
    Failure unauthorized without credentials of ours says that the relay is alive and guarded; error-response has
    `error_code`. `signed`: the answer's MESSAGE-INTEGRITY is right for our key, false where it is missing or wrong.
    `alternate` is where a 300 sends us. `clock_offset` would not stand here: see HttpReply.
    """

    server: Endpoint
    host: HostName
    transport: Transport
    relay: Family = 4
    local: Endpoint | None = None
    challenged: bool = False
    authenticated: bool = False
    signed: bool | None = None
    realm: Text | None = None
    software: Text | None = None
    relayed: Endpoint | None = None
    mapped: Endpoint | None = None
    lifetime: Seconds | None = None
    error_code: Count | None = None
    alternate: Endpoint | None = None
    tries: Count = 0
    icmp: Text | None = None
    reported_by: Address | None = None
    rtt_ms: Milliseconds | None = None


class Permission(Observation, frozen=True, kw_only=True):
    """A CreatePermission for one peer's address (RFC 8656 section 9). Failure error-response has `error_code`."""

    server: Endpoint
    transport: Transport
    relayed: Endpoint
    peer: Endpoint
    error_code: Count | None = None
    rtt_ms: Milliseconds | None = None


class Relayed(Observation, frozen=True, kw_only=True):
    """Data through the relay to a peer and back (RFC 8656 section 11), or one way.

    `by` stun: the peer is a STUN server, which says in `seen_from` where it saw the relay; `socket`: a socket of ours,
    outside the relay, sent to `relayed` (direction in) and was sent to (direction out, `seen_from` being the source it
    saw). `size` is the payload's length in bytes.
    """

    server: Endpoint
    transport: Transport
    relayed: Endpoint
    peer: Endpoint
    by: Literal["stun", "socket"]
    direction: Literal["both", "in", "out"] = "both"
    size: Count
    tries: Count = 0
    seen_from: Endpoint | None = None
    rtt_ms: Milliseconds | None = None


class RelayBurst(Observation, frozen=True, kw_only=True):
    """A short, steady stream through the relay and back: what of it came, how late and how evenly (RFC 3550)."""

    server: Endpoint
    transport: Transport
    relayed: Endpoint
    peer: Endpoint
    size: Count
    sent: Count
    received: Count
    duration: Seconds
    rtt_ms: Milliseconds | None = None
    jitter_ms: Milliseconds | None = None
