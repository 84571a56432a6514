"""What arrived, counted: packets of one kind from one sender in one entry, so many entries and no more. No I/O."""

from __future__ import annotations

from collections import deque
from typing import Literal, NamedTuple

from natprobe.facts import Arrived, Watched
from natprobe.model import join
from natprobe.wire.counts import Count, Endpoint, Proto, Told
from natprobe.wire.payloads import FULL_SIZE, What

# Of those that have the token, and of strangers, each: a flood of forged senders pushes out strangers only.
ENTRIES_MAX = 2048
# A copy comes soon after, if at all: so many packets of a train are remembered in each entry.
_REMEMBERED = 32

By = Literal["socket", "interface"]


class Sent(NamedTuple):
    """What makes packets the same: an entry's key."""

    proto: Proto
    local: Endpoint
    sender: Endpoint
    what: What
    verified: bool = False
    session: str = ""


class _Entry:
    """How often, how large, how many answered, when. Seconds of the clock."""

    __slots__ = ("_latest", "answered", "first", "full_size", "last", "packets", "repeated")

    def __init__(self, now: float) -> None:
        self.packets = self.full_size = self.answered = self.repeated = 0
        self.first = self.last = now
        self._latest: deque[bytes] | None = None

    def one_of_a_train(self, which: bytes) -> None:
        """Counts it as repeated where the same one came a little before."""
        if self._latest is None:
            self._latest = deque(maxlen=_REMEMBERED)
        if which in self._latest:
            self.repeated += 1
        else:
            self._latest.append(which)


class Counts:
    """`ports` are those that are watched, since `began` on the clock that `now` is read from."""

    def __init__(self, began: float, by: By = "socket") -> None:
        self._began, self._by = began, by
        self.ports: tuple[tuple[Proto, int], ...] = ()
        self._known: dict[Sent, _Entry] = {}
        self._strangers: dict[Sent, _Entry] = {}

    def __len__(self) -> int:
        return len(self._known) + len(self._strangers)

    @property
    def began(self) -> float:
        """On the clock that `now` is read from."""
        return self._began

    def arrived(self, sent: Sent, size: int, now: float, which: bytes = b"") -> bool:
        """Counts a packet of so many bytes; whether it is the first of its kind. `which`: of a train, whose sender
        sends each once.
        """
        table = self._known if sent.verified else self._strangers
        new = sent not in table
        if new:
            table[sent] = _Entry(now)
            if len(table) > ENTRIES_MAX:  # that which came first goes
                del table[next(iter(table))]
        entry = table[sent]
        entry.packets += 1
        entry.full_size += size >= FULL_SIZE
        entry.last = now
        if which:
            entry.one_of_a_train(which)
        return new

    def answered(self, sent: Sent) -> None:
        """An answer to it has left. No more than there were packets."""
        entry = (self._known if sent.verified else self._strangers).get(sent)
        if entry is not None and entry.answered < entry.packets:
            entry.answered += 1

    def told(self, session: str, now: float) -> Told:
        """For the check of this session, signed by it: what came of it, what is proven first."""
        own = [_count(sent, entry, self._began) for sent, entry in self._known.items() if sent.session == session]
        return Told(now - self._began, self.ports, tuple(own))

    def facts(self, now: float) -> list[Watched | Arrived]:
        """For the server's own report."""
        seconds = round(max(now - self._began, 0.0), 3)
        watched = [Watched(proto=proto, port=port, seconds=seconds, by=self._by) for proto, port in self.ports]
        entries = [*self._known.items(), *self._strangers.items()]
        return [*watched, *(fact(_count(each, entry, self._began), each.session, self._by) for each, entry in entries)]


def _count(sent: Sent, entry: _Entry, began: float) -> Count:
    return Count(
        *sent[:5],
        packets=entry.packets,
        full_size=entry.full_size,
        answered=entry.answered,
        first=max(entry.first - began, 0.0),
        last=max(entry.last - began, 0.0),
        repeated=entry.repeated,
    )


def fact(count: Count, session: str, by: By = "socket") -> Arrived:
    """The count as an observation."""
    return Arrived(
        proto=count.proto,
        local=join(*count.local),
        sender=join(*count.sender),
        what=count.what,
        verified=count.verified,
        session=session,
        packets=count.packets,
        full_size=count.full_size,
        answered=count.answered,
        repeated=count.repeated,
        first=round(count.first, 3),
        last=round(count.last, 3),
        by=by,
    )
