"""XMPP by long polling (BOSH: XEP-0124, XEP-0206) over HTTP connections that the caller opens, two at most."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from typing import Literal
from xml.etree.ElementTree import Element

import h11

from natprobe.net.http import Client, Refused, Reply
from natprobe.wire import xmpp
from natprobe.wire.xmpp import StreamError, XmppError

HTTPBIND = "http://jabber.org/protocol/httpbind"
XBOSH = "urn:xmpp:xbosh"
CONTENT_TYPE = "text/xml; charset=utf-8"
# As lib-jitsi-meet's: the server keeps one request for so many seconds, and a second may be under way beside it.
WAIT_SECONDS = 60
HOLD = 1
# What answers an empty request with nothing holds none: it is asked again after so long (seconds). Behind an answer
# that brought something the next one goes at once, so that the server has one to answer with (XEP-0124 section 11).
POLL_SECONDS = 0.5
# So many empty requests go at once, and one more every POLL_SECONDS: who answers each with something holds none either.
POLLS_AT_ONCE = 50
# A request that is out for longer (seconds) is held by the server: it met no connection that was closed already.
HELD_SECONDS = 1.0
_SID_MAX = 256
# XEP-0124 section 14 bounds rid by 2**53: it begins far below.
_RID_BITS = 31


class Bosh:
    """One stream. `connect` opens another HTTP connection. Raises OSError, EOFError, TimeoutError, XmppError; Refused
    with the answer where its status isn't 200. `reply` is the last answer; `answered`: one of them was BOSH.
    `strict`: a request that was held when its connection ended is not sent again, as clients would.
    """

    transport: Literal["websocket", "bosh"] = "bosh"

    def __init__(
        self,
        first: Client,
        connect: Callable[[], Awaitable[Client]],
        path: str,
        domain: str,
        chance: random.Random,
        origin: str = "",
    ) -> None:
        self._connect, self._path, self._domain = connect, path, domain
        # Browsers send it with every POST (Fetch section 3.2).
        self._headers = [(b"Origin", origin.encode())] if origin else []
        self._rid, self._sid = chance.getrandbits(_RID_BITS), ""
        self._idle, self._all = [first], [first]
        self._free = asyncio.Semaphore(HOLD + 1)
        self._arrived: asyncio.Queue[Element | Exception | None] = asyncio.Queue()
        self._under_way: set[asyncio.Task[None]] = set()
        self._spare: asyncio.Task[None] | None = None
        self._unheld, self._polled_until = False, 0.0
        self.reply: Reply | None = None
        self.answered = self.strict = False

    async def start(self) -> None:
        """Creates the session (XEP-0206 section 4), or opens the stream anew after a login (section 5)."""
        if not self._sid:
            self._begin(self._creation())
            return
        self._spare = self._spare or asyncio.create_task(self._another())
        self._begin({"to": self._domain, "xml:lang": "en", "xmpp:restart": "true", "xmlns:xmpp": XBOSH})

    async def send(self, stanza: str) -> None:
        """One stanza; what goes wrong with it comes by `receive`."""
        self._begin({}, stanza)

    async def receive(self) -> Element:
        """The next element. The server always has a request of ours to answer meanwhile."""
        while True:
            if self._sid and not self._under_way and self._arrived.empty():
                await self._poll()
            arrived = await self._arrived.get()
            if isinstance(arrived, Exception):
                raise arrived
            if arrived is not None:
                xmpp.raise_stream_error(arrived)
                return arrived

    async def end(self, stanzas: Sequence[str]) -> None:
        """XEP-0124 section 13: the last stanzas go with the request that terminates. A session that is still being made
        is waited for.
        """
        if not self._sid:
            await asyncio.gather(*self._under_way, return_exceptions=True)
        if self._sid:
            self._begin({"type": "terminate"}, "".join(stanzas))
            await asyncio.gather(*self._under_way, return_exceptions=True)

    def close(self) -> None:
        """At once. Idempotent."""
        for task in (*self._under_way, *([self._spare] if self._spare else [])):
            task.cancel()
        for client in self._all:
            client.close()

    def _creation(self) -> dict[str, str]:
        return {
            "to": self._domain,
            "xml:lang": "en",
            "wait": str(WAIT_SECONDS),
            "hold": str(HOLD),
            "content": CONTENT_TYPE,
            "ver": "1.6",
            "xmpp:version": "1.0",
            "xmlns:xmpp": XBOSH,
        }

    async def _poll(self) -> None:
        now = asyncio.get_running_loop().time()
        self._polled_until = max(self._polled_until, now) + POLL_SECONDS
        too_many = self._polled_until - now - POLLS_AT_ONCE * POLL_SECONDS
        await asyncio.sleep(max(too_many, POLL_SECONDS if self._unheld else 0.0))
        self._begin({})

    def _begin(self, attributes: dict[str, str], content: str = "") -> None:
        task = asyncio.create_task(self._request(attributes, content))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)

    async def _request(self, attributes: dict[str, str], content: str) -> None:
        """One request and what its answer brings, in the order of the requests (the semaphore is fair)."""
        try:
            async with self._free:
                self._rid += 1
                named = {"rid": str(self._rid), "sid": self._sid or None, "xmlns": HTTPBIND, **attributes}
                body = await self._posted(xmpp.tag("body", named, content).encode())
            self._unheld = not (attributes or content or len(body))
            self._take(body)
        except (OSError, EOFError, XmppError) as exc:
            self._arrived.put_nowait(exc)
        except (h11.RemoteProtocolError, h11.LocalProtocolError):
            self._arrived.put_nowait(XmppError("no HTTP answer"))
        finally:
            self._under_way -= {asyncio.current_task()}
            self._arrived.put_nowait(None)  # whoever waits looks whether another request is due

    async def _posted(self, body: bytes) -> Element:
        client, fresh = await self._client()
        began = asyncio.get_running_loop().time()
        try:
            reply = await self._post(client, body)
        except (EOFError, ConnectionResetError):
            held = asyncio.get_running_loop().time() - began > HELD_SECONDS
            if fresh or (held and self.strict):
                raise
            client.close()  # a server may close an idle connection at any time (RFC 9112 section 9.3.1)
            client = await self._opened()
            reply = await self._post(client, body)
        self.reply = reply
        if client.open:
            self._idle.append(client)
        else:
            client.close()
        if reply.status != 200:
            raise Refused(reply)
        found = xmpp.parse(reply.body.decode(errors="replace"))
        if found.tag != f"{{{HTTPBIND}}}body":
            raise XmppError("an answer that is no BOSH")
        self.answered = True
        return found

    async def _post(self, client: Client, body: bytes) -> Reply:
        return await client.post(self._path, body, CONTENT_TYPE, xmpp.STANZA_MAX + 1, self._headers)

    async def _client(self) -> tuple[Client, bool]:
        """A connection, and whether it was never used before."""
        if not self._idle and self._spare is not None:
            await asyncio.wait([self._spare])
        if self._idle:
            return self._idle.pop(), self.reply is None
        return await self._opened(), True

    async def _opened(self) -> Client:
        client = await self._connect()
        self._all.append(client)
        return client

    async def _another(self) -> None:
        """The second connection, opened while the login still runs; where that fails it is tried again in need."""
        try:
            self._idle.append(await self._opened())
        except (OSError, EOFError, TimeoutError):
            return

    def _take(self, body: Element) -> None:
        sid = body.get("sid") or ""
        if not self._sid and 0 < len(sid) <= _SID_MAX:
            self._sid = sid
        for each in body:
            self._arrived.put_nowait(each)
        if body.get("type") == "terminate":
            self._sid = ""  # there is nothing left to end
            reason = body.get("condition")
            self._arrived.put_nowait(StreamError(_word(reason)) if reason else EOFError("the server ended the session"))
        elif not self._sid:
            raise XmppError("a BOSH session without an id")


def _word(reason: str) -> str:
    """XEP-0124 section 17.2's condition, if it looks like one."""
    fits = len(reason) <= 60 and reason.replace("-", "").isascii() and reason.replace("-", "").isalpha()
    return reason.lower() if fits else "undefined-condition"
