"""Data through a relay, small and full-size: to a STUN server and back, and to and from a socket of our own outside it.

Never from allocation to allocation on one server: coturn delivers that even where its external address is wrong.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Literal, TypeVar

from natprobe.asking.checks import GIVE_UP, SEND_TIMES
from natprobe.asking.relays import Leg
from natprobe.context import Context
from natprobe.derive import FULL_SIZE
from natprobe.facts import Relayed
from natprobe.model import Failure, Observation, clip, join
from natprobe.net.api import Datagram, Udp
from natprobe.net.failure import failure_of
from natprobe.net.stun import Outcome, answer
from natprobe.net.turn import TurnClient
from natprobe.wire import stun
from natprobe.wire.stun import StunError
from natprobe.wire.turn import Data

T = TypeVar("T")

Endpoint = tuple[str, int]
Arrival = tuple[Data, float]
# Small, and as large as what a call sends.
SIZES = (0, FULL_SIZE)


class Mail:
    """What peers send through one leg, told apart by STUN transaction id. Use as an async context manager, of which
    several may overlap: it reads while one of them lasts.
    """

    def __init__(self, client: TurnClient) -> None:
        self._client, self._users = client, 0
        self._waiting: dict[bytes, asyncio.Future[Arrival]] = {}

    async def __aenter__(self) -> Mail:
        self._users += 1
        if self._users == 1:
            self._reader = asyncio.create_task(self._read())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._users -= 1
        if not self._users:
            self._reader.cancel()
            await asyncio.gather(self._reader, return_exceptions=True)

    def expect(self, transaction_id: bytes) -> asyncio.Future[Arrival]:
        """What will arrive with this id. The first counts."""
        return self._waiting.setdefault(transaction_id, asyncio.get_running_loop().create_future())

    async def _read(self) -> None:
        with contextlib.suppress(OSError, EOFError, StunError):  # the leg has ended: nothing more will arrive
            while True:
                event, at = await self._client.receive()
                if isinstance(event, Data):
                    _hand_over(self._waiting.get(event.payload[8:20]), (event, at))


class Through:
    """The ways through one leg's relay, as facts. `met`: how the relay sees our own socket, once both ways work."""

    def __init__(self, ctx: Context, leg: Leg, mail: Mail) -> None:
        assert leg.client is not None
        self._ctx, self.leg, self.mail, self._client = ctx, leg, mail, leg.client
        self.met: Endpoint | None = None

    async def to_server(self, peer: Endpoint, size: int) -> Relayed:
        """A Binding request to a STUN server: where does it see the relay? (XOR-MAPPED-ADDRESS)"""
        request = stun.padded_request(self._ctx.transaction_id(), size)
        ended = await self.transact(request, peer)
        seen = ended.packet.message.attributes.get("XOR-MAPPED-ADDRESS") if ended.packet else None
        failure, detail = ended.failure, ended.detail
        if ended.packet is not None and seen is None:
            failure, detail = Failure.ERROR_RESPONSE, "no address in the answer"
        return self._fact(
            "stun",
            "both",
            len(request),
            peer,
            tries=ended.tries,
            seen_from=seen,
            rtt=ended.rtt,
            failure=failure,
            detail=detail,
        )

    async def transact(self, request: bytes, peer: Endpoint) -> Outcome:
        """One STUN transaction with a peer that is permitted."""
        arrived = self.mail.expect(request[8:20])
        began = self._ctx.net.now()
        try:
            tries = await self._repeat(lambda: self._client.send(request, peer), arrived)
        except (OSError, EOFError, StunError) as exc:
            return Outcome(None, *failure_of(exc), 0)
        if not arrived.done():
            return Outcome(None, Failure.TIMEOUT, "", tries)
        event, at = arrived.result()
        return _outcome(event, peer, tries, at - began if tries == 1 else None)

    async def own_socket(self, udp: Udp, outside: Endpoint) -> AsyncIterator[Observation]:
        """Both ways between the relay and `udp`, which is seen outside as `outside` and which nobody else reads."""
        came = await asyncio.gather(*(self._inward(udp, outside, size) for size in SIZES))
        for fact, _ in came:
            yield fact
        peer = next((peer for _, peer in came if peer is not None), None)
        if peer is not None:
            for fact in await self._outward(udp, peer):
                self.met = peer if fact.failure is None else self.met
                yield fact

    async def _inward(self, udp: Udp, outside: Endpoint, size: int) -> tuple[Relayed, Endpoint | None]:
        """From the socket to the relayed address; where the relay saw it come from."""
        parcel = stun.padded_request(self._ctx.transaction_id(), size)
        arrived, began = self.mail.expect(parcel[8:20]), self._ctx.net.now()

        async def send() -> None:
            udp.send(parcel, self.leg.relayed)

        try:
            tries = await self._repeat(send, arrived)
        except OSError as exc:
            failure, detail = failure_of(exc)
            return self._fact("own-socket", "in", len(parcel), outside, failure=failure, detail=detail), None
        if not arrived.done():
            return self._fact("own-socket", "in", len(parcel), outside, tries=tries, failure=Failure.TIMEOUT), None
        event, at = arrived.result()
        rtt = at - began if tries == 1 else None
        return self._fact("own-socket", "in", len(parcel), event.peer, tries=tries, rtt=rtt), event.peer

    async def _outward(self, udp: Udp, peer: Endpoint) -> list[Relayed]:
        """From us through the relay to the socket, which says what source it saw."""
        parcels = [stun.padded_request(self._ctx.transaction_id(), size) for size in SIZES]
        loop = asyncio.get_running_loop()
        arrived: dict[bytes, asyncio.Future[Endpoint]] = {each[8:20]: loop.create_future() for each in parcels}
        reader = asyncio.create_task(_listen(udp, arrived))
        try:
            return list(await asyncio.gather(*(self._sent(each, peer, arrived[each[8:20]]) for each in parcels)))
        finally:
            reader.cancel()

    async def _sent(self, parcel: bytes, peer: Endpoint, arrived: asyncio.Future[Endpoint]) -> Relayed:
        try:
            tries = await self._repeat(lambda: self._client.send(parcel, peer), arrived)
        except (OSError, EOFError, StunError) as exc:
            failure, detail = failure_of(exc)
            return self._fact("own-socket", "out", len(parcel), peer, failure=failure, detail=detail)
        if not arrived.done():
            return self._fact("own-socket", "out", len(parcel), peer, tries=tries, failure=Failure.TIMEOUT)
        return self._fact("own-socket", "out", len(parcel), peer, tries=tries, seen_from=arrived.result())

    async def _repeat(self, send: Callable[[], Awaitable[None]], arrived: asyncio.Future[Any]) -> int:
        """Sends until it has arrived, nine times at most; how often it was sent."""
        began = self._ctx.net.now()
        for number, at in enumerate([*SEND_TIMES[1:], GIVE_UP], 1):
            await send()
            await asyncio.wait([arrived], timeout=max(began + at - self._ctx.net.now(), 0))
            if arrived.done():
                return number
        return len(SEND_TIMES)

    def _fact(
        self,
        by: Literal["stun", "own-socket"],
        direction: Literal["both", "in", "out"],
        size: int,
        peer: Endpoint,
        *,
        tries: int = 0,
        seen_from: Endpoint | None = None,
        rtt: float | None = None,
        failure: Failure | None = None,
        detail: str = "",
    ) -> Relayed:
        return Relayed(
            server=join(*self.leg.at),
            transport=self.leg.server.transport,
            relayed=join(*self.leg.relayed),
            peer=join(*peer),
            by=by,
            direction=direction,
            size=size,
            tries=tries,
            seen_from=join(*seen_from) if seen_from else None,
            rtt_ms=None if rtt is None else round(rtt * 1000, 2),
            flow=self.leg.flow,
            failure=failure,
            detail=clip(detail, 200),
        )


async def _listen(udp: Udp, arrived: dict[bytes, asyncio.Future[Endpoint]]) -> None:
    while True:
        event = await udp.receive()
        if isinstance(event, Datagram):
            _hand_over(arrived.get(event.data[8:20]), event.source)


def _hand_over(waiting: asyncio.Future[T] | None, what: T) -> None:
    """The first that arrives counts."""
    if waiting is not None and not waiting.done():
        waiting.set_result(what)


def _outcome(event: Data, peer: Endpoint, tries: int, rtt: float | None) -> Outcome:
    """The peer's answer, or what was wrong with it."""
    if event.peer != peer:
        words = "an answer came, but from another address"
        return Outcome(None, Failure.WRONG_SENDER, words, tries, responder=event.peer)
    try:
        packet = stun.decode(event.payload)
    except StunError as exc:
        return Outcome(None, Failure.PROTOCOL, str(exc), tries)
    if not stun.answers(packet, event.payload[8:20]) or packet.unknown:
        return Outcome(None, Failure.PROTOCOL, "no answer that may be used", tries)
    return answer(packet, tries, rtt, peer)
