"""What an inspection on the way does to STUN: the questions that are asked beside the transactions themselves.

Where a request stays unanswered: does UDP without the magic cookie pass to the very same port? Where one was
answered: does an answer with a FINGERPRINT arrive as it was made?
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence

from natprobe.context import Context
from natprobe.derive import QUIET_TRIES, SILENT_TRIES
from natprobe.facts import OtherPayload
from natprobe.model import Failure, clip, flow, join
from natprobe.net.api import Datagram, same_peer
from natprobe.net.stun import Outcome, StunSocket
from natprobe.wire import classic, stun

# Who has not answered for so long is asked in another way too: nine times, so far apart, until six were answered;
# the ninth request leaves at 2.0 s and has the time to be answered before anybody gives up (seconds).
PATIENCE, INTERVAL = 1.0, 0.125
# An answer with FINGERPRINT takes no longer than the one before it (seconds).
QUICK = 0.1

Endpoint = tuple[str, int]


async def asked(
    ctx: Context, sock: StunSocket, request: bytes, to: Endpoint, send_times: Sequence[float], give_up: float
) -> tuple[Outcome, list[OtherPayload]]:
    """The transaction, and what its control said if it ended in silence. Takes no longer than the transaction alone."""
    control = _Control(ctx, sock, request, to, ctx.net.now() + give_up, SILENT_TRIES - len(send_times))
    sock.claims.append(control.claims)
    try:
        async with asyncio.TaskGroup() as group:
            beside = group.create_task(control.run())
            outcome = await sock.ask(request, to, send_times=send_times, give_up=give_up)
            beside.cancel()
    finally:
        sock.claims.remove(control.claims)
    if outcome.failure is not Failure.TIMEOUT or not control.sent:
        return outcome, []
    return outcome._replace(tries=outcome.tries + control.again), [control.observed()]


class _Control:
    """Classic requests to one server. Once one was answered, it fills the STUN request's tries up to nine between."""

    def __init__(
        self, ctx: Context, sock: StunSocket, request: bytes, to: Endpoint, until: float, wanting: int
    ) -> None:
        self._ctx, self._sock, self._request, self._to = ctx, sock, request, to
        self._until, self._wanting = until, wanting
        self.sent: dict[bytes, float] = {}
        self._rtts: dict[bytes, float] = {}
        self.again = 0

    async def run(self) -> None:
        """Until enough was answered; cancelled when the transaction ends."""
        await self._ctx.net.sleep(PATIENCE)
        with contextlib.suppress(OSError):  # the transaction's own tries meet the same
            while len(self.sent) < SILENT_TRIES and len(self._rtts) < QUIET_TRIES:
                transaction_id = self._ctx.random.randbytes(classic.ID_BYTES)
                self.sent[transaction_id] = self._ctx.net.now()
                self._sock.send(classic.request(transaction_id), self._to)
                await self._ctx.net.sleep(INTERVAL / 2)
                self._fill_up()
                await self._ctx.net.sleep(INTERVAL / 2)

    def _fill_up(self) -> None:
        """The STUN request once more, where it can still be answered in time: as the classic one was, twice over."""
        in_time = bool(self._rtts) and self._ctx.net.now() + 2 * min(self._rtts.values()) <= self._until
        if in_time and self.again < self._wanting:
            self._sock.send(self._request, self._to)
            self.again += 1

    def claims(self, datagram: Datagram) -> bool:
        """Whether this answers one of the requests, for the first time or again."""
        try:
            answer = classic.decode(datagram.data)
        except stun.StunError:
            return False
        ours = answer.transaction_id in self.sent and same_peer(datagram.source, self._to)
        if ours:
            self._rtts.setdefault(answer.transaction_id, datagram.at - self.sent[answer.transaction_id])
        return ours

    def observed(self) -> OtherPayload:
        """What came of it."""
        local, server, rtts = join(*self._sock.local), join(*self._to), list(self._rtts.values())
        return OtherPayload(
            server=server,
            local=local,
            payload="classic-stun",
            tries=len(self.sent),
            answers=len(rtts),
            rtt_ms=round(min(rtts) * 1000, 2) if rtts else None,
            flow=flow("udp", local, server),
            failure=None if rtts else Failure.TIMEOUT,
        )


async def fingerprinted(ctx: Context, sock: StunSocket, to: Endpoint, rtt: float) -> AsyncIterator[OtherPayload]:
    """One request that is answered with a FINGERPRINT (RFC 8489 section 14.7), which browsers' requests are not.

    `rtt`: how long the answer before took (seconds).
    """
    request = stun.binding_request(ctx.transaction_id(), fingerprint=True)
    outcome = await sock.ask(request, to, send_times=(0.0,), give_up=max(QUICK, 2 * rtt))
    local, server = join(*sock.local), join(*to)
    yield OtherPayload(
        server=server,
        local=local,
        payload="fingerprint",
        tries=outcome.tries,
        answers=int(outcome.packet is not None),
        rtt_ms=outcome.rtt_ms,
        flow=flow("udp", local, server),
        failure=outcome.failure,
        detail=clip(outcome.detail, 200),
    )
