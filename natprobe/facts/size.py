"""How large a packet may be on the way to the media server, and what of TLS gets through in small segments."""

from __future__ import annotations

from typing import Literal

from natprobe.model import Address, Count, Endpoint, HostName, Milliseconds, Observation, Text


class PathSize(Observation, frozen=True, kw_only=True):
    """The largest packet that passes from `local` to `endpoint`, found with ICE checks of many sizes that are never cut
    into fragments (RFC 8899 section 4.1); to a relay with STUN's Binding.

    All sizes are bytes of an IP packet with its headers, in steps of four. `up`: the largest check that was answered,
    `up_lost`: the smallest that never was, with `tries` of it and `beside` answers to checks of `up` bytes sent in turn
    with them; None: the largest that was tried passed, or loss leaves it open (failure). `here`: it is this machine's
    own interface that takes no larger one. `down`, `down_lost`: the same of answers as large as their checks, which
    `natprobe serve` alone gives and its system may cut into fragments. `reported_by` said by ICMP (`icmp`) that no more
    than `told` bytes fit; None: nobody said so about what is lost. `sent`: packets in all.
    """

    endpoint: Endpoint
    transport: Literal["udp"] = "udp"
    local: Endpoint | None = None
    up: Count | None = None
    up_lost: Count | None = None
    down: Count | None = None
    down_lost: Count | None = None
    tries: Count = 0
    beside: Count = 0
    here: bool = False
    icmp: Text | None = None
    reported_by: Address | None = None
    told: Count | None = None
    sent: Count = 0


class TlsHello(Observation, frozen=True, kw_only=True):
    """A TLS handshake for `name` once more, over a connection of its own. It worked where the server's answer came
    whole, whatever its certificate is worth.

    `segment`: the largest TCP segment that both sides were held to, None: the system's. `size`: bytes of our hello;
    `large`: it was filled up to more than browsers send.
    """

    endpoint: Endpoint
    name: HostName
    local: Endpoint | None = None
    segment: Count | None = None
    size: Count = 0
    large: bool = False
    rtt_ms: Milliseconds | None = None
