"""STUN over TCP (RFC 8489 section 6.2.2), plain or framed as in ICE (RFC 6544, RFC 4571); all bounded."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import Callable

from natprobe.net.api import DATAGRAM_MAX, Stream
from natprobe.serve.responder import Answer, Responder
from natprobe.wire.stun import Splitter, StunError, frame

CONNECTIONS_MAX = 200
# Less than all, so that no single address can take every place.
CONNECTIONS_EACH = 50
MESSAGES_MAX = 100
IDLE_SECONDS = 10.0

Heard = Callable[[str, tuple[str, int], Answer], None]


class Streams:
    """All connections of a server. `heard` is told of every answer."""

    def __init__(self, responder: Responder, now: Callable[[], float], heard: Heard) -> None:
        self._responder, self._now, self._heard = responder, now, heard
        self._open: Counter[str] = Counter()

    async def serve(self, stream: Stream) -> None:
        """One connection, from its opening to its end; closes it."""
        address = stream.remote[0]
        try:
            if self._open.total() >= CONNECTIONS_MAX or self._open[address] >= CONNECTIONS_EACH:
                return
            self._open[address] += 1
            self._responder.came(b"", stream.local, stream.remote, self._now())
            try:
                with contextlib.suppress(StunError, OSError):  # what is no STUN, is broken off or is too slow
                    await self._converse(stream)
            finally:
                self._open[address] -= 1
        finally:
            self._open += Counter()  # drops addresses without connections
            stream.close()

    async def _converse(self, stream: Stream) -> None:
        """What is signed with the token counts for nothing: the responder's own limits are for it."""
        splitter, left = Splitter(), MESSAGES_MAX
        while left > 0:
            # One time-out for a whole message and its answer: bytes that trickle in don't prolong it.
            async with asyncio.timeout(IDLE_SECONDS):
                messages = await self._some(stream, splitter)
                for message in messages[:left]:
                    left -= not await self._respond(stream, message, framed=bool(splitter.framed))
            if not messages:
                return

    async def _respond(self, stream: Stream, message: bytes, framed: bool) -> bool:
        """Whether it was signed."""
        answer = self._responder.answer(message, stream.local, stream.remote, self._now(), stream=True)
        if answer is not None:
            await stream.write(frame(answer.data) if framed else answer.data)
            self._responder.sent(answer)
            self._heard("TCP", stream.remote, answer)
        return answer is not None and answer.verified

    async def _some(self, stream: Stream, splitter: Splitter) -> list[bytes]:
        """The next whole messages; none when the peer has closed. Raises StunError for any other bytes."""
        while data := await stream.read(DATAGRAM_MAX):
            try:
                messages = splitter.feed(data)
            except StunError:
                self._responder.came(data, stream.local, stream.remote, self._now())
                raise
            if messages:
                return messages
            if splitter.waiting > DATAGRAM_MAX:
                raise StunError("a message longer than is read")
        return []
