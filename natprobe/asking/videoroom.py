"""A room of ours in a Janus's videoroom, never listed and always destroyed, and a publisher of ours in it."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any

from natprobe.asking.janus_handles import STEP_SECONDS, Handle
from natprobe.asking.janus_session import GOODBYE_SECONDS, JanusSession, Refusal
from natprobe.context import JANUS_ACCESS, Context
from natprobe.pairing import JanusAccess
from natprobe.wire import videoroom
from natprobe.wire.janus import Event, Id, JanusError
from natprobe.wire.videoroom import LEVEL_ID, LEVEL_URI, Said

if TYPE_CHECKING:
    from collections.abc import Coroutine, Mapping

NAME = "natprobe"
# Until a remote publisher that was removed has left (seconds): its thread does that by itself.
LEAVING_SECONDS = 0.8
_TALK = ("talking", "stopped-talking")


class Heard:
    """What videoroom told of packets: by publisher and stream, each level and when."""

    def __init__(self) -> None:
        self._levels: dict[tuple[Id | None, int | None], dict[int, float]] = {}

    def take(self, said: Said, at: float) -> None:
        """An event of its, where it is of that kind."""
        if said.word in _TALK and said.level is not None:
            self._levels.setdefault((said.id, said.mindex), {}).setdefault(said.level, at)

    def of(self, publisher: Id | None, mindex: int) -> Mapping[int, float]:
        """Of one stream."""
        return self._levels.get((publisher, mindex), {})


class Room:
    """It lies in the drawer from before it is made: `aclose` destroys it and then the session, which is its own.

    `rtt`: the shortest time in seconds that an answer of its took. `heard`: what was told to us as a participant.
    """

    def __init__(self, ctx: Context, session: JanusSession) -> None:
        self._now, self.session = ctx.net.now, session
        # Nobody guesses it, and nobody else may enter or change it.
        self.id: Id = ctx.random.getrandbits(52) + 1
        self._secret, self.pin = (f"{ctx.random.getrandbits(96):024x}" for _ in range(2))
        known = ctx.keep.get(JANUS_ACCESS, JanusAccess)
        self._admin_key = known.admin_key if known is not None and session.private else ""
        self._handle: Id | None = None
        self._perhaps = False
        self._remote: Id | None = None
        self._forwarded: Id | None = None
        self._gone = asyncio.Event()
        self._ending: asyncio.Task[None] | None = None
        self._entered: asyncio.Future[Said] = asyncio.get_running_loop().create_future()
        self.rtt: float | None = None
        self.heard = Heard()

    async def make(self) -> Said:
        """Raises janus_session.Refusal, OSError, EOFError, TimeoutError, JanusError, as all that asks does."""
        self._handle = await self.session.attach(videoroom.PLUGIN, STEP_SECONDS)
        self.session.listen(self._handle, self._hear)
        try:
            return await self._create()
        except Refusal as exc:
            if exc.code != videoroom.INVALID:
                raise
        self.id = str(self.id)  # its rooms have names (string_ids)
        return await self._create()

    async def _create(self) -> Said:
        """Every packet is told of by itself: see wire/videoroom."""
        self._perhaps = True
        made = self.ask(
            "create",
            description=f"{NAME}-{self.pin[:8]}",
            is_private=True,
            permanent=False,
            pin=self.pin,
            publishers=3,
            audiocodec="opus",
            audiolevel_ext=True,
            audiolevel_event=True,
            audio_active_packets=1,
            audio_level_average=videoroom.MIDDLE,
            **({"admin_key": self._admin_key} if self._admin_key else {}),
        )
        try:
            return await made
        except Refusal:
            self._perhaps = False
            raise

    async def enter(self) -> Said:
        """As one who publishes nothing: such a one is told what is heard."""
        await self._asked("join", ptype="publisher", pin=self.pin, display=NAME)
        async with asyncio.timeout(STEP_SECONDS):
            return await asyncio.shield(self._entered)

    async def add_remote(self, **named: object) -> Said:
        """A remote publisher with two streams: of the other Janus, and of ourselves."""
        streams = [videoroom.stream(each) for each in (0, 1)]
        said = await self.ask("add_remote_publisher", display=NAME, streams=streams, **named)
        self._remote = said.id
        return said

    async def publish_remotely(self, publisher: Id | None, **named: object) -> Said:
        """Has a publisher's packets sent to another Janus."""
        self._forwarded = publisher
        key = {"admin_key": self._admin_key} if self._admin_key else {}  # lock_rtp_forward wants it here too
        return await self.ask("publish_remotely", publisher_id=publisher, remote_id=NAME, **named, **key)

    async def ask(self, word: str, **rest: object) -> Said:
        """What answers at once. Raises as `make` does."""
        began = self._now()
        answer = await self._asked(word, secret=self._secret, **rest)
        took = self._now() - began
        self.rtt = took if self.rtt is None else min(took, self.rtt)
        return videoroom.read(answer.said)

    async def _asked(self, word: str, **rest: object) -> Event:
        body = {"request": word, "room": self.id, **rest}
        answer = await self.session.request("message", handle=self._handle, seconds=STEP_SECONDS, body=body)
        if answer.code is not None:
            raise Refusal(answer)
        return answer

    def harmless(self, words: str) -> str:
        """A server's words without what we told it in confidence."""
        return "" if self._admin_key and self._admin_key in words else self.session.harmless(words)

    async def aclose(self) -> None:
        """Idempotent: who is cut while waiting leaves it going, for the drawer to wait for."""
        if self._ending is None:
            self._ending = asyncio.create_task(self._end())
        await asyncio.shield(self._ending)

    async def _end(self) -> None:
        """Those in it first: Janus keeps the ports of whoever is still there when the room goes (1.1.2, measured)."""
        try:
            if self._perhaps:
                await self._quietly(self._emptied(), LEAVING_SECONDS)
                await self._quietly(self.ask("destroy", permanent=False), GOODBYE_SECONDS)
        finally:
            self._entered.cancel()
            await self.session.aclose()

    async def _emptied(self) -> None:
        if self._remote is not None:
            await self.ask("remove_remote_publisher", id=self._remote)
            await self._gone.wait()
        if self._forwarded is not None:
            await self.ask("unpublish_remotely", publisher_id=self._forwarded, remote_id=NAME)

    @staticmethod
    async def _quietly(asking: Coroutine[Any, Any, object], seconds: float) -> None:
        """The other side may be gone; then there is nothing to say."""
        from natprobe.net.http import FAULTS

        with contextlib.suppress(*FAULTS, JanusError, Refusal):
            async with asyncio.timeout(seconds):
                await asking

    def _hear(self, event: Event) -> None:
        said = videoroom.read(event.said)
        self.heard.take(said, self._now())
        if said.leaving is not None and said.leaving == self._remote:
            self._gone.set()
        if self._entered.done():
            return
        if event.code is not None:
            self._entered.set_exception(Refusal(event))
        elif said.word == "joined":
            self._entered.set_result(said)


class Publisher(Handle):
    """One of ours, who sends audio with levels. `id`: what its room calls it. `heard`: what it told of its packets."""

    plugin = videoroom.PLUGIN
    extension = (LEVEL_ID, LEVEL_URI)

    def __init__(self, ctx: Context, room: Room, number: int) -> None:
        super().__init__(ctx, room.session, number)
        self.body = {
            "request": "joinandconfigure",
            "room": room.id,
            "ptype": "publisher",
            "pin": room.pin,
            "display": NAME,
        }
        self.id: Id | None = None
        self.heard = Heard()

    async def stands(self, seconds: float) -> bool:
        """Whether Janus says in time that media is up."""
        return await self._wait(lambda: self.up or self.over() is not None, seconds) and self.up

    def _of_plugin(self, event: Event) -> None:
        said = videoroom.read(event.said)
        self.heard.take(said, self._now())
        if said.word == "joined":
            self.id = said.id
        super()._of_plugin(event)
