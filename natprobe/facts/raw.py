"""What raw sockets see of packets of ours: how routers quote them, and who answers in the server's name."""

from __future__ import annotations

from typing import Literal

from natprobe.model import Address, Count, Endpoint, Observation, Text


class RawAccess(Observation, frozen=True, kw_only=True):
    """Whether this user may open raw sockets, and how many packets were sent by them. Failure permission-denied: not
    this user; unsupported: not on this system.
    """

    sent: Count = 0


class Quote(Observation, frozen=True, kw_only=True):
    """Our packet as an ICMP error quotes it (RFC 792, RFC 4443): as who sent the error, `address`, saw it.

    It was sent from `local` to `towards`, with `ttl`, `tos` (IPv4's type of service, IPv6's traffic class) and `size`
    in bytes of IP; the others, `…_seen`, are what the quote says. `renumbered`: with another identification (IPv4). A
    NAT that passes the error on may have put its own change back (RFC 5508 section 4.2).
    """

    towards: Endpoint
    local: Endpoint
    transport: Literal["udp", "tcp"]
    ttl: Count
    tos: Count = 0
    size: Count
    address: Address
    icmp: Text
    source_seen: Endpoint
    towards_seen: Endpoint
    ttl_seen: Count
    tos_seen: Count
    size_seen: Count
    renumbered: bool = False


class Answerer(Observation, frozen=True, kw_only=True):
    """What came back in the name of `endpoint`, and with how much to live. `hops`: how many routers it passed, where
    that can be guessed: systems begin with 64, 128 or 255.
    """

    endpoint: Endpoint
    local: Endpoint
    transport: Literal["udp", "tcp"]
    what: Literal["answer", "port-unreachable", "syn-ack", "rst"]
    ttl: Count
    hops: Count | None = None
