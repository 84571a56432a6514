"""Connections that failed in silence, followed hop by hop: their SYNs, in turn with the controls.

Each SYN leaves from a port of its own, as each connection does: equal-cost paths show by several routers at one hop.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from natprobe.asking.sweep import PACE, Line, Sender, knock
from natprobe.asking.tracing import BEHIND, FAR, NEAR, PATIENCE_MAX, Tracing
from natprobe.context import Context
from natprobe.derive.followed import Subject, other_listener, tcp_port, udp_port
from natprobe.derive.place import FLOWS
from natprobe.facts import Facts
from natprobe.model import Address, split
from natprobe.wire import stun

# What a connection that stands costs beside its SYN: it is acknowledged, ended, and its end acknowledged.
_STANDING = 3


def stream_lines(ctx: Context, facts: Facts, followed: Subject) -> list[Line]:
    """The failing endpoint's SYNs, those to another port, UDP, and the same port of another host."""
    there, port = split(followed.endpoint)
    lines = [
        Line("none", "syn", (there, port), bytes),
        Line("port", "syn", (there, tcp_port(facts, there, port)), bytes),
        Line("udp", "binding", (there, udp_port(facts, there, 0)), lambda: stun.binding_request(ctx.transaction_id())),
    ]
    if elsewhere := other_listener(facts, there, port):
        lines.append(Line("host", "syn", (elsewhere, port), bytes))
    return lines


class Knocking(Tracing):
    """The SYNs, and the sockets that UDP beside them leaves from. Use as an async context manager: what was not
    answered when it ends is given up.
    """

    # Counted is what TCP sends of itself too; a round may have a few connections that stand.
    ENOUGH = 100

    def __init__(
        self, ctx: Context, lines: Sequence[Line], local: Address, senders: Sequence[Sender], known: float | None
    ) -> None:
        super().__init__(ctx, lines, (local, 0), known)
        self._senders = senders
        self._port, self._udp = lines[1:3]
        self._open: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Knocking:
        return self

    async def __aexit__(self, *_: object) -> None:
        for each in self._open:
            each.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)

    def _deciding(self) -> tuple[Line, ...]:
        """Not the other host: its way may part from this one just there."""
        return self._port, self._udp

    def _sent(self) -> int:
        stood = [each for line in self.lines if line.payload == "syn" for each in _reached(line)]
        return super()._sent() + _STANDING * len(stood)

    async def _sweep(self) -> None:
        await self._once(NEAR, (self._own, self._port, self._udp))
        if self._farthest(*self.lines) >= NEAR[-BEHIND]:
            await self._once(FAR, (self._own, self._port))

    def _wanting(self) -> int:
        """Of the far end nothing more than its distance is asked."""
        first = self._first()
        return 0 if first is None or first[0].end == first[1] else super()._wanting()

    async def _round(self, number: int) -> None:
        """See Tracing."""
        await self._in_turn(number, self.lines)
        await self._widen()
        await self._settle()

    async def _widen(self) -> None:
        """The control that comes further, as often as it takes, each time from another port."""
        first, wanting = self._first(), self._wanting()
        if first is None or not wanting:
            return
        line, ttl = first
        for number in range(wanting) if line.payload == "syn" else range(1, FLOWS):
            await self._send(line, ttl, number)

    async def _send(self, line: Line, ttl: int, sender: int = 0) -> None:
        """One packet, but none that would go beyond the far end: connections would stand there for nothing."""
        if line.end is not None and ttl > line.end:
            return
        if line.payload != "syn":
            await self._senders[sender].send(line, ttl)
        else:
            task = asyncio.create_task(knock(self._ctx, line, self._address, ttl, PATIENCE_MAX))
            self._open.add(task)
            task.add_done_callback(self._open.discard)
            await self._ctx.net.sleep(PACE)


def _reached(line: Line) -> list[float]:
    return [each.rtt for found in line.answers.values() for each in found if each.reached]
