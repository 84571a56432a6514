"""Packets of our own make, and what comes back of them: the words that raw sockets and their users share. No I/O."""

from __future__ import annotations

from typing import Literal, NamedTuple, Protocol

Proto = Literal["udp", "tcp"]
# Marks count from one; this stands above them, so that a number of somebody else's is seldom taken for a mark.
MARKED = 0x4E00
MARKS_MAX = 255
# Where a STUN header's transaction id ends (RFC 8489 section 5): a datagram's mark is its last two bytes.
MARK_AT = 18


class NotHere(OSError):
    """This system, or this Net, has no such thing."""


class Crafted(NamedTuple):
    """A packet to send: UDP with `payload`, a STUN request whose transaction id ends in the mark; or TCP's first SYN,
    RST where `acknowledged` is the number that a SYN-ACK acknowledges.

    `mark`: 1 to MARKS_MAX, tells it from the others in what comes back. `tos`: IPv4's type of service, IPv6's traffic
    class (RFC 2474: six bits of DSCP, two of ECN).
    """

    proto: Proto
    to: tuple[str, int]
    mark: int
    ttl: int | None = None
    tos: int = 0
    payload: bytes = b""
    acknowledged: int | None = None


class Quoted(NamedTuple):
    """Our packet as an ICMP error quotes it: as the error's sender saw it.

    `size`: of the IP packet, by its header; `ident`: IPv4's identification.
    """

    proto: Proto
    source: tuple[str, int]
    to: tuple[str, int]
    ttl: int
    tos: int
    size: int
    ident: int | None
    mark: int


class Heard(NamedTuple):
    """A packet to one of our ports, or an ICMP error about one of ours. `source`: the address that it names as its
    sender's; `port` is 0 for ICMP. `ttl`: what is left of its time to live. `says`: what it is in TCP.

    `acknowledged`: TCP's acknowledgment number. `icmp`: `type/code` in the family's own numbers.
    """

    source: str
    port: int
    ttl: int
    proto: Literal["udp", "tcp", "icmp"]
    says: Literal["", "syn-ack", "rst"] = ""
    acknowledged: int = 0
    icmp: str = ""
    quoted: Quoted | None = None


class Raw(Protocol):
    """Raw sockets of one local address, with a UDP and a TCP port kept for their packets."""

    def port(self, proto: Proto) -> int:
        """The local port that packets leave from."""

    def send(self, packet: Crafted) -> int:
        """Sends at once; says how many bytes the IP packet has. Raises OSError when this machine refuses."""

    async def receive(self) -> Heard:
        """The next thing that comes."""

    def close(self) -> None:
        """Idempotent."""
