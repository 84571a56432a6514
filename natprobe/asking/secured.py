"""How a TLS or DTLS session to a server begins: connected over TCP, or greeted over UDP until anything is heard."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from natprobe.asking.connections import Connections
from natprobe.asking.together import first
from natprobe.context import Context
from natprobe.model import Address, Endpoint, HostName, family, join
from natprobe.net.api import Stream
from natprobe.net.tls import TlsStream, client_context

if TYPE_CHECKING:
    from natprobe.net.dtls import DtlsSession

Connection: TypeAlias = "TlsStream | DtlsSession"
# Opens what TLS is to lie on. Raises OSError and TimeoutError.
Opener: TypeAlias = Callable[[], Coroutine[Any, Any, Stream]]

# As a browser, less h2, which we don't speak: for WebSocket it would need RFC 8441 on both sides.
ALPN = ("http/1.1",)


def preload() -> None:
    """TLS's and DTLS's libraries, before anything is sent: later they would hold up answers that are being timed."""
    import natprobe.net.dtls
    import natprobe.wire.certificate  # noqa: F401  # cryptography and OpenSSL


def over(ctx: Context, stream: Stream, host: HostName, alpn: tuple[str, ...] = ALPN, *, verified: bool) -> TlsStream:
    """What a handshake with `host` can begin on. A zone means nothing to the other end (RFC 6874)."""
    context = client_context(ctx.options.ca_pem, alpn, verified=verified)
    return TlsStream(stream, context, host.partition("%")[0])


async def secured(ctx: Context, stream: Stream, host: HostName) -> TlsStream:
    """TLS as a browser has it with a web server; past a bad certificate only if the user says so.

    Raises what TlsStream.handshake raises. The stream and the deadline are the caller's.
    """
    tls = over(ctx, stream, host, verified=not ctx.options.insecure)
    await tls.handshake()
    return tls


class Secured:
    """The way to one server. `tries` counts what was sent to begin the last session, `seen_from` is its end of ours.

    DTLS is greeted at `times` until `give_up` (seconds), each time from a socket of its own. What TLS lies on is from
    `opener`, where there is one.
    """

    def __init__(
        self,
        ctx: Context,
        transport: Literal["tls", "dtls"],
        remote: tuple[str, int],
        name: HostName,
        local: Address | None,
        times: Sequence[float],
        give_up: float,
        opener: Opener | None = None,
    ) -> None:
        self._ctx, self._transport, self._remote, self._local = ctx, transport, remote, local
        self._opener = opener
        self._name = name.partition("%")[0]
        self._times, self._give_up = times, give_up
        self.seen_from: Endpoint | None = None
        self.tries = 0

    async def connect(self, alpn: tuple[str, ...], *, verified: bool) -> Connection:
        """What a handshake can begin on. Raises OSError and TimeoutError."""
        if self._transport == "dtls":
            return await self._greeted(alpn, verified)
        stream = await self._connected()
        self.seen_from = join(*stream.local)
        return over(self._ctx, stream, self._name, alpn, verified=verified)

    async def reading(self, alpn: tuple[str, ...]) -> Connection | None:
        """Once more, only to read the certificate that was refused; None where that fails."""
        try:
            return await self.connect(alpn, verified=False)
        except (OSError, TimeoutError):
            return None

    async def _connected(self) -> Stream:
        if self._opener is not None:
            self.tries = 1
            return await self._opener()
        ways = Connections(self._ctx, self._remote)
        try:
            return await ways.first()
        finally:
            self.tries = ways.tries

    async def _greeted(self, alpn: tuple[str, ...], verified: bool) -> DtlsSession:
        """The first of several sessions that hears anything: OpenSSL would say hello again after a second only, and
        its answer to one that was lost would come too late to be told from silence.
        """
        from natprobe.net import dtls

        trust = self._ctx.options.ca_pem
        context = dtls.verified_context(trust, alpn) if verified else dtls.reading_context(alpn)
        self.tries = 0

        async def hello() -> DtlsSession:
            with ExitStack() as opened:
                udp = self._ctx.net.udp(family(self._remote[0]), self._local)
                session = dtls.DtlsSession(udp, self._remote, context, self._name)
                opened.callback(session.close)
                self.seen_from = join(*udp.local)
                self.tries += 1
                await session.hello()
                opened.pop_all()
            return session

        async with asyncio.timeout(self._give_up):
            session = await first(hello, len(self._times), self._times[1])
        self.seen_from = join(*session.local)
        return session
