"""A participant of ours in a Jitsi room: enters, answers what the focus asks, keeps the session that it is offered."""

from __future__ import annotations

import asyncio
import contextlib
import random
import re
from collections.abc import Callable, Collection, Iterable
from typing import TYPE_CHECKING, NamedTuple

from natprobe.asking.xmpp import XmppSession
from natprobe.context import Context
from natprobe.wire import jingle, xmpp
from natprobe.wire.jingle import Offer, Presence
from natprobe.wire.xmpp import XmppError

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

# The focus asks once or twice; what wants more answers than this waits for nothing.
ANSWERS_MAX = 50
# The nick that the focus takes where the room doesn't show whose it is.
_FOCUS_NICK = "focus"
_HEX = re.compile(r"[0-9a-f]{8}")


def throw_away(ctx: Context) -> str:
    """The name of a room that nobody else is in."""
    return f"natprobe-{ctx.random.getrandbits(64):016x}"


def nick_of(jid: str, taken: Collection[str], chance: random.Random) -> str:
    """The bridge calls an endpoint by its nick, eight hex digits; mod_muc_resource_validate may want the JID's own."""
    start = jid.partition("@")[0][:8]
    return start if _HEX.fullmatch(start) and start not in taken else f"{chance.getrandbits(32):08x}"


class Room(NamedTuple):
    """A room, who it was asked of (the focus' own JID, as far as it is known), and the domain that it belongs to."""

    jid: str
    focus: str
    domain: str


class Participant:
    """One of ours. What has happened to it so far stands in its attributes.

    `entered`, or `refused` with `words` as they came: how the room took it; `focus_at`: where the focus is in the
    room; `no_bridge`: its word.
    `offer`, or `fault` where what came was none; `ended`: why the session, or the stay in the room, was ended.
    """

    def __init__(self, session: XmppSession, room: Room, nick: str, now: Callable[[], float]) -> None:
        self.session, self.room, self.occupant = session, room, f"{room.jid}/{nick}"
        self.entered: float | None = None
        self.refused: str | None = None
        self.words = ""
        self.focus_at: str | None = None
        self.no_bridge = False
        self.offer: Offer | None = None
        self.offered: float | None = None
        self.fault: XmppError | None = None
        self.ended: str | None = None
        self.metadata: str | None = None
        self.began = now()
        self._now = now
        self._changed = asyncio.Event()
        self._answers: asyncio.Queue[str] = asyncio.Queue(ANSWERS_MAX)
        self._answering = asyncio.create_task(self._answer())

    @property
    def lost(self) -> bool:
        """Whether the signalling is gone."""
        return self.session.closed.is_set()

    @property
    def admitted(self) -> bool:
        """Whether the room has said yes or no."""
        return self.entered is not None or self.refused is not None or self.ended is not None

    @property
    def settled(self) -> bool:
        """Whether a session came, or it is known that none will."""
        return any((self.offer, self.fault, self.no_bridge, self.ended is not None, self.refused is not None))

    async def enter(self, seconds: float) -> None:
        """Goes in, and waits so long for a yes or no. Whatever follows, the way out is said before the stream ends."""
        self.session.listen(self._heard)
        self.session.closing(xmpp.unavailable(self.occupant))
        self.began = self._now()
        with contextlib.suppress(OSError, EOFError):
            await self.session.send(jingle.enter(self.occupant))
        await self._wait(lambda: self.admitted, seconds)

    async def invited(self, seconds: float) -> None:
        """Waits so long for a session."""
        await self._wait(lambda: self.settled, seconds)

    async def aclose(self) -> None:
        """No more answers; the session itself is closed by the one who opened it."""
        self._answering.cancel()
        await asyncio.gather(self._answering, return_exceptions=True)

    async def _wait(self, done: Callable[[], bool], seconds: float) -> None:
        gone = asyncio.create_task(self.session.closed.wait())
        try:
            async with asyncio.timeout(max(seconds, 0)):
                while not done() and not self.lost:
                    self._changed.clear()
                    change = asyncio.create_task(self._changed.wait())
                    try:
                        await asyncio.wait((gone, change), return_when=asyncio.FIRST_COMPLETED)
                    finally:
                        change.cancel()
        except TimeoutError:
            pass
        finally:
            gone.cancel()

    async def _answer(self) -> None:
        with contextlib.suppress(OSError, EOFError):
            while True:
                await self.session.send(await self._answers.get())

    # --- what comes

    def _heard(self, stanza: Element) -> bool:
        """As XmppSession.listen wants it. What is not taken and wants an answer gets service-unavailable there."""
        taken = self._in_room(stanza) or self._asked(stanza) or self._told(stanza)
        if taken:
            self._changed.set()
        return taken

    def _in_room(self, stanza: Element) -> bool:
        seen = jingle.read_presence(stanza, self.room.jid)
        if seen is None:
            return False
        if seen.refused is not None and not self.admitted:
            self.refused, self.words = seen.refused, seen.text
        elif seen.own or f"{self.room.jid}/{seen.nick}" == self.occupant:
            self._own(seen)
        elif seen.here and self._is_focus(seen):
            self.focus_at = f"{self.room.jid}/{seen.nick}"
            self.no_bridge = seen.no_bridge
        return True

    def _own(self, seen: Presence) -> None:
        if not seen.here:
            self.ended = self.ended or "removed-from-room"
        elif seen.own and self.entered is None:
            self.entered = self._now()

    def _is_focus(self, seen: Presence) -> bool:
        """By its real JID, as clients do; by its nick where the room hides that, or nobody said what it is."""
        if seen.jid and self.room.focus:
            return seen.jid.partition("/")[0] == self.room.focus.partition("/")[0]
        return seen.nick == _FOCUS_NICK

    def _asked(self, stanza: Element) -> bool:
        """Only the focus may ask, and only it may offer a session."""
        if stanza.get("from") != (self.focus_at or f"{self.room.jid}/{_FOCUS_NICK}"):
            return False
        if jingle.is_disco(stanza):
            self._reply(jingle.disco_answer(stanza))
            return True
        action = jingle.action(stanza)
        if action is None:
            return False
        self._reply(jingle.acknowledged(stanza))
        if action == "session-initiate" and not self.settled:
            self._offer(stanza)
        elif action == "session-terminate":
            self.ended = self.ended or jingle.reason(stanza)
        return True

    def _offer(self, stanza: Element) -> None:
        self.offered = self._now()
        try:
            self.offer = jingle.read_offer(stanza)
        except XmppError as exc:
            self.fault = exc

    def _told(self, stanza: Element) -> bool:
        found = jingle.read_metadata(stanza, self.room.domain)
        if found is None:
            return False
        self.metadata = self.metadata or found
        return True

    def _reply(self, stanza: str) -> None:
        with contextlib.suppress(asyncio.QueueFull):
            self._answers.put_nowait(stanza)


def seated(ctx: Context, sessions: Iterable[XmppSession], room: Room, key: str) -> tuple[Participant, ...]:
    """One for each session, under `key` and its number in the drawer: they go on answering, and go last."""
    found: list[Participant] = []
    taken: list[str] = []
    for number, session in enumerate(sessions, 1):
        taken.append(nick_of(session.jid, taken, ctx.random))
        found.append(Participant(session, room, taken[-1], ctx.net.now))
        ctx.keep.put(f"{key}/{number}", found[-1])
    return tuple(found)
