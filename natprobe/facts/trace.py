"""Where packets end on their way: what answered those that were to live for so many routers only."""

from __future__ import annotations

from typing import Literal

from natprobe.model import Address, Count, Data, Endpoint, HostName, Milliseconds, Observation, Text


class TrailHop(Data, frozen=True, kw_only=True):
    """What became of the packets that were to live for `ttl` routers (RFC 792, RFC 4443: time exceeded).

    `address`: who answered first, `others`: who else did. `reached`: it was the far end itself, be it with an error.
    `icmp`: `type/code`, where it was not time exceeded. `rtt_ms`: the quickest answer's.
    """

    ttl: Count
    sent: Count
    answered: Count = 0
    address: Address | None = None
    others: tuple[Address, ...] = ()
    reached: bool = False
    icmp: Text | None = None
    rtt_ms: Milliseconds | None = None


class Trail(Observation, frozen=True, kw_only=True):
    """Packets of one kind with rising time to live, sent in turn with those of the others about the same `subject`.

    `subject` is the endpoint whose exchange failed. `control` none: the same packets as those that failed, to the same
    endpoint, over UDP from the same socket, over TCP SYNs from a port of their own each (port 0 in `local`); else in
    what they differ: another port of the same host (`port`), another payload, the same port of another host, or to the
    port in `towards` TCP beside a subject of UDP, UDP beside one of TCP. `flows`: how many ports they were sent from
    or to, so that equal-cost paths would show. `hops` by rising ttl. `unattributed`: ICMP errors about them that quote
    too little to tell which packet ended there.
    """

    subject: Endpoint
    control: Literal["none", "port", "payload", "host", "tcp", "udp"] = "none"
    transport: Literal["udp", "tcp"] = "udp"
    payload: Literal["check", "binding", "classic", "syn"]
    towards: Endpoint
    local: Endpoint | None = None
    flows: Count = 1
    hops: tuple[TrailHop, ...] = ()
    unattributed: Count = 0


class HopName(Observation, frozen=True, kw_only=True):
    """The name of a router on the way, by reverse DNS (RFC 1035 section 3.5) from this machine's own DNS servers."""

    address: Address
    name: HostName = ""
