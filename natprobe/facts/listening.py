"""Sockets of the server itself: what waits where, what was expected there, and what came of trying it."""

from __future__ import annotations

from typing import Literal

from natprobe.model import Address, Count, Endpoint, Milliseconds, Observation, Port, Text

Proto = Literal["udp", "tcp"]


class Sockets(Observation, frozen=True, kw_only=True):
    """How the kernel's list of sockets was read. failure: it could not be.

    `listening`: how many wait for others; `hidden`: how many of these belong to processes that we may not see.
    """

    listening: Count = 0
    hidden: Count = 0


class Listening(Observation, frozen=True, kw_only=True):
    """A socket that waits for others: TCP in LISTEN, or UDP that is bound and not connected.

    `address`: `0.0.0.0` or `::` for every one. `v6only`: of an IPv6 wildcard, whether it leaves IPv4 out; None: could
    not be told. `process`: the program's name, None: hidden from us. `container`: the one that the process runs in.
    `interface`: the only one that it takes packets from. `sockets`: how many alike there are (SO_REUSEPORT).
    """

    proto: Proto
    address: Address
    port: Port
    v6only: bool | None = None
    process: Text | None = None
    pid: Count | None = None
    user: Text = ""
    container: Text = ""
    interface: Text = ""
    sockets: Count = 1


class Published(Observation, frozen=True, kw_only=True):
    """Ports of a container that this host passes on. `to`: the first one's endpoint in the container.

    `by`: docker-proxy's process, a DNAT rule in the kernel (without a process), or both. `port` to `port_end` at
    `address`, which is `0.0.0.0` or `::` for every one. `answers`: whether the container's end takes connections (TCP).
    """

    proto: Proto
    address: Address
    port: Port
    port_end: Port
    to: Endpoint
    by: Literal["docker-proxy", "dnat", "both"]
    container: Text = ""
    answers: bool | None = None


class Expected(Observation, frozen=True, kw_only=True):
    """A port that somebody named in so many words (`inspect --expect`, or a file of such lines).

    `address` None: any of this host's. `program`: who is to hold it; empty: anybody. `file`, `line`: where it stands.
    """

    proto: Proto
    address: Address | None = None
    port: Port
    port_end: Port
    program: Text = ""
    file: Text = ""
    line: Count = 0


class PortTry(Observation, frozen=True, kw_only=True):
    """An endpoint of this host bound by us for a moment, at the very port: free when it worked.

    failure address-in-use: somebody has it; address-not-local; permission-denied.
    """

    proto: Proto
    endpoint: Endpoint


class OwnExchange(Observation, frozen=True, kw_only=True):
    """A real exchange between this host's own addresses: a TCP connection, or a STUN request over UDP.

    `answered_from`: where the answer came from, which may be another address than was asked. failure timeout over UDP
    proves nothing where what listens answers no strangers.
    """

    proto: Proto
    endpoint: Endpoint
    local: Endpoint | None = None
    answered_from: Endpoint | None = None
    rtt_ms: Milliseconds | None = None
