"""A Janus of ours on loopback, over HTTP and WebSocket at one port: it answers as told, and remembers what it was told.

Its words are those of Janus 1.1.2, taken from real exchanges.
"""

from __future__ import annotations

import asyncio
import json
import random
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, NamedTuple, TypeVar

from natprobe.context import JANUS_ACCESS, Context, Options
from natprobe.facts import Facts, Resolved
from natprobe.host.system import SystemHost
from natprobe.model import Observation
from natprobe.net.system import SystemNet
from natprobe.pairing import JanusAccess
from natprobe.run import Session, load_probe
from natprobe.target import parse
from tests.lab.certificates import root_pem
from tests.signing import frame, heard, upgraded

K = TypeVar("K", bound=Observation)
Json = dict[str, Any]

DIGEST = "38:E8:DB:81:BD:39:CA:7F:8B:B0:B2:60:3F:21:69:70:B3:D2:F5:67:4E:99:1A:76:32:3A:98:DA:F2:02:8B:65"
HOST = "candidate:1 1 udp 2015363583 203.0.113.10 20063 typ host"
PASSWORD = "FEs3lOcFaDpGlv8AdFchgr"
ANSWER = (
    "v=0\r\no=- 1 1 IN IP4 203.0.113.10\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0\r\na=ice-options:trickle\r\n"
    f"a=fingerprint:sha-256 {DIGEST}\r\na=extmap-allow-mixed\r\na=msid-semantic: WMS *\r\n"
    "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\nc=IN IP4 203.0.113.10\r\na=sendrecv\r\na=mid:0\r\na=rtcp-mux\r\n"
    f"a=ice-ufrag:Py7Z\r\na=ice-pwd:{PASSWORD}\r\na=ice-options:trickle\r\na=setup:passive\r\n"
    "a=rtpmap:111 opus/48000/2\r\na=msid:janus janus0\r\na=ssrc:779976386 cname:janus\r\n"
)
WHOLE = f"{ANSWER}a={HOST}\r\na=end-of-candidates\r\n"
INFO: Json = {
    "janus": "server_info",
    "name": "Janus WebRTC Server",
    "version": 1102,
    "version_string": "1.1.2",
    "local-ip": "203.0.113.10",
    "ipv6": False,
    "ice-lite": False,
    "ice-tcp": False,
    "full-trickle": False,
    "mdns-enabled": True,
    "api_secret": False,
    "auth_token": False,
    "accepting-new-sessions": True,
    "transports": {"janus.transport.http": {}, "janus.transport.websockets": {}},
    "plugins": {"janus.plugin.echotest": {"name": "JANUS EchoTest plugin"}},
}


class ScriptedJanus:
    """`refuses`: by request, Janus's error. `events`: what follows an offer, `sender` put in. `silent`: requests that
    nobody answers. `protocol`: what the upgrade names. `path`: where its API is.
    """

    def __init__(self, **told: Any) -> None:
        self.info: Json = INFO | told.get("info", {})
        self.refuses: dict[str, tuple[int, str]] = told.get("refuses", {})
        self.events: list[Json] = told.get("events", [event(WHOLE)])
        self.silent: set[str] = told.get("silent", set())
        self.protocol: bytes = told.get("protocol", b"janus-protocol")
        self.path: str = told.get("path", "/janus")
        self.secret: str = told.get("secret", "")
        self.closes: bool = told.get("closes", False)
        self.sessions: dict[int, asyncio.Queue[Json]] = {}
        self.heard: list[Json] = []
        self.heads: list[str] = []
        self._ids = iter(range(2976936206272079, 2**53))

    def words(self) -> list[str]:
        """The requests' names, in order."""
        return [each["janus"] for each in self.heard]

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await self._served(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):  # the client has gone, maybe without a word
            pass
        finally:
            writer.close()

    async def _served(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            peeked = await reader.readuntil(b"\r\n\r\n")
            if b"Upgrade: websocket" in peeked:
                return await self._socket(peeked, reader, writer)
            await self._request(peeked.decode(), reader, writer)
            if self.closes:
                return None

    async def _request(self, head: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.heads.append(head)
        method, target, _ = head.split(" ", 2)
        size = re.search(r"(?i)content-length: (\d+)", head)
        body = await reader.readexactly(int(size[1])) if size else b""
        path, _, query = target.partition("?")
        parts = path.removeprefix(self.path).strip("/").split("/") if path.startswith(self.path) else None
        if parts is None or (method == "GET" and parts not in (["info"],) and not (parts[0]).isdigit()):
            return self._page(writer, 404, b"<html>", "text/html")
        if parts == ["info"]:
            return self._json(writer, self.info)
        numbers = [int(each) for each in parts if each]
        if method == "GET":
            return await self._poll(writer, numbers[0], query)
        asked = json.loads(body) | dict(zip(("session_id", "handle_id"), numbers, strict=False))
        if asked["janus"] not in self.silent:
            self._json(writer, self._answer(asked))
        return None

    async def _poll(self, writer: asyncio.StreamWriter, session: int, query: str) -> None:
        if self.secret and f"apisecret={self.secret}" not in query:
            return self._json(writer, error(403, "Unauthorized request"))
        queue = self.sessions[session]
        found = [await queue.get()]
        while not queue.empty():
            found.append(queue.get_nowait())
        self._json(writer, found)
        return None

    async def _socket(self, head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.heads.append(head.decode())
        again = asyncio.StreamReader()
        again.feed_data(head)
        await upgraded(again, writer, self.protocol)
        pushing: list[asyncio.Task[None]] = []
        try:
            while True:
                asked = json.loads((await heard(reader)).partition(":")[2])
                if asked["janus"] in self.silent:
                    continue
                answer = self._answer(asked)
                writer.write(frame(json.dumps(answer)))
                if asked["janus"] == "create" and "data" in answer:
                    queue = self.sessions[answer["data"]["id"]]
                    pushing.append(asyncio.create_task(self._push(queue, writer)))
        finally:
            for each in pushing:
                each.cancel()

    async def _push(self, queue: asyncio.Queue[Json], writer: asyncio.StreamWriter) -> None:
        while True:
            writer.write(frame(json.dumps(await queue.get())))

    def _answer(self, asked: Json) -> Json:
        self.heard.append(asked)
        word = asked["janus"]
        common: Json = {"transaction": asked["transaction"]}
        if word == "info":
            return self.info | common
        if self.secret and asked.get("apisecret") != self.secret:
            return error(403, "Unauthorized request (wrong or missing secret/token)") | common
        if word in self.refuses:
            return error(*self.refuses[word]) | common
        if word == "create":
            self.sessions[number := next(self._ids)] = asyncio.Queue()
            return {"janus": "success", "data": {"id": number}} | common
        if word == "attach":
            return {"janus": "success", "session_id": asked["session_id"], "data": {"id": next(self._ids)}} | common
        if word == "destroy":
            self.sessions.pop(asked["session_id"]).put_nowait({"janus": "timeout"})
            return {"janus": "success", "session_id": asked["session_id"]} | common
        if word == "message":
            about = {"session_id": asked["session_id"], "sender": asked["handle_id"]}
            for each in self.events:
                self.sessions[asked["session_id"]].put_nowait(each | about)
        return {"janus": "ack", "session_id": asked["session_id"]} | common

    def _json(self, writer: asyncio.StreamWriter, said: Json | list[Json]) -> None:
        self._page(writer, 200, json.dumps(said).encode(), "application/json")

    def _page(self, writer: asyncio.StreamWriter, status: int, body: bytes, kind: str) -> None:
        closing = "Connection: close\r\n" if self.closes else ""
        size = f"Content-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n"
        writer.write(f"HTTP/1.1 {status} Words\r\nServer: front\r\n{closing}{size}".encode() + body)


def error(code: int, reason: str) -> Json:
    """Janus's own no."""
    return {"janus": "error", "error": {"code": code, "reason": reason}}


def event(sdp: str | None = None, **data: Any) -> Json:
    """What the plugin says, with an answer in it."""
    said: Json = {"janus": "event", "plugindata": {"plugin": "janus.plugin.echotest", "data": {"echotest": "event"}}}
    said["plugindata"]["data"] |= data
    return said | ({"jsep": {"type": "answer", "sdp": sdp}} if sdp else {})


def trickle(*lines: str, completed: bool = False) -> list[Json]:
    """Candidates in messages of their own."""
    found: list[Json] = [{"sdpMLineIndex": 0, "candidate": each} for each in lines]
    found += [{"completed": True}] if completed else []
    return [{"janus": "trickle", "candidate": each} for each in found]


class Seen(NamedTuple):
    """What was seen, and the drawer."""

    context: Context
    observations: tuple[Observation, ...]

    def of(self, kind: type[K], keep: Callable[[K], bool] = lambda _: True) -> list[K]:
        """Those of this kind."""
        return [each for each in self.observations if isinstance(each, kind) and keep(each)]

    def one(self, kind: type[K], keep: Callable[[K], bool] = lambda _: True) -> K:
        """The only one."""
        (found,) = self.of(kind, keep)
        return found


@asynccontextmanager
async def asked(
    target: str, *probes: str, kind: str = "auto", access: JanusAccess | None = None, **options: Any
) -> AsyncIterator[Seen]:
    """These probes, one after the other, of a name that leads to loopback; then the drawer is emptied as by a run."""
    context = Context(
        target=parse(target, kind).target,
        options=Options(families=(4,), ca_pem=root_pem(), stun=(), **options),
        net=SystemNet(),
        host=SystemHost(),
        random=random.Random(7),
        unix_time=1_800_000_000.0,
    )
    if access is not None:
        context.keep.put(JANUS_ACCESS, access)
    facts = Facts(context.target, [Resolved(name=context.target.host, family=4, by="system", addresses=("127.0.0.1",))])
    run = Session(context)
    run._facts = facts
    try:
        for name in probes:
            await run._guarded(name, load_probe(name))
        yield Seen(context, run.observations)
    finally:
        await asyncio.gather(*(each.aclose() for each in context.keep.close()))
