"""WebSocket (RFC 6455) over any connected Stream, framed by websockets without its I/O; the upgrade by h11.

No extension is offered: nothing needs compression, and what is compressed has no size that could be bounded.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING

from natprobe.net.api import Stream
from natprobe.net.http import Client, Reply

if TYPE_CHECKING:
    from websockets.client import ClientProtocol

MESSAGE_MAX = 256 * 1024
# So many frames may end no message, pings and fragments: servers send one in half a minute. And so much is read at
# once, in which time nobody else has a turn: thousands of them would fit into more.
FRAMES_MAX = 2000
_READ = 4096
# Of the page that a refusal brings.
REFUSAL_MAX = 4096


class WebSocketError(OSError):
    """The other side broke RFC 6455, or sent more than is read."""


class WebSocket:
    """An upgraded stream: text messages out and in. `reply` is the head of the 101."""

    def __init__(self, stream: Stream, protocol: ClientProtocol, reply: Reply, first: bytes) -> None:
        self._stream, self._protocol, self.reply = stream, protocol, reply
        self._messages: list[str] = []
        self._pieces = bytearray()
        self._frames = 0
        if first:
            protocol.receive_data(first)

    async def send(self, text: str) -> None:
        """One text message. Raises OSError; EOFError once the other side has closed."""
        from websockets.exceptions import InvalidState

        try:
            self._protocol.send_text(text.encode())
        except InvalidState:
            raise EOFError("the WebSocket was closed") from None
        await self._flush()

    async def receive(self) -> str:
        """The next message. Raises OSError, EOFError when it was closed, WebSocketError."""
        while True:
            self._take()
            await self._flush()  # pongs, and the answer to a close
            if self._messages:
                return self._messages.pop(0)
            self._ended()
            data = await self._stream.read(_READ)
            if data:
                self._protocol.receive_data(data)
            else:
                self._protocol.receive_eof()

    def close(self) -> None:
        """At once. Idempotent."""
        self._stream.close()

    def _take(self) -> None:
        """The messages in what has come, put together from their fragments."""
        from websockets.frames import DATA_OPCODES, Frame

        for event in self._protocol.events_received():
            self._frames += isinstance(event, Frame) and not (event.fin and event.opcode in DATA_OPCODES)
            if isinstance(event, Frame) and event.opcode in DATA_OPCODES:
                self._pieces += event.data
                if event.fin:
                    self._messages.append(self._pieces.decode(errors="replace"))
                    self._pieces.clear()

    def _ended(self) -> None:
        """Raises where nothing more can come: what was wrong, or who closed and with which code."""
        protocol = self._protocol
        if self._frames > FRAMES_MAX:
            raise WebSocketError("WebSocket: too many frames without a message")
        if protocol.parser_exc is not None and not isinstance(protocol.parser_exc, EOFError):
            raise WebSocketError(f"WebSocket: {type(protocol.parser_exc).__name__}")
        if protocol.close_rcvd is not None:
            raise EOFError(f"the server closed the WebSocket with code {int(protocol.close_rcvd.code)}")
        if protocol.parser_exc is not None:
            raise EOFError("the server closed the connection without a word")

    async def _flush(self) -> None:
        data = b"".join(self._protocol.data_to_send())
        if data:
            await self._stream.write(data)


async def upgrade(
    stream: Stream, host: str, resource: str, origin: str, subprotocols: Sequence[str] = ("xmpp",)
) -> WebSocket:
    """The opening handshake for `resource` (path and query) as a page of `origin` makes it.

    Raises http.Refused with the answer where that isn't a 101, WebSocketError where the 101 is wrong, http.FAULTS.
    """
    from websockets.client import ClientProtocol
    from websockets.datastructures import Headers
    from websockets.exceptions import InvalidHandshake
    from websockets.http11 import Response
    from websockets.protocol import State
    from websockets.typing import Origin, Subprotocol
    from websockets.uri import WebSocketURI

    protocol = ClientProtocol(
        WebSocketURI(True, "unused", 443, "/", ""),
        origin=Origin(origin),
        subprotocols=[Subprotocol(each) for each in subprotocols] or None,
        state=State.OPEN,  # the handshake is done here: of a refusal only the first bytes are read
        max_size=MESSAGE_MAX,
        logger=_SILENT,
    )
    asked = [(name.encode(), value.encode()) for name, value in protocol.connect().headers.raw_items()]
    headers = [each for each in asked if each[0] != b"Host"]
    reply, first = await Client(stream, host).upgrade(resource, headers, REFUSAL_MAX)
    try:
        protocol.process_response(Response(101, "", Headers(reply.headers)))
    except InvalidHandshake as exc:
        raise WebSocketError(f"WebSocket: {type(exc).__name__}") from None
    return WebSocket(stream, protocol, reply, first)


# What it would log has whole stanzas in it.
_SILENT = logging.Logger("natprobe.websocket")
_SILENT.disabled = True
