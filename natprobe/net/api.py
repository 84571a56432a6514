"""What a Net is: UDP with ICMP errors, TCP, the system's own name service, a clock.

Probes get one and know nothing else of the network. natprobe/net/system.py is the real one; the tests' in-memory
internet is another. Everything that fails raises OSError or TimeoutError; net/failure.py gives it its name.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol, runtime_checkable

from natprobe.model import Failure, Family
from natprobe.net.crafted import Raw

# No datagram that natprobe expects is larger; more is cut by the reader and counts as too large.
DATAGRAM_MAX = 4096


class NoRoute(OSError):
    """This machine itself has no way there; unlike ENETUNREACH from a router, nothing was sent."""


class Prohibited(OSError):
    """A firewall on the way said no, where the system can tell that from 'unreachable'."""


class Datagram(NamedTuple):
    """What arrived, from where, when (seconds on the Net's clock). `data` is at most DATAGRAM_MAX + 1 bytes. `tos`: its
    type of service (IPv6: traffic class), where the socket was made to tell that.
    """

    data: bytes
    source: tuple[str, int]
    at: float
    tos: int | None = None


# Type and code of the error about a packet that has lived long enough (RFC 792, RFC 4443 section 3.3).
TIME_EXCEEDED: dict[Family, str] = {4: "11/0", 6: "3/0"}


class IcmpError(NamedTuple):
    """A packet to `destination` came to nothing and somebody said so.

    `icmp`: `type/code` in the family's own numbers (RFC 792, RFC 4443), empty where the system doesn't tell.
    `reported_by`: the router or host that sent it, None where the system doesn't tell. `quoted`: what the reporter gave
    back of a datagram's payload (RFC 1812 section 4.3.2.3: as much as fits; many give none). `mtu`: of TOO_BIG, how
    large an IP packet may be there (RFC 1191 section 4, RFC 4443 section 3.2); None: that wasn't said.
    """

    destination: tuple[str, int] | None
    failure: Failure
    icmp: str
    reported_by: str | None
    at: float
    quoted: bytes = b""
    mtu: int | None = None

    def ends(self, peer: tuple[str, int]) -> bool:
        """Whether an exchange with that peer is over. Where packets are to be smaller it goes on: the kernel knows."""
        about_it = self.destination is None or same_peer(self.destination, peer)
        return about_it and self.failure is not Failure.TOO_BIG


class Reported(OSError):
    """An ICMP error ended an exchange that has no other way to say so."""

    def __init__(self, error: IcmpError) -> None:
        super().__init__(str(error.failure))
        self.error = error


class Said(NamedTuple):
    """What a proxy said to a request for a tunnel. `status` of HTTP, `reply` of SOCKS: 255 where it takes nothing that
    was offered to say who we are.

    `schemes`: of authentication, as it offers them; `authenticated`: it got a user and a password. `error`: its own
    word for what went wrong; `software`: what it calls itself. All of it fit for a report.
    """

    status: int | None = None
    reply: int | None = None
    schemes: tuple[str, ...] = ()
    error: str = ""
    software: str = ""
    authenticated: bool = False


class Denied(OSError):
    """A proxy answered, and its answer is no tunnel. `reconnect`: it wants to know who we are, on a new connection."""

    def __init__(self, said: Said, *, reconnect: bool = False) -> None:
        super().__init__(f"HTTP {said.status}" if said.status is not None else f"SOCKS reply {said.reply}")
        self.said, self.reconnect = said, reconnect


class Udp(Protocol):
    """One bound UDP socket, for any number of peers."""

    @property
    def local(self) -> tuple[str, int]:
        """The bound address and port. The address is `0.0.0.0` or `::` when none was asked for."""

    def send(self, data: bytes, to: tuple[str, int], ttl: int | None = None) -> None:
        """Sends at once; `ttl` routers may pass it on (IPv6: hop limit), None: as many as the system says.

        Raises OSError when this machine refuses (EPERM, ENETUNREACH, EMSGSIZE …).
        """

    async def receive(self) -> Datagram | IcmpError:
        """The next thing that happens to this socket."""

    def close(self) -> None:
        """Idempotent."""


@runtime_checkable
class Markable(Protocol):
    """A UDP socket of this machine's own, whose packets can be marked."""

    def mark(self, tos: int) -> None:
        """From now on what is sent has this type of service (IPv6: traffic class): DSCP in six bits, ECN in two.

        Raises OSError where the system won't.
        """


class Stream(Protocol):
    """One connected byte stream: TCP, or anything laid over it."""

    @property
    def local(self) -> tuple[str, int]:
        """Our end."""

    @property
    def remote(self) -> tuple[str, int]:
        """The other end."""

    async def read(self, limit: int = 65536) -> bytes:
        """What has arrived, at most `limit` bytes, waiting for some; empty when the peer has closed."""

    async def write(self, data: bytes) -> None:
        """Hands everything to the network."""

    def close(self) -> None:
        """At once, without waiting for the peer. Idempotent."""


def same_peer(one: tuple[str, int], other: tuple[str, int]) -> bool:
    """Whether these are one endpoint; a zone may stand there as a name, as a number or not at all (RFC 4007)."""
    return one[1] == other[1] and one[0].partition("%")[0] == other[0].partition("%")[0]


class Net(Protocol):
    """A network to probe."""

    def now(self) -> float:
        """Seconds on a clock that only goes forward."""

    async def sleep(self, seconds: float) -> None:
        """Waits, on the same clock."""

    def udp(self, family: Family, local: str | None = None, port: int = 0, *, whole: bool = False) -> Udp:
        """A UDP socket, bound to `local` or to any address. Raises OSError (EADDRNOTAVAIL, EACCES …).

        `whole`: what is sent is never cut into fragments, here or on the way, whatever is known of the path's MTU
        (RFC 8899 section 3, point 4). EAFNOSUPPORT where natprobe can't have that of the system.
        """

    async def tcp(
        self, remote: tuple[str, int], local: str | None = None, ttl: int | None = None, segment: int | None = None
    ) -> Stream:
        """A connection, tried until cancelled or refused. Raises OSError.

        `ttl` as for Udp.send; where the system tells who ended its packets, Reported has the ICMP error. `segment`: at
        most so many bytes in a segment, of ours and of theirs (RFC 9293 section 3.7.1).
        """

    async def system_addresses(self, name: str, family: Family) -> list[str]:
        """What the operating system's resolver says, in its order. Raises socket.gaierror."""

    def source_address(self, towards: str) -> str:
        """The local address that packets to `towards` would leave from. Raises OSError when there is no route."""

    async def raw(self, local: str, number: int, udp_port: int = 0) -> Raw:
        """Raw sockets for packets from `local`; `number`: of all SYNs, 32 bits that are hard to guess (RFC 6528), so
        that who acknowledges one has seen it. `udp_port`: for UDP, where it is free.

        Raises NotHere where this system has none that we know, PermissionError without the privilege, other OSErrors.
        """
