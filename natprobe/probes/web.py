"""The web front, by address: TCP to 443 and 80, TLS with the certificate's facts, the page and what it says it is."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import ExitStack, aclosing

from natprobe.asking.gateways import Line, line_key
from natprobe.asking.handshakes import Handshake
from natprobe.asking.pages import Front, Got, Pages
from natprobe.asking.secured import ALPN
from natprobe.asking.together import as_they_come
from natprobe.context import Context
from natprobe.derive import target_addresses
from natprobe.facts import Certificate, Connected, Facts, HttpReply, Resolved, TlsSession
from natprobe.model import Address, Observation, family, join
from natprobe.net.api import Stream
from natprobe.net.failure import failure_of
from natprobe.net.tls import TlsStream

REQUIRES = (Resolved,)
TAKES = ()
YIELDS = (Connected, TlsSession, Certificate, HttpReply)
TIMEOUT = 10.0

# The page with all its redirects; then what is asked beside it.
PAGE_SECONDS = 6.0
EXTRA_SECONDS = 4.0
EXTRAS_SECONDS = 8.0
ADDRESSES_MAX = 6
_NO_WEB = ("stun", "turn", "natprobe")
# URLs of an API: of the second one nothing but TLS is asked here.
_APIS = ("janus+https", "janus+wss")
# Where Janus's API is, unless somebody moved it.
JANUS = "/janus"


async def probe(ctx: Context, facts: Facts) -> AsyncIterator[Observation]:
    """Each address of the name on its own, since one dead address of two makes every other call fail."""
    if ctx.target.kind in _NO_WEB:
        return
    _load()
    streams = []
    for address in target_addresses(facts)[:ADDRESSES_MAX]:
        if family(address) in ctx.options.families:
            streams += [visit.observe() for visit in _visits(ctx, address)]
    async for observation in as_they_come(streams):
        yield observation


def _load() -> None:
    """What only pages need, and before anything is sent: later it would hold up answers that are being timed."""
    import natprobe.net.http
    import natprobe.wire.certificate  # noqa: F401  # cryptography, a tenth of a start


def _visits(ctx: Context, address: Address) -> list[Visit]:
    """The page's own port, over TLS unless the target says http:, and its sibling.

    Port 80 beside 443: does it send people to the secure page? And 443 beside 80: is there one? Of an API nobody opens
    a page.
    """
    port = ctx.target.port
    visits = [Visit(ctx, address, port, secure=ctx.target.scheme != "http", curious=True)]
    if ctx.target.scheme in _APIS:
        return visits
    if (other := {443: 80, 80: 443}.get(port)) is not None:
        visits.append(Visit(ctx, address, other, secure=other == 443, curious=False))
    return visits


class Visit:
    """One address and port, from the connection to the pages."""

    def __init__(self, ctx: Context, address: Address, port: int, *, secure: bool, curious: bool) -> None:
        self._ctx, self._curious, self._left_open = ctx, curious, False
        self._front = Front(ctx, address, port, secure=secure)

    async def observe(self) -> AsyncGenerator[Observation]:
        """Connection, then TLS, then pages: each step only where the one before worked."""
        stream, connected = await self._connect()
        yield connected
        if stream is None:
            return
        try:
            async with aclosing(self._tls(stream) if self._front.secure else self._pages(stream)) as steps:
                async for observation in steps:
                    yield observation
        finally:  # also where a handshake or a page is cut short
            if not self._left_open:
                stream.close()

    async def _connect(self) -> tuple[Stream | None, Connected]:
        front, began = self._front, self._ctx.net.now()
        try:
            stream = await front.connect()
        except (OSError, TimeoutError) as exc:
            failure, detail = failure_of(exc)
            return None, Connected(endpoint=front.endpoint, failure=failure, detail=detail, flow=front.flow)
        rtt_ms = round((self._ctx.net.now() - began) * 1000, 2)
        return stream, Connected(endpoint=front.endpoint, local=join(*stream.local), rtt_ms=rtt_ms, flow=front.flow)

    async def _tls(self, stream: Stream) -> AsyncGenerator[Observation]:
        """The handshake that a browser makes, and the pages where the certificate was good or is to be ignored."""
        made: Handshake[TlsStream] = Handshake(self._ctx, "tls", self._front.endpoint, self._ctx.target.host, ALPN)
        with ExitStack() as opened:
            opened.callback(self._close, made)
            async for seen in made.observe(self._front.over(stream, verified=True), self._again):
                yield seen
            if made.session is not None and (made.failure is None or self._ctx.options.insecure):
                async for observation in self._pages(made.session):
                    yield observation

    def _close(self, made: Handshake[TlsStream]) -> None:
        if not self._left_open:
            made.close()

    async def _again(self) -> TlsStream | None:
        stream, _ = await self._connect()
        return None if stream is None else self._front.over(stream, verified=False)

    async def _pages(self, stream: Stream) -> AsyncGenerator[Observation]:
        """The page and its redirects on this very host, and the one that tells Janus; config.js is another probe's."""
        pages, said, began = Pages(self._front, stream), False, self._ctx.net.now()
        if self._ctx.target.scheme in _APIS:
            if self._ctx.target.scheme == "janus+https":
                yield (await pages.get(f"{self._ctx.target.path or JANUS}/info", began + PAGE_SECONDS)).fact
            return
        async for got in pages.follow("/", began + PAGE_SECONDS):
            yield got.fact
            said = said or bool(got.fact.says)
        now = self._ctx.net.now()
        if self._curious and not said and pages.open and now < began + PAGE_SECONDS:
            janus = await pages.get(f"{JANUS}/info", min(now + EXTRA_SECONDS, began + EXTRAS_SECONDS))
            self._leave_open(stream, pages, janus, began)
            yield janus.fact

    def _leave_open(self, stream: Stream, pages: Pages, janus: Got, began: float) -> None:
        """To a Janus, for whoever goes on asking it."""
        if not janus.fact.says or janus.reply is None or not pages.open:
            return
        self._left_open, took = True, self._ctx.net.now() - began
        line = Line(stream, pages.client, janus.reply, took, janus.fact.rtt_ms or 0.0)
        self._ctx.keep.put(line_key(self._front.url(JANUS), self._front.endpoint), line)
