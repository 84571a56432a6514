"""A Jitsi server of few words for a few signed-in sessions: what a script says, a round trip later, in virtual time."""

from __future__ import annotations

import asyncio
import random
import types
from collections import deque
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, cast
from xml.etree.ElementTree import Element

import pytest

from natprobe import run
from natprobe.asking.xmpp import XmppSession
from natprobe.context import Context, Options
from natprobe.facts import Facts, JitsiConfig, Resolved, SignIn
from natprobe.host.api import Host
from natprobe.model import Observation
from natprobe.net.api import Net
from natprobe.target import parse
from natprobe.wire import jingle, xmpp
from tests.lab.clock import Clock

STANZAS = Path(__file__).parent.parent / "jitsi" / "stanzas"
HOST, WEB, WEB6 = "meet.example.test", "203.0.113.10", "2001:db8:f::10"
DOMAIN, MUC = "meet.jitsi", "muc.meet.jitsi"
JIDS = (
    "9c0f2a71-5d0e-4b7c-9f60-2f8c1d3e4a5b@meet.jitsi/AbCdEf12",
    "4be1d0c2-77aa-4c0f-8d0e-90b6a1c2d3e4@meet.jitsi/Xy",
    *(f"{number}be1d0c2-77aa-4c0f-8d0e-90b6a1c2d3e4@meet.jitsi/Xy" for number in (5, 6, 7)),
)
RTT = 0.1
# What stands in the fixed texts for the room, the nick and the JID of whoever is spoken to.
_ROOM, _NICK, _JID = "npr0be7f3a91@muc.meet.jitsi", "9c0f2a71", JIDS[0]

Script = Sequence[str | None]


@dataclass
class Server:
    """What it answers: names of fixed texts, None for nothing at all.

    `conference`: to each request in turn, the last for ever; `entry`: to each participant; `then`: what the focus sends
    to two once both are in, and then to whoever else comes in. `edit` changes a text before it is sent. `heard` has all
    that came, by participant.
    """

    conference: Script = ("server-conference-ready",)
    entry: Script = ("server-presence-own",) * len(JIDS)
    focus: str | None = "server-presence-focus"
    then: Script = ("server-disco", "server-session-initiate")
    metadata: bool = False
    close_at: str = ""
    edit: Callable[[str], str] = str
    heard: list[tuple[int, Element]] = field(default_factory=list)
    streams: list[Stream] = field(default_factory=list)
    inside: list[int] = field(default_factory=list)

    def receive(self, number: int, said: str) -> None:
        """A stanza of participant `number`."""
        stanza = xmpp.parse(said)
        self.heard.append((number, stanza))
        if self.close_at and self.close_at in said:
            self.streams[number - 1].drop()
        elif xmpp.child(stanza, "conference", jingle.FOCUS) is not None:
            asked = sum(1 for _, each in self.heard if xmpp.child(each, "conference", jingle.FOCUS) is not None)
            self.say(number, self.conference[min(asked, len(self.conference)) - 1], stanza_id=stanza.get("id"))
        elif xmpp.child(stanza, "x", jingle.MUC) is not None:
            self._enters(number, stanza.get("to") or "")

    def _enters(self, number: int, occupant: str) -> None:
        self.streams[number - 1].occupant = occupant
        answer = self.entry[number - 1]
        self.say(number, "server-metadata" if self.metadata else None)
        self.say(number, self.focus)
        self.say(number, answer)
        if answer == "server-presence-own":
            self.inside.append(number)
            told = {1: [], 2: self.inside}.get(len(self.inside), [number])
            for whom, each in ((whom, each) for each in self.then for whom in told):
                self.say(whom, each)

    def say(self, number: int, name: str | None, stanza_id: str | None = None) -> None:
        """The fixed text, with this participant's names in it, half a round trip from now."""
        if name is None:
            return
        stream = self.streams[number - 1]
        room, _, nick = stream.occupant.partition("/")
        said = (STANZAS / f"{name}.xml").read_text().strip()
        said = self.edit(
            said.replace(_JID, JIDS[number - 1]).replace(_ROOM, room or _ROOM).replace(_NICK, nick or _NICK)
        )
        if stanza_id:
            said = said.replace("id='c1'", f"id='{stanza_id}'")
        stream.later(said)

    def stanzas(self, number: int, name: str) -> list[Element]:
        """What this participant sent under this name, in order."""
        return [each for whose, each in self.heard if whose == number and xmpp.local(each) == name]


class Stream:
    """An XmppStream to it."""

    transport: Literal["websocket", "bosh"] = "websocket"

    def __init__(self, server: Server) -> None:
        self.server, self.occupant, self.ended = server, "", False
        server.streams.append(self)
        self._number = len(server.streams)
        self._inbox: asyncio.Queue[str | None] = asyncio.Queue()
        # The loop keeps no order among timers of one moment.
        self._to_us: deque[str | None] = deque()
        self._to_it: deque[str] = deque()

    def later(self, said: str | None) -> None:
        self._to_us.append(said)
        asyncio.get_running_loop().call_later(RTT / 2, lambda: self._inbox.put_nowait(self._to_us.popleft()))

    def drop(self) -> None:
        """The server ends it."""
        self.later(None)

    async def start(self) -> None:
        """Nothing to open."""

    async def send(self, stanza: str) -> None:
        self._to_it.append(stanza)
        arrives = lambda: self.server.receive(self._number, self._to_it.popleft())  # noqa: E731
        asyncio.get_running_loop().call_later(RTT / 2, arrives)

    async def receive(self) -> Element:
        said = await self._inbox.get()
        if said is None:
            raise EOFError("the server closed the stream")
        return xmpp.parse(said)

    async def end(self, stanzas: Sequence[str]) -> None:
        for each in stanzas:
            self.server.heard.append((self._number, xmpp.parse(each)))
        self.ended = True

    def close(self) -> None:
        """Nothing to free."""


class _Page:
    """A TCP stream to a server that reads one request and says one thing, or nothing."""

    local, remote = ("192.0.2.7", 40000), (WEB, 80)

    def __init__(self, net: Front) -> None:
        self._net, self._said = net, False

    async def write(self, data: bytes) -> None:
        self._net.requests.append(data)

    async def read(self, limit: int = 65536) -> bytes:
        await asyncio.sleep(RTT)
        if self._net.page is None:
            await asyncio.sleep(3600)
        said, self._said = self._said, True
        return b"" if said else self._net.page or b""

    def close(self) -> None:
        """Nothing to free."""


class Front:
    """A clock and, at the web front's address, a `page`; everything else is the script's."""

    def __init__(self, page: bytes | None) -> None:
        self.page = page
        self.requests: list[bytes] = []

    async def tcp(
        self, remote: tuple[str, int], local: str | None = None, ttl: int | None = None, segment: int | None = None
    ) -> _Page:
        assert (remote, local) == ((WEB, 80), None)
        return _Page(self)

    async def system_addresses(self, name: str, version: int) -> list[str]:
        raise OSError("no such name")

    def now(self) -> float:
        return asyncio.get_running_loop().time()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


@dataclass
class Joined:
    """A run of the join probe alone: what was seen, the server, the drawer's owner, and how long it took."""

    observations: list[Observation]
    server: Server
    context: Context
    seconds: float
    requests: list[bytes] = field(default_factory=list)

    def of(self, kind: type[Any]) -> list[Any]:
        return [each for each in self.observations if isinstance(each, kind)]

    def facts(self) -> Facts:
        return Facts(self.context.target, self.observations)


CONFIG = JitsiConfig(
    url=f"https://{HOST}/config.js",
    endpoint=f"{WEB}:443",
    domain=DOMAIN,
    muc=MUC,
    websocket=f"wss://{HOST}/xmpp-websocket",
)
SIGNED_IN = SignIn(
    url=f"wss://{HOST}/xmpp-websocket",
    transport="websocket",
    domain=DOMAIN,
    endpoint=f"{WEB}:443",
    reached="binding",
)
RESOLVED = Resolved(name=HOST, family=4, by="system", addresses=(WEB,))


def rooms(found: Joined) -> set[str]:
    """Every room that was spoken of, of every occupant."""
    spoken = [each.get("to") or "" for _, each in found.server.heard]
    return {each.partition("/")[0] for each in spoken if f"@{MUC}" in each}


def left(found: Joined) -> list[str]:
    """Whose way out was said."""
    return [each.get("to") or "" for _, each in found.server.heard if each.get("type") == "unavailable"]


def joined(
    server: Server,
    monkeypatch: pytest.MonkeyPatch,
    *,
    sessions: int | Collection[int] = 2,
    kept: dict[str, object] | None = None,
    before: Sequence[Observation] = (RESOLVED, CONFIG, SIGNED_IN),
    interrupt: float | None = None,
    page: bytes | None = None,
    room: str = "",
    **options: Any,
) -> Joined:
    """Runs it to its end; with `interrupt`, it is cancelled after so many seconds. `sessions`: how many signed in, or
    which. `page`: the web front's answer.
    """
    clock, net = Clock(), Front(page)
    context = Context(
        target=parse(HOST).target,
        options=Options(**options),
        net=cast(Net, net),
        host=cast(Host, types.SimpleNamespace(system=lambda: "linux")),
        random=random.Random(1),
        unix_time=1_795_345_678.0,
    )
    numbers = range(1, sessions + 1) if isinstance(sessions, int) else sessions
    found = clock.run(_run(server, monkeypatch, context, numbers, kept or {}, before, interrupt, room))
    found.requests = net.requests
    assert [each for each in found.observations if getattr(each, "status", "") == "crashed"] == []
    return found


async def _run(
    server: Server,
    monkeypatch: pytest.MonkeyPatch,
    context: Context,
    sessions: Collection[int],
    kept: dict[str, object],
    before: Sequence[Observation],
    interrupt: float | None,
    room: str,
) -> Joined:
    for key, thing in kept.items():
        context.keep.put(key, thing)
    for number in sessions:
        signed_in = XmppSession(Stream(server), JIDS[number - 1], DOMAIN, context.random, room)
        context.keep.put(f"jitsi/{number}", signed_in)
    monkeypatch.setattr(run, "SEQUENCE", ("before", "join"))
    real = run.load_probe
    monkeypatch.setattr(run, "load_probe", lambda name: _before(before) if name == "before" else real(name))
    session = run.Session(context)
    began = context.net.now()
    going = asyncio.create_task(session.go(("before", "join")))
    if interrupt is not None:
        await asyncio.sleep(interrupt)
        going.cancel()
    await asyncio.gather(going, return_exceptions=interrupt is not None)
    took = context.net.now() - began
    await asyncio.sleep(RTT)  # what is still on its way
    return Joined(list(session.observations), server, context, took)


def _before(observations: Sequence[Observation]) -> types.SimpleNamespace:
    """A probe that has seen this."""

    async def probe(_ctx: Context, _facts: Facts) -> AsyncIterator[Observation]:
        for each in observations:
            yield each

    kinds = (SignIn, JitsiConfig, Resolved)
    return types.SimpleNamespace(REQUIRES=(), TAKES=(), YIELDS=kinds, TIMEOUT=1.0, probe=probe)
