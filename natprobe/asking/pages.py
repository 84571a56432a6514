"""The target's web front at one address and port: the connection, TLS as browsers do it, pages and their redirects."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote, urljoin, urlsplit

from natprobe.asking.secured import over
from natprobe.asking.ways import Way
from natprobe.context import Context
from natprobe.facts import HttpReply
from natprobe.model import Failure, clip, flow, join
from natprobe.net.api import Stream
from natprobe.net.failure import failure_of
from natprobe.net.tls import TlsStream
from natprobe.wire.http_date import http_date
from natprobe.wire.text import clean
from natprobe.wire.urls import URL_MAX, bare_path, bare_url

if TYPE_CHECKING:
    from natprobe.net.http import Client, Reply

CONNECT_SECONDS = 3.1
REDIRECTS_MAX = 8
# What tells a system apart: a Jitsi page loads lib-jitsi-meet and config.js sets `config`; Janus says so itself.
_JITSI_PAGE = re.compile(rb"lib-jitsi-meet|interface_config\.js|JitsiMeetJS", re.IGNORECASE)
_JITSI_CONFIG = re.compile(rb"\bconfig\b")
_JITSI_KEYS = re.compile(rb"\b(hosts|bosh|websocket)\b")
_JANUS_INFO = re.compile(rb"\"janus\"\s*:\s*\"server_info\"")


class Got(NamedTuple):
    """What came of one GET: the fact, the answer where there is one, and where within this origin it sends us on to."""

    fact: HttpReply
    reply: Reply | None
    leads_to: str | None


class Front:
    """One port by one way. `flow` is that of the connection that was made last."""

    def __init__(self, ctx: Context, way: Way, port: int, *, secure: bool) -> None:
        self.ctx, self.way, self.port, self.secure = ctx, way, port, secure
        self.endpoint = way.endpoint(port)
        self.flow = flow("tcp", None, self.endpoint)

    async def connect(self) -> Stream:
        """Raises OSError, TimeoutError."""
        async with asyncio.timeout(CONNECT_SECONDS):
            stream = await self.way.open(self.ctx, self.ctx.target.host, self.port)
        self.flow = flow("tcp", join(*stream.local), self.endpoint)
        return stream

    def over(self, stream: Stream, *, verified: bool) -> TlsStream:
        """TLS as a browser asks for it; not `verified`: only to read, unless the user wants to go on all the same."""
        return over(self.ctx, stream, self.ctx.target.host, verified=verified)

    @property
    def authority(self) -> str:
        """The Host header (RFC 9110 section 7.2)."""
        bare = self.ctx.target.host.partition("%")[0]  # a zone means nothing to the other end (RFC 6874)
        host = f"[{bare}]" if ":" in bare else bare
        return host if self.port == self._default else f"{host}:{self.port}"

    def url(self, path: str) -> str:
        """Without the query and parameters, which may be secret."""
        shown = clean(bare_path(path.partition("?")[0]), 300)
        return clip(f"{'https' if self.secure else 'http'}://{self.authority}{shown}", URL_MAX)

    def within(self, path: str, location: str) -> str | None:
        """Path and query of a redirect within this origin. Another host is only noted: nobody asked us to visit it."""
        try:
            here = urlsplit(self.url("/"))
            there = urlsplit(urljoin(f"{self.url('/')}{path[1:]}", location))
            port = there.port or self._default
            if (there.scheme, there.hostname, port) != (here.scheme, here.hostname, self.port):
                return None
        except ValueError:  # a port or a bracket that is none
            return None
        return quoted(there.path or "/") + (f"?{quoted(there.query)}" if there.query else "")

    @property
    def _default(self) -> int:
        return 443 if self.secure else 80


class Pages:
    """GETs over one connection to a front, which is kept alive."""

    def __init__(self, front: Front, stream: Stream) -> None:
        from natprobe.net.http import Client

        self._front, self._client = front, Client(stream, front.authority)

    @property
    def open(self) -> bool:
        """Whether another request may follow."""
        return self._client.open

    @property
    def client(self) -> Client:
        """For whoever goes on with the connection."""
        return self._client

    async def follow(self, path: str, until: float, **bounds: float) -> AsyncIterator[Got]:
        """The page and what it redirects to within this origin; a ring ends, and is the last that comes."""
        for _ in range(REDIRECTS_MAX):
            got = await self.get(path, until, **bounds)
            yield got
            if got.leads_to is None or not self.open:
                return
            path = got.leads_to
        detail = f"{REDIRECTS_MAX} redirects and no page"
        yield Got(self._fact(path, failure=Failure.REDIRECT_LIMIT, detail=detail), None, None)

    async def get(self, path: str, until: float, **bounds: float) -> Got:
        """One page, by `until` on the net's clock; `bounds` as net.http.Client.get has them."""
        from natprobe.net.http import FAULTS

        net = self._front.ctx.net
        began = net.now()
        try:
            async with asyncio.timeout(until - began):
                reply = await self._client.get(path, **bounds)  # type: ignore[arg-type]  # its own
        except FAULTS as exc:
            failure, detail = failure_of(exc)
            return Got(self._fact(path, failure=failure, detail=detail), None, None)
        fact = self._fact(path, rtt_ms=round((net.now() - began) * 1000, 2), **_seen(reply))
        location = reply.headers.get("location") if 300 <= reply.status < 400 else None
        return Got(fact, reply, None if location is None else self._front.within(path, location))

    def _fact(self, path: str, **seen: object) -> HttpReply:
        front = self._front
        return HttpReply(url=front.url(path), endpoint=front.endpoint, via=front.way.via, flow=front.flow, **seen)  # type: ignore[arg-type]


def quoted(text: str) -> str:
    """As browsers send it: what no request line may hold is escaped, what is escaped stays so."""
    return quote(text, safe="%/:@!$&'()*+,;=~?", encoding="latin-1", errors="replace")


def _seen(reply: Reply) -> dict[str, object]:
    says = [mark for mark, found in (("jitsi", _is_jitsi(reply)), ("janus", _JANUS_INFO.search(reply.body))) if found]
    location = reply.headers.get("location")
    return {
        "status": reply.status,
        "server": clean(reply.headers.get("server", "")) or None,
        "location": None if location is None else bare_url(location),
        "content_type": clean(reply.headers.get("content-type", "")) or None,
        "date": http_date(reply.headers.get("date", "")),
        "says": tuple(says),
        "failure": Failure.HTTP_STATUS if reply.status >= 400 else None,
    }


def _is_jitsi(reply: Reply) -> bool:
    kind = reply.headers.get("content-type", "")
    if "javascript" in kind:
        first = islice(_JITSI_CONFIG.finditer(reply.body[:65536]), 20)
        return any(_JITSI_KEYS.search(reply.body, each.end(), each.end() + 4000) for each in first)
    return bool(_JITSI_PAGE.search(reply.body))
