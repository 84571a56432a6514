"""Tries among controls: what makes a silence count (derive.behaviour.kept_out), and short where nothing is lost."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, NamedTuple, TypeVar

from natprobe.context import Context
from natprobe.derive import QUIET_TRIES
from natprobe.model import Failure
from natprobe.net.stun import Outcome, StunSocket
from natprobe.wire import stun

K = TypeVar("K")

# An answer that comes is quick; one that doesn't costs what is waited for it.
QUICK_INTERVAL, QUICK_PATIENCE = 0.025, 0.06
SLOW_INTERVAL, SLOW_PATIENCE = 0.25, 0.5


class Round(NamedTuple):
    """So many tries, so far apart, and so long waited after the last (seconds)."""

    tries: int
    interval: float
    patience: float

    @property
    def send_times(self) -> tuple[float, ...]:
        """As StunSocket.ask takes them."""
        return tuple(number * self.interval for number in range(self.tries))

    @property
    def give_up(self) -> float:
        """Seconds from the first try to the end."""
        return (self.tries - 1) * self.interval + self.patience


class Controls(NamedTuple):
    """Requests between the tries that should be answered: how many were answered, and how many not, or not at once."""

    answered: int
    lost: int


Attempt = Callable[[Round], Awaitable[Outcome]]


async def among_controls(
    ctx: Context,
    sock: StunSocket,
    at: tuple[str, int],
    rtt: float | None,
    attempts: Mapping[K, Attempt],
    *,
    hurried: bool = True,
    **control: Any,
) -> tuple[dict[K, Outcome], Controls]:
    """All attempts at once, a few tries; more of those that stay silent where a packet was seen to be lost.

    `sock` asks the controls of `at`, which has answered it once already: in `rtt` seconds, None: not at once (Karn).
    `control`: attributes that they have. Who isn't `hurried` tries more often in any case.
    """
    controls = Controls(1, int(rtt is None))
    ends = dict.fromkeys(attempts, Outcome(None, Failure.TIMEOUT, "", 0))
    for each in _rounds(rtt):
        silent = [key for key, end in ends.items() if end.failure is Failure.TIMEOUT]
        async with asyncio.TaskGroup() as group:
            beside = [group.create_task(_control(ctx, sock, at, each, number, control)) for number in range(each.tries)]
            outcomes = await asyncio.gather(*(attempts[key](each) for key in silent))
            for task in beside:  # those that nobody needs any more
                task.cancel()
        for key, outcome in zip(silent, outcomes, strict=True):
            ends[key] = outcome._replace(tries=ends[key].tries + outcome.tries)
        ended = [task.result() for task in beside if not task.cancelled()]
        controls = Controls(controls.answered + sum(ended), controls.lost + len(ended) - sum(ended))
        if (hurried and not controls.lost) or all(end.failure is not Failure.TIMEOUT for end in ends.values()):
            break
    return ends, controls


def _rounds(rtt: float | None) -> tuple[Round, Round]:
    """Enough for behaviour to call silence a fact: the second round only where the first lost a control."""
    quick = Round(QUIET_TRIES, QUICK_INTERVAL, max(QUICK_PATIENCE, 3 * (rtt or 0)))
    return quick, Round(6, SLOW_INTERVAL, max(SLOW_PATIENCE, 3 * (rtt or 0)))


async def _control(
    ctx: Context, sock: StunSocket, at: tuple[str, int], each: Round, number: int, attributes: Mapping[str, Any]
) -> bool:
    """A request half-way between two tries: is it answered in the time that the tries have?"""
    await ctx.net.sleep((number + 0.5) * each.interval)
    request = stun.binding_request(ctx.transaction_id(), **attributes)
    outcome = await sock.ask(request, at, send_times=(0.0,), give_up=each.patience)
    return outcome.failure is None
