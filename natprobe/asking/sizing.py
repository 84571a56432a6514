"""The largest packet that passes: requests of many sizes at once, and what their answers leave open (RFC 8899)."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import NamedTuple

from natprobe.context import Context
from natprobe.derive.sizes import HEADERS
from natprobe.facts import PathSize
from natprobe.model import Address, Endpoint, Failure, family, flow
from natprobe.net.failure import failure_of
from natprobe.net.stun import Outcome, StunSocket

# STUN's messages are of whole words (RFC 8489 section 5), and so the sizes.
STEP = 4
# A way is measured within so many seconds.
SECONDS = 2.2
# So many sizes between the bounds at once: with three rounds 1,100 bytes are narrowed down to one step.
_AT_ONCE = 6
# So many tries of the size that counts as lost, in turn with those of the size below, of which so many have to be
# answered (derive.QUIET_TRIES): in 20,000 runs at 15 % loss each way one was wrong.
SURE_TRIES, SURE_BESIDE = 6, 5
# A guest sends few packets: the search narrows no further where so many have gone, and begins no round that leads
# beyond the other number.
ENOUGH, TOO_MANY = 24, 44
# A round trip where none is known: the first request was sent again after a quarter of a second (Karn).
_USUAL = 0.4
# Between two packets, in seconds: a burst that is too quick for a policer would look like a size.
_APART, _IN_TURN = 0.003, 0.015


class Told(NamedTuple):
    """An ICMP error about what was too large."""

    icmp: str | None
    reported_by: str | None
    mtu: int | None


class Search:
    """What is known of the sizes between `low`, which passed before, and `high`: lost before where `lost`, else one
    step above what is tried at all. Sizes are those of IP packets.
    """

    def __init__(self, low: int, high: int, *, lost: bool) -> None:
        self._low, self._high, self._lost_before = low, high, lost
        self._tries: Counter[int] = Counter()
        self._answers: Counter[int] = Counter()
        self._beside: Counter[int] = Counter()  # by the size that they were sent in turn with
        self._refused: set[int] = set()
        self.told: Told | None = None

    @property
    def sent(self) -> int:
        """Packets so far."""
        return self._tries.total()

    @property
    def up(self) -> int:
        """The largest that passed."""
        return max((each for each, count in self._answers.items() if count), default=self._low)

    @property
    def edge(self) -> int:
        """The smallest above that without an answer, however often it was tried."""
        return min((each for each in self._tries if each > self.up), default=self._high)

    @property
    def lost(self) -> int | None:
        """The smallest that counts as lost."""
        unanswered = [each for each in self._tries if each > self.up and self._sure(each)]
        return min(unanswered, default=self._high if self._lost_before else None)

    @property
    def heard(self) -> bool:
        """Whether anything at all was answered."""
        return bool(self._answers.total())

    @property
    def word(self) -> Told | None:
        """What a router said, where it is about the size that is lost."""
        return self.told if self._fitting() == self.up and self.lost is not None else None

    @property
    def whole(self) -> bool:
        """Whether nothing is lost up to the largest that is tried."""
        return not self._lost_before and self.up == self._high - STEP

    def counted(self, size: int) -> tuple[int, int]:
        """Tries of this size, and answers to the size below that was sent in turn with it."""
        return self._tries[size], self._beside[size]

    def next(self, *, narrow: bool) -> tuple[int, ...]:
        """What to send now, in order; empty: all is known. `narrow`: whether there is room for more than a proof."""
        narrow = narrow and self.edge - self.up > STEP
        if self.whole or (self._sure(self.edge) and not narrow):
            return ()
        fits = self._fitting()
        if fits is not None and not self._tries[fits + STEP]:
            return (fits, fits + STEP)
        if narrow:
            return (self.up, *self._between())
        if self.edge == self._high and not self._lost_before:
            return (self.up, self._high - STEP)
        return (self.up, self.edge) * SURE_TRIES

    @property
    def here(self) -> bool:
        """Whether it was this machine itself that took no larger one."""
        return self.edge in self._refused

    def seen(self, sizes: Sequence[int], outcomes: Sequence[Outcome]) -> None:
        """What became of one round."""
        below = self.up
        self.told = next(filter(None, map(_told, outcomes)), self.told)
        for size, outcome in zip(sizes, outcomes, strict=True):
            answer = outcome.packet is not None
            self._tries[size] += 1
            if outcome.failure is Failure.TOO_BIG and outcome.detail:  # an exception's words: it never left
                self._refused.add(size)
            self._answers[size] += answer
            if size == below and answer and (turn := _partner(sizes, below)) is not None:
                self._beside[turn] += 1

    def _sure(self, size: int) -> bool:
        """This machine's word, or a router's where it fits what is seen; or enough silence beside enough answers."""
        if size in self._refused:
            return True
        fits = self._fitting()
        if fits is not None and fits == self.up and size == fits + STEP and self._tries[size]:
            return True
        return self._tries[size] >= SURE_TRIES and self._beside[size] >= SURE_BESIDE

    def _fitting(self) -> int | None:
        """The largest size that a router's word leaves, where it lies between the bounds."""
        if self.told is None or self.told.mtu is None:
            return None
        fits = self._low + (self.told.mtu - self._low) // STEP * STEP
        return fits if self.up <= fits < self.edge else None

    def _between(self) -> list[int]:
        steps = (self.edge - self.up) // STEP
        wanted = min(_AT_ONCE, steps - 1)
        found = {self.up + STEP * round(steps * number / (wanted + 1)) for number in range(1, wanted + 1)}
        if self.edge < self._high:  # once more: it may have been lost by chance
            found.add(self.edge)
        elif not self._lost_before:
            found.add(self._high - STEP)
        return sorted(found)


def _partner(sizes: Sequence[int], below: int) -> int | None:
    """The one other size of a round in which two take turns."""
    others = set(sizes) - {below}
    return others.pop() if len(others) == 1 else None


class Asked(NamedTuple):
    """Whom to ask, and how: `request` makes a STUN request of so many bytes; `rtt_ms`: what a small one took."""

    to: tuple[str, int]
    request: Callable[[int], bytes]
    rtt_ms: float | None

    @property
    def headers(self) -> int:
        """What IP and UDP put before it, in bytes."""
        return HEADERS[family(self.to[0])]


async def measured(
    ctx: Context, endpoint: Endpoint, here: Address, measure: Callable[[StunSocket, float], Awaitable[PathSize]]
) -> AsyncIterator[PathSize]:
    """What `measure` finds with a socket of its own at `here` that sends nothing in pieces, by a deadline."""
    try:
        udp = ctx.net.udp(family(here), here, whole=True)
    except OSError as exc:
        failure, detail = failure_of(exc)
        yield PathSize(endpoint=endpoint, failure=failure, detail=detail)
        return
    async with StunSocket(ctx.net, udp) as sock:
        yield await measure(sock, ctx.net.now() + SECONDS)


async def search(ctx: Context, sock: StunSocket, asked: Asked, search: Search, deadline: float) -> None:
    """Round by round, until all is known or there is no time left for another. The socket sends nothing in pieces."""
    rtt = _USUAL if asked.rtt_ms is None else asked.rtt_ms / 1000
    patience = min(max(rtt * 1.25, rtt + 0.02) + 0.06, 0.7)
    proof = patience + 2 * SURE_TRIES * _IN_TURN

    def narrow() -> bool:
        return search.sent <= ENOUGH and ctx.net.now() + patience + proof < deadline

    while sizes := search.next(narrow=narrow()):
        takes = patience + len(sizes) * _IN_TURN
        if search.sent + len(sizes) > TOO_MANY or ctx.net.now() + takes > deadline:
            return
        outcomes = await _round(sock, asked, sizes, patience)
        search.seen(sizes, outcomes)
        if not search.heard:
            return


async def _round(sock: StunSocket, asked: Asked, sizes: Sequence[int], patience: float) -> list[Outcome]:
    apart = _IN_TURN if len(set(sizes)) < len(sizes) else _APART
    ways = (_ask(sock, asked, size, number * apart, patience) for number, size in enumerate(sizes))
    return await asyncio.gather(*ways)


async def _ask(sock: StunSocket, asked: Asked, size: int, after: float, patience: float) -> Outcome:
    """One packet. An answer of whatever kind shows that it got there."""
    message = asked.request(size - asked.headers)
    return await sock.ask(message, asked.to, send_times=(after,), give_up=after + patience)


def _told(outcome: Outcome) -> Told | None:
    if outcome.failure is not Failure.TOO_BIG or not outcome.icmp:
        return None
    return Told(outcome.icmp, outcome.reported_by, outcome.mtu)


def told(
    endpoint: Endpoint, local: Endpoint, there: Search, back: Search | None = None, *, decides: Search | None = None
) -> PathSize:
    """What was found as a fact; the tries are those of the search that `decides`: the one there, unless told."""
    found = decides or there
    tries, beside = found.counted(found.edge)
    word = found.word or Told(None, None, None)
    return PathSize(
        endpoint=endpoint,
        local=local,
        up=there.up if there.heard or there.whole else None,
        up_lost=there.lost,
        down=back.up if back is not None and back.heard else None,
        down_lost=back.lost if back is not None else None,
        tries=tries,
        beside=beside,
        here=found.here,
        icmp=word.icmp,
        reported_by=word.reported_by,
        told=word.mtu,
        sent=there.sent + (back.sent if back is not None else 0),
        flow=flow("udp", local, endpoint),
        failure=Failure.TIMEOUT if found.lost is None and not found.whole else None,
    )
