"""A burst: a train of packets from one end to another, or there and back, counted at both ends where both are ours.

The ends are whatever carries packets: a relay's client, a socket, what goes through a proxy.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any, NamedTuple, Protocol

from natprobe.context import Context
from natprobe.net.api import Datagram, Net, Udp, same_peer
from natprobe.net.turn import TurnClient
from natprobe.wire.burst import Counter, Plan, Tally, identity, train
from natprobe.wire.stun import StunError
from natprobe.wire.turn import Data

Endpoint = tuple[str, int]
Chance = Callable[[], bytes]

# What is behind its time is not sent at once but for this much (seconds): the burst would lose packets by itself.
_CATCH_UP = 0.005
# A machine that was busy for a moment ends a burst so much later (seconds) rather than with fewer packets.
_SPARE = 0.25
# What has not arrived so long after the last was sent is lost, for a call at any rate: twice the longest delay so far
# and a little, within these bounds (seconds).
_PATIENCE_MIN, _PATIENCE_MAX, _PATIENCE_BLIND = 0.15, 1.0, 0.6


def bursts_wanted(ctx: Context) -> bool:
    """Whether relays are tried with bursts: where the target is one, or with --bitrate."""
    return ctx.target.kind == "turn" or ctx.options.bitrate > 0


def milliseconds(seconds: float | None) -> float | None:
    """As facts have it: a hundredth is told, and no clock's jump back."""
    return None if seconds is None else round(max(seconds, 0.0) * 1000, 2)


class OwnSocket:
    """A socket of ours outside the relay that has `relayed`, which sees it as `peer` and lets it through. It lies in
    the drawer.
    """

    def __init__(self, udp: Udp, peer: Endpoint, relayed: Endpoint) -> None:
        self.udp, self.peer, self.relayed = udp, peer, relayed

    async def aclose(self) -> None:
        """See context.Closable."""
        self.udp.close()


class End(Protocol):
    """One end of a burst."""

    async def send(self, packet: bytes) -> None:
        """Towards the other end. Raises OSError, EOFError, StunError."""

    async def receive(self) -> tuple[bytes, float]:
        """What the other end sent next, and when it arrived. Raises what ended it."""


class RelayedEnd:
    """Ours, behind a relay; `peer` is the other end as the relay sees it."""

    def __init__(self, client: TurnClient, peer: Endpoint) -> None:
        self._client, self._peer = client, peer

    async def send(self, packet: bytes) -> None:
        """See End."""
        await self._client.send(packet, self._peer)

    async def receive(self) -> tuple[bytes, float]:
        """See End."""
        while True:
            event, at = await self._client.receive()
            if isinstance(event, Data) and event.peer == self._peer:
                return event.payload, at


class SocketEnd:
    """A socket of ours that nobody else reads; `other` is where its packets go, and who is heard."""

    def __init__(self, udp: Udp, other: Endpoint) -> None:
        self._udp, self._other = udp, other

    async def send(self, packet: bytes) -> None:
        """See End."""
        self._udp.send(packet, self._other)

    async def receive(self) -> tuple[bytes, float]:
        """See End."""
        while True:
            event = await self._udp.receive()
            if isinstance(event, Datagram) and same_peer(event.source, self._other):
                return event.data, event.at


class Echoed(NamedTuple):
    """A burst there and back. `there` is None where the far end is not ours and nobody counted."""

    whole: Tally
    there: Tally | None = None


async def there_and_back(net: Net, plan: Plan, chance: Chance, near: End, far: End | None) -> Echoed:
    """From `near` to `far`, which sends each back once; None: somebody else does. Raises OSError, EOFError, StunError
    where it can't be sent.
    """
    whole, there = Counter(), Counter()

    async def echo(end: End) -> None:
        while True:
            packet, at = await end.receive()
            if there.came(identity(packet), at):
                await end.send(packet)

    def leaves(which: bytes) -> None:
        whole.left(which, net.now())
        there.left(which, net.now())

    readers = [_listen(near, whole)] + ([echo(far)] if far is not None else [])
    async with _reading(readers):
        await _play(net, plan, chance, near, leaves)
        await _settle(net, whole)
    return Echoed(whole.tally(plan.bytes), there.tally(plan.bytes) if far is not None else None)


async def one_way(net: Net, plan: Plan, chance: Chance, sender: End, receiver: End) -> Tally:
    """From one end to the other, both ours. Raises OSError, EOFError, StunError where it can't be sent."""
    counter = Counter()
    async with _reading([_listen(receiver, counter)]):
        await _play(net, plan, chance, sender, lambda which: counter.left(which, net.now()))
        await _settle(net, counter)
    return counter.tally(plan.bytes)


async def _play(net: Net, plan: Plan, chance: Chance, end: End, leaves: Callable[[bytes], None]) -> None:
    """Each at its time. A stream that takes no more holds the burst up: it ends in time all the same, with fewer."""
    due = net.now()
    until = due + plan.seconds + _SPARE
    for which, packet in train(plan, chance):
        await net.sleep(max(due - net.now(), 0))
        if net.now() > until:
            return
        leaves(which)
        try:
            async with asyncio.timeout(max(until - net.now(), 0) + plan.interval):
                await end.send(packet)
        except TimeoutError:
            return
        due = max(due + plan.interval, net.now() - _CATCH_UP)


async def _listen(end: End, counter: Counter) -> None:
    while True:
        packet, at = await end.receive()
        counter.came(identity(packet), at)


async def _settle(net: Net, counter: Counter) -> None:
    """Until all has arrived, or what has not is lost."""
    began = net.now()
    while counter.missing:
        slowest = counter.slowest
        patience = _PATIENCE_BLIND if slowest is None else min(max(2 * slowest, _PATIENCE_MIN), _PATIENCE_MAX)
        if net.now() - began >= patience:
            return
        await net.sleep(0.005)


@contextlib.asynccontextmanager
async def _reading(readers: list[Coroutine[Any, Any, None]]) -> AsyncIterator[None]:
    """What ends one of them ends no more than that: who sends is told by his own sending."""
    tasks = [asyncio.create_task(_until_ended(each)) for each in readers]
    try:
        yield
    finally:
        for each in tasks:
            each.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _until_ended(reader: Coroutine[Any, Any, None]) -> None:
    with contextlib.suppress(OSError, EOFError, StunError):
        await reader
