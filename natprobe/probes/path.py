"""Where packets of the failing kind end: the same ones with few hops to live, and controls that differ in one thing.

First all hops at once, then those at the border, where the failing kind is last answered, again and in turn with the
controls: another UDP port of the same host, another payload, the same port of another host, TCP. What is told apart
by that is derive/place.py's.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack

from natprobe.asking.checks import goals, request
from natprobe.asking.names_of import names_of
from natprobe.asking.sources import source
from natprobe.asking.sweep import Line, Payload, Sender, knock
from natprobe.context import Context
from natprobe.derive.followed import Subject, other_host, round_trip, subject, tcp_port, udp_port
from natprobe.derive.place import BORDER_TRIES, FLOWS
from natprobe.facts import (
    Allocation,
    Binding,
    Candidate,
    Connected,
    Facts,
    HopName,
    IceCheck,
    LocalAddress,
    OtherPayload,
    Resolved,
    Trail,
)
from natprobe.model import Address, Failure, Observation, family, join, split
from natprobe.wire import classic, stun

REQUIRES = (LocalAddress,)
TAKES = (Resolved, Connected, Binding, OtherPayload, Candidate, IceCheck, Allocation)
YIELDS = (Trail, HopName)
TIMEOUT = 2.5

# No round begins that would end later; then what is known has to do (seconds). Names get what is left then.
_SECONDS, _NAMED_BY = 2.0, 2.4
# How many hops are asked for at once, and how many more where the way is that long.
_NEAR, _FAR = range(1, 9), range(9, 21)
# How long an answer is waited for: so many times the longest so far, within these bounds; where nobody knows how far
# anything is, as long as that (seconds).
_PATIENCE, _PATIENCE_MIN, _PATIENCE_MAX = 2.5, 0.15, 0.6
# How many hops behind the border are asked for again, and how often.
_BEHIND, _TRIES = 3, 3
# How many rounds the border may move before what is known has to do; a guest sends few packets, and a round takes up
# to 35: none begins after so many.
_ROUNDS_MAX, _ENOUGH = 5, 115


async def probe(ctx: Context, facts: Facts) -> AsyncIterator[Observation]:
    """Only where something failed, or with --trace."""
    followed = subject(facts)
    local = None if followed is None else _local(ctx, facts, followed)
    if followed is None or local is None:
        return
    if ctx.host.system() != "linux":
        yield _untold(followed)
        return
    began = ctx.net.now()
    async with AsyncExitStack() as undo:
        try:
            # From the port that the failing exchange had, where nobody else has taken it.
            sender = await undo.enter_async_context(
                _sender(ctx, local, split(followed.local)[1] if followed.local else 0)
            )
            others = [await undo.enter_async_context(_sender(ctx, local, 0)) for _ in range(FLOWS - 1)]
            known = round_trip(facts, split(followed.endpoint)[0])
            trace = _Trace(ctx, _lines(ctx, facts, followed), sender, others, known)
            await trace.run()
        except OSError:  # this machine would not send: whose failure it is, the exchange itself has told
            return
        for line in trace.lines:
            if line.sent:
                yield line.trail(followed.endpoint, trace.local)
        async for named in names_of(ctx, trace.border(), began + _NAMED_BY - ctx.net.now()):
            yield named


def _untold(followed: Subject) -> Trail:
    """IP_RECVERR is Linux's alone."""
    why = "only Linux tells a program without privileges who ended a packet"
    to, kind = followed.endpoint, "check" if followed.check else "binding"
    return Trail(subject=to, towards=to, payload=kind, failure=Failure.UNSUPPORTED, detail=why)  # type: ignore[arg-type]


def _local(ctx: Context, facts: Facts, followed: Subject) -> Address | None:
    there = split(followed.endpoint)[0]
    if family(there) not in ctx.options.families:
        return None
    return split(followed.local)[0] if followed.local else source(ctx, facts, there)


def _lines(ctx: Context, facts: Facts, followed: Subject) -> list[Line]:
    """The failing kind, another port, TCP, another payload, another host."""
    there, port = split(followed.endpoint)
    payload, make = _kind(ctx, facts, followed)
    lines = [
        Line("none", payload, (there, port), make),
        Line("port", payload, (there, udp_port(facts, there, port)), make),
        Line("tcp", "syn", (there, tcp_port(facts, there)), bytes),
        Line("payload", "classic", (there, port), lambda: classic.request(ctx.random.randbytes(classic.ID_BYTES))),
    ]
    if elsewhere := other_host(facts, there):
        lines.append(Line("host", "binding", (elsewhere, port), lambda: stun.binding_request(ctx.transaction_id())))
    return lines


def _kind(ctx: Context, facts: Facts, followed: Subject) -> tuple[Payload, Callable[[], bytes]]:
    """What the failing exchange sent."""
    known = goals(ctx, facts, ("udp",), ctx.options.families) if followed.check else []
    goal = next((each for each in known if join(*each.to) == followed.endpoint), None)
    if goal is None:
        return "binding", lambda: stun.binding_request(ctx.transaction_id())
    return "check", lambda: request(ctx, goal.theirs)


class _Trace:
    """The lines, and the sockets that they leave from: the failing exchange's own, and others for the controls."""

    def __init__(
        self, ctx: Context, lines: Sequence[Line], sender: Sender, others: Sequence[Sender], known: float | None
    ) -> None:
        self._ctx, self.lines, self._sender, self._others = ctx, lines, sender, others
        self._own, self._port, self._tcp, self._older = lines[:4]
        self._known = known
        self._until = ctx.net.now() + _SECONDS
        self.local = join(*sender.local)
        self._quoted = True

    def border(self) -> list[Address]:
        """The routers on both sides of it, those of the controls too."""
        near = (self._own.last, self._own.last + 1)
        found = [each for line in self.lines for ttl in near for each in line.answers.get(ttl, ())]
        return list(dict.fromkeys(each.address for each in found if not each.reached))

    async def run(self) -> None:
        """All hops once; then, where the failing kind does not arrive, the border."""
        await self._once(_NEAR)
        if self._own.unattributed:
            await self._one_by_one()
        elif self._farthest() >= _NEAR[-_BEHIND]:
            await self._once(_FAR)
        if self._own.end is not None or not await self._answers():
            return
        for number in range(_ROUNDS_MAX):
            late = self._ctx.net.now() + self._patience() > self._until
            if late or self._enough() or self._sent() > _ENOUGH:
                return
            await self._round(number)

    def _sent(self) -> int:
        return sum(sum(line.sent.values()) for line in self.lines)

    async def _once(self, hops: range) -> None:
        for ttl in hops:
            for line in (self._own, self._port, *((self._older,) if hops is _NEAR else ())):
                await self._sender.send(line, ttl)
        # The nearest routers' answers say little of how long the others' take.
        await self._settle(_PATIENCE_MAX if self._known is None else 0.0)

    def _farthest(self) -> int:
        """How far away somebody answered; 0 where the far end did, or nobody."""
        ended = any(line.end is not None for line in (self._own, self._port))
        return 0 if ended else max(self._own.last, self._port.last)

    async def _one_by_one(self) -> None:
        """Routers that give back nothing of a packet: each error is the last packet's, while no other is on its way."""
        self._quoted = False
        for line in (self._own, self._port, self._older):
            line.forget()
        for ttl in _NEAR:
            await self._sender.send_alone(self._own, ttl, self._patience())
            if ttl - self._own.last > _BEHIND:
                break

    async def _answers(self) -> bool:
        """Whether anybody does. Where no router says anything over UDP, one may over TCP."""
        if not any(line.answers for line in self.lines):
            await self._knocks([1, 2, 3])
        return any(line.answers for line in self.lines)

    def _behind(self) -> list[int]:
        """The hops that are asked for again: the border, what is right behind it, and who answers a control there."""
        last = self._own.last
        answered = [ttl for line in self.lines[1:] for ttl in line.answers if ttl > last]
        near = [last + number for number in range(1, _BEHIND + 1)]
        return sorted({*near, *([min(answered)] if answered else ())})

    def _enough(self) -> bool:
        """All three times at the hops behind the border, and at the one that decides as often as a loss needs."""
        first = self._first()
        often = first is None or all(each.sent.get(first[1], 0) >= BORDER_TRIES for each in (self._own, self._older))
        return all(self._own.sent.get(ttl, 0) >= _TRIES for ttl in self._behind()) and often and self._widened()

    def _widened(self) -> bool:
        first = self._first()
        return first is None or first[0].sent.get(first[1], 0) >= FLOWS

    def _first(self) -> tuple[Line, int] | None:
        """The control that was answered nearest behind the border."""
        found = [
            (ttl, line) for line in (self._port, self._tcp) for ttl in sorted(line.answers) if ttl > self._own.last
        ]
        nearest = min(found, key=lambda each: each[0], default=None)
        return (nearest[1], nearest[0]) if nearest else None

    async def _round(self, number: int) -> None:
        """Each hop by each line, in an order that turns round: what a router has left for answers nobody has always."""
        lines = [each for each in self.lines if each is not self._tcp] if self._quoted else [self._own]
        # Three times where it is decided: a slow path has time for two rounds.
        hops = [*self._behind(), *([first[1]] * 2 if (first := self._first()) else ())]
        knocking = asyncio.create_task(self._knocks(self._behind()))
        try:
            for ttl in hops:
                for line in lines if number % 2 else reversed(lines):
                    await self._sender.send(line, ttl)
            await asyncio.gather(self._widen(), self._settle())
            await knocking
        finally:
            knocking.cancel()

    async def _widen(self) -> None:
        """The control that comes further, from other ports."""
        first = self._first()
        if first is None or self._widened():
            return
        line, ttl = first
        if line.payload == "syn":
            await self._knocks([ttl] * (FLOWS - line.sent.get(ttl, 0)))
            return
        for sender in self._others:
            await sender.send(line, ttl)

    async def _knocks(self, ttls: list[int]) -> None:
        line, patience = self._tcp, self._patience()
        wanted = [ttl for ttl in ttls if line.end is None or ttl <= line.end]
        await asyncio.gather(*(knock(self._ctx, line, split(self.local)[0], ttl, patience) for ttl in wanted))

    def _patience(self) -> float:
        """Of what was heard so far, and of what is known of the far end."""
        slowest = max(self._known or 0.0, *(line.slowest for line in self.lines))
        return min(max(_PATIENCE * slowest, _PATIENCE_MIN), _PATIENCE_MAX) if slowest else _PATIENCE_MAX

    async def _settle(self, least: float = 0.0) -> None:
        """Until what is on its way has come back."""
        began = self._ctx.net.now()
        while self._ctx.net.now() - began < max(self._patience(), least):
            await self._ctx.net.sleep(0.02)


def _sender(ctx: Context, local: Address, port: int) -> Sender:
    try:
        return Sender(ctx, ctx.net.udp(family(local), local, port))
    except OSError:
        return Sender(ctx, ctx.net.udp(family(local), local))
