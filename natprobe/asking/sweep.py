"""Packets of several kinds with rising time to live, sent in turn: who ended each (RFC 792, RFC 4443: time exceeded).

All datagrams of a line leave from one socket to one endpoint, so that they go one way even where equal-cost paths share
the load by ports and addresses (RFC 2992). Which of them an ICMP error is about, its quote tells. Of TCP each SYN has a
socket of its own, which hears of its errors alone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Literal, NamedTuple

from natprobe.context import Context
from natprobe.derive import OWN
from natprobe.facts import Trail, TrailHop
from natprobe.model import Address, Endpoint, Failure, family, flow, join
from natprobe.net.api import TIME_EXCEEDED, Datagram, IcmpError, Reported, Udp, same_peer
from natprobe.net.failure import failure_of
from natprobe.net.reading import UdpReader

Control = Literal["none", "port", "payload", "host", "tcp", "udp"]
Payload = Literal["check", "binding", "classic", "syn"]

# Where the transaction id stands in a STUN message (RFC 8489 section 5); of an older one's sixteen bytes the last
# twelve are there too (RFC 3489 section 11.1).
_ID = slice(8, 20)
# So much time lies between two packets (seconds): a burst is what routers limit.
PACE = 0.002


class _Answer(NamedTuple):
    """Who answered, after so many seconds. `icmp`: type/code, where it says something else than time exceeded."""

    address: Address
    reached: bool
    icmp: str | None
    rtt: float


class Line:
    """Packets of one kind to one endpoint; `make` gives a new one, with an id of its own."""

    def __init__(self, control: Control, payload: Payload, to: tuple[str, int], make: Callable[[], bytes]) -> None:
        self.control, self.payload, self.to, self.make = control, payload, to, make
        self.sent: dict[int, int] = {}
        self.answers: dict[int, list[_Answer]] = {}
        self.unattributed = 0
        self.flows: set[Endpoint] = set()

    @property
    def last(self) -> int:
        """The most routers that such a packet has surely passed to be answered by the next; 0: none."""
        return max((ttl for ttl, found in self.answers.items() if not found[0].reached), default=0)

    @property
    def end(self) -> int | None:
        """With how many hops to live it reaches the far end, where that answered."""
        return min((ttl for ttl, found in self.answers.items() if found[0].reached), default=None)

    @property
    def slowest(self) -> float:
        """The longest that an answer took (seconds)."""
        return max((each.rtt for found in self.answers.values() for each in found), default=0.0)

    def leaves(self, ttl: int, local: Endpoint) -> None:
        """One more was sent."""
        self.sent[ttl] = self.sent.get(ttl, 0) + 1
        self.flows.add(local)

    def stays(self, ttl: int, local: Endpoint) -> None:
        """The last one that was to leave did not: this machine would not send it."""
        self.sent[ttl] -= 1
        self.flows.discard(local)

    def forget(self) -> None:
        """What came of it says nothing."""
        self.sent, self.answers, self.unattributed = {}, {}, 0

    def came(self, ttl: int, error: IcmpError | None, rtt: float) -> None:
        """It was answered: by this error, or by the far end itself."""
        address = self.to[0] if error is None or error.reported_by is None else error.reported_by
        over = error is not None and error.icmp == TIME_EXCEEDED[family(self.to[0])]
        icmp = None if error is None or over else error.icmp
        reached = not over and address == self.to[0]
        self.answers.setdefault(ttl, []).append(_Answer(address, reached, icmp, rtt))

    def trail(self, subject: Endpoint, local: Endpoint) -> Trail:
        """What came of it all."""
        transport: Literal["udp", "tcp"] = "tcp" if self.payload == "syn" else "udp"
        return Trail(
            subject=subject,
            control=self.control,
            transport=transport,
            payload=self.payload,
            towards=join(*self.to),
            local=local,
            flows=max(len(self.flows), 1),
            hops=tuple(self._hop(ttl) for ttl in sorted(self.sent) if self.sent[ttl]),
            unattributed=self.unattributed,
            flow=flow(transport, local, join(*self.to)),
        )

    def _hop(self, ttl: int) -> TrailHop:
        found = self.answers.get(ttl, [])
        addresses = list(dict.fromkeys(each.address for each in found))
        return TrailHop(
            ttl=ttl,
            sent=self.sent[ttl],
            answered=len(found),
            address=addresses[0] if found else None,
            others=tuple(addresses[1:]),
            reached=bool(found) and found[0].reached,
            icmp=next((each.icmp for each in found if each.icmp), None),
            rtt_ms=round(min(each.rtt for each in found) * 1000, 2) if found else None,
        )


class Sender(UdpReader):
    """A UDP socket that lines leave from."""

    def __init__(self, ctx: Context, udp: Udp) -> None:
        super().__init__(udp)
        self._ctx = ctx
        self._out: dict[bytes, tuple[Line, int, float]] = {}
        self._alone: bytes | None = None

    async def send(self, line: Line, ttl: int) -> None:
        """One packet. Raises OSError."""
        self._leave(line.make(), line, ttl)
        await self._ctx.net.sleep(PACE)

    async def send_alone(self, line: Line, ttl: int, seconds: float) -> None:
        """One packet, and for so long any error about its endpoint is its own. Raises OSError."""
        self._out.clear()
        packet = line.make()
        self._alone = packet[_ID]
        self._leave(packet, line, ttl)
        until = self._ctx.net.now() + seconds
        while self._out and self._ctx.net.now() < until:
            await self._ctx.net.sleep(PACE)
        self._out.clear()
        self._alone = None

    def _leave(self, packet: bytes, line: Line, ttl: int) -> None:
        self._out[packet[_ID]] = line, ttl, self._ctx.net.now()
        line.leaves(ttl, join(*self.local))
        self._udp.send(packet, line.to, ttl)

    def _datagram(self, datagram: Datagram) -> None:
        """Each packet once; the answer has the request's id."""
        found = self._out.get(datagram.data[_ID])
        if found is not None and same_peer(datagram.source, found[0].to):
            del self._out[datagram.data[_ID]]
            found[0].came(found[1], None, datagram.at - found[2])

    def _icmp(self, error: IcmpError) -> None:
        found = self._out.pop(error.quoted[_ID] or self._alone or b"", None)
        if found is not None:
            found[0].came(found[1], error, error.at - found[2])
            return
        for line in dict.fromkeys(each for each, _, _ in self._out.values()):
            if error.destination is not None and same_peer(error.destination, line.to):
                line.unattributed += 1


async def knock(ctx: Context, line: Line, local: Address, ttl: int, seconds: float) -> None:
    """One connection, closed as soon as it stands; each leaves from a port of its own."""
    began, port = ctx.net.now(), join(local, len(line.flows))
    line.leaves(ttl, port)
    try:
        async with asyncio.timeout(seconds):
            (await ctx.net.tcp(line.to, local, ttl)).close()
        line.came(ttl, None, ctx.net.now() - began)
    except Reported as exc:
        line.came(ttl, exc.error, ctx.net.now() - began)
    except (OSError, TimeoutError) as exc:
        failure = failure_of(exc)[0]
        if failure in (Failure.REFUSED, Failure.RESET):
            line.came(ttl, None, ctx.net.now() - began)
        elif failure in OWN:
            line.stays(ttl, port)
