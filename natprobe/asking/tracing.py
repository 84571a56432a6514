"""What following a failing exchange hop by hop is, over whatever transport: all hops once, then the border.

The border is where the failing kind is last answered. The hops behind it are asked for again and in turn with the
controls, until derive/place.py has as many answers and silences as it needs, or a guest has sent enough.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

from natprobe.asking.sweep import Line
from natprobe.context import Context
from natprobe.derive.place import BORDER_TRIES, FLOWS
from natprobe.model import Address, join

# How many hops are asked for at once, and how many more where the way is that long.
NEAR, FAR = range(1, 9), range(9, 21)
# How many hops behind the border are asked for again, and how often.
BEHIND, _TRIES = 3, 3
# What following a failure may cost in all (seconds), with raw sockets after it; under this word lies when it began.
FOLLOWING_SECONDS, FOLLOWED_SINCE = 2.5, "followed-since"
# No round begins that would end later; then what is known has to do (seconds).
_SECONDS = 2.0
# How long an answer is waited for: so many times the longest so far, within these bounds; where nobody knows how far
# anything is, as long as that (seconds).
_PATIENCE, _PATIENCE_MIN, PATIENCE_MAX = 2.5, 0.15, 0.6
# How many rounds the border may move before what is known has to do.
_ROUNDS_MAX = 5


class Tracing(ABC):
    """The lines: the failing kind first, then what it is compared with. `local`: where they leave from, port 0: each
    packet from another. `known`: the longest that anything took from there, seconds; None: nothing was heard.
    """

    # A guest sends few packets, and a round takes up to 40: none begins after so many.
    ENOUGH = 110

    def __init__(self, ctx: Context, lines: Sequence[Line], local: tuple[Address, int], known: float | None) -> None:
        self._ctx, self.lines, self.local, self._known = ctx, lines, join(*local), known
        self._address = local[0]
        self._own = lines[0]
        self._until = ctx.net.now() + _SECONDS

    async def run(self) -> None:
        """All hops once; then, where the failing kind does not arrive, the border."""
        await self._sweep()
        if self._own.end is not None or not await self._answers():
            return
        for number in range(_ROUNDS_MAX):
            late = self._ctx.net.now() + self._patience() > self._until
            if late or self._enough() or self._sent() > self.ENOUGH:
                return
            await self._round(number)

    def border(self) -> list[Address]:
        """The routers on both sides of it, those of the controls too."""
        near = (self._own.last, self._own.last + 1)
        found = [each for line in self.lines for ttl in near for each in line.answers.get(ttl, ())]
        return list(dict.fromkeys(each.address for each in found if not each.reached))

    @abstractmethod
    async def _send(self, line: Line, ttl: int) -> None:
        """One packet. Raises OSError."""

    @abstractmethod
    async def _sweep(self) -> None:
        """All hops once."""

    @abstractmethod
    async def _round(self, number: int) -> None:
        """Each hop at the border by each line, in an order that turns round: what a router has left for answers nobody
        has always.
        """

    @abstractmethod
    def _deciding(self) -> tuple[Line, ...]:
        """The controls that may come further by the same way, the nearest kin first."""

    async def _once(self, hops: range, lines: Sequence[Line]) -> None:
        for ttl in hops:
            for line in lines:
                await self._send(line, ttl)
        # The nearest routers' answers say little of how long the others' take.
        await self._settle(PATIENCE_MAX if self._known is None else 0.0)

    async def _in_turn(self, number: int, lines: Sequence[Line]) -> None:
        """What a round sends to the border's hops, in one order and then in the other."""
        for ttl in self._hops():
            for line in lines if number % 2 else reversed(lines):
                await self._send(line, ttl)

    async def _answers(self) -> bool:
        """Whether anybody does."""
        return any(line.answers for line in self.lines)

    def _alike(self) -> tuple[Line, ...]:
        """Those that are sent as often as a loss needs."""
        return (self._own,)

    def _sent(self) -> int:
        return sum(sum(line.sent.values()) for line in self.lines)

    def _farthest(self, *lines: Line) -> int:
        """How far away somebody answered; 0 where the far end did, or nobody."""
        ended = any(line.end is not None for line in lines)
        return 0 if ended else max(line.last for line in lines)

    def _behind(self) -> list[int]:
        """The hops that are asked for again: the border, what is right behind it, and who answers a control there."""
        last = self._own.last
        answered = [ttl for line in self.lines[1:] for ttl in line.answers if ttl > last]
        near = [last + number for number in range(1, BEHIND + 1)]
        return sorted({*near, *([min(answered)] if answered else ())})

    def _hops(self) -> list[int]:
        """Three times where it is decided: a slow path has time for two rounds."""
        return [*self._behind(), *([first[1]] * 2 if (first := self._first()) else ())]

    def _enough(self) -> bool:
        """All three times at the hops behind the border, and at the one that decides as often as a loss needs."""
        first = self._first()
        often = first is None or all(each.sent.get(first[1], 0) >= BORDER_TRIES for each in self._alike())
        return all(self._own.sent.get(ttl, 0) >= _TRIES for ttl in self._behind()) and often and not self._wanting()

    def _wanting(self) -> int:
        """How often the control that decides is still to be sent."""
        first = self._first()
        return 0 if first is None else max(FLOWS - first[0].sent.get(first[1], 0), 0)

    def _first(self) -> tuple[Line, int] | None:
        """The control that was answered nearest behind the border."""
        found = [(ttl, line) for line in self._deciding() for ttl in sorted(line.answers) if ttl > self._own.last]
        nearest = min(found, key=lambda each: each[0], default=None)
        return (nearest[1], nearest[0]) if nearest else None

    def _patience(self) -> float:
        """Of what was heard so far, and of what is known of the far end."""
        slowest = max(self._known or 0.0, *(line.slowest for line in self.lines))
        return min(max(_PATIENCE * slowest, _PATIENCE_MIN), PATIENCE_MAX) if slowest else PATIENCE_MAX

    async def _settle(self, least: float = 0.0) -> None:
        """Until what is on its way has come back."""
        began = self._ctx.net.now()
        while self._ctx.net.now() - began < max(self._patience(), least):
            await self._ctx.net.sleep(0.02)
