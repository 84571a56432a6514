"""A train of ICE checks on one way to the media server that has passed a check: what carries it, and what counts."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from typing import NamedTuple

from aioice.stun import Message

from natprobe.asking.burst import End, RelayedEnd, SocketEnd, there_and_back
from natprobe.asking.connections import Connections
from natprobe.asking.pseudo_tls import greet
from natprobe.asking.relays import Leg
from natprobe.asking.tunnels import TUNNEL_SECONDS
from natprobe.asking.ways import again
from natprobe.context import Context
from natprobe.facts import (
    Allocation,
    Binding,
    FilteringTest,
    Hairpin,
    Hop,
    IceCheck,
    Opening,
    PathSize,
    Permission,
    RawAccess,
    Relayed,
    Trail,
)
from natprobe.model import Endpoint, family, join, split
from natprobe.net.api import Net, Stream, Udp
from natprobe.net.ice import StreamWay
from natprobe.pairing import IceCredentials
from natprobe.wire import counts, seen, stun
from natprobe.wire.burst import Counter, Plan, Tally, identity
from natprobe.wire.ice import Base
from natprobe.wire.stun import StunError

# What sends over UDP and to relays besides: a train waits for their probes, so that it has the wire to itself.
OTHERS = (
    Allocation,
    Permission,
    Relayed,
    Binding,
    FilteringTest,
    Hairpin,
    Hop,
    Opening,
    PathSize,
    Trail,
    RawAccess,
)
# The check before the train is waited for so long (seconds): whether it is answered, the train tells.
_FIRST_SECONDS = 0.5
# What the other end counted is asked for so often, and waited for so long each time (seconds).
_ASKED, _ASKED_SECONDS = 9, 0.25


class Passed(NamedTuple):
    """A check there and back: when it left and came back by our clock, and what the other end saw of it."""

    left: float
    there: seen.Seen
    back: float


class StreamEnd:
    """A connection to the media server: RFC 4571's frames (RFC 6544 section 3)."""

    def __init__(self, net: Net, stream: Stream, remote: tuple[str, int]) -> None:
        self._net, self._remote = net, remote
        self._way = StreamWay(stream, Base("tcp", family(remote[0])), remote)

    async def send(self, packet: bytes) -> None:
        """See burst.End."""
        await self._way.send(packet, self._remote)

    async def receive(self) -> tuple[bytes, float]:
        """See burst.End."""
        data, _ = await self._way.receive()
        return data, self._net.now()


class CheckedEnd:
    """Sends a check with these credentials for each packet of the train, by its id; hears signed answers only.

    `serve`: the other end is `natprobe serve`, which says of each check when it arrived; `seen` has that by the check's
    id, with when it left and when its answer came. `asked`: a check is to be that long, in bytes, and `both_ways` its
    answer too; `size`: how long they are.
    """

    def __init__(
        self,
        ctx: Context,
        theirs: IceCredentials,
        carrier: End,
        *,
        serve: bool = False,
        asked: int = 0,
        both_ways: bool = False,
    ) -> None:
        self._net, self._theirs, self._carrier = ctx.net, theirs, carrier
        self.serve, self._asked, self._both_ways = serve, asked, both_ways
        self._user = f"{theirs.ufrag}:{ctx.random.getrandbits(32):08x}"
        self._tie_breaker = ctx.random.getrandbits(64)
        self._left: dict[bytes, float] = {}
        self.seen: dict[bytes, Passed] = {}
        self.size = len(self._check(bytes(12)))

    async def send(self, packet: bytes) -> None:
        """See burst.End."""
        await self.check(identity(packet))

    async def check(self, which: bytes, *, counts: bool = False) -> None:
        """One check by itself; `counts`: it asks what came of the train, and is none of it. Raises as send."""
        check = self._check(which, counts=counts)
        self._left[which] = self._net.now()
        await self._carrier.send(check)

    async def receive(self) -> tuple[bytes, float]:
        """See burst.End."""
        data, at, _ = await self.answer()
        return data, at

    async def answer(self) -> tuple[bytes, float, Message]:
        """The next signed answer, and when it came."""
        while True:
            data, at = await self._carrier.receive()
            message = self._signed(data)
            if message is not None:
                self._note(message, at)
                return data, at, message

    def _check(self, which: bytes, *, counts: bool = False) -> bytes:
        return stun.ice_check(
            which,
            user=self._user,
            password=self._theirs.password,
            tie_breaker=self._tie_breaker,
            controlling=not self._theirs.controls,
            size=self._asked,
            both_ways=self._both_ways,
            counts=counts,
            seen=self.serve and not counts,
        )

    def _signed(self, data: bytes) -> Message | None:
        """Only the media server can have made it (RFC 8445 section 7.2.5.2.2 takes a success)."""
        with contextlib.suppress(StunError):
            packet = stun.decode(data)
            if stun.answers(packet, data[8:20]) and packet.message.check_message_integrity(
                self._theirs.password.encode()
            ):
                return packet.message
        return None

    def _note(self, message: Message, at: float) -> None:
        which = message.transaction_id
        if which in self._left and stun.SEEN in message.attributes:
            with contextlib.suppress(ValueError):
                there = seen.unpack(message.attributes[stun.SEEN])
                self.seen.setdefault(which, Passed(self._left[which], there, at))


class Ridden(NamedTuple):
    """What came of a train: there and back; `up` and `down` of what was answered, by both ends' clocks, and how many
    arrived there, None where nobody told.
    """

    whole: Tally
    halfway: counts.Told | None = None
    up: Tally | None = None
    down: Tally | None = None

    @property
    def there(self) -> int | None:
        """How many of the train's packets got there, each once."""
        if self.halfway is None:
            return None
        came = sum(each.packets - each.repeated for each in self.halfway.counts)
        return min(max(came, self.whole.arrived), self.whole.sent)

    def rate_there(self, size: int) -> float | None:
        """Bits per second between the first and the last that got there, of packets of so many bytes."""
        came = self.halfway.counts if self.halfway else ()
        span = max((each.last for each in came), default=0.0) - min((each.first for each in came), default=0.0)
        return (sum(each.packets for each in came) - 1) * size * 8 / span if span > 0 else None


async def train(ctx: Context, end: CheckedEnd, plan: Plan) -> Ridden:
    """The burst, after one check that is not counted: a NAT's new mapping, the media server's new pair and a
    relay's new channel take a moment. A `natprobe serve` counts, and is asked for that afterwards. Raises OSError,
    EOFError, StunError where nothing can be sent.
    """
    await _first(ctx, end, counts=end.serve)
    whole = (await there_and_back(ctx.net, plan, ctx.transaction_id, end, None)).whole
    if not end.serve:
        return Ridden(whole)
    up, down = _apart(end)
    return Ridden(whole, await _counted(ctx, end), up, down)


async def _first(ctx: Context, end: CheckedEnd, *, counts: bool) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_FIRST_SECONDS):
            await end.check(ctx.transaction_id(), counts=counts)
            await end.answer()


async def _counted(ctx: Context, end: CheckedEnd) -> counts.Told | None:
    """What `natprobe serve` counted of this train; None: no answer came, or it is too old to say."""
    for _ in range(_ASKED):
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_ASKED_SECONDS):
                await end.check(ctx.transaction_id(), counts=True)
                return await _told(end)
    return None


async def _told(end: CheckedEnd) -> counts.Told | None:
    """Answers to the train that are late come before it."""
    while True:
        _, _, message = await end.answer()
        if stun.COUNTS in message.attributes:
            with contextlib.suppress(ValueError):
                return counts.unpack(message.attributes[stun.COUNTS])
            return None


def _apart(end: CheckedEnd) -> tuple[Tally, Tally]:
    """Both directions of what was answered. The two clocks have nothing in common: only differences count."""
    up, down = Counter(), Counter()
    for which, each in end.seen.items():
        up.left(which, each.left)
        down.left(which, each.there.at + each.there.held)
    for which, each in sorted(end.seen.items(), key=lambda item: item[1].there.at):
        up.came(which, each.there.at)
    for which, each in sorted(end.seen.items(), key=lambda item: item[1].back):
        down.came(which, each.back)
    return up.tally(end.size), down.tally(end.size)


@contextlib.contextmanager
def socket_for(ctx: Context, check: IceCheck) -> Iterator[Udp]:
    """Bound to the address that the check left from. Raises OSError."""
    there = split(check.endpoint)[0]
    with contextlib.closing(ctx.net.udp(family(there), split(check.local)[0] if check.local else None)) as udp:
        yield udp


@contextlib.asynccontextmanager
async def carried(ctx: Context, passed: IceCheck, leg: Leg | None) -> AsyncIterator[tuple[End, Endpoint | None]]:
    """What carries packets the way that this check went, and our own end of it; closed at the end, a relay's leg left
    as it was. Raises OSError, EOFError, TimeoutError, StunError.
    """
    there = split(passed.endpoint)
    if leg is not None:
        assert leg.client is not None
        yield RelayedEnd(leg.client, there), join(*leg.client.local)
    elif passed.transport == "udp":
        with socket_for(ctx, passed) as udp:
            yield SocketEnd(udp, there), join(*udp.local)
    else:
        with contextlib.closing(await reconnected(ctx, passed)) as stream:
            if passed.transport == "ssltcp":
                await greet(stream)
            yield StreamEnd(ctx.net, stream, there), join(*stream.local)


async def reconnected(ctx: Context, passed: IceCheck) -> Stream:
    """A connection of its own the way that this check went over TCP. Raises OSError, EOFError, TimeoutError."""
    at = split(passed.endpoint)
    if passed.via is None:
        return await Connections(ctx, at).first()
    way = await again(ctx, *at, (passed.endpoint, passed.via))
    async with asyncio.timeout(TUNNEL_SECONDS):
        return await way.open(ctx, *at)
