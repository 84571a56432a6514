"""A session of ours with Janus, over HTTP or a WebSocket alike: requests, events to the handles, always destroyed."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable

from natprobe.asking.gateways import Proven
from natprobe.context import JANUS_ACCESS, Context
from natprobe.model import Failure, clip
from natprobe.net.failure import failure_of
from natprobe.pairing import JanusAccess
from natprobe.wire import janus
from natprobe.wire.janus import Event, Id, JanusError
from natprobe.wire.text import clean

# How long the other side has to end the session with us (seconds): less than the run's own closing time.
GOODBYE_SECONDS = 1.0
# Events of handles that nobody listens to yet: a few, or a flood.
EARLY_MAX = 100

Listener = Callable[[Event], None]


class Refusal(Exception):
    """Janus, or its plugin, says no: its code, and its own words."""

    def __init__(self, event: Event) -> None:
        super().__init__(event.reason)
        self.code, self.reason = event.code, event.reason

    @property
    def failure(self) -> Failure:
        """Whether it is about who we are."""
        return Failure.UNAUTHORIZED if self.code in janus.UNAUTHORIZED else Failure.ERROR_RESPONSE


class JanusSession:
    """One session. `closed` is set when the other side is gone or has ended it, and `ended` says why.

    `private`: nobody on the way reads along. `given`: requests have what --janus-secret-file and --janus-token-file say
    with them.
    """

    def __init__(self, ctx: Context, proven: Proven) -> None:
        self._ctx, self._api = ctx, proven.api
        self.url, self.endpoint = proven.gate.url, proven.endpoint
        proven.taken, self.private = True, proven.private
        self._api.access = access(ctx, proven)
        self.given = bool(self._api.access)
        self.closed = asyncio.Event()
        self.ended: str | None = None
        self._id: Id | None = None
        self._listeners: dict[Id, Listener] = {}
        self._early: dict[Id, list[Event]] = {}
        self._creating: asyncio.Task[Event] | None = None
        self._reader: asyncio.Task[None] | None = None
        self._left = self._timed_out = False

    async def create(self, seconds: float) -> None:
        """Raises Refusal, OSError, EOFError, TimeoutError, JanusError. However far it got, `aclose` destroys it."""
        self._creating = asyncio.create_task(self._api.ask("create"))
        self._api.prepare()
        async with asyncio.timeout(seconds):
            self._created(_passed(await asyncio.shield(self._creating)))
        self._reader = asyncio.create_task(self._read(self._need()))

    async def attach(self, plugin: str, seconds: float) -> Id:
        """A new handle's id. Raises as `create` does."""
        answer = await self.request("attach", seconds=seconds, plugin=plugin)
        if answer.id is None:
            raise JanusError("a handle without an id")
        return answer.id

    async def request(self, word: str, *, handle: Id | None = None, seconds: float, **rest: object) -> Event:
        """What answers it at once. Raises as `create` does."""
        if self.closed.is_set():
            raise EOFError("the session is over")
        async with asyncio.timeout(seconds):
            return _passed(await self._api.ask(word, self._need(), handle, **rest))

    def listen(self, handle: Id, listener: Listener) -> None:
        """Gives it the handle's events, from those that came before on."""
        self._listeners[handle] = listener
        for each in self._early.pop(handle, []):
            listener(each)

    async def awake(self, seconds: float) -> None:
        """Says that we are still there: Janus ends sessions that say nothing for a minute."""
        with contextlib.suppress(OSError, EOFError, TimeoutError, JanusError, Refusal):
            await self.request("keepalive", seconds=seconds)

    def harmless(self, words: str) -> str:
        """A server's words, unless they repeat what we told it in confidence."""
        repeated = any(each and each.casefold() in words.casefold() for each in self._api.access.values())
        return "" if repeated else clip(clean(words), 200)

    async def aclose(self) -> None:
        """Destroys it and all its handles; one that is still being created is waited for. Idempotent."""
        if self._left:
            return
        self._left = True
        if self._reader is not None:
            self._reader.cancel()
        try:
            with contextlib.suppress(*_faults(), Refusal):
                async with asyncio.timeout(GOODBYE_SECONDS):
                    if self._id is None and self._creating is not None:
                        self._created(_passed(await self._creating))
                    if self._id is not None and not self._timed_out:
                        await self._api.ask("destroy", self._id)  # also where its events can't be had any more
        finally:
            self._api.close()
            self.closed.set()
            if self._creating is not None:
                self._creating.cancel()
                await asyncio.gather(self._creating, return_exceptions=True)

    def _created(self, answer: Event) -> None:
        if answer.id is None:
            raise JanusError("a session without an id")
        self._id = answer.id

    def _need(self) -> Id:
        assert self._id is not None
        return self._id

    async def _read(self, session: Id) -> None:
        """Until the other side is gone, or has ended the session."""
        try:
            while not self.closed.is_set():
                for event in await self._api.events(session):
                    self._take(event)
        except _faults() as exc:
            failure, detail = failure_of(exc)
            self._over(f"signalling: {clip(detail or str(failure), 100)}")

    def _take(self, event: Event) -> None:
        if event.word == "timeout":
            self._timed_out = True
            self._over("session timeout")
        elif event.sender is None:
            return
        elif (listener := self._listeners.get(event.sender)) is not None:
            listener(event)
        elif sum(map(len, self._early.values())) < EARLY_MAX:
            self._early.setdefault(event.sender, []).append(event)

    def _over(self, why: str) -> None:
        self.ended = self.ended or why
        self.closed.set()
        for number, listener in self._listeners.items():
            listener(Event("closed", sender=number, reason=why))


def access(ctx: Context, proven: Proven) -> dict[str, str]:
    """What goes with every request. What anybody on the way could read along stays here: Janus then says 403."""
    known = ctx.keep.get(JANUS_ACCESS, JanusAccess)
    if known is None or not proven.private:
        return {}
    return {name: each for name, each in (("apisecret", known.secret), ("token", known.token)) if each}


def _passed(answer: Event) -> Event:
    if answer.word == "error":
        raise Refusal(answer)
    return answer


def _faults() -> tuple[type[Exception], ...]:
    from natprobe.net.http import FAULTS

    return (*FAULTS, JanusError)
