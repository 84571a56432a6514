"""TURN (RFC 8656): the relays there are, what they said to an Allocate, and what came through them."""

from __future__ import annotations

from typing import Literal

from natprobe.facts.stun import Origin, Transport
from natprobe.model import Address, Count, Endpoint, Family, HostName, Milliseconds, Observation, Port, Seconds, Text


class TurnServer(Observation, frozen=True, kw_only=True):
    """A relay to try, by address, on one transport of the client's leg, and how it became known.

    `access`: the kind of credentials that there are for it; `given`: those that signalling handed out with it. They
    lie in the drawer, under `key` where they are its own, and in no report. `address` None: its name leads nowhere
    here, and it is known all the same, since a proxy looks it up by itself.
    """

    host: HostName
    address: Address | None
    port: Port
    transport: Transport
    origin: Origin
    access: Literal["none", "password", "secret", "given"] = "none"
    key: Text = ""


class Allocation(Observation, frozen=True, kw_only=True):
    """The way to a relayed address (RFC 8656 section 7) on one leg, with all challenges, and how it ended.

    `relay` is the address family asked for: IPv4, as by browsers, over IPv6 too. `challenged`: the server wanted
    credentials; `authenticated`: it was given some. Failure unauthorized without credentials says that the relay is
    alive and guarded; with them, that it refuses them. `signed`: whether the answer verifies with our key, None where
    there was none to verify with. `alternate` is where a 300 sends to. Before anything was answered, the failure is
    that of connecting or of the handshake, `local` is None and `tries` counts connections or hellos.
    `offered`: the ALPN names of the leg's TLS; with any it is none that browsers take, but looks for what sorts by it.
    `via`: the proxy that the leg goes through; `server` is the proxy's endpoint then, and `port` the relay's port.
    `duration_ms`: from the first packet of the leg to the end.
    """

    server: Endpoint
    host: HostName
    via: Text | None = None
    port: Port | None = None
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
    offered: tuple[Text, ...] = ()
    tries: Count = 0
    icmp: Text | None = None
    reported_by: Address | None = None
    duration_ms: Milliseconds | None = None


class Permission(Observation, frozen=True, kw_only=True):
    """A CreatePermission for one peer's address (RFC 8656 section 10). Failure error-response has `error_code`.

    `purpose` media: data went there, or would have gone; audit: with --audit-relay, an inner address of the relay's
    side that nothing is sent to.
    """

    server: Endpoint
    transport: Transport
    relayed: Endpoint
    peer: Endpoint
    purpose: Literal["media", "audit"] = "media"
    error_code: Count | None = None
    rtt_ms: Milliseconds | None = None


class Relayed(Observation, frozen=True, kw_only=True):
    """Data through the relay (RFC 8656 section 11): to a STUN server and back, or between us and a socket of our own.

    `by` stun: the peer says in `seen_from` where it saw the relay. `own-socket`, direction `in`: that socket sent to
    `relayed` and it arrived; `out`: it was sent to, and `seen_from` is the source that it saw. `size` is the payload's
    length in bytes.
    """

    server: Endpoint
    transport: Transport
    relayed: Endpoint
    peer: Endpoint
    by: Literal["stun", "own-socket"]
    direction: Literal["both", "in", "out"] = "both"
    size: Count
    tries: Count = 0
    seen_from: Endpoint | None = None
    rtt_ms: Milliseconds | None = None


class RelayBurst(Observation, frozen=True, kw_only=True):
    """A train of packets through the relay, `interval_ms` apart, and what of it arrived.

    `direction` both: there and back, echoed by our own socket, which had `halfway` of them (a STUN server that answers
    each doesn't say: None); `out`: from us to our own socket, `in`: from that to us. `delay_*`: there and back, or one
    way by one clock. `jitter_ms`: the mean of |D(i-1,i)| of RFC 3550 section 6.4.1, not smoothed. `reordered`: arrived
    after one that was sent later; `duplicates`: further copies of what had arrived, on either half.

    `bitrate`: bits of payload per second that were asked for with --bitrate, 0: none; `received`: those that arrived
    per second. What crosses this network on its way to the relay and again to our own socket is lost there twice as
    easily as a call's.
    """

    server: Endpoint
    transport: Transport
    relayed: Endpoint
    peer: Endpoint
    by: Literal["stun", "own-socket"]
    direction: Literal["both", "in", "out"] = "both"
    size: Count
    interval_ms: Milliseconds
    sent: Count = 0
    arrived: Count = 0
    halfway: Count | None = None
    reordered: Count = 0
    duplicates: Count = 0
    delay_min_ms: Milliseconds | None = None
    delay_median_ms: Milliseconds | None = None
    delay_max_ms: Milliseconds | None = None
    jitter_ms: Milliseconds | None = None
    bitrate: Count = 0
    received: Count | None = None
