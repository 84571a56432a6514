"""With --compare or --trace, to a `natprobe serve`: whether packets marked as audio (DSCP EF) arrive, and as what.

Marked and unmarked checks go from one socket in turn, so that nothing but the mark tells them apart.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator

from natprobe.asking.burst import SocketEnd
from natprobe.asking.served import served
from natprobe.asking.trains import CheckedEnd, socket_for
from natprobe.context import Context
from natprobe.facts import Candidate, Facts, IceCheck, Marked, PathBurst, PathRate, PathSize, RawAccess, Trail
from natprobe.model import Endpoint, Failure, Observation, clip, join, split
from natprobe.net.api import Markable, Udp
from natprobe.net.failure import failure_of

REQUIRES = (Candidate,)
TAKES = (IceCheck, PathSize, Trail, RawAccess, PathBurst, PathRate)
YIELDS = (Marked,)
TIMEOUT = 3.0

# Expedited forwarding (RFC 3246), as browsers mark audio where they are told to (RFC 8837 table 1); ECN none.
EF = 46 << 2
# Enough of each to call silence a fact (derive.SILENT_TRIES), so far apart (seconds).
_PACKETS, _APART = 9, 0.02
# What has not come back so long after the last is lost (seconds).
_PATIENCE = 0.6


class _Sent:
    """Which checks left with a mark and which without."""

    def __init__(self) -> None:
        self.marked: list[bytes] = []
        self.plain: list[bytes] = []
        self.answered: set[bytes] = set()

    def done(self) -> bool:
        """Whether every one was answered."""
        return self.answered.issuperset((*self.marked, *self.plain))


async def probe(ctx: Context, facts: Facts) -> AsyncIterator[Observation]:
    """On the way over UDP that passed a check first."""
    found = served(ctx, facts) if ctx.options.compare or ctx.options.trace else None
    if found is None:
        return
    goal, check = found
    try:
        with socket_for(ctx, check) as udp:
            end = CheckedEnd(ctx, goal.theirs, SocketEnd(udp, split(check.endpoint)), serve=True)
            yield _fact(check, join(*udp.local), end, await _sent(ctx, udp, end))
    except OSError as exc:
        failure, detail = failure_of(exc)
        yield Marked(endpoint=check.endpoint, tos=EF, failure=failure, detail=clip(detail, 200))


async def _sent(ctx: Context, udp: Udp, end: CheckedEnd) -> _Sent:
    """All of them, and what was answered within patience. Raises OSError."""
    sent = _Sent()
    if not isinstance(udp, Markable):
        return sent
    reader = asyncio.create_task(_listen(end, sent))
    try:
        for _ in range(_PACKETS):
            for tos, group in ((EF, sent.marked), (0, sent.plain)):
                group.append(ctx.transaction_id())
                udp.mark(tos)
                await end.check(group[-1])
                await ctx.net.sleep(_APART)
        until = ctx.net.now() + _PATIENCE
        while not sent.done() and ctx.net.now() < until:
            await ctx.net.sleep(_APART / 4)
    finally:
        reader.cancel()
        await asyncio.gather(reader, return_exceptions=True)
    return sent


async def _listen(end: CheckedEnd, sent: _Sent) -> None:
    while True:
        _, _, message = await end.answer()
        sent.answered.add(message.transaction_id)


def _fact(check: IceCheck, local: Endpoint, end: CheckedEnd, sent: _Sent) -> Marked:
    """As most of them arrived, should a route have changed meanwhile."""
    told = Counter(each.there.tos for which, each in end.seen.items() if which in set(sent.marked))
    answered = len(sent.answered.intersection(sent.marked))
    return Marked(
        endpoint=check.endpoint,
        local=local,
        tos=EF,
        seen=told.most_common(1)[0][0] if told else None,
        sent=len(sent.marked),
        answered=answered,
        plain=len(sent.plain),
        plain_answered=len(sent.answered.intersection(sent.plain)),
        failure=Failure.UNSUPPORTED if not sent.marked else Failure.TIMEOUT if not answered else None,
    )
