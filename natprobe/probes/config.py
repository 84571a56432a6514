"""Jitsi's config.js, as its client gets it: from the page's own origin, and read as data."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import closing
from itertools import zip_longest
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import msgspec

from natprobe.asking import ahead
from natprobe.asking.handshakes import HANDSHAKE_SECONDS
from natprobe.asking.pages import Front, Got, Pages, quoted
from natprobe.asking.secured import secured
from natprobe.asking.together import any_of
from natprobe.asking.ways import Way, by_proxy, straight
from natprobe.context import Context
from natprobe.derive import target_addresses
from natprobe.facts import Facts, HttpReply, JitsiConfig, ProxyChoice, Resolved
from natprobe.model import Address, Failure, Observation, clip, family
from natprobe.net.api import Stream
from natprobe.net.failure import failure_of
from natprobe.wire.text import clean

if TYPE_CHECKING:
    from natprobe.servers.jitsi.config_js import Settings

REQUIRES = ()
TAKES = (ProxyChoice, Resolved)
YIELDS = (HttpReply, JitsiConfig)
TIMEOUT = 12.0

KINDS = ("auto", "jitsi")
ADDRESSES_MAX = 6
# The file with all its redirects; its body alone, and how long that may be.
FILE_SECONDS = 4.0
BODY_SECONDS = 2.0
BODY_MAX = 1 << 20


async def probe(ctx: Context, facts: Facts) -> AsyncIterator[Observation]:
    """In parallel to the web probe, on a connection of its own: signalling begins with this answer."""
    if ctx.target.kind not in KINDS:
        return
    port = 443 if ctx.target.scheme == "http" else ctx.target.port
    proxied = await by_proxy(ctx, ctx.target.host, port)
    ways = proxied or straight(_in_turn(ctx, target_addresses(facts)))
    if not ways:
        return
    _load()
    visit = Visit(ctx, ways)
    plain = ctx.target.scheme == "http" and not proxied  # no browser asks a proxy for a tunnel to a page without TLS
    async for seen in visit.observe(ctx.target.port if plain else port, secure=not plain):
        yield seen
    if visit.secured:  # an http: link, and the page is at https: of the same host
        async for seen in visit.observe(443, secure=True):
            yield seen
    found = visit.result()
    if found is None or found.failure is not None:
        await ahead.end(ctx)
    if found is not None:
        yield found


def _load() -> None:
    """What the answer is read with, and before anything is sent: later it would hold up answers that are timed."""
    import natprobe.net.http  # noqa: F401  # h11
    from natprobe.servers.jitsi import javascript

    javascript.load()


def _in_turn(ctx: Context, addresses: list[Address]) -> list[Address]:
    """The families by turns, IPv6 first (RFC 8305 section 4)."""
    wanted = [each for each in addresses if family(each) in ctx.options.families]
    pairs = zip_longest(*([each for each in wanted if family(each) == version] for version in (6, 4)))
    return [each for pair in pairs for each in pair if each is not None][:ADDRESSES_MAX]


class _Line:
    """A connection by one way."""

    stream: Stream

    def __init__(self, front: Front) -> None:
        self.front = front

    async def begin(self) -> _Line:
        """Raises OSError."""
        self.stream = await self.front.connect()
        return self

    def close(self) -> None:
        """Ends the connection that was made."""
        self.stream.close()


class Visit:
    """The search for config.js, by the first way that takes a connection."""

    def __init__(self, ctx: Context, ways: tuple[Way, ...]) -> None:
        self._ctx, self._ways = ctx, ways
        self._found: JitsiConfig | None = None
        self._jitsi = ctx.target.kind == "jitsi"
        self.secured = False

    def result(self) -> JitsiConfig | None:
        """What was found; what went wrong only where this is a Jitsi, by its own words or the user's."""
        found = self._found
        return found if found is not None and (found.failure is None or self._jitsi) else None

    async def observe(self, port: int, *, secure: bool) -> AsyncIterator[Observation]:
        """The tenant's file, then that of the whole site."""
        lines = [_Line(Front(self._ctx, way, port, secure=secure)) for way in self._ways]
        front, self.secured = lines[0].front, False
        try:
            with closing(await any_of([each.begin for each in lines])) as line:
                front, stream = line.front, line.stream
                if secure:
                    ahead.begin(self._ctx, front.way, port)
                pages = Pages(front, await self._secured(stream) if secure else stream)
                for place in self._places():
                    async for reply in self._file(front, pages, place):
                        yield reply
                    if not pages.open or (self._found is not None and self._found.failure is None):
                        return
        except (OSError, EOFError, TimeoutError) as exc:
            self._found = _failed(front, "/", *failure_of(exc))

    async def _secured(self, stream: Stream) -> Stream:
        """Where the certificate is bad the web probe tells why."""
        async with asyncio.timeout(HANDSHAKE_SECONDS):
            return await secured(self._ctx, stream, self._ctx.target.host)

    def _places(self) -> list[str]:
        tenant = self._ctx.options.tenant
        return [f"/{quoted(tenant)}/", "/"] if tenant else ["/"]

    async def _file(self, front: Front, pages: Pages, place: str) -> AsyncIterator[HttpReply]:
        until = self._ctx.net.now() + FILE_SECONDS
        async for got in pages.follow(f"{place}config.js", until, body_max=BODY_MAX + 1, body_seconds=BODY_SECONDS):
            self._found, fact = self._read(front, got, place), got.fact
            if self._found.failure is None:
                fact = msgspec.structs.replace(fact, says=("jitsi",))
            self._jitsi = self._jitsi or "jitsi" in fact.says
            self.secured = not front.secure and _leads_to_https(fact, self._ctx.target.host)
            yield fact

    def _read(self, front: Front, got: Got, place: str) -> JitsiConfig:
        from natprobe.servers.jitsi.config_js import Unreadable, read

        if got.reply is None or not 200 <= got.reply.status < 300:
            failure = got.fact.failure or Failure.HTTP_STATUS
            return _failed(front, place, failure, got.fact.detail or f"HTTP status {got.fact.status}")
        if len(got.reply.body) > BODY_MAX:
            return _failed(front, place, Failure.PROTOCOL, f"config.js is longer than {BODY_MAX >> 20} MiB")
        try:
            settings = read(got.reply.body.decode(errors="replace"), front.url(place), self._ctx.net.now)
        except Unreadable as exc:
            return _failed(front, place, Failure.PROTOCOL, f"config.js: {exc}")
        return _config(front, place, settings, got.reply.headers.get("x-jitsi-shard"))


def _failed(front: Front, place: str, failure: Failure, detail: str) -> JitsiConfig:
    return _fact(front, place, failure=failure, detail=clip(detail, 200))


def _config(front: Front, place: str, settings: Settings, shard: str | None) -> JitsiConfig:
    """The proxy's word on the shard counts where config.js has none."""
    told = msgspec.structs.asdict(settings)
    line = told.pop("error_line")
    told["shard"] = told["shard"] or (clean(shard or "") or None)
    return _fact(
        front, place, detail="" if line is None else f"line {line} is no JavaScript: browsers stop there", **told
    )


def _fact(front: Front, place: str, **seen: Any) -> JitsiConfig:
    url = front.url(f"{place}config.js")
    return JitsiConfig(url=url, endpoint=front.endpoint, via=front.way.via, flow=front.flow, **seen)


def _leads_to_https(fact: HttpReply, host: str) -> bool:
    """To the same host's usual port."""
    url = urlsplit(fact.location or "")
    return url.scheme == "https" and url.hostname == host and url.netloc.lower() in (host, f"{host}:443")
