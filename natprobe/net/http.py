"""HTTP/1.1 over a connected stream, by h11: bounded in bytes, heads kept raw enough for a report.

What a server sets as cookies goes back to it, as browsers do, and nowhere else.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeGuard

import h11

from natprobe import __version__
from natprobe.net.api import Stream

BODY_MAX = 1 << 20
COOKIES_MAX = 20
COOKIE_BYTES_MAX = 4096
# What Client.get raises when the other side is at fault.
FAULTS = (OSError, EOFError, TimeoutError, h11.RemoteProtocolError, h11.LocalProtocolError)
Header = tuple[bytes, bytes]
_AGENT = f"natprobe/{__version__}"
# Name and value (RFC 6265 section 5.2); what a request could not carry is none.
_COOKIE = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+)[ \t]*=[ \t]*([^\x00-\x1f\x7f;]*)")


class Reply(NamedTuple):
    """The head of an answer and what of its body was read."""

    status: int
    headers: dict[str, str]
    body: bytes


class Refused(OSError):
    """The answer's status is not the one that the protocol needs; it came in `reply`, its body cut short."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(f"HTTP status {reply.status}")
        self.reply = reply


class Client:
    """A keep-alive conversation with one server, which sees its own cookies again. Raises FAULTS.

    Several connections to one server share their `cookies`, as a browser's do.
    """

    def __init__(self, stream: Stream, host: str, cookies: dict[bytes, bytes] | None = None) -> None:
        self._stream, self._host = stream, host
        self._http = h11.Connection(h11.CLIENT, max_incomplete_event_size=64 * 1024)
        self._cookies = {} if cookies is None else cookies

    @property
    def open(self) -> bool:
        """Whether another request may follow."""
        return self._http.our_state is h11.IDLE

    async def get(self, path: str, body_max: int = BODY_MAX, body_seconds: float | None = None) -> Reply:
        """One GET. A body longer than `body_max` bytes is cut there, and the conversation is over; one that takes
        longer than `body_seconds` after the head is a TimeoutError.
        """
        return await self._exchange("GET", path, [(b"Accept", b"*/*")], b"", body_max, body_seconds)

    async def post(
        self, path: str, body: bytes, content_type: str, body_max: int = BODY_MAX, extra: Sequence[Header] = ()
    ) -> Reply:
        """One POST, bounded as a GET is."""
        sized = [(b"Content-Type", content_type.encode()), (b"Content-Length", b"%d" % len(body))]
        return await self._exchange("POST", path, [(b"Accept", b"*/*"), *sized, *extra], body, body_max)

    async def upgrade(self, path: str, headers: Sequence[Header], body_max: int) -> tuple[Reply, bytes]:
        """Asks for another protocol (RFC 9110 section 7.8); with a 101 the stream is the caller's, and so are the
        first bytes of that protocol. Raises Refused beside FAULTS.
        """
        reply = await self._exchange("GET", path, headers, b"", body_max)
        if reply.status != 101:
            raise Refused(reply)
        return reply, self._http.trailing_data[0]

    def close(self) -> None:
        """At once."""
        self._stream.close()

    async def _exchange(
        self,
        method: str,
        path: str,
        headers: Sequence[Header],
        body: bytes,
        body_max: int,
        body_seconds: float | None = None,
    ) -> Reply:
        own: list[Header] = [(b"Host", self._host.encode()), (b"User-Agent", _AGENT.encode())]
        own += [(b"Cookie", self._cookie())] if self._cookies else []
        request = h11.Request(method=method, target=path, headers=[*own, *headers])
        events: list[h11.Event] = [request, *([h11.Data(data=body)] if body else []), h11.EndOfMessage()]
        await self._stream.write(b"".join(self._http.send(each) or b"" for each in events))
        async with asyncio.timeout(None) as bound:
            reply = await self._reply(body_max, lambda: _begin(bound, body_seconds))
        if self._http.our_state is h11.DONE and self._http.their_state is h11.DONE:
            self._http.start_next_cycle()
        return reply

    async def _reply(self, body_max: int, head_is_there: Callable[[], None]) -> Reply:
        response: h11.Response | h11.InformationalResponse | None = None
        body = bytearray()
        while True:
            event = self._http.next_event()
            if event is h11.NEED_DATA:
                await self._feed()
            elif isinstance(event, h11.Response) or _switched(event):
                response = event
                head_is_there()
            elif isinstance(event, h11.Data):
                body += event.data
            if len(body) > body_max or isinstance(event, (h11.EndOfMessage, h11.ConnectionClosed)) or _switched(event):
                break
        if response is None:
            raise EOFError("the server closed the connection without an answer")
        self._remember(response)
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in response.headers}
        return Reply(response.status_code, headers, bytes(body[:body_max]))

    def _remember(self, response: h11.Response | h11.InformationalResponse) -> None:
        """Its cookies, as far as they fit; of their attributes none matters to a visit of seconds."""
        for name, value in response.headers:
            if name != b"set-cookie" or (match := _COOKIE.match(value)) is None:
                continue
            before = self._cookies.get(match[1])
            self._cookies[match[1]] = match[2].rstrip()
            if len(self._cookies) > COOKIES_MAX or len(self._cookie()) > COOKIE_BYTES_MAX:
                del self._cookies[match[1]]
                if before is not None:
                    self._cookies[match[1]] = before

    def _cookie(self) -> bytes:
        return b"; ".join(name + b"=" + value for name, value in self._cookies.items())

    async def _feed(self) -> None:
        data = await self._stream.read()
        if not data and self._http.their_state is h11.SEND_RESPONSE and not self._http.trailing_data[0]:
            raise EOFError("the server closed the connection without an answer")
        self._http.receive_data(data)


def _switched(event: object) -> TypeGuard[h11.InformationalResponse]:
    """A 101 to our request for it; h11 takes no other."""
    return isinstance(event, h11.InformationalResponse) and event.status_code == 101


def _begin(bound: asyncio.Timeout, seconds: float | None) -> None:
    if seconds is not None:
        bound.reschedule(asyncio.get_running_loop().time() + seconds)
