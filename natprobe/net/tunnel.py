"""A tunnel through a proxy over a connected stream: CONNECT (RFC 9110 section 9.3.6) by h11, or SOCKS.

The proxy is asked for the host by its name, as browsers do. A password goes only to a proxy that asked for one in a way
that we know: Basic after a 407 (RFC 7617).
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, nullcontext
from http import HTTPStatus
from typing import TYPE_CHECKING, TypeVar

from natprobe import __version__
from natprobe.net.api import Denied, Said, Stream
from natprobe.pairing import ProxyAccess
from natprobe.proxy import Proxy
from natprobe.wire import socks
from natprobe.wire.socks import Reply, SocksError
from natprobe.wire.text import clean

if TYPE_CHECKING:
    import h11

# Entered before our password is told, and left when that was answered: whether it may be.
Leave = Callable[[], AbstractAsyncContextManager[bool]]

__all__ = ["Denied", "Said", "TunnelClosed", "TunnelError", "Tunnelled", "tunnelled"]

T = TypeVar("T")
# Of an answer: its head, and the body that is read only to ask again on the same connection.
HEAD_MAX = 16 * 1024
BODY_MAX = 64 * 1024
SCHEMES_MAX = 8
_READ = 4096
_SECRET_ASKED = 407
# A shorter password would be found in any word.
_SECRET_MIN = 4
# A challenge begins with a token that no `=` follows (RFC 9110 section 11.3); what is quoted is cut out before.
_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"')
_SCHEME = re.compile(r"[ \t]*([!#$%&'*+.^_`|~0-9A-Za-z-]{1,40})(?:[ \t]+(?![ \t=])|$)")
_CHALLENGE_MAX = 2000
# Where proxies say what went wrong: Squid, and RFC 9209.
_ERRORS = (b"x-squid-error", b"proxy-status")


class TunnelError(OSError):
    """The proxy's answer is none, or too long."""


class TunnelClosed(OSError):
    """The proxy closed the connection instead of an answer."""

    def __init__(self) -> None:
        super().__init__("the proxy closed the connection without an answer")


class Tunnelled:
    """A stream through a proxy. `local` and `remote` are those of the connection to it; `said` is its answer."""

    def __init__(self, stream: Stream, said: Said, first: bytes) -> None:
        self._stream, self.said, self._first = stream, said, first
        self.local, self.remote = stream.local, stream.remote

    async def read(self, limit: int = 65536) -> bytes:
        """See api.Stream. First what came right behind the proxy's answer."""
        if not self._first:
            return await self._stream.read(limit)
        chunk, self._first = self._first[:limit], self._first[limit:]
        return chunk

    async def write(self, data: bytes) -> None:
        """See api.Stream."""
        await self._stream.write(data)

    def close(self) -> None:
        """See api.Stream."""
        self._stream.close()


async def tunnelled(
    stream: Stream,
    proxy: Proxy,
    host: str,
    port: int,
    access: ProxyAccess | None,
    ca_pem: str | None,
    *,
    asked: bool = False,
    leave: Leave = lambda: nullcontext(True),
) -> Tunnelled:
    """Leads the stream, which is connected to the proxy, on to the host's port. `asked`: on another connection the
    proxy has asked for Basic already, and closed it. `leave`: to tell it the password. The stream stays the caller's
    to close where this fails.

    Raises Denied, TunnelError, TunnelClosed, ssl.SSLError of an https proxy, OSError. The deadline is the caller's.
    """
    try:
        if proxy.scheme == "https":
            stream = await _secured(stream, proxy.host, ca_pem)
        if proxy.tunnels:
            return await _Connect(stream, host, port, access, leave).run(asked=asked)
        if proxy.scheme == "socks5":
            return (await socks5(stream, socks.request(socks.CONNECT, host, port)))[0]
        return await _socks4(stream, host, port)
    except EOFError:
        raise TunnelClosed from None
    except SocksError as exc:
        raise TunnelError(str(exc)) from None


async def _secured(stream: Stream, name: str, ca_pem: str | None) -> Stream:
    from natprobe.net.tls import TlsStream, client_context

    context = client_context(ca_pem, ("http/1.1",), verified=True)
    session = TlsStream(stream, context, name.partition("%")[0])
    await session.handshake()
    return session


class _Connect:
    """One conversation with an HTTP proxy."""

    def __init__(self, stream: Stream, host: str, port: int, access: ProxyAccess | None, leave: Leave) -> None:
        import h11

        self._stream, self._leave = stream, leave
        bare = host.partition("%")[0]
        self._authority = (f"[{bare}]:{port}" if ":" in bare else f"{bare}:{port}").encode()
        self._secret = _basic(access)
        self._never_shown = [] if access is None else [access.password, self._secret.decode()[6:]]
        self._http = h11.Connection(h11.CLIENT, max_incomplete_event_size=HEAD_MAX)

    async def run(self, *, asked: bool) -> Tunnelled:
        """Raises Denied, TunnelError, EOFError, OSError."""
        import h11

        try:
            said = await (self._told() if asked else self._ask(b""))
            if self._may_answer(said):
                if not await self._drained():
                    raise Denied(said, reconnect=not asked)
                said = await self._told(said)
        except (h11.RemoteProtocolError, h11.LocalProtocolError):
            raise TunnelError("the proxy's answer is no HTTP") from None
        if not 200 <= (said.status or 0) < 300:
            raise Denied(said)
        return Tunnelled(self._stream, said, self._http.trailing_data[0])

    def _may_answer(self, said: Said) -> bool:
        basic = any(each.lower() == "basic" for each in said.schemes)
        return said.status == _SECRET_ASKED and basic and bool(self._secret) and not said.authenticated

    async def _told(self, refusal: Said | None = None) -> Said:
        """What the proxy says to our password; where it has refused that on another connection, not again."""
        async with self._leave() as may:
            if may:
                return await self._ask(self._secret)
        said = refusal or await self._ask(b"")
        return said._replace(authenticated=said.status == _SECRET_ASKED)

    async def _ask(self, secret: bytes) -> Said:
        import h11

        headers = [
            (b"Host", self._authority),
            (b"Proxy-Connection", b"keep-alive"),  # no standard knows it, and every browser sends it
            (b"User-Agent", f"natprobe/{__version__}".encode()),
            *([(b"Proxy-Authorization", secret)] if secret else []),
        ]
        request = h11.Request(method="CONNECT", target=self._authority, headers=headers)
        sent = [self._http.send(request), self._http.send(h11.EndOfMessage())]
        await self._stream.write(b"".join(each or b"" for each in sent))
        response = await self._response()
        said = _said(response, authenticated=bool(secret))
        return self._harmless(said) if secret else said

    def _harmless(self, said: Said) -> Said:
        """Without our secrets, should the proxy say them back."""

        def bare(text: str) -> str:
            for each in self._never_shown:
                text = text.replace(each, "…") if len(each) >= _SECRET_MIN else text
            return text

        return said._replace(error=bare(said.error), software=bare(said.software), schemes=(*map(bare, said.schemes),))

    async def _response(self) -> h11.Response:
        import h11

        taken = 0
        while True:
            event = self._http.next_event()
            if isinstance(event, h11.Response):
                return event
            if event is h11.NEED_DATA:
                taken += await self._feed()
            elif not isinstance(event, h11.InformationalResponse):
                raise EOFError
            if taken > HEAD_MAX:
                raise TunnelError("the head of the proxy's answer is too long")

    async def _feed(self) -> int:
        import h11

        data = await self._stream.read(_READ)
        if not data and self._http.their_state is h11.SEND_RESPONSE and not self._http.trailing_data[0]:
            raise EOFError
        self._http.receive_data(data)
        return len(data)

    async def _drained(self) -> bool:
        """The rest of a refusal, read so that the connection can be asked again. False: it can't."""
        import h11

        taken = 0
        try:
            while taken <= BODY_MAX and self._http.their_state is h11.SEND_BODY:
                event = self._http.next_event()
                taken += await self._feed() if event is h11.NEED_DATA else 0
        except (h11.RemoteProtocolError, OSError, EOFError):
            return False
        if self._http.their_state is not h11.DONE or self._http.our_state is not h11.DONE:
            return False
        self._http.start_next_cycle()
        return True


def _basic(access: ProxyAccess | None) -> bytes:
    """RFC 7617; empty where there is none, or none that could be told: a colon ends the user's name. What was no UTF-8
    in the environment goes as it is.
    """
    if access is None or ":" in access.user:
        return b""
    try:
        return b"Basic " + base64.b64encode(f"{access.user}:{access.password}".encode("utf-8", "surrogateescape"))
    except UnicodeEncodeError:  # half a surrogate pair
        return b""


def _said(response: h11.Response, *, authenticated: bool) -> Said:
    challenges = [value for name, value in response.headers if name == b"proxy-authenticate"]
    return Said(
        status=response.status_code,
        schemes=_schemes(challenges),
        error=_header(response, *_ERRORS) or _own_reason(response),
        software=_header(response, b"server", b"via"),
        authenticated=authenticated,
    )


def _header(response: h11.Response, *wanted: bytes) -> str:
    """The first of these that is there, fit for a report."""
    found = dict(reversed(list(response.headers)))
    return next((clean(found[name].decode("latin-1")) for name in wanted if name in found), "")


def _own_reason(response: h11.Response) -> str:
    """The reason phrase of a refusal, where it is not just the usual one of its status."""
    if 200 <= response.status_code < 300:
        return ""
    usual = {each.value: each.phrase for each in HTTPStatus}.get(response.status_code, "")
    reason = clean(bytes(response.reason).decode("latin-1"))
    return "" if reason.lower() == usual.lower() else reason


def _schemes(challenges: list[bytes]) -> tuple[str, ...]:
    """The names of all the ways to say who we are, once each, in the proxy's order."""
    found: dict[str, None] = {}
    for challenge in challenges[:SCHEMES_MAX]:
        text = _QUOTED.sub('""', challenge.decode("latin-1")[:_CHALLENGE_MAX])
        for part in text.split(","):
            if match := _SCHEME.match(part.rstrip()):
                found[match[1]] = None
    return tuple(found)[:SCHEMES_MAX]


async def socks5(stream: Stream, request: bytes) -> tuple[Tunnelled, Reply]:
    """A SOCKS5 request that was granted. Raises Denied, EOFError, SocksError, OSError."""
    heard = _Heard(stream)
    await stream.write(socks.GREETING)
    if await heard.until(socks.chosen, lambda _: 2) == socks.NOT_ACCEPTABLE:
        raise Denied(Said(reply=socks.NOT_ACCEPTABLE))
    await stream.write(request)
    reply = await heard.until(socks.reply, lambda each: each.size)
    said = Said(reply=reply.code)
    if reply.code != socks.SUCCEEDED:
        raise Denied(said)
    return Tunnelled(stream, said, heard.rest), reply


async def _socks4(stream: Stream, host: str, port: int) -> Tunnelled:
    heard = _Heard(stream)
    await stream.write(socks.request4(host.partition("%")[0], port))
    reply = await heard.until(socks.reply4, lambda each: each.size)
    if reply.code != socks.GRANTED:
        raise Denied(Said(reply=reply.code))
    return Tunnelled(stream, Said(reply=reply.code), heard.rest)


class _Heard:
    """What has come and was not understood yet."""

    def __init__(self, stream: Stream) -> None:
        self._stream, self.rest = stream, b""

    async def until(self, understand: Callable[[bytes], T | None], size: Callable[[T], int]) -> T:
        """The next message; every one of SOCKS is bounded by its own form. Raises EOFError, SocksError, OSError."""
        while (message := understand(self.rest)) is None:
            data = await self._stream.read(_READ)
            if not data:
                raise EOFError
            self.rest += data
        self.rest = self.rest[size(message) :]
        return message
