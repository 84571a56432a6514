"""Where packets of the failing kind end: the same ones with few hops to live, and controls that differ in one thing.

First all hops at once, then those at the border, where the failing kind is last answered, again and in turn with the
controls: another port of the same host, another payload, the same port of another host, TCP beside UDP and UDP beside
TCP. What is told apart by that is derive/place.py's.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack

from natprobe.asking.checks import goals, request
from natprobe.asking.knocking import Knocking, stream_lines
from natprobe.asking.names_of import names_of
from natprobe.asking.sources import source
from natprobe.asking.sweep import Line, Payload, Sender, knock
from natprobe.asking.tracing import BEHIND, FAR, FOLLOWED_SINCE, FOLLOWING_SECONDS, NEAR, Tracing
from natprobe.context import Context
from natprobe.derive.followed import Subject, other_host, round_trip, subject, tcp_port, udp_port
from natprobe.derive.place import FLOWS
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
    ProxyChoice,
    Resolved,
    Trail,
)
from natprobe.model import Address, Failure, Observation, family, join, split
from natprobe.wire import classic, stun

REQUIRES = (LocalAddress,)
TAKES = (ProxyChoice, Resolved, Connected, Binding, OtherPayload, Candidate, IceCheck, Allocation)
YIELDS = (Trail, HopName)
TIMEOUT = FOLLOWING_SECONDS

# Until when names are asked for (seconds).
_NAMED_BY = 2.4


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
    ctx.keep.put(FOLLOWED_SINCE, began)
    async with AsyncExitStack() as undo:
        try:
            trace = await (_streams if followed.transport == "tcp" else _datagrams)(ctx, facts, followed, local, undo)
            await trace.run()
        except OSError:  # this machine would not send: whose failure it is, the exchange itself has told
            return
        for line in trace.lines:
            if line.sent:
                yield line.trail(followed.endpoint, trace.local)
        async for named in names_of(ctx, trace.border(), began + _NAMED_BY - ctx.net.now()):
            yield named


async def _datagrams(ctx: Context, facts: Facts, followed: Subject, local: Address, undo: AsyncExitStack) -> Tracing:
    """From the port that the failing exchange had, where nobody else has taken it."""
    port = split(followed.local)[1] if followed.local else 0
    sender, *others = [await _sender(ctx, local, each, undo) for each in (port, *[0] * (FLOWS - 1))]
    return _Datagrams(ctx, _lines(ctx, facts, followed), sender, others, round_trip(facts, followed.host))


async def _streams(ctx: Context, facts: Facts, followed: Subject, local: Address, undo: AsyncExitStack) -> Tracing:
    """Each SYN has a port of its own; UDP beside them leaves from as many as it takes."""
    senders = [await _sender(ctx, local, 0, undo) for _ in range(FLOWS)]
    lines, known = stream_lines(ctx, facts, followed), round_trip(facts, followed.host)
    return await undo.enter_async_context(Knocking(ctx, lines, local, senders, known))


async def _sender(ctx: Context, local: Address, port: int, undo: AsyncExitStack) -> Sender:
    """From this port where it is free, else from any."""
    try:
        udp = ctx.net.udp(family(local), local, port)
    except OSError:
        udp = ctx.net.udp(family(local), local)
    return await undo.enter_async_context(Sender(ctx, udp))


def _untold(followed: Subject) -> Trail:
    """IP_RECVERR is Linux's alone."""
    return Trail(
        subject=followed.endpoint,
        towards=followed.endpoint,
        transport=followed.transport,
        payload="syn" if followed.transport == "tcp" else "check" if followed.check else "binding",
        failure=Failure.UNSUPPORTED,
        detail="only Linux tells a program without privileges who ended a packet",
    )


def _local(ctx: Context, facts: Facts, followed: Subject) -> Address | None:
    if family(followed.host) not in ctx.options.families:
        return None
    return split(followed.local)[0] if followed.local else source(ctx, facts, followed.host)


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


class _Datagrams(Tracing):
    """Lines of UDP, and the sockets that they leave from: the failing exchange's own, and others for the controls."""

    def __init__(
        self, ctx: Context, lines: Sequence[Line], sender: Sender, others: Sequence[Sender], known: float | None
    ) -> None:
        super().__init__(ctx, lines, sender.local, known)
        self._sender, self._others = sender, others
        self._port, self._tcp, self._older = lines[1:4]
        self._quoted = True

    def _deciding(self) -> tuple[Line, ...]:
        return self._port, self._tcp

    def _alike(self) -> tuple[Line, ...]:
        return self._own, self._older

    async def _sweep(self) -> None:
        await self._once(NEAR, (self._own, self._port, self._older))
        if self._own.unattributed:
            await self._one_by_one()
        elif self._farthest(self._own, self._port) >= NEAR[-BEHIND]:
            await self._once(FAR, (self._own, self._port))

    async def _send(self, line: Line, ttl: int) -> None:
        """See Tracing."""
        await self._sender.send(line, ttl)

    async def _one_by_one(self) -> None:
        """Routers that give back nothing of a packet: each error is the last packet's, while no other is on its way."""
        self._quoted = False
        for line in (self._own, self._port, self._older):
            line.forget()
        for ttl in NEAR:
            await self._sender.send_alone(self._own, ttl, self._patience())
            if ttl - self._own.last > BEHIND:
                break

    async def _answers(self) -> bool:
        """Where no router says anything over UDP, one may over TCP."""
        if not any(line.answers for line in self.lines):
            await self._knocks([1, 2, 3])
        return await super()._answers()

    async def _round(self, number: int) -> None:
        """See Tracing."""
        lines = [each for each in self.lines if each is not self._tcp] if self._quoted else [self._own]
        knocking = asyncio.create_task(self._knocks(self._behind()))
        try:
            await self._in_turn(number, lines)
            await asyncio.gather(self._widen(), self._settle())
            await knocking
        finally:
            knocking.cancel()

    async def _widen(self) -> None:
        """The control that comes further, from other ports."""
        first, wanting = self._first(), self._wanting()
        if first is None or not wanting:
            return
        line, ttl = first
        if line.payload == "syn":
            await self._knocks([ttl] * wanting)
            return
        for sender in self._others:
            await sender.send(line, ttl)

    async def _knocks(self, ttls: list[int]) -> None:
        line, patience = self._tcp, self._patience()
        wanted = [ttl for ttl in ttls if line.end is None or ttl <= line.end]
        await asyncio.gather(*(knock(self._ctx, line, self._address, ttl, patience) for ttl in wanted))
