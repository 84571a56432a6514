"""HTTP/1.1 GET over a connected stream, by h11: bounded in bytes, heads kept raw enough for a report.

What a server sets as cookies goes back to it, as browsers do, and nowhere else.
"""

from __future__ import annotations

import re
from typing import NamedTuple

import h11

from natprobe import __version__
from natprobe.net.api import Stream

BODY_MAX = 1 << 20
COOKIES_MAX = 20
COOKIE_BYTES_MAX = 4096
# What Client.get raises when the other side is at fault.
FAULTS = (OSError, EOFError, TimeoutError, h11.RemoteProtocolError, h11.LocalProtocolError)
_AGENT = f"natprobe/{__version__}"
# Name and value (RFC 6265 section 5.2); what a request could not carry is none.
_COOKIE = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+)[ \t]*=[ \t]*([^\x00-\x1f\x7f;]*)")


class Reply(NamedTuple):
    """The head of an answer and what of its body was read."""

    status: int
    headers: dict[str, str]
    body: bytes


class Client:
    """A keep-alive conversation with one server, which sees its own cookies again. Raises FAULTS."""

    def __init__(self, stream: Stream, host: str) -> None:
        self._stream, self._host = stream, host
        self._http = h11.Connection(h11.CLIENT, max_incomplete_event_size=64 * 1024)
        self._cookies: dict[bytes, bytes] = {}

    @property
    def open(self) -> bool:
        """Whether another request may follow."""
        return self._http.our_state is h11.IDLE

    async def get(self, path: str, body_max: int = BODY_MAX) -> Reply:
        """One GET. A body longer than `body_max` bytes is cut there, and the conversation is over."""
        headers = [(b"Host", self._host.encode()), (b"User-Agent", _AGENT.encode()), (b"Accept", b"*/*")]
        headers += [(b"Cookie", self._cookie())] if self._cookies else []
        request = h11.Request(method="GET", target=path, headers=headers)
        head = self._http.send(request) or b""
        await self._stream.write(head + (self._http.send(h11.EndOfMessage()) or b""))
        reply = await self._reply(body_max)
        if self._http.our_state is h11.DONE and self._http.their_state is h11.DONE:
            self._http.start_next_cycle()
        return reply

    async def _reply(self, body_max: int) -> Reply:
        response, body = None, bytearray()
        while True:
            event = self._http.next_event()
            if event is h11.NEED_DATA:
                await self._feed()
            elif isinstance(event, h11.Response):
                response = event
            elif isinstance(event, h11.Data):
                body += event.data
            if len(body) > body_max or isinstance(event, (h11.EndOfMessage, h11.ConnectionClosed)):
                break
        if response is None:
            raise EOFError("the server closed the connection without an answer")
        self._remember(response)
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in response.headers}
        return Reply(response.status_code, headers, bytes(body[:body_max]))

    def _remember(self, response: h11.Response) -> None:
        """Its cookies, as far as they fit; of their attributes none matters to a visit of seconds."""
        for name, value in response.headers:
            if name != b"set-cookie" or (match := _COOKIE.match(value)) is None:
                continue
            before = dict(self._cookies)
            self._cookies[match[1]] = match[2].rstrip()
            if len(self._cookies) > COOKIES_MAX or len(self._cookie()) > COOKIE_BYTES_MAX:
                self._cookies = before

    def _cookie(self) -> bytes:
        return b"; ".join(name + b"=" + value for name, value in self._cookies.items())

    async def _feed(self) -> None:
        data = await self._stream.read()
        if not data and self._http.their_state is h11.SEND_RESPONSE and not self._http.trailing_data[0]:
            raise EOFError("the server closed the connection without an answer")
        self._http.receive_data(data)
