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
# So many polls in a row may be refused, as by a proxy that waits for nothing so long: janus.js asks again as often.
POLLS_LOST_MAX = 3
# So many events of one session are read: a call of minutes brings a few dozen.
EVENTS_MAX = 500
# And so many bytes over one WebSocket, which is read whether anybody wants its events or not.
BYTES_MAX = 8 * MESSAGE_MAX
# Requests go side by side on two connections, and events come on a third.
CONNECTIONS = 3
# A server may have closed what nothing was sent over for so long (seconds), some after five.
IDLE_SECONDS = 1.0
# What answers a request, beside the words of plugins that come later.
_ANSWERS = ("success", "ack", "error", "server_info", "pong")


class _Lines:
    """HTTP connections to one server, for one request at a time each. `connect` opens another. Raises http.FAULTS."""

    def __init__(self, connect: Callable[[], Awaitable[Client]], first: Client) -> None:
        self._connect = connect
        self._all = {first}
        self._free: asyncio.Queue[tuple[Client, float] | Exception] = asyncio.Queue()
        self._put(first)
        self._opening: set[asyncio.Task[None]] = set()
        self._busy = self._waiting = 0
        self._closed = False

    def another(self) -> None:
        """One more, while those that there are do their work."""
        task = asyncio.create_task(self._open())
        self._opening.add(task)
        task.add_done_callback(self._opening.discard)

    async def exchanged(self, exchange: Callable[[Client], Awaitable[Reply]]) -> Reply:
        """One request and its answer. From a connection that stood idle, and that the server has closed meanwhile, it
        goes on to another (RFC 9112 section 9.3.1).
        """
        while True:
            async with self._taken() as (client, idle):
                try:
                    return await exchange(client)
                except (EOFError, ConnectionError):
                    if idle < IDLE_SECONDS:
                        raise

    @contextlib.asynccontextmanager
    async def _taken(self) -> AsyncIterator[tuple[Client, float]]:
        """The first that is free, and how long it was (seconds); there is always one on its way."""
        client, since = await self._next()
        self._busy += 1
        try:
            yield client, asyncio.get_running_loop().time() - since
        finally:
            self._busy -= 1
            if client.open:
                self._put(client)
            else:
                client.close()
                self._all.discard(client)
                self._enough(self._waiting)

    def close(self) -> None:
        """At once, and whoever waits for one waits no longer. Idempotent."""
        self._closed = True
        for task in self._opening:
            task.cancel()
        for client in self._all:
            client.close()
        for _ in range(self._waiting):
            self._free.put_nowait(EOFError("closed"))

    def _put(self, client: Client) -> None:
        self._free.put_nowait((client, asyncio.get_running_loop().time()))

    async def _next(self) -> tuple[Client, float]:
        if self._closed:
            raise EOFError("closed")
        self._enough(self._free.empty())
        self._waiting += 1
        try:
            found = await self._free.get()
        finally:
            self._waiting -= 1
        if isinstance(found, Exception):
            raise found
        return found

    def _enough(self, wanted: int) -> None:
        """Whoever waits must not wait for a poll to end."""
        if wanted and not self._closed and self._busy + len(self._opening) < CONNECTIONS:
            self.another()

    async def _open(self) -> None:
        try:
            client = await self._connect()
        except FAULTS as exc:
            for _ in range(self._waiting):  # one that nobody needs yet is nobody's failure
                self._free.put_nowait(exc)
            return
        self._all.add(client)
        self._put(client)


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
        self._heard = self._lost = 0
        self.access: Mapping[str, str] = {}
        self.reply: Reply | None = None

    def prepare(self) -> None:
        """More connections, before they are needed: requests side by side, and one for the events."""
        for _ in range(CONNECTIONS - 1):
            self._lines.another()

    async def info(self) -> Event:
        """What the server says of itself; it needs no secret."""
        self.reply = await self._lines.exchanged(lambda client: client.get(f"{self._path}/info", MESSAGE_MAX + 1))
        return janus.read(body_of(self.reply))

    async def ask(self, word: str, session: Id | None = None, handle: Id | None = None, **rest: object) -> Event:
        """What answers this request; what its plugin says later is an event."""
        body = janus.request(word, _transaction(self._chance), **self.access, **rest)
        where = "".join(f"/{each}" for each in (session, handle) if each is not None)

        async def post(client: Client) -> Reply:
            if session is not None:
                self._begun.set()
            return await client.post(f"{self._path}{where}", body, CONTENT_TYPE, MESSAGE_MAX + 1, self._headers)

        return janus.read(body_of(await self._lines.exchanged(post)))

    async def events(self, session: Id) -> list[Event]:
        """The next ones of this session: before anything was asked of it there are none, and no connection waits."""
        await self._begun.wait()
        query = urlencode({"maxev": POLL_EVENTS, **self.access})
        path = f"{self._path}/{session}?{query}"
        reply = await self._lines.exchanged(lambda client: client.get(path, MESSAGE_MAX + 1))
        self._lost = self._lost + 1 if reply.status != 200 else 0
        if 0 < self._lost <= POLLS_LOST_MAX:
            await asyncio.sleep(POLL_SECONDS)
            return []
        found = janus.read_several(body_of(reply))
        refused = next((each.code for each in found if each.word == "error"), None)
        if refused is not None:  # there is no such session any more, say
            raise JanusError(f"error {refused} in place of events")
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
        self._heard = self._bytes = 0
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
            while self._heard <= EVENTS_MAX and self._bytes <= BYTES_MAX:
                text = await self._socket.receive()
                self._bytes += len(text)
                self._take(janus.read(text))
            raise JanusError(f"more than {EVENTS_MAX} events, or {BYTES_MAX >> 20} MiB")
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
