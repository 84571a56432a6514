"""Janus's API over what it is carried by: HTTP with long polls, or a WebSocket. Streams are opened by the caller."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlencode

from natprobe.net.http import FAULTS, Client, Refused, Reply
from natprobe.wire import janus
from natprobe.wire.janus import MESSAGE_MAX, Event, Id, JanusError

if TYPE_CHECKING:
    from natprobe.net.websocket import WebSocket

SUBPROTOCOL = "janus-protocol"
CONTENT_TYPE = "application/json"
# As janus.js asks for events: so many at once.
POLL_EVENTS = 10
# What answers a poll with nothing is asked again after so long (seconds): Janus itself keeps a poll for thirty.
POLL_SECONDS = 0.5
# So many events of one session are read: a call of minutes brings a few dozen.
EVENTS_MAX = 500
# Requests go side by side on two connections, and events come on a third.
CONNECTIONS = 3
# What answers a request, beside the words of plugins that come later.
_ANSWERS = ("success", "ack", "error", "server_info", "pong")


class _Lines:
    """HTTP connections to one server, for one request at a time each. `connect` opens another. Raises http.FAULTS."""

    def __init__(self, connect: Callable[[], Awaitable[Client]], first: Client) -> None:
        self._connect = connect
        self._all = [first]
        self._free: asyncio.Queue[Client | Exception] = asyncio.Queue()
        self._free.put_nowait(first)
        self._opening: set[asyncio.Task[None]] = set()
        self._busy = self._waiting = 0

    def another(self) -> None:
        """One more, while those that there are do their work."""
        task = asyncio.create_task(self._open())
        self._opening.add(task)
        task.add_done_callback(self._opening.discard)

    @contextlib.asynccontextmanager
    async def taken(self) -> AsyncIterator[Client]:
        """The first that is free; there is always one on its way."""
        client = await self._next()
        self._busy += 1
        try:
            yield client
        finally:
            self._busy -= 1
            if client.open:
                self._free.put_nowait(client)
            elif self._waiting:
                self._enough()

    def close(self) -> None:
        """At once. Idempotent."""
        for task in self._opening:
            task.cancel()
        for client in self._all:
            client.close()

    async def _next(self) -> Client:
        if self._free.empty():
            self._enough()
        self._waiting += 1
        try:
            found = await self._free.get()
        finally:
            self._waiting -= 1
        if isinstance(found, Exception):
            raise found
        return found

    def _enough(self) -> None:
        """Whoever waits must not wait for a poll to end."""
        if self._busy + len(self._opening) < CONNECTIONS:
            self.another()

    async def _open(self) -> None:
        try:
            client = await self._connect()
        except FAULTS as exc:
            self._free.put_nowait(exc)
            return
        self._all.append(client)
        self._free.put_nowait(client)


class JanusHttp:
    """Requests are POSTs, and events come by a GET that waits. `connect` opens another HTTP connection.

    `access` goes with every request: it may be secret. `reply` is the HTTP answer that tells of the server. Raises
    OSError, EOFError, JanusError, http.FAULTS; Refused with the answer where its status isn't 200.
    """

    transport: Literal["http", "websocket"] = "http"

    def __init__(
        self, first: Client, connect: Callable[[], Awaitable[Client]], path: str, origin: str, chance: random.Random
    ) -> None:
        self._path, self._chance = path, chance
        # Browsers send it with every POST (Fetch section 3.2).
        self._headers = [(b"Origin", origin.encode())]
        self._lines = _Lines(connect, first)
        self._begun = asyncio.Event()
        self._heard = 0
        self.access: Mapping[str, str] = {}
        self.reply: Reply | None = None

    def prepare(self) -> None:
        """More connections, before they are needed: requests side by side, and one for the events."""
        for _ in range(CONNECTIONS - 1):
            self._lines.another()

    async def info(self) -> Event:
        """What the server says of itself; it needs no secret."""
        async with self._lines.taken() as client:
            self.reply = await client.get(f"{self._path}/info", MESSAGE_MAX + 1)
        return janus.read(body_of(self.reply))

    async def ask(self, word: str, session: Id | None = None, handle: Id | None = None, **rest: object) -> Event:
        """What answers this request; what its plugin says later is an event."""
        body = janus.request(word, _transaction(self._chance), **self.access, **rest)
        where = "".join(f"/{each}" for each in (session, handle) if each is not None)
        async with self._lines.taken() as client:
            if session is not None:
                self._begun.set()
            reply = await client.post(f"{self._path}{where}", body, CONTENT_TYPE, MESSAGE_MAX + 1, self._headers)
        return janus.read(body_of(reply))

    async def events(self, session: Id) -> list[Event]:
        """The next ones of this session: before anything was asked of it there are none, and no connection waits."""
        await self._begun.wait()
        query = urlencode({"maxev": POLL_EVENTS, **self.access})
        async with self._lines.taken() as client:
            reply = await client.get(f"{self._path}/{session}?{query}", MESSAGE_MAX + 1)
        found = janus.read_several(body_of(reply))
        self._heard += len(found)
        if self._heard > EVENTS_MAX:
            raise JanusError(f"more than {EVENTS_MAX} events")
        if all(each.word == "keepalive" for each in found):
            await asyncio.sleep(POLL_SECONDS)
        return found

    def close(self) -> None:
        """At once. Idempotent."""
        self._lines.close()


class JanusWebSocket:
    """Requests and events are text messages, told apart by their names and transactions. As JanusHttp otherwise."""

    transport: Literal["http", "websocket"] = "websocket"

    def __init__(self, socket: WebSocket, chance: random.Random) -> None:
        self._socket, self._chance = socket, chance
        self._asked: dict[str, asyncio.Future[Event]] = {}
        self._arrived: asyncio.Queue[Event | Exception] = asyncio.Queue()
        self._heard = 0
        self._ended: Exception | None = None
        self._reader = asyncio.create_task(self._read())
        self.reply: Reply | None = socket.reply
        self.access: Mapping[str, str] = {}

    def prepare(self) -> None:
        """Nothing: one connection carries all."""

    async def info(self) -> Event:
        """See JanusHttp."""
        return await self._answered("info", {})

    async def ask(self, word: str, session: Id | None = None, handle: Id | None = None, **rest: object) -> Event:
        """See JanusHttp."""
        return await self._answered(word, {"session_id": session, "handle_id": handle, **self.access, **rest})

    async def events(self, session: Id) -> list[Event]:
        """See JanusHttp. One WebSocket may carry several sessions; ours carries one."""
        arrived = await self._arrived.get()
        if isinstance(arrived, Exception):
            raise arrived
        return [arrived] if arrived.session in (session, None) else []

    def close(self) -> None:
        """At once. Idempotent."""
        self._reader.cancel()
        self._socket.close()

    async def _answered(self, word: str, fields: Mapping[str, object]) -> Event:
        if self._ended is not None:
            raise self._ended
        transaction, answer = _transaction(self._chance), asyncio.get_running_loop().create_future()
        self._asked[transaction] = answer
        try:
            await self._socket.send(janus.request(word, transaction, **fields).decode())
            return await answer  # type: ignore[no-any-return]  # an Event
        finally:
            del self._asked[transaction]

    async def _read(self) -> None:
        """Until the other side is gone, or says what is none of Janus's."""
        try:
            while self._heard <= EVENTS_MAX:
                self._take(janus.read(await self._socket.receive()))
            raise JanusError(f"more than {EVENTS_MAX} events")
        except (OSError, EOFError, JanusError) as exc:
            self._ended = exc
            self._arrived.put_nowait(exc)
            for each in self._asked.values():
                if not each.done():
                    each.set_exception(exc)

    def _take(self, event: Event) -> None:
        answer = self._asked.get(event.transaction) if event.word in _ANSWERS else None
        if answer is not None and not answer.done():
            answer.set_result(event)
        else:
            self._heard += 1
            self._arrived.put_nowait(event)


JanusApi = JanusHttp | JanusWebSocket


def _transaction(chance: random.Random) -> str:
    return f"{chance.getrandbits(48):012x}"


def body_of(reply: Reply) -> bytes:
    """What a right answer holds. Raises Refused."""
    if reply.status != 200:
        raise Refused(reply)
    return reply.body
