"""The web front: HTTP/1.1 by h11, over real TLS by OpenSSL in memory."""

from __future__ import annotations

import json
import ssl
from collections.abc import Callable, Mapping
from typing import NamedTuple, TypeVar

import h11

from natprobe.net.api import Stream
from tests.case import Web
from tests.lab.certificates import server_context
from tests.lab.host import LabHost

T = TypeVar("T")

_CONFIG_JS = """\
var config = {{
    hosts: {{ domain: '{name}', muc: 'conference.{name}' }},
}};
"""
_JANUS_INFO = {
    "janus": "server_info",
    "name": "Janus WebRTC Server",
    "version": 1102,
    "version_string": "1.1.2",
    "author": "Meetecho s.r.l.",
    "ice-lite": False,
    "ice-tcp": False,
    "full-trickle": True,
    "mdns-enabled": True,
    "accepting-new-sessions": True,
    "transports": {"janus.transport.http": {"name": "JANUS REST (HTTP/HTTPS) transport plugin"}},
    "plugins": {"janus.plugin.videoroom": {"name": "JANUS VideoRoom plugin"}},
}


class Page(NamedTuple):
    """What a path answers."""

    status: int
    kind: str
    body: bytes
    location: str | None = None


def start(host: LabHost, web: Web, name: str) -> None:
    """Opens 443 and 80 as the case says; `down` is its firewall's business (build.py)."""
    if web.state == "refused":
        return
    pages = _pages(web, name)
    if web.state == "http-only":
        host.listen(80, lambda stream: _http(stream, pages))
        return
    context = server_context(web.certificate, name)
    host.listen(443, lambda stream: _https(stream, context, pages))
    host.listen(80, lambda stream: _http(stream, {}, redirect=f"https://{name}"))


def _pages(web: Web, name: str) -> dict[str, Page]:
    jitsi = web.state in ("jitsi", "http-only")
    title = "Jitsi Meet" if jitsi else "Welcome"
    pages = {"/": Page(200, "text/html", f"<!DOCTYPE html><html><head><title>{title}</title></head></html>".encode())}
    if jitsi:
        pages["/config.js"] = Page(200, "application/javascript", _CONFIG_JS.format(name=name).encode())
    if web.state == "janus":
        pages["/janus/info"] = Page(200, "application/json", json.dumps(_JANUS_INFO).encode())
    return pages


async def _https(stream: Stream, context: ssl.SSLContext, pages: Mapping[str, Page]) -> None:
    tls = ServerTls(stream, context)
    await tls.handshake()
    await _http(tls, pages)


async def _http(stream: Stream, pages: Mapping[str, Page], redirect: str | None = None) -> None:
    """Answers requests until the client closes."""
    http = h11.Connection(h11.SERVER)
    while True:
        event = http.next_event()
        if event is h11.NEED_DATA:
            http.receive_data(await stream.read())
        elif isinstance(event, h11.Request):
            await stream.write(_answer(http, _page(event.target.decode(), pages, redirect)))
        elif isinstance(event, h11.ConnectionClosed):
            return
        elif event is h11.PAUSED:
            http.start_next_cycle()


def _page(target: str, pages: Mapping[str, Page], redirect: str | None) -> Page:
    if redirect is not None:
        return Page(301, "text/html", b"", redirect + target)
    return pages.get(target.partition("?")[0], Page(404, "text/html", b"not here"))


def _answer(http: h11.Connection, page: Page) -> bytes:
    headers = [("Server", "lab"), ("Content-Type", page.kind), ("Content-Length", str(len(page.body)))]
    headers += [("Location", page.location)] if page.location else []
    events = (h11.Response(status_code=page.status, headers=headers), h11.Data(page.body), h11.EndOfMessage())
    return b"".join(http.send(event) or b"" for event in events)


class ServerTls:
    """The server's end of TLS over a stream; itself a stream."""

    def __init__(self, stream: Stream, context: ssl.SSLContext) -> None:
        self._stream = stream
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        self.local, self.remote = stream.local, stream.remote

    async def handshake(self) -> None:
        await self._pump(self._tls.do_handshake)

    async def read(self, limit: int = 65536) -> bytes:
        try:
            return await self._pump(lambda: self._tls.read(limit))
        except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
            return b""

    async def write(self, data: bytes) -> None:
        await self._pump(lambda: self._tls.write(data))

    def close(self) -> None:
        self._stream.close()

    async def _pump(self, step: Callable[[], T]) -> T:
        while True:
            try:
                return step()
            except ssl.SSLWantReadError:
                await self._flush()
                if data := await self._stream.read():
                    self._incoming.write(data)
                else:
                    self._incoming.write_eof()
            finally:
                await self._flush()

    async def _flush(self) -> None:
        if data := self._outgoing.read():
            await self._stream.write(data)
