"""An ICE session on a Net: the agent of wire/ice on sockets and relays, and the pair it agreed on as a Udp for DTLS."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable, Sequence
from typing import Literal, Protocol

from natprobe.net.api import DATAGRAM_MAX, Datagram, IcmpError, Net, Stream, Udp
from natprobe.net.turn import TurnClient
from natprobe.wire import stun
from natprobe.wire.ice import Agent, Base, Endpoint, Pair
from natprobe.wire.stun import Packet, StunError
from natprobe.wire.turn import Data

# What waits for DTLS, or to be sent; a flood beyond it is dropped, as a full buffer would.
_BACKLOG = 256


class Way(Protocol):
    """A local way out: a socket, an allocation on a relay, a connection. Whoever made what lies under it closes that.

    `transport` is that of the remote candidates.
    """

    base: Base
    transport: Literal["udp", "tcp"]

    @property
    def local(self) -> Endpoint:
        """Our end as the other side would see it without NAT: the socket's, or the relayed address."""

    async def send(self, data: bytes, to: Endpoint) -> None:
        """Raises OSError, EOFError, StunError."""

    async def receive(self) -> tuple[bytes, Endpoint]:
        """The next datagram and its source. Raises OSError, EOFError, StunError when there will be none."""


class UdpWay:
    """A socket of our own. ICMP errors end nothing: another pair may work, and the deadline decides."""

    transport: Literal["udp", "tcp"] = "udp"

    def __init__(self, udp: Udp, base: Base) -> None:
        self._udp, self.base = udp, base

    @property
    def local(self) -> Endpoint:
        """See Way."""
        return self._udp.local

    async def send(self, data: bytes, to: Endpoint) -> None:
        """See Way."""
        self._udp.send(data, to)

    async def receive(self) -> tuple[bytes, Endpoint]:
        """See Way."""
        while True:
            event = await self._udp.receive()
            if isinstance(event, Datagram) and len(event.data) <= DATAGRAM_MAX:
                return event.data, event.source


class RelayWay:
    """An allocation that lets the remote candidates in. Nobody else may read from it meanwhile."""

    transport: Literal["udp", "tcp"] = "udp"

    def __init__(self, client: TurnClient, base: Base, relayed: Endpoint) -> None:
        self._client, self.base, self.local = client, base, relayed

    async def send(self, data: bytes, to: Endpoint) -> None:
        """See Way."""
        await self._client.send(data, to)

    async def receive(self) -> tuple[bytes, Endpoint]:
        """See Way."""
        while True:
            event, _ = await self._client.receive()
            if isinstance(event, Data):
                return event.payload, event.peer


class StreamWay:
    """A connection to the only remote candidate: ICE over TCP (RFC 6544), every packet after its length (RFC 4571).

    `remote`: where that is; the connection's own other end may be a proxy's.
    """

    transport: Literal["udp", "tcp"] = "tcp"

    def __init__(self, stream: Stream, base: Base, remote: Endpoint) -> None:
        self._stream, self.base, self._remote = stream, base, remote
        self._splitter = stun.Splitter(framed=True)
        self._arrived: deque[bytes] = deque()

    @property
    def local(self) -> Endpoint:
        """See Way."""
        return self._stream.local

    async def send(self, data: bytes, to: Endpoint) -> None:  # noqa: ARG002  # there is one other end
        """See Way."""
        await self._stream.write(stun.frame(data))

    async def receive(self) -> tuple[bytes, Endpoint]:
        """See Way."""
        await asyncio.sleep(0)  # thousands of small packets may be here already: nobody else waits for all of them
        while not self._arrived:
            data = await self._stream.read(DATAGRAM_MAX)
            if not data:
                raise EOFError("the media server closed the connection")
            self._arrived += [each for each in self._splitter.feed(data) if len(each) <= DATAGRAM_MAX]
        return self._arrived.popleft(), self._remote


class Association:
    """One agent on its ways. Use as an async context manager; it closes none of the ways."""

    def __init__(self, net: Net, agent: Agent, ways: Sequence[Way]) -> None:
        self._net, self.agent = net, agent
        self._ways = {each.base.name: each for each in ways}
        self._out = {name: asyncio.Queue[tuple[bytes, Endpoint]](_BACKLOG) for name in self._ways}
        self._media: asyncio.Queue[Datagram] = asyncio.Queue(_BACKLOG)
        self._asked: dict[bytes, asyncio.Future[tuple[Packet, Endpoint]]] = {}
        self._changed = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        for way in ways:
            agent.add(way.base)

    async def __aenter__(self) -> Association:
        self._tasks.append(asyncio.create_task(self._drive()))  # first, so that checks go out at once
        for way in self._ways.values():
            self._tasks.append(asyncio.create_task(self._read(way)))
            self._tasks.append(asyncio.create_task(self._write(way)))
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def settled(self, seconds: float) -> Pair | None:
        """The pair that media goes over, once there is one; None when there is none within so many seconds."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while self.agent.nominated is None:
                    self._changed.clear()
                    await self._changed.wait()
        return self.agent.nominated

    def way(self, pair: Pair) -> Way:
        """Which way the pair leaves by."""
        return self._ways[pair.base.name]

    def media(self, pair: Pair) -> Udp:
        """The pair as a socket for whatever is no STUN (RFC 7983)."""
        return _Media(self, pair)

    async def answered(
        self, pair: Pair, request: bytes, send_times: Sequence[float], give_up: float
    ) -> tuple[Packet | None, int, float | None]:
        """A request of its own on the pair, sent until answered: the answer, the tries, the round trip in seconds."""
        arrived = self._asked[request[8:20]] = asyncio.get_running_loop().create_future()
        began, tries = self._net.now(), 0
        try:
            for at in [*send_times[1:], give_up]:
                self.send(pair, request, pair.remote.endpoint)
                tries += 1
                await asyncio.wait([arrived], timeout=max(began + at - self._net.now(), 0))
                if arrived.done():
                    rtt = self._net.now() - began if tries == 1 else None
                    return arrived.result()[0], tries, rtt
        finally:
            del self._asked[request[8:20]]
        return None, tries, None

    def send(self, pair: Pair, data: bytes, to: Endpoint) -> None:
        """Hands it to the pair's way."""
        self._leave(pair.base.name, data, to)

    async def heard(self) -> Datagram:
        """What came next that is no STUN, from whomever."""
        return await self._media.get()

    # --- the tasks

    async def _drive(self) -> None:
        """The agent's clock."""
        while True:
            self._then(lambda now: self.agent.tick(now))
            due = self.agent.due()
            self._changed.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(None if due is None else max(due - self._net.now(), 0.001)):
                    await self._changed.wait()

    async def _read(self, way: Way) -> None:
        with contextlib.suppress(OSError, EOFError, StunError):  # this way has ended; others may go on
            while True:
                data, source = await way.receive()
                self._take(way, data, source)

    def _take(self, way: Way, data: bytes, source: Endpoint) -> None:
        if self._for_us(data, source):
            return
        known = False

        def hear(now: float) -> None:
            nonlocal known
            known = self.agent.receive(way.base.name, data, source, now)

        self._then(hear)
        if not known and not self._media.full():
            self._media.put_nowait(Datagram(data, source, self._net.now()))

    def _for_us(self, data: bytes, source: Endpoint) -> bool:
        """Whether this answers a request of `answered`."""
        arrived = self._asked.get(data[8:20]) if stun.is_stun(data) else None
        if arrived is None:
            return False
        with contextlib.suppress(StunError):
            packet = stun.decode(data)
            if stun.answers(packet, data[8:20]) and not arrived.done():
                arrived.set_result((packet, source))
        return True

    def _then(self, step: Callable[[float], None]) -> None:
        step(self._net.now())
        for sending in self.agent.sending():
            self._leave(sending.base, sending.data, sending.to)
        self._changed.set()

    def _leave(self, base: str, data: bytes, to: Endpoint) -> None:
        with contextlib.suppress(asyncio.QueueFull):  # who doesn't read what it asks for gets no more
            self._out[base].put_nowait((data, to))

    async def _write(self, way: Way) -> None:
        queue = self._out[way.base.name]
        while True:
            data, to = await queue.get()
            with contextlib.suppress(OSError, EOFError, StunError):  # that packet is lost; the deadline decides
                await way.send(data, to)


class _Media:
    """One pair, seen as a socket. It is not its owner."""

    def __init__(self, association: Association, pair: Pair) -> None:
        self._association, self._pair = association, pair

    @property
    def local(self) -> Endpoint:
        """Our end."""
        return self._association.way(self._pair).local

    def send(self, data: bytes, to: Endpoint, ttl: int | None = None) -> None:  # noqa: ARG002  # no trace goes here
        """See api.Udp."""
        self._association.send(self._pair, data, to)

    async def receive(self) -> Datagram | IcmpError:
        """See api.Udp."""
        return await self._association.heard()

    def close(self) -> None:
        """Nothing to close here."""
