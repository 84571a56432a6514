"""A train of ICE checks on one way to the media server that has passed a check: what carries it, and what counts."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

from natprobe.asking.burst import Echoed, End, RelayedEnd, SocketEnd, there_and_back
from natprobe.asking.connections import Connections
from natprobe.asking.pseudo_tls import greet
from natprobe.asking.relays import Leg
from natprobe.asking.tunnels import TUNNEL_SECONDS
from natprobe.asking.ways import again
from natprobe.context import Context
from natprobe.facts import IceCheck
from natprobe.model import Endpoint, family, join, split
from natprobe.net.api import Net, Stream
from natprobe.net.ice import StreamWay
from natprobe.pairing import IceCredentials
from natprobe.wire import stun
from natprobe.wire.burst import SHORT, identity
from natprobe.wire.ice import Base
from natprobe.wire.stun import StunError

# The check before the train is waited for so long (seconds): whether it is answered, the train tells.
_FIRST_SECONDS = 0.5


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

    `size`: how long each is, in bytes.
    """

    def __init__(self, ctx: Context, theirs: IceCredentials, carrier: End) -> None:
        self._theirs, self._carrier = theirs, carrier
        self._user = f"{theirs.ufrag}:{ctx.random.getrandbits(32):08x}"
        self._tie_breaker = ctx.random.getrandbits(64)
        self.size = len(self._check(bytes(12)))

    async def send(self, packet: bytes) -> None:
        """See burst.End."""
        await self._carrier.send(self._check(identity(packet)))

    async def receive(self) -> tuple[bytes, float]:
        """See burst.End."""
        while True:
            data, at = await self._carrier.receive()
            if self._signed(data):
                return data, at

    def _check(self, which: bytes) -> bytes:
        return stun.ice_check(
            which,
            user=self._user,
            password=self._theirs.password,
            tie_breaker=self._tie_breaker,
            controlling=not self._theirs.controls,
        )

    def _signed(self, data: bytes) -> bool:
        """Only the media server can have made it (RFC 8445 section 7.2.5.2.2 takes a success)."""
        with contextlib.suppress(StunError):
            packet = stun.decode(data)
            return stun.answers(packet, data[8:20]) and packet.message.check_message_integrity(
                self._theirs.password.encode()
            )
        return False


async def train(ctx: Context, end: CheckedEnd) -> Echoed:
    """The short burst, after one check that is not counted: a NAT's new mapping, the media server's new pair and a
    relay's new channel take a moment. Raises OSError, EOFError, StunError where nothing can be sent.
    """
    await _first(ctx, end)
    return await there_and_back(ctx.net, SHORT, ctx.transaction_id, end, None)


async def _first(ctx: Context, end: CheckedEnd) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_FIRST_SECONDS):
            await end.send(stun.binding_request(ctx.transaction_id()))
            await end.receive()


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
        udp = ctx.net.udp(family(there[0]), split(passed.local)[0] if passed.local else None)
        with contextlib.closing(udp):
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
