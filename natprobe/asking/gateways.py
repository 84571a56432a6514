"""The ways into Janus's API at one address: each asked for `info`, which needs no secret and proves what answers."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlsplit

from natprobe.addresses import address_class
from natprobe.asking.secured import secured
from natprobe.asking.ways import Way
from natprobe.context import Context
from natprobe.facts import JanusDoor, JanusInfo
from natprobe.model import Data, Endpoint, Failure, Target, clip, flow, join
from natprobe.net.api import Stream
from natprobe.net.failure import failure_of
from natprobe.wire.text import clean

if TYPE_CHECKING:
    from natprobe.net.http import Client, Reply
    from natprobe.net.janus import JanusApi
    from natprobe.wire.janus import Event

Reached = Literal["nothing", "connection", "tls", "upgrade", "answer"]
Transport = Literal["http", "websocket"]
Why = Literal["target", "usual", "sibling"]
_STEPS: tuple[Reached, ...] = ("nothing", "connection", "tls", "upgrade", "answer")


class Gate(Data, frozen=True, kw_only=True):
    """Where one transport of the API begins. `origin`: of the page that a browser would be on."""

    transport: Transport
    secure: bool
    host: str
    port: int
    path: str
    origin: str
    why: Why = "usual"

    @property
    def authority(self) -> str:
        """The Host header (RFC 9110 section 7.2). A zone means nothing to the other end (RFC 6874)."""
        bare = self.host.partition("%")[0]
        host = f"[{bare}]" if ":" in bare else bare
        return host if self.port == (443 if self.secure else 80) else f"{host}:{self.port}"

    @property
    def url(self) -> str:
        """As its users write it."""
        scheme = {"http": "http", "websocket": "ws"}[self.transport] + ("s" if self.secure else "")
        return clip(f"{scheme}://{self.authority}{self.path}", 600)


def page_of(target: Target) -> tuple[int, bool]:
    """The port of the page that a browser would be on, and whether over TLS; an API's own port is no page's."""
    if target.scheme in ("https", "http"):
        return target.port, target.scheme == "https"
    return 443, True


def gate_on(
    target: Target, transport: Transport, port: int, path: str, *, secure: bool = True, why: Why = "usual"
) -> Gate:
    """One of the target's."""
    at, over_tls = page_of(target)
    page = Gate(transport="http", secure=over_tls, host=target.host, port=at, path="", origin="")
    return Gate(transport=transport, secure=secure, host=target.host, port=port, path=path, origin=page.url, why=why)


def gate_of(target: Target, door: JanusDoor) -> Gate:
    """The same way in, to be asked at another address."""
    parts = urlsplit(door.url)
    secure = parts.scheme in ("https", "wss")
    port = parts.port or (443 if secure else 80)
    return gate_on(target, door.transport, port, parts.path or "/", secure=secure, why="sibling")


class Proven:
    """A way in that Janus answered through. It lies in the drawer until the run ends. `private`: nobody reads along.

    `began` (on the net's clock) and `took` (seconds): until Janus answered. `taken`: somebody else closes it.
    """

    def __init__(self, gate: Gate, way: Way, api: JanusApi, began: float, took: float) -> None:
        self.gate, self.way, self.api, self.began, self.took = gate, way, api, began, took
        self.private = False
        self.taken = False

    @property
    def endpoint(self) -> str:
        """Where it is."""
        return self.way.endpoint(self.gate.port)

    async def aclose(self) -> None:
        """At once: what was begun through it is ended by the one who began it."""
        if not self.taken:
            self.api.close()


class Line:
    """A connection that the web front's look at Janus's `info` left open, its answer, and how long all that took
    (seconds, and from the question on). It lies in the drawer until somebody goes on with it, or the run ends.
    """

    def __init__(self, stream: Stream, client: Client, reply: Reply, seconds: float, rtt_ms: float) -> None:
        self.stream, self.client, self.reply = stream, client, reply
        self.seconds, self.rtt_ms = seconds, rtt_ms
        self.taken = False

    async def aclose(self) -> None:
        """At once, unless somebody went on with it, who has more to say."""
        if not self.taken:
            self.stream.close()


def _left_open(ctx: Context, key: str) -> Line | None:
    """It is there for the first who asks."""
    found = ctx.keep.get(key, Line)
    if found is None or found.taken:
        return None
    found.taken = True
    return found


def line_key(url: str, endpoint: Endpoint) -> str:
    """Where it lies."""
    return f"janus-line/{url}@{endpoint}"


class Knock:
    """One gate by one way, step by step. `proven` where Janus answered."""

    def __init__(self, ctx: Context, gate: Gate, way: Way) -> None:
        self._ctx, self._gate, self._way = ctx, gate, way
        self._endpoint = way.endpoint(gate.port)
        self._begun = _left_open(ctx, line_key(gate.url, self._endpoint))
        self._local: str | None = None
        self._reached: Reached = "nothing"
        self._reply: Reply | None = None
        self._api: JanusApi | None = None
        self._asked_at = 0.0
        self._cookies: dict[bytes, bytes] = {}
        self._streams: list[Stream] = []
        self._began = ctx.net.now()
        self.proven: Proven | None = None
        self.said: Event | None = None

    async def run(self) -> JanusDoor:
        """As far as it goes; the deadline is the caller's (`late`)."""
        from natprobe.net.http import FAULTS, Refused
        from natprobe.wire.janus import JanusError

        try:
            self._api = await self._opened()
            self._asked_at = self._ctx.net.now()
            self.said = await self._info(self._api)
        except (*FAULTS, JanusError) as exc:
            self._reply = exc.reply if isinstance(exc, Refused) else self._reply
            self.close()
            return self._fact(*failure_of(exc))
        self._reached, now = "answer", self._ctx.net.now()
        took = now - self._began if self._begun is None else self._begun.seconds
        self.proven = Proven(self._gate, self._way, self._api, self._began, took)
        local = self._way.proxy is None and address_class(self._way.address) == "loopback"
        self.proven.private = local or (self._gate.secure and not self._ctx.options.insecure)
        if self.said.info is None:
            refused = Failure.ERROR_RESPONSE if self.said.word == "error" else Failure.PROTOCOL
            return self._fact(refused, self.said.reason, self._ms(now))
        return self._fact(None, "", self._ms(now))

    def late(self) -> JanusDoor:
        """What is known where the time is over."""
        self.close()
        return self._fact(Failure.TIMEOUT, "")

    def told(self) -> JanusInfo | None:
        """What Janus said of itself."""
        info = None if self.said is None else self.said.info
        if info is None:
            return None
        return JanusInfo(
            url=self._gate.url,
            endpoint=self._endpoint,
            flow=flow("tcp", self._local, self._endpoint),
            **info._asdict(),
        )

    def close(self) -> None:
        """At once. Idempotent."""
        if self._api is not None:
            self._api.close()
        for each in self._streams:
            each.close()

    # --- steps

    async def _opened(self) -> JanusApi:
        """What requests go over: the connection, TLS, the upgrade."""
        from natprobe.net.janus import SUBPROTOCOL, JanusHttp, JanusWebSocket

        gate = self._gate
        if gate.transport == "http":
            first = await self._client() if self._begun is None else self._taken_over(self._begun)
            return JanusHttp(first, self._client, gate.path.rstrip("/"), gate.origin, self._ctx.random)
        from natprobe.net.websocket import upgrade

        stream = await self._line()
        socket = await upgrade(stream, gate.authority, gate.path, gate.origin, (SUBPROTOCOL,))
        self._note("upgrade")
        return JanusWebSocket(socket, self._ctx.random)

    async def _info(self, api: JanusApi) -> Event:
        """Asked for, unless the web front has the answer already."""
        if self._begun is None:
            return await api.info()
        from natprobe.net.janus import body_of
        from natprobe.wire.janus import read

        self._reply = self._begun.reply
        return read(body_of(self._reply))

    def _taken_over(self, line: Line) -> Client:
        line.taken = True
        self._streams.append(line.stream)
        self._local = join(*line.stream.local)
        self._note("tls" if self._gate.secure else "connection")
        return line.client

    async def _client(self) -> Client:
        from natprobe.net.http import Client

        return Client(await self._line(), self._gate.authority, self._cookies)

    async def _line(self) -> Stream:
        """TCP and, where the URL says so, TLS with the name in it."""
        stream = await self._way.open(self._ctx, self._gate.host, self._gate.port)
        self._streams.append(stream)
        self._local = self._local or join(*stream.local)
        self._note("connection")
        if not self._gate.secure:
            return stream
        with ExitStack() as failing:  # cut off in the middle, nobody else would close it
            failing.callback(stream.close)
            tls = await secured(self._ctx, stream, self._gate.host)
            failing.pop_all()
        self._note("tls")
        return tls

    def _note(self, step: Reached) -> None:
        if _STEPS.index(step) > _STEPS.index(self._reached):
            self._reached = step

    def _ms(self, now: float) -> float:
        if self._begun is not None:
            return self._begun.rtt_ms
        return round((now - self._asked_at) * 1000, 2)

    def _fact(self, failure: Failure | None, detail: str, rtt_ms: float | None = None) -> JanusDoor:
        reply = self._reply or (None if self._api is None else self._api.reply)
        headers = {} if reply is None else reply.headers
        gate = self._gate
        upgraded = reply is not None and reply.status == 101
        return JanusDoor(
            url=gate.url,
            transport=gate.transport,
            why=gate.why,
            endpoint=self._endpoint,
            via=self._way.via,
            local=self._local,
            reached=self._reached,
            status=None if reply is None else reply.status,
            server=clean(headers.get("server", "")) or None,
            content_type=clean(headers.get("content-type", "")) or None,
            subprotocol=headers.get("sec-websocket-protocol") == "janus-protocol" if upgraded else None,
            error_code=None if self.said is None else self.said.code,
            rtt_ms=rtt_ms,
            flow=flow("tcp", self._local, self._endpoint),
            failure=failure,
            detail=clip(clean(detail), 200),
        )


def best(found: Sequence[Proven]) -> Proven | None:
    """What the target names before what is usual, what nobody reads along before the rest, then who answered first."""
    return min(found, key=lambda each: (each.gate.why != "target", not each.private, each.took), default=None)
