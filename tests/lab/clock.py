"""Virtual time: an asyncio loop that jumps to the next timer instead of waiting for it.

An hour of silence costs milliseconds, and a run that can never go on says so instead of hanging.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from contextvars import Context
from typing import Any, TypeVar, TypeVarTuple

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

# Not zero: nobody may take the clock's start for "no time yet".
START = 1000.0


class Stalled(Exception):
    """Every task waits and no timer is set: nothing can ever happen again."""


class Clock:
    """Time that passes only when nobody has anything to do. It goes on from one `run` to the next."""

    def __init__(self) -> None:
        self.now = START

    def run(self, main: Coroutine[Any, Any, T]) -> T:
        """Runs to the end. Raises Stalled, and what broke in a callback or in a task that nobody awaited."""
        faults: list[dict[str, Any]] = []
        with asyncio.Runner(loop_factory=lambda: _Loop(self)) as runner:
            runner.get_loop().set_exception_handler(lambda _, context: faults.append(context))
            result = runner.run(main)
        if faults:
            raise faults[0].get("exception") or RuntimeError(faults[0]["message"])
        return result


def run(main: Coroutine[Any, Any, T]) -> T:
    """Runs this on a clock of its own."""
    return Clock().run(main)


class _Selector(selectors.SelectSelector):
    """Waits by turning the clock forward. Real files are looked at, so that a signal's wake-up still arrives."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self._clock = clock

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        events = super().select(0)
        if events or (timeout is not None and timeout <= 0):
            return events
        if timeout is None:
            raise Stalled("nothing can happen any more; waiting for ever: " + _waiting())
        self._clock.now += timeout
        return []


class _Loop(asyncio.SelectorEventLoop):
    """Timers of one instant go off in the order in which they were set: asyncio leaves that to chance, and a report's
    order would differ from one Python to the next.
    """

    def __init__(self, clock: Clock) -> None:
        super().__init__(_Selector(clock))
        self._clock, self._timers = clock, 0

    def time(self) -> float:
        return self._clock.now

    def call_at(
        self, when: float, callback: Callable[[*Ts], object], *args: *Ts, context: Context | None = None
    ) -> asyncio.TimerHandle:
        self._timers += 1
        return super().call_at(_Moment(when, self._timers), callback, *args, context=context)


class _Moment(float):
    """When a timer goes off, and its number."""

    number: int

    def __new__(cls, when: float, number: int) -> _Moment:
        made = super().__new__(cls, when)
        made.number = number
        return made

    def __lt__(self, other: float) -> bool:
        if isinstance(other, _Moment) and float(self) == float(other):
            return self.number < other.number
        return super().__lt__(other)


def _waiting() -> str:
    """Each task and the line that it waits in."""
    lines = []
    for task in asyncio.all_tasks(asyncio.get_running_loop()):
        frame = task.get_stack(limit=1)[-1]
        lines.append(f"{task.get_coro().__qualname__} at {frame.f_code.co_filename}:{frame.f_lineno}")  # type: ignore[union-attr]
    return "; ".join(sorted(lines))
