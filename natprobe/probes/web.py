"""The web front, by address and by the browser's proxy: TCP to 443 and 80, TLS and its certificate, the page."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import ExitStack, aclosing

from natprobe.asking.gateways import Line, line_key
from natprobe.asking.handshakes import Handshake
from natprobe.asking.pages import Front, Got, Pages
from natprobe.asking.secured import ALPN
from natprobe.asking.together import as_they_come
from natprobe.asking.tunnels import lead
from natprobe.asking.ways import Way, by_proxy, straight
from natprobe.context import Context
from natprobe.derive import target_addresses
from natprobe.facts import Certificate, Connected, Facts, HttpReply, ProxyChoice, Resolved, TlsSession, Tunnel
from natprobe.model import Observation, family, join
from natprobe.net.api import Stream
from natprobe.net.failure import failure_of
from natprobe.net.tls import TlsStream

REQUIRES = ()
TAKES = (ProxyChoice, Resolved)
YIELDS = (Tunnel, Connected, TlsSession, Certificate, HttpReply)
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
    """Each address of the name on its own, since one dead address of two makes every other call fail; and beside them
    the way of a browser that is set to a proxy.
    """
    if ctx.target.kind in _NO_WEB:
        return
    _load()
    wanted = [each for each in target_addresses(facts) if family(each) in ctx.options.families]
    visits = [visit for way in straight(wanted[:ADDRESSES_MAX]) for visit in _visits(ctx, way)]
    port = 443 if ctx.target.scheme == "http" else ctx.target.port
    # No browser asks a proxy for a tunnel to a page without TLS.
    proxied = await by_proxy(ctx, ctx.target.host, port)
    visits += [Visit(ctx, way, port, secure=True, curious=True) for way in proxied[:1]]
    async for observation in as_they_come(visit.observe() for visit in visits):
        yield observation


def _load() -> None:
    """What only pages need, and before anything is sent: later it would hold up answers that are being timed."""
    import natprobe.net.http
    import natprobe.wire.certificate  # noqa: F401  # cryptography, a tenth of a start


def _visits(ctx: Context, way: Way) -> list[Visit]:
    """The page's own port, over TLS unless the target says http:, and its sibling.

    Port 80 beside 443: does it send people to the secure page? And 443 beside 80: is there one? Of an API nobody opens
    a page.
    """
    port = ctx.target.port
    visits = [Visit(ctx, way, port, secure=ctx.target.scheme != "http", curious=True)]
    if ctx.target.scheme in _APIS:
        return visits
    if (other := {443: 80, 80: 443}.get(port)) is not None:
        visits.append(Visit(ctx, way, other, secure=other == 443, curious=False))
    return visits


class Visit:
    """One port by one way, from the connection to the pages."""

    def __init__(self, ctx: Context, way: Way, port: int, *, secure: bool, curious: bool) -> None:
        self._ctx, self._curious, self._left_open = ctx, curious, False
        self._front = Front(ctx, way, port, secure=secure)
        self._tunnel: Tunnel | None = None

    async def observe(self) -> AsyncGenerator[Observation]:
        """Connection, then TLS, then pages: each step only where the one before worked."""
        stream, connected = await self._connect()
        if self._tunnel is not None:
            yield self._tunnel
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
        if front.way.proxy is not None:
            return await self._by_proxy()
        try:
            stream = await front.connect()
        except (OSError, TimeoutError) as exc:
            failure, detail = failure_of(exc)
            return None, Connected(endpoint=front.endpoint, failure=failure, detail=detail, flow=front.flow)
        rtt_ms = round((self._ctx.net.now() - began) * 1000, 2)
        return stream, Connected(endpoint=front.endpoint, local=join(*stream.local), rtt_ms=rtt_ms, flow=front.flow)

    async def _by_proxy(self) -> tuple[Stream | None, Connected]:
        """The tunnel, and what the proxy said, which is told first."""
        front = self._front
        self._tunnel, stream = await lead(self._ctx, front.way, self._ctx.target.host, front.port, "web")
        seen = self._tunnel
        return stream, Connected(
            endpoint=front.endpoint,
            via=seen.via,
            local=seen.local,
            rtt_ms=seen.rtt_ms if seen.failure is None else None,
            flow=seen.flow,
            failure=seen.failure,
            detail=seen.detail,
        )

    async def _tls(self, stream: Stream) -> AsyncGenerator[Observation]:
        """The handshake that a browser makes, and the pages where the certificate was good or is to be ignored."""
        made: Handshake[TlsStream] = Handshake(
            self._ctx, "tls", self._front.endpoint, self._ctx.target.host, ALPN, self._front.way.via
        )
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
