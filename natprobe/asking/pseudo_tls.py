"""Google's pseudo-TLS hello on a connection, and whether what answers speaks it."""

from __future__ import annotations

from natprobe.net.api import Stream
from natprobe.wire import pseudo_tls
from natprobe.wire.stun import StunError


async def greet(stream: Stream) -> None:
    """Says hello and reads the whole answer. Raises StunError where it is another, EOFError where the stream ends."""
    await stream.write(pseudo_tls.HELLO)
    answer = b""
    while len(answer) < len(pseudo_tls.ANSWER):
        data = await stream.read(len(pseudo_tls.ANSWER) - len(answer))
        if not data:
            raise EOFError("the server closed the connection without an answer")
        answer += data
        if not pseudo_tls.fits(answer):
            raise StunError("not the answer of Google's pseudo-TLS")
