"""A relay under a session that is held: renewed in time, and lost without a fault of ours, in virtual time."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any, cast

import pytest
from aioice.stun import Method

from natprobe.asking.relays import Leg
from natprobe.asking.staying import hold_on
from natprobe.asking.ways import Way
from natprobe.context import Context, Options
from natprobe.facts import IceEnded, TurnServer
from natprobe.model import join
from natprobe.pairing import IceCredentials
from natprobe.target import parse
from natprobe.wire.stun import SEND_TIMES
from natprobe.wire.turn import Credentials
from tests import access
from tests.lab.build import Lab
from tests.lab.client import lab_of, within
from tests.lab.turn_server import TurnServer as Double
from tests.netns import addresses as at
from tests.probes.bridging import invited
from tests.probes.relaying import HEALTHY, NAME

PEER = (at.WEB, at.MEDIA_UDP)
# As often as consent is asked for.
EVERY = 5.0


@asynccontextmanager
async def _held(lab: Lab, leg_to: str) -> AsyncIterator[tuple[Leg, Double, Callable[[], Coroutine[Any, Any, None]]]]:
    """An allocation over this leg that a session goes through, its server's side, and what keeps it."""
    context = Context(
        target=parse(at.TARGET).target,
        options=Options(hold=300.0),
        net=lab.client,
        host=lab.client,
        random=random.Random(0),
        unix_time=0.0,
    )
    server = TurnServer(host=NAME, address=at.RELAY, port=at.TURN_PORT, transport=leg_to, origin="user")  # type: ignore[arg-type]
    leg = Leg(context, server, Way(address=at.RELAY), None, Credentials(access.USER, access.PASSWORD))
    assert [each async for each in leg.connect() if each.failure is not None] == []
    assert leg.client is not None
    async with leg.client:
        assert (await leg.allocate()).failure is None
        context.keep.put("relay/1/leg", leg)
        ended = IceEnded(endpoint=join(*PEER), local=join(*leg.client.local), relayed=join(*leg.relayed))
        invitation = invited(IceCredentials(ufrag="a", password="b"), at.WEB)
        renew = hold_on(context, invitation, ended).renew
        assert renew is not None
        assert lab.relay is not None
        (one,) = lab.relay.allocations
        yield leg, one.server, cast("Callable[[], Coroutine[Any, Any, None]]", renew)


def _asked(server: Double, method: Method) -> int:
    return sum(1 for each in server.seen if each.message_method is method)


@pytest.mark.parametrize("leg_to", ["udp", "tcp"])
@pytest.mark.parametrize(("lifetime", "first"), [(600, 120.0), (241, 120.0), (120, 60.0), (60, 30.0)])
def test_a_relay_is_renewed_in_time(leg_to: str, lifetime: int, first: float) -> None:
    """Two minutes after the allocation, and sooner where less is granted: after half of it."""
    lab = lab_of(relay=HEALTHY)
    assert lab.relay is not None
    lab.relay.settings.lifetime = lifetime

    async def work() -> list[float]:
        async with _held(lab, leg_to) as (_, server, renew):
            began, when = lab.clock.now, []
            while lab.clock.now - began < 300:
                before = _asked(server, Method.REFRESH)
                await renew()
                if _asked(server, Method.REFRESH) > before:
                    when.append(lab.clock.now - began)
                assert _asked(server, Method.REFRESH) == _asked(server, Method.CREATE_PERMISSION)
                await asyncio.sleep(EVERY)
            return when

    when = within(lab, work())
    gaps = [after - before for before, after in zip([0.0, *when], when, strict=False)]
    assert all(first <= each <= first + EVERY + 0.2 for each in gaps), gaps
    assert len(when) >= 300 // (first + EVERY + 0.2)


def _forgets(server: Double) -> None:
    """437: there is no allocation any more."""
    server.allocation = None


def _ends(server: Double) -> None:
    """Success, with no time left."""
    server._refresh = lambda given: {"LIFETIME": 0}  # type: ignore[method-assign]


@pytest.mark.parametrize("leg_to", ["udp", "tcp"])
@pytest.mark.parametrize("lost", [_forgets, _ends])
def test_a_relay_that_has_lost_the_allocation_is_no_fault_of_ours(lost: Callable[[Double], None], leg_to: str) -> None:
    lab = lab_of(relay=HEALTHY)

    async def work() -> tuple[bool, int]:
        async with _held(lab, leg_to) as (leg, server, renew):
            await asyncio.sleep(121)
            lost(server)
            for _ in range(3):
                await renew()
                await asyncio.sleep(121)
            return leg.allocated, _asked(server, Method.CREATE_PERMISSION)

    assert within(lab, work()) == (False, 0)


def test_a_refresh_without_an_answer_loses_nothing() -> None:
    """The allocation may stand, so its permission is renewed; and nobody asks again before half of it is over."""
    lab = lab_of(relay=HEALTHY)

    async def work() -> tuple[bool, int, int]:
        async with _held(lab, "udp") as (leg, server, renew):
            await asyncio.sleep(121)
            server._refresh = lambda given: {}  # type: ignore[method-assign]  # no LIFETIME: no answer that counts
            await renew()
            await renew()
            return leg.allocated, _asked(server, Method.CREATE_PERMISSION), _asked(server, Method.REFRESH)

    assert within(lab, work()) == (True, 1, len(SEND_TIMES))
