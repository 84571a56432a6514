"""An XMPP session of ours, over WebSocket or BOSH alike: stanzas out and in, answers to questions, the way out."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Literal, Protocol

from natprobe.wire import xmpp
from natprobe.wire.xmpp import XmppError

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

    from natprobe.net.websocket import WebSocket

# What may wait for somebody who listens, in stanzas.
EARLY_MAX = 200
# How long the other side has to end the stream with us (seconds): less than the run's own closing time, and enough for
# BOSH over a slow wire, where the goodbye may need a new connection.
GOODBYE_SECONDS = 1.5
_ANSWERS = ("result", "error")

Handler = Callable[["Element"], bool]


class XmppStream(Protocol):
    """What carries stanzas: WebSocket (RFC 7395) or BOSH (XEP-0206). Raises OSError, EOFError, XmppError."""

    @property
    def transport(self) -> Literal["websocket", "bosh"]:
        """Its name."""

    async def start(self) -> None:
        """Opens the stream, or opens it anew after a login. The features come as an element."""

    async def send(self, stanza: str) -> None:
        """One stanza."""

    async def receive(self) -> Element:
        """The next element of the stream. StreamError where the server ends it and says why."""

    async def end(self, stanzas: Sequence[str]) -> None:
        """The last stanzas and the end of the stream, and waits until the other side has it."""

    def close(self) -> None:
        """At once. Idempotent."""


class Framed:
    """The stream over a WebSocket: one element a message (RFC 7395 section 3.1)."""

    transport: Literal["websocket", "bosh"] = "websocket"

    def __init__(self, socket: WebSocket, domain: str) -> None:
        self._socket, self._domain = socket, domain

    async def start(self) -> None:
        """See XmppStream."""
        await self._socket.send(xmpp.open_stream(self._domain))

    async def send(self, stanza: str) -> None:
        """See XmppStream."""
        await self._socket.send(stanza)

    async def receive(self) -> Element:
        """See XmppStream. The answer to our own opening is passed over."""
        while True:
            found = xmpp.parse(await self._socket.receive())
            if found.tag == f"{{{xmpp.FRAMING}}}close":
                raise EOFError("the server closed the stream")
            xmpp.raise_stream_error(found)
            if found.tag != f"{{{xmpp.FRAMING}}}open":
                return found

    async def end(self, stanzas: Sequence[str]) -> None:
        """See XmppStream."""
        for each in (*stanzas, xmpp.close_stream()):
            await self._socket.send(each)
        with contextlib.suppress(EOFError, XmppError):
            while True:
                await self.receive()

    def close(self) -> None:
        """See XmppStream."""
        self._socket.close()


class XmppSession:
    """Signed in and bound. `closed` is set when the other side is gone; `why` says how. `early`: what came before the
    binding's result.

    `room`: the room that the URL named, as clients name theirs, so that a balancer sends both of us to one server: the
    user's, or the throw-away one to enter.
    """

    def __init__(
        self,
        stream: XmppStream,
        jid: str,
        domain: str,
        chance: random.Random,
        room: str = "",
        early: Sequence[Element] = (),
    ) -> None:
        self.jid, self.domain, self.transport, self.room = jid, domain, stream.transport, room
        self.closed = asyncio.Event()
        self.why: Exception | None = None
        self._stream = stream
        self._prefix, self._number = f"{chance.getrandbits(40):010x}", 0
        self._asked: dict[str, asyncio.Future[Element]] = {}
        self._handlers: list[Handler] = []
        self._early: list[Element] = list(early)[:EARLY_MAX]
        self._closing: list[str] = []
        self._ended = False
        self._reader = asyncio.create_task(self._read())

    def new_id(self) -> str:
        """A stanza id that nobody else can guess."""
        self._number += 1
        return f"{self._prefix}-{self._number}"

    async def send(self, stanza: str) -> None:
        """Raises OSError, EOFError."""
        if self.closed.is_set():
            raise EOFError("the other side closed the session")
        await self._stream.send(stanza)

    async def request(self, stanza: str, stanza_id: str, seconds: float) -> Element:
        """The result or error with this id. Raises TimeoutError, OSError, EOFError, XmppError."""
        answer: asyncio.Future[Element] = asyncio.get_running_loop().create_future()
        self._asked[stanza_id] = answer
        try:
            async with asyncio.timeout(seconds):
                await self.send(stanza)
                return await answer
        finally:
            del self._asked[stanza_id]

    def listen(self, handler: Handler) -> None:
        """Gives it what answers nothing of ours and nobody else took, from what came before on; True: it took it."""
        self._handlers.append(handler)
        self._early = [each for each in self._early if not handler(each)]

    def closing(self, stanza: str) -> None:
        """To be sent on the way out, before the stream is ended."""
        self._closing.append(stanza)

    async def aclose(self) -> None:
        """Sends what is to be sent on the way out, ends the stream. Idempotent."""
        if self._ended:
            return
        self._ended = True
        gone = self.closed.is_set()
        self._reader.cancel()
        await asyncio.gather(self._reader, return_exceptions=True)
        try:
            if not gone:
                with contextlib.suppress(OSError, EOFError, TimeoutError, XmppError):
                    async with asyncio.timeout(GOODBYE_SECONDS):
                        await self._stream.end(self._closing)
        finally:
            self._stream.close()
            self._over(EOFError("the session is over"))

    async def _read(self) -> None:
        """Until the other side is gone."""
        try:
            while True:
                await self._dispatch(await self._stream.receive())
        except (OSError, EOFError, XmppError) as exc:
            self._over(exc)

    def _over(self, why: Exception) -> None:
        self.why = self.why or why
        self.closed.set()
        for each in self._asked.values():
            if not each.done():
                each.set_exception(why)

    async def _dispatch(self, stanza: Element) -> None:
        kind = stanza.get("type")
        if stanza.tag == f"{{{xmpp.CLIENT}}}iq" and kind in _ANSWERS:
            answer = self._asked.get(stanza.get("id") or "")
            if answer is not None and not answer.done():
                answer.set_result(stanza)
        elif any(handler(stanza) for handler in self._handlers):
            return
        elif stanza.tag == f"{{{xmpp.CLIENT}}}iq" and kind in ("get", "set") and (self._handlers or _ping(stanza)):
            await self._stream.send(xmpp.answer(stanza))
        elif len(self._early) < EARLY_MAX:
            self._early.append(stanza)


def _ping(stanza: Element) -> bool:
    return xmpp.child(stanza, "ping", xmpp.PING) is not None
