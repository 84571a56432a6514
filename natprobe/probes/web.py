"""The web front, by address: TCP to 443 and 80, TLS with the certificate's facts, the page and what it says it is."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, closing
from itertools import islice
from typing import TYPE_CHECKING
from urllib.parse import quote, urljoin, urlsplit

from natprobe.asking.handshakes import Handshake
from natprobe.asking.together import as_they_come
from natprobe.context import Context
from natprobe.derive import target_addresses
from natprobe.facts import Certificate, Connected, Facts, HttpReply, Resolved, TlsSession
from natprobe.model import Address, Failure, Observation, clip, family, flow, join
from natprobe.net.api import Stream
from natprobe.net.failure import failure_of
from natprobe.net.tls import TlsStream, reading_context, verified_context
from natprobe.wire.text import clean

if TYPE_CHECKING:
    from natprobe.net.http import Client, Reply

REQUIRES = (Resolved,)
TAKES = ()
YIELDS = (Connected, TlsSession, Certificate, HttpReply)
TIMEOUT = 10.0

CONNECT_SECONDS = 3.1
# The page with all its redirects; then what is asked beside it, each and in all.
PAGE_SECONDS = 6.0
EXTRA_SECONDS = 4.0
EXTRAS_SECONDS = 8.0
ADDRESSES_MAX = 6
REDIRECTS_MAX = 8
# As a browser, less h2, which we don't speak.
ALPN = ("http/1.1",)
# What tells a system apart: a Jitsi page loads lib-jitsi-meet and config.js sets `config`; Janus says so itself.
_JITSI_PAGE = re.compile(rb"lib-jitsi-meet|interface_config\.js|JitsiMeetJS", re.IGNORECASE)
_JITSI_CONFIG = re.compile(rb"\bconfig\b")
_JITSI_KEYS = re.compile(rb"\b(hosts|bosh|websocket)\b")
_JANUS_INFO = re.compile(rb"\"janus\"\s*:\s*\"server_info\"")
# Such as ;jsessionid=… (RFC 3986 section 3.3), in any segment, however written.
_PARAMETERS = re.compile(r"(?:;|%3b)[^/]*", re.IGNORECASE)
_NO_WEB = ("stun", "turn", "natprobe")


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

    Port 80 beside 443: does it send people to the secure page? And 443 beside 80: is there one?
    """
    port = ctx.target.port
    visits = [Visit(ctx, address, port, secure=ctx.target.scheme != "http", curious=True)]
    if (other := {443: 80, 80: 443}.get(port)) is not None:
        visits.append(Visit(ctx, address, other, secure=other == 443, curious=False))
    return visits


class Visit:
    """One address and port, from the connection to the pages."""

    def __init__(self, ctx: Context, address: Address, port: int, *, secure: bool, curious: bool) -> None:
        self._ctx, self._address, self._port = ctx, address, port
        self._secure, self._curious = secure, curious
        self._endpoint = join(address, port)
        self._flow = flow("tcp", None, self._endpoint)

    async def observe(self) -> AsyncGenerator[Observation]:
        """Connection, then TLS, then pages: each step only where the one before worked."""
        stream, connected = await self._connect()
        yield connected
        if stream is None:
            return
        try:
            async with aclosing(self._tls(stream) if self._secure else self._pages(stream)) as steps:
                async for observation in steps:
                    yield observation
        finally:  # also where a handshake or a page is cut short
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

    async def _tls(self, stream: Stream) -> AsyncGenerator[Observation]:
        """The handshake that a browser makes, and the pages where the certificate was good or is to be ignored."""
        made: Handshake[TlsStream] = Handshake(self._ctx, "tls", self._endpoint, self._ctx.target.host)
        with closing(made):
            async for seen in made.observe(self._over(stream, verified=True), self._again):
                yield seen
            if made.session is not None and (made.failure is None or self._ctx.options.insecure):
                async for observation in self._pages(made.session):
                    yield observation

    async def _again(self) -> TlsStream | None:
        stream, _ = await self._connect()
        return None if stream is None else self._over(stream, verified=False)

    def _over(self, stream: Stream, *, verified: bool) -> TlsStream:
        context = verified_context(self._ctx.options.ca_pem, ALPN) if verified else reading_context(ALPN)
        return TlsStream(stream, context, self._ctx.target.host.partition("%")[0])

    async def _pages(self, stream: Stream) -> AsyncGenerator[Observation]:
        """The page, its redirects on this very host, and the two that tell Jitsi and Janus."""
        from natprobe.net.http import Client

        client, path, said = Client(stream, self._host_header()), "/", False
        began = self._ctx.net.now()
        for _ in range(REDIRECTS_MAX):
            reply, next_path = await self._get(client, path, began + PAGE_SECONDS)
            yield reply
            said = said or bool(reply.says)
            if next_path is None or not client.open:
                break
            path = next_path
        else:
            yield self._reply(path, failure=Failure.REDIRECT_LIMIT, detail=f"{REDIRECTS_MAX} redirects and no page")
        if self._curious and not said:
            async for reply in self._extras(client, began):
                yield reply

    async def _extras(self, client: Client, began: float) -> AsyncIterator[HttpReply]:
        """What Jitsi and Janus have beside the page, as long as there is time for more."""
        for path in ("/config.js", "/janus/info"):
            now = self._ctx.net.now()
            if not client.open or now >= began + PAGE_SECONDS:
                return
            reply, _ = await self._get(client, path, min(now + EXTRA_SECONDS, began + EXTRAS_SECONDS))
            yield reply
            if reply.says:
                return

    async def _get(self, client: Client, path: str, until: float) -> tuple[HttpReply, str | None]:
        """What came, and where it sends us on to."""
        from natprobe.net.http import FAULTS

        began = self._ctx.net.now()
        try:
            async with asyncio.timeout(until - began):
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
        """Without the query and parameters, which may be secret."""
        shown = clean(_PARAMETERS.sub("", path.partition("?")[0]), 300)
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
    """A redirect's target without what may be secret in it: query, fragment, user, a path's parameters."""
    if location is None:
        return None
    try:
        url = urlsplit(location)
        path, netloc = _PARAMETERS.sub("", url.path), url.netloc.rpartition("@")[2]
        return clean(url._replace(query="", fragment="", path=path, netloc=netloc).geturl(), 600)
    except ValueError:
        return None
