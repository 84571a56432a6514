"""Staying on a pair as a browser does: consent checks (RFC 7675), and what decides when they stay unanswered."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import msgspec

from natprobe.asking.checks import GIVE_UP, SEND_TIMES
from natprobe.context import Context
from natprobe.derive import CONSENT_SECONDS
from natprobe.facts import IceCheck, PathHeld
from natprobe.model import Failure, clip

# Section 5.1: every five seconds, times 0.8 to 1.2, and each request once. They are ICE's keep-alives too (RFC 8445
# section 11); media itself, which a browser would send between them, is not.
INTERVAL, SPREAD = 5.0, 0.2
# An answer that takes longer than this is waited for by asking more often (seconds).
ANSWER_SECONDS = 1.0
# A refusal may be a moment's: it is believed from the third consent check on.
REFUSED_SECONDS = 2 * INTERVAL * (1 - SPREAD)

Ask = Callable[[Sequence[float], float], Awaitable[IceCheck]]


@dataclass(frozen=True, kw_only=True)
class Hold:
    """For so many seconds. `over`: why the session has been ended by signalling, None while it stands. `renew` keeps
    what carries the pair alive; `again` says whether a check from a new socket to the same place is answered.
    """

    seconds: float
    over: Callable[[], str | None]
    renew: Callable[[], Awaitable[None]] | None = None
    again: Callable[[], Awaitable[bool]] | None = None


class Holding:
    """One pair, from the handshake on. `ask` sends a check on it, at these times, until it is given up; `named` is the
    fact as far as it says whose pair it is.
    """

    def __init__(self, ctx: Context, hold: Hold, ask: Ask, named: PathHeld) -> None:
        self._ctx, self._hold, self._ask, self._named = ctx, hold, ask, named
        self._began = self._last = ctx.net.now()
        self._checks = self._answered = self._tries = 0
        self._silent = False
        self._missed: float | None = None
        self._control: bool | None = None
        self._failure: Failure | None = None
        self._code: int | None = None
        self._ended: str | None = None

    async def watch(self) -> PathHeld:
        """Until the time is over and the last check was answered, or until it is known that the path is gone."""
        while self._failure is None and (left := self._left()) > 0:
            if self._hold.renew is not None:
                await self._hold.renew()
            pause = self._ctx.random.uniform(1 - SPREAD, 1 + SPREAD) * INTERVAL
            await self._ctx.net.sleep(min(pause, left))
            if left < INTERVAL * (1 - SPREAD) and not self._silent:
                break  # never sooner after the last (section 5.1)
            self._checks += 1
            if await self._heard((0.0,), ANSWER_SECONDS):
                self._answered += 1
            else:
                await self._doubt()
        return self._fact()

    def _left(self) -> float:
        """What stays unanswered at the end is waited for until consent has expired."""
        end = max(self._began + self._hold.seconds, self._last + CONSENT_SECONDS if self._silent else 0.0)
        return end - self._ctx.net.now()

    async def _heard(self, times: Sequence[float], give_up: float) -> bool:
        """Whether one was answered by somebody who may: an error gives no consent."""
        asked = self._ctx.net.now()
        seen = await self._ask(times, give_up)
        self._silent = not seen.verified
        self._code = seen.error_code
        if seen.verified:
            self._last, self._tries, self._missed = asked, 0, None
        else:
            self._tries += seen.tries
            self._missed = asked if self._missed is None else self._missed
        return seen.verified

    async def _doubt(self) -> None:
        """A packet lost, or the path? Nine tries tell; a new socket's, whether anything passes there at all."""
        heard, other = await asyncio.gather(self._heard(SEND_TIMES, GIVE_UP), self._elsewhere())
        if heard:
            return
        self._control, self._ended = other, self._hold.over()
        if self._ended is not None:
            self._failure = Failure.CLOSED
        elif self._code is not None and self._since(self._missed) >= REFUSED_SECONDS:
            self._failure = Failure.ERROR_RESPONSE
        elif self._code is None and (other or self._since(self._last) >= CONSENT_SECONDS):
            self._failure = Failure.TIMEOUT

    def _since(self, then: float | None) -> float:
        return self._ctx.net.now() - then if then is not None else 0.0

    async def _elsewhere(self) -> bool | None:
        return None if self._hold.again is None else await self._hold.again()

    def _fact(self) -> PathHeld:
        return msgspec.structs.replace(
            self._named,
            hold=self._hold.seconds,
            lasted=round(self._last - self._began, 2),
            missed=None if self._missed is None else round(self._missed - self._began, 2),
            silent=0.0 if self._failure is None else round(self._ctx.net.now() - self._last, 2),
            checks=self._checks,
            answered=self._answered,
            tries=self._tries,
            control=self._control,
            error_code=self._code,
            ended=self._ended and clip(self._ended, 100),
            failure=self._failure,
        )
