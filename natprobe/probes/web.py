"""The web front, by address: TCP to 443 and 80, TLS with the certificate's facts, the page and what it says it is."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from itertools import islice
from typing import TYPE_CHECKING
from urllib.parse import quote, urljoin, urlsplit

from natprobe.context import Context
from natprobe.derive import target_addresses
from natprobe.facts import Certificate, Connected, Facts, HttpReply, Resolved, TlsSession
from natprobe.model import Address, Failure, Observation, clip, family, flow, join
from natprobe.net.api import Stream
from natprobe.net.failure import failure_of
from natprobe.net.tls import TlsStream, reading_context, verified_context
from natprobe.together import as_they_come
from natprobe.wire.text import clean

if TYPE_CHECKING:
    from natprobe.net.http import Client, Reply

REQUIRES = (Resolved,)
TAKES = ()
YIELDS = (Connected, TlsSession, Certificate, HttpReply)
TIMEOUT = 8.0

CONNECT_SECONDS = 3.1
TALK_SECONDS = 3.0
ADDRESSES_MAX = 6
REDIRECTS_MAX = 4
# As a browser, less h2, which we don't speak.
ALPN = ("http/1.1",)
# What tells a system apart: a Jitsi page loads lib-jitsi-meet and config.js sets `config`; Janus says so itself.
_JITSI_PAGE = re.compile(rb"lib-jitsi-meet|interface_config\.js|JitsiMeetJS", re.IGNORECASE)
_JITSI_CONFIG = re.compile(rb"\bconfig\b")
_JITSI_KEYS = re.compile(rb"\b(hosts|bosh|websocket)\b")
_JANUS_INFO = re.compile(rb"\"janus\"\s*:\s*\"server_info\"")
_NO_WEB = ("stun", "turn", "natprobe")


async def probe(ctx: Context, facts: Facts) -> AsyncIterator[Observation]:
    """Each address of the name on its own, since one dead address of two makes every other call fail."""
    if ctx.target.kind in _NO_WEB:
        return
    _load()
    streams = []
    for address in target_addresses(facts)[:ADDRESSES_MAX]:
        if family(address) in ctx.options.families:
            streams += [_front(ctx, address), _beside(ctx, address)]
    async for observation in as_they_come(streams):
        yield observation


def _load() -> None:
    """What only pages need, and before anything is sent: later it would hold up answers that are being timed."""
    import natprobe.net.http
    import natprobe.wire.certificate  # noqa: F401  # cryptography, a tenth of a start


async def _front(ctx: Context, address: Address) -> AsyncIterator[Observation]:
    """The page's own port, over TLS unless the target says http:."""
    visit = Visit(ctx, address, ctx.target.port, secure=ctx.target.scheme != "http", curious=True)
    async for observation in visit.observe():
        yield observation


async def _beside(ctx: Context, address: Address) -> AsyncIterator[Observation]:
    """Port 80 beside 443: does it send people to the secure page? And 443 beside 80: is there one?"""
    other = {443: 80, 80: 443}.get(ctx.target.port)
    if other is None:
        return
    async for observation in Visit(ctx, address, other, secure=other == 443, curious=False).observe():
        yield observation


class Visit:
    """One address and port, from the connection to the pages."""

    def __init__(self, ctx: Context, address: Address, port: int, *, secure: bool, curious: bool) -> None:
        self._ctx, self._address, self._port = ctx, address, port
        self._secure, self._curious = secure, curious
        self._endpoint = join(address, port)
        self._flow = flow("tcp", None, self._endpoint)

    async def observe(self) -> AsyncIterator[Observation]:
        """Connection, then TLS, then pages: each step only where the one before worked."""
        stream, connected = await self._connect()
        yield connected
        if stream is None:
            return
        try:
            if self._secure:
                tls = self._tls(stream)
                stream = None
                async for observation in tls:
                    yield observation
            else:
                async for observation in self._pages(stream):
                    yield observation
        finally:
            if stream is not None:
                stream.close()

    async def _connect(self) -> tuple[Stream | None, Connected]:
        began = self._ctx.net.now()
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                stream = await self._ctx.tcp((self._address, self._port))
        except (OSError, TimeoutError) as exc:
            failure, detail = failure_of(exc)
            return None, Connected(endpoint=self._endpoint, failure=failure, detail=detail, flow=self._flow)
        local = join(*stream.local)
        self._flow = flow("tcp", local, self._endpoint)
        return stream, Connected(endpoint=self._endpoint, local=local, rtt_ms=self._ms(began), flow=self._flow)

    async def _tls(self, stream: Stream) -> AsyncIterator[Observation]:
        """The handshake that a browser makes; where it refuses the certificate, a second one only reads it."""
        options = self._ctx.options
        session, tls = await self._handshake(stream, verified=True)
        yield session
        if tls is None and session.failure is Failure.TLS_CERTIFICATE:
            again, _ = await self._connect()
            if again is not None:
                unverified, tls = await self._handshake(again, verified=False)
                yield unverified
        if tls is None:
            return
        try:
            if (shown := self._certificate(tls)) is not None:
                yield shown
            if session.failure is None or options.insecure:
                async for observation in self._pages(tls):
                    yield observation
        finally:
            tls.close()

    async def _handshake(self, stream: Stream, *, verified: bool) -> tuple[TlsSession, TlsStream | None]:
        context = verified_context(self._ctx.options.ca_pem, ALPN) if verified else reading_context(ALPN)
        name, began = self._ctx.target.host, self._ctx.net.now()
        tls = TlsStream(stream, context, name.partition("%")[0])
        try:
            async with asyncio.timeout(TALK_SECONDS):
                await tls.handshake()
        except (OSError, EOFError, TimeoutError) as exc:
            stream.close()
            failure, detail = failure_of(exc)
            return self._session(name, False, failure=failure, detail=detail), None
        session = self._session(
            name, verified, protocol=tls.protocol, cipher=tls.cipher, alpn=tls.alpn, rtt_ms=self._ms(began)
        )
        return session, tls

    def _session(self, name: str, verified: bool, **seen: object) -> TlsSession:
        return TlsSession(endpoint=self._endpoint, name=name, verified=verified, flow=self._flow, **seen)  # type: ignore[arg-type]

    def _certificate(self, tls: TlsStream) -> Certificate | None:
        from natprobe.wire import certificate

        chain = tls.chain()
        try:
            leaf = certificate.read(chain[0], self._ctx.unix_time)
        except (ValueError, IndexError):
            return None
        name = self._ctx.target.host
        return Certificate(
            endpoint=self._endpoint,
            name=name,
            matches=certificate.matches(leaf.names, name),
            chain=len(chain),
            flow=self._flow,
            **leaf._asdict(),
        )

    async def _pages(self, stream: Stream) -> AsyncIterator[Observation]:
        """The page, its redirects on this very host, and the two that tell Jitsi and Janus."""
        from natprobe.net.http import Client

        client, path, said = Client(stream, self._host_header()), "/", False
        for _ in range(REDIRECTS_MAX):
            reply, next_path = await self._get(client, path)
            yield reply
            said = said or bool(reply.says)
            if next_path is None or not client.open:
                break
            path = next_path
        else:
            yield self._reply(path, failure=Failure.REDIRECT_LIMIT, detail=f"{REDIRECTS_MAX} redirects and no page")
        for extra in ("/config.js", "/janus/info") if self._curious and not said else ():
            if client.open:
                reply, _ = await self._get(client, extra)
                yield reply
                if reply.says:
                    return

    async def _get(self, client: Client, path: str) -> tuple[HttpReply, str | None]:
        """What came, and where it sends us on to."""
        from natprobe.net.http import FAULTS

        began = self._ctx.net.now()
        try:
            async with asyncio.timeout(TALK_SECONDS):
                reply = await client.get(path)
        except FAULTS as exc:
            failure, detail = failure_of(exc)
            return self._reply(path, failure=failure, detail=detail), None
        return self._reply(path, rtt_ms=self._ms(began), **_seen(reply)), self._followed(path, reply)

    def _reply(self, path: str, **seen: object) -> HttpReply:
        return HttpReply(url=self._url(path), endpoint=self._endpoint, flow=self._flow, **seen)  # type: ignore[arg-type]

    def _followed(self, path: str, reply: Reply) -> str | None:
        """Path and query of a redirect within this origin. Another host is only noted: nobody asked us to visit it."""
        location = reply.headers.get("location")
        if location is None or not 300 <= reply.status < 400:
            return None
        try:
            here = urlsplit(self._url("/"))
            there = urlsplit(urljoin(f"{self._url('/')}{path[1:]}", location))
            if (there.scheme, there.hostname, there.port or self._default) != (here.scheme, here.hostname, self._port):
                return None
        except ValueError:  # a port or a bracket that is none
            return None
        return _quoted(there.path or "/") + (f"?{_quoted(there.query)}" if there.query else "")

    def _host_header(self) -> str:
        bare = self._ctx.target.host.partition("%")[0]  # a zone means nothing to the other end (RFC 6874)
        host = f"[{bare}]" if ":" in bare else bare
        return host if self._port == self._default else f"{host}:{self._port}"

    @property
    def _default(self) -> int:
        return 443 if self._secure else 80

    def _url(self, path: str) -> str:
        """Without the query, which may be secret."""
        shown = clean(path.partition("?")[0], 300)
        return clip(f"{'https' if self._secure else 'http'}://{self._host_header()}{shown}", 600)

    def _ms(self, began: float) -> float:
        return round((self._ctx.net.now() - began) * 1000, 2)


def _seen(reply: Reply) -> dict[str, object]:
    says = [mark for mark, found in (("jitsi", _is_jitsi(reply)), ("janus", _JANUS_INFO.search(reply.body))) if found]
    return {
        "status": reply.status,
        "server": clean(reply.headers.get("server", "")) or None,
        "location": _without_query(reply.headers.get("location")),
        "content_type": clean(reply.headers.get("content-type", "")) or None,
        "says": tuple(says),
        "failure": Failure.HTTP_STATUS if reply.status >= 400 else None,
    }


def _is_jitsi(reply: Reply) -> bool:
    kind = reply.headers.get("content-type", "")
    if "javascript" in kind:
        first = islice(_JITSI_CONFIG.finditer(reply.body[:65536]), 20)
        return any(_JITSI_KEYS.search(reply.body, each.end(), each.end() + 4000) for each in first)
    return bool(_JITSI_PAGE.search(reply.body))


def _quoted(text: str) -> str:
    """As browsers send it: what no request line may hold is escaped, what is escaped stays so."""
    return quote(text, safe="%/:@!$&'()*+,;=~?", encoding="latin-1", errors="replace")


def _without_query(location: str | None) -> str | None:
    """A redirect's target without what may be secret in it: query, fragment, user."""
    if location is None:
        return None
    try:
        url = urlsplit(location)
        return clean(url._replace(query="", fragment="", netloc=url.netloc.rpartition("@")[2]).geturl(), 600)
    except ValueError:
        return None
