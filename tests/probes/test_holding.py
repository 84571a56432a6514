"""Staying on a pair, in virtual time: consent as browsers ask for it, and when its silence is the path's end."""

from __future__ import annotations

import asyncio
import random
import types
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import cast

import pytest

from natprobe.asking.holding import Hold, Holding
from natprobe.context import Context, Options
from natprobe.derive.associations import lost
from natprobe.facts import IceCheck, PathHeld
from natprobe.host.api import Host
from natprobe.model import Failure, Target
from natprobe.net.api import Net
from tests.lab.clock import Clock

THERE = "203.0.113.10:10000"


@dataclass
class Peer:
    """Answers checks until `dies` seconds have passed, or as chance has it at this `loss` both ways together; then it
    is silent, or refuses with this `code`. New sockets are answered as `new` says. Checks and when they came.
    """

    dies: float = 1e9
    back: float = 1e9
    code: int | None = None
    loss: float = 0.0
    new: bool | None = None
    over: str | None = None
    asked: list[float] = field(default_factory=list)
    chance: random.Random = field(default_factory=lambda: random.Random(3))

    async def check(self, times: Sequence[float], give_up: float) -> IceCheck:
        """As an association asks on its pair."""
        began = asyncio.get_running_loop().time()
        for number, until in enumerate([*times[1:], give_up], 1):
            now = asyncio.get_running_loop().time()
            self.asked.append(now)
            alive = not self.dies <= now < self.back
            if (alive or self.code) and self.chance.random() >= self.loss:
                code = None if alive else self.code
                failure = None if alive else Failure.ERROR_RESPONSE
                return IceCheck(
                    endpoint=THERE,
                    transport="udp",
                    size=100,
                    tries=number,
                    verified=alive,
                    error_code=code,
                    failure=failure,
                )
            await asyncio.sleep(began + until - now)
        return IceCheck(endpoint=THERE, transport="udp", size=100, tries=len(times), failure=Failure.TIMEOUT)


def held(peer: Peer, seconds: float, seed: int = 1) -> tuple[PathHeld, float]:
    """The fact, and how long it took. The clock begins at zero for the peer."""
    clock = Clock()
    clock.now = 0.0

    async def again() -> bool:
        await asyncio.sleep(0.05 if peer.new else 2.5)
        return bool(peer.new)

    async def work() -> PathHeld:
        loop = asyncio.get_running_loop()
        net = types.SimpleNamespace(now=loop.time, sleep=asyncio.sleep)
        ctx = Context(
            target=Target(input="x", host="x", port=443),
            options=Options(),
            net=cast(Net, net),
            host=cast(Host, None),
            random=random.Random(seed),
            unix_time=0.0,
        )
        hold = Hold(seconds=seconds, over=lambda: peer.over, again=None if peer.new is None else again)
        return await Holding(ctx, hold, peer.check, PathHeld(endpoint=THERE)).watch()

    return clock.run(work()), clock.now


@pytest.mark.parametrize("seed", range(5))
def test_consent_is_asked_for_as_the_rfc_has_it(seed: int) -> None:
    """RFC 7675 section 5.1: every five seconds, times 0.8 to 1.2, once each, never sooner than after four."""
    peer = Peer()
    fact, took = held(peer, 120.0, seed)
    gaps = [after - before for before, after in zip(peer.asked, peer.asked[1:], strict=False)]
    assert all(4.0 <= each <= 6.0 for each in gaps)
    assert len(set(gaps)) > 10
    assert (fact.failure, fact.checks, fact.answered) == (None, len(peer.asked), len(peer.asked))
    assert took == pytest.approx(120.0, abs=0.001)
    assert not lost(fact)


def test_a_flow_that_is_cut_is_told_by_a_new_one() -> None:
    fact, took = held(Peer(dies=3.0, new=True), 300.0)
    assert (fact.failure, fact.control, fact.tries, fact.missed is not None) == (Failure.TIMEOUT, True, 10, True)
    assert lost(fact)
    assert took < 10


def test_without_a_new_one_consent_has_to_expire() -> None:
    for new in (None, False):
        fact, took = held(Peer(dies=40.0, new=new), 300.0)
        assert (fact.failure, fact.control) == (Failure.TIMEOUT, new)
        assert 34 <= fact.lasted <= 40
        assert fact.silent >= 30
        assert lost(fact)
        assert took < fact.lasted + 45


def test_what_stays_silent_at_the_end_is_waited_for() -> None:
    fact, took = held(Peer(dies=9.0), 12.0)
    assert (fact.failure, lost(fact)) == (Failure.TIMEOUT, True)
    assert took < 55


def test_a_short_outage_is_none() -> None:
    fact, took = held(Peer(dies=9.0, back=30.0, new=False), 60.0)
    assert fact.failure is None
    assert took == pytest.approx(60.0, abs=1.0)
    assert fact.answered < fact.checks


@pytest.mark.parametrize("seed", range(60))
def test_loss_is_never_a_lost_path(seed: int) -> None:
    """15 % each way, with a control that is always answered."""
    fact, _ = held(Peer(loss=1 - 0.85**2, new=True, chance=random.Random(seed)), 300.0, seed)
    assert fact.failure is None


def test_whoever_refuses_gives_no_consent() -> None:
    fact, took = held(Peer(dies=3.0, code=403, new=True), 60.0)
    assert (fact.failure, fact.error_code, lost(fact)) == (Failure.ERROR_RESPONSE, 403, True)
    assert fact.checks == 3
    assert took < 20


def test_an_error_once_is_not_the_end() -> None:
    fact, _ = held(Peer(dies=3.0, back=6.2, code=500, new=True), 20.0, seed=4)
    assert fact.failure is None


def test_a_session_that_signalling_ended_is_no_lost_path() -> None:
    fact, _ = held(Peer(dies=3.0, new=True, over="expired"), 60.0)
    assert (fact.failure, fact.ended, lost(fact)) == (Failure.CLOSED, "expired", False)
