"""Signing in to Jitsi's signalling as its client does, over one transport: each step, and where it ended."""

from __future__ import annotations

import asyncio
import contextlib
import re
from functools import partial
from ssl import SSLCertVerificationError
from typing import TYPE_CHECKING, Literal
from urllib.parse import quote, urlencode, urlsplit

from natprobe.addresses import address_class
from natprobe.asking.ahead import Ahead
from natprobe.asking.conferences import harmless
from natprobe.asking.patience import Patience
from natprobe.asking.secured import over
from natprobe.asking.together import any_of
from natprobe.asking.ways import Way
from natprobe.asking.xmpp import Framed, XmppSession, XmppStream
from natprobe.context import SIGN_IN, Context
from natprobe.facts import SignIn
from natprobe.model import Data, Failure, clip, flow, join
from natprobe.net.api import Stream
from natprobe.net.failure import failure_of
from natprobe.net.tls import TlsStream
from natprobe.pairing import Login
from natprobe.target import a_labels
from natprobe.wire import sasl, xmpp
from natprobe.wire.text import clean
from natprobe.wire.urls import authority

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

    from natprobe.net.bosh import Bosh
    from natprobe.net.http import Client, Reply

Step = Literal["nothing", "connection", "tls", "upgrade", "stream", "login", "binding"]

# The connection with TLS, the upgrade, the stream, the login, the binding: each has so long (seconds).
STEP_SECONDS = 3.0
GREETING_SECONDS = 1.5
# For what ends a login that failed, while others wait for it.
GOODBYE_SECONDS = 0.6
_ROUNDS_MAX, _GREETING_BYTES = 4, 16384
_GREETING = re.compile(rb"It works!|<title>\s*Prosody|Prosody (BOSH|WebSocket) endpoint", re.IGNORECASE)


class Door(Data, frozen=True, kw_only=True):
    """Where one transport begins. `origin` is the page's, as a browser sends it; `url` has nothing secret."""

    transport: Literal["websocket", "bosh"]
    url: str
    secure: bool
    host: str
    port: int
    path: str
    origin: str
    ways: tuple[Way, ...] = ()

    @property
    def host_header(self) -> str:
        """RFC 9110 section 7.2."""
        return authority(self.host, self.port, 443 if self.secure else 80)


def door(transport: Literal["websocket", "bosh"], url: str, page: str) -> Door | None:
    """The door that a URL of config.js names for a client on `page`. None for what is no such URL."""
    try:
        parts, here = urlsplit(url), urlsplit(page)
        secure = {"wss": True, "https": True, "ws": False, "http": False}.get(parts.scheme)
        if secure is None or not parts.hostname:
            return None
        return Door(
            transport=transport,
            url=url,
            secure=secure,
            host=a_labels(parts.hostname.rstrip(".")),
            port=parts.port or (443 if secure else 80),
            path=quote(parts.path or "/", safe="%/:@!$&'()*+,;=~"),
            origin=f"{here.scheme}://{here.netloc}",
        )
    except ValueError:  # a port, a bracket or a name that is none
        return None


class _Ended(Exception):
    """A step that the server refuses in words of the protocol."""

    def __init__(self, failure: Failure, detail: str, condition: str | None = None) -> None:
        super().__init__(detail)
        self.failure, self.detail, self.condition = failure, detail, condition


class SigningIn:
    """One attempt through one door, for the XMPP domain `domain`. `session`, once a resource is bound, is a taker's to
    close. It begins on a connection of `ahead` where one stands. `patience`: until the stream opens; `strict`: Bosh's.
    """

    def __init__(self, ctx: Context, way: Door, domain: str, room: str, ahead: Ahead | None = None) -> None:
        self._ctx, self._door, self._domain, self._room = ctx, way, domain, room
        self._ahead, self._began, self._private, self.strict = ahead, ctx.net.now(), False, False
        self.patience = Patience()
        self._login = ctx.keep.get(SIGN_IN, Login) or Login()
        self.session: XmppSession | None = None
        self._reached: Step = "nothing"
        self._stream: XmppStream | None = None
        self._bosh: Bosh | None = None
        self._under: list[Stream] = []
        self._reply: Reply | None = None
        self._cookies: dict[bytes, bytes] = {}
        self._mechanisms: tuple[str, ...] = ()

    async def run(self, *, seconds: float, binding: bool = True, curious: bool = True) -> SignIn:
        """As far as it goes, or only to the opened stream; where that failed, `curious` asks for the page there."""
        self._began, login, done = self._ctx.net.now(), self._login, False
        try:
            failure, detail, condition = await self._tried(seconds, binding)
            took = self._ctx.net.now() - self._began
            greets = None if failure is None else await self._given_up(curious)
            done = True
        finally:
            if not done:
                self._ctx.keep.put(f"leaving/{id(self)}", self)
        words = harmless(detail, self._room, login.token, login.user, login.password)
        return self._fact(failure, words, condition, greets, took)

    async def aclose(self) -> None:
        """Of an attempt that was broken off: the stream is ended, and the connections."""
        try:
            await self._goodbye()
        finally:
            self._close()

    async def _tried(self, seconds: float, binding: bool) -> tuple[Failure | None, str, str | None]:
        """What it failed with, in whose words, and the condition."""
        from natprobe.net.http import FAULTS

        try:
            async with asyncio.timeout(seconds):
                await self._go(binding)
        except _Ended as exc:
            return exc.failure, exc.detail, exc.condition
        except (*FAULTS, xmpp.XmppError, sasl.SaslError) as exc:
            failure, detail = failure_of(exc)
            return failure, *self._of_stream(exc, detail)
        finally:
            if self._bosh is not None:
                self._reply = self._bosh.reply  # not the goodbye's
        return None, "", None

    async def _given_up(self, curious: bool) -> bool | None:
        """Of an attempt that failed: a BOSH session is ended, and meanwhile the page there is asked for."""
        goodbye = asyncio.create_task(self._goodbye()) if self._bosh is not None else None
        try:
            curious = curious and self._reached in ("connection", "tls", "upgrade")
            greets = await self._greets() if curious else None
            if goodbye is not None:
                await goodbye
            return greets
        finally:
            if goodbye is not None:
                goodbye.cancel()
            self._close()

    async def _goodbye(self) -> None:
        """A server may keep a stream for a minute that nobody ends (XEP-0124 section 10)."""
        with contextlib.suppress(OSError, EOFError, TimeoutError, xmpp.XmppError):
            async with asyncio.timeout(GOODBYE_SECONDS):
                if self._stream is not None:
                    await self._stream.end(())

    # --- steps

    async def _go(self, binding: bool) -> None:
        early = None if self._ahead is None else await self._early(self._ahead)
        async with asyncio.timeout(STEP_SECONDS):
            line = early or await self._line()
        async with self.patience.bounded():
            async with asyncio.timeout(STEP_SECONDS):
                stream = await self._carried(line)
            async with asyncio.timeout(STEP_SECONDS):
                features = await self._features(stream)
        self._reached, self._mechanisms = "stream", xmpp.mechanisms(features)
        if not binding:
            async with asyncio.timeout(STEP_SECONDS):
                await stream.end(())
            self._close()
            return
        async with asyncio.timeout(STEP_SECONDS):
            await self._sign_in(stream)
            self._reached = "login"
            features = await self._features(stream)
        async with asyncio.timeout(STEP_SECONDS):
            await self._bind(stream, features)
        self._reached = "binding"

    async def _early(self, ahead: Ahead) -> Stream | None:
        """As though it had been connected just now; where it wasn't, nothing was sent yet."""
        made = await ahead.take()
        self._began = self._ctx.net.now() - (made.seconds if made is not None else 0)
        if made is None:
            return None
        self._under.append(made.stream)
        self._private = True
        self._note("tls")
        return made.stream

    async def _line(self) -> Stream:
        """TCP and, where the URL says so, TLS with the name in it. Nothing stays open where it is cut short."""
        stream = await self._tcp()
        if not self._door.secure:
            straight = all(each.proxy is None for each in self._door.ways)  # a proxy may be on this machine
            self._private = straight and address_class(stream.remote[0]) == "loopback"
            return stream
        try:
            tls = await self._tls(stream, verified=True)
            self._private = True
        except SSLCertVerificationError:
            if not self._ctx.options.insecure:
                raise
            tls = await self._tls(await self._tcp(), verified=False)
        self._note("tls")
        return tls

    async def _tcp(self) -> Stream:
        ways = [partial(each.open, self._ctx, self._door.host, self._door.port) for each in self._door.ways]
        if not ways:
            raise _Ended(Failure.NO_DATA, "no address that could be connected to")
        stream = await any_of(ways)
        self._under.append(stream)
        self._note("connection")
        return stream

    async def _tls(self, stream: Stream, *, verified: bool) -> TlsStream:
        tls, passed = over(self._ctx, stream, self._door.host, verified=verified), False
        try:
            await tls.handshake()
            passed = True
        finally:
            if not passed:
                stream.close()
        return tls

    async def _carried(self, line: Stream) -> XmppStream:
        """The upgrade, or BOSH's first request on its way."""
        if self._door.transport == "bosh":
            from natprobe.net.bosh import Bosh

            first = self._client(line)
            self._bosh = Bosh(first, self._another, self._resource, self._domain, self._ctx.random, self._door.origin)
            self._stream, self._bosh.strict = self._bosh, self.strict
            return self._bosh
        from natprobe.net.http import Refused
        from natprobe.net.websocket import upgrade

        try:
            socket = await upgrade(line, self._door.host_header, self._resource, self._door.origin)
        except Refused as exc:
            self._reply = exc.reply
            raise
        self._reply = socket.reply
        self._note("upgrade")
        self._stream = Framed(socket, self._domain)
        return self._stream

    async def _features(self, stream: XmppStream) -> Element:
        await stream.start()
        found = await stream.receive()
        if found.tag != f"{{{xmpp.STREAMS}}}features":
            raise xmpp.XmppError("a stream that begins without its features")
        return found

    async def _sign_in(self, stream: XmppStream) -> None:
        user = self._login.user.rpartition("@")[0] or self._login.user
        nonce = f"{self._ctx.random.getrandbits(128):032x}"
        chosen = sasl.choose(self._mechanisms, user, self._login.password, nonce, private=self._private)
        if chosen is None:
            kind = "for a user and a password on this line" if user else "that lets guests in"
            raise _Ended(Failure.UNSUPPORTED, f"the server offers no mechanism {kind}")
        await stream.send(xmpp.auth(chosen.name, chosen.first()))
        for _ in range(_ROUNDS_MAX):
            said = await stream.receive()
            if said.tag == f"{{{xmpp.SASL}}}success":
                return chosen.succeeded(said.text or "")
            if said.tag != f"{{{xmpp.SASL}}}challenge":
                raise _refused(said, Failure.UNAUTHORIZED)
            await stream.send(xmpp.auth_response(chosen.answer(said.text or "")))
        raise xmpp.XmppError("a login that does not end")

    async def _bind(self, stream: XmppStream, features: Element) -> None:
        """A resource of the server's choice, and the session of RFC 3921 where it is still wanted."""
        early: list[Element] = []
        result = await _asked(stream, xmpp.bind("bind"), "bind", early)
        if (jid := xmpp.bound_jid(result)) is None:
            raise xmpp.XmppError("a binding without an address")
        if xmpp.wants_session(features):
            await _asked(stream, xmpp.session("session"), "session", early)
        self.session = XmppSession(stream, jid, self._domain, self._ctx.random, self._room, early)

    # --- HTTP

    @property
    def _resource(self) -> str:
        """Path and query; the query has secrets in it."""
        asked = {"room": self._room} | ({"token": self._login.token} if self._login.token else {})
        return f"{self._door.path}?{urlencode(asked, quote_via=quote)}"

    def _client(self, line: Stream) -> Client:
        from natprobe.net.http import Client

        return Client(line, self._door.host_header, self._cookies)

    async def _another(self) -> Client:
        async with asyncio.timeout(STEP_SECONDS):
            return self._client(await self._line())

    async def _greets(self) -> bool | None:
        """Whether a plain GET of the same path is answered as Prosody answers it. None: not answered."""
        from natprobe.net.http import FAULTS

        try:
            async with asyncio.timeout(GREETING_SECONDS):
                line = await self._line()
                reply = await self._client(line).get(self._door.path, _GREETING_BYTES)
        except (*FAULTS, _Ended):
            return None
        return reply.status == 200 and bool(_GREETING.search(reply.body))

    # --- facts

    def _note(self, step: Step) -> None:
        """A step that worked, unless it is only repeated for another connection."""
        if _STEPS.index(step) > _STEPS.index(self._reached):
            self._reached = step

    def _of_stream(self, exc: BaseException, detail: str) -> tuple[str, str | None]:
        """What ended the stream, where the server said it; a BOSH answer counts as the upgrade."""
        if self._bosh is not None and self._bosh.answered:
            self._note("upgrade")
        if isinstance(exc, xmpp.StreamError):
            return exc.text, exc.condition
        return detail, None

    def _close(self) -> None:
        if self._stream is not None:
            self._stream.close()
        for each in self._under:
            each.close()

    def _fact(
        self, failure: Failure | None, detail: str, condition: str | None, greets: bool | None, took: float
    ) -> SignIn:
        reply = self._reply
        headers = {} if reply is None else reply.headers
        line = self._under[0] if self._under else None
        first = next(iter(self._door.ways), None)
        endpoint = join(*line.remote) if line else first.endpoint(self._door.port) if first else None
        local = None if line is None else join(*line.local)
        return SignIn(
            url=clip(self._door.url, 600),
            transport=self._door.transport,
            domain=clip(self._domain, 255),
            endpoint=endpoint,
            via=None if first is None else first.via,
            local=local,
            reached=self._reached,
            login="password" if self._login.user else "token" if self._login.token else "anonymous",
            status=None if reply is None else reply.status,
            server=clean(headers.get("server", "")) or None,
            content_type=clean(headers.get("content-type", "")) or None,
            greets=greets,
            mechanisms=tuple(clean(each, 40) for each in self._mechanisms),
            condition=condition,
            duration_ms=round(took * 1000, 2),
            flow="" if endpoint is None else flow("tcp", local, endpoint),
            failure=failure,
            detail=detail,
        )


_STEPS: tuple[Step, ...] = ("nothing", "connection", "tls", "upgrade", "stream", "login", "binding")


async def _asked(stream: XmppStream, stanza: str, stanza_id: str, early: list[Element]) -> Element:
    """The result of a request before there is a session; what comes beside it is kept."""
    await stream.send(stanza)
    while len(early) < 100:
        found = await stream.receive()
        if found.tag == f"{{{xmpp.CLIENT}}}iq" and found.get("id") == stanza_id:
            if found.get("type") != "result":
                raise _refused(found, Failure.ERROR_RESPONSE)
            return found
        early.append(found)
    raise xmpp.XmppError("no answer among a hundred stanzas")


def _refused(said: Element, failure: Failure) -> _Ended:
    return _Ended(failure, xmpp.error_text(said), xmpp.condition(said))
