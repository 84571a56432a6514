"""With --bitrate, to a `natprobe serve`: what the way up and the way down carry, told apart by what was counted there.

It has the wire to itself. Its answers are never larger than what they answer, so that the way down is tried with as
much up; where the way up is the narrower one, no more than that is known of the other.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Literal

from natprobe.asking.burst import SocketEnd
from natprobe.asking.served import served
from natprobe.asking.trains import OTHERS, CheckedEnd, Ridden, socket_for, train
from natprobe.context import Context
from natprobe.derive import FULL_SIZE
from natprobe.facts import Candidate, Facts, IceCheck, PathBurst, PathRate
from natprobe.model import Endpoint, Failure, Observation, clip, join, split
from natprobe.net.failure import failure_of
from natprobe.wire.burst import Plan, at_rate
from natprobe.wire.stun import StunError

REQUIRES = (Candidate,)
# What it reads is IceCheck; the others' probes it waits for.
TAKES = (IceCheck, *OTHERS, PathBurst)
YIELDS = (PathRate,)
TIMEOUT = 14.0

# So long each way (seconds), as through a relay.
SECONDS = 2.0


async def probe(ctx: Context, facts: Facts) -> AsyncIterator[Observation]:
    """Up first, with little back."""
    found = served(ctx, facts) if ctx.options.bitrate else None
    if found is None:
        return
    goal, check = found
    plan = at_rate(ctx.options.bitrate, SECONDS, FULL_SIZE)
    for direction in _DIRECTIONS:
        local = None
        try:
            with socket_for(ctx, check) as udp:
                local = join(*udp.local)
                end = CheckedEnd(
                    ctx,
                    goal.theirs,
                    SocketEnd(udp, split(check.endpoint)),
                    serve=True,
                    asked=FULL_SIZE,
                    both_ways=direction == "down",
                )
                ridden = await train(ctx, end, plan)
            yield _fact(ctx, check, plan, direction, local, ridden)
        except (OSError, EOFError, StunError) as exc:
            failure, detail = failure_of(exc)
            yield _fact(ctx, check, plan, direction, local, None, failure, detail)


Direction = Literal["up", "down"]
_DIRECTIONS: tuple[Direction, ...] = ("up", "down")


def _fact(
    ctx: Context,
    check: IceCheck,
    plan: Plan,
    direction: Direction,
    local: Endpoint | None,
    ridden: Ridden | None,
    failure: Failure | None = None,
    detail: str = "",
) -> PathRate:
    if ridden is not None and not ridden.whole.arrived and not ridden.there:
        failure = Failure.TIMEOUT
    return PathRate(
        endpoint=check.endpoint,
        local=local,
        direction=direction,
        bitrate=ctx.options.bitrate,
        size=plan.bytes,
        interval_ms=round(plan.interval * 1000, 3),
        sent=ridden.whole.sent if ridden else 0,
        halfway=ridden.there if ridden else None,
        arrived=ridden.whole.arrived if ridden else 0,
        received=_received(ridden, direction, plan.bytes) if ridden else None,
        failure=failure,
        detail=clip(detail, 200),
    )


def _received(ridden: Ridden, direction: Direction, size: int) -> int | None:
    """Between the first arrival and the last, at the end where they arrive."""
    rate = ridden.whole.rate if direction == "down" else ridden.rate_there(size)
    return None if rate is None else round(rate)
