"""NAT filtering: may an answer come back from an address or port that was never sent to? (RFC 5780 section 4.4)"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Literal, NamedTuple

from natprobe.context import Context
from natprobe.derive import QUIET_TRIES
from natprobe.facts import Facts, FilteringTest, LocalAddress, StunServer
from natprobe.model import Address, Failure, Observation, clip, family, flow, join
from natprobe.net.stun import Outcome, StunSocket
from natprobe.sources import same_side, sources
from natprobe.together import as_they_come
from natprobe.wire import stun

REQUIRES = (StunServer,)
TAKES = (LocalAddress,)
YIELDS = (FilteringTest,)
TIMEOUT = 5.5

# A guest sends few packets: so many servers are asked whether they can do it, and so many local addresses tested.
SERVERS_MAX = 4
LOCALS_MAX = 4
# An answer that comes is quick; one that doesn't costs what is waited for it.
QUICK_INTERVAL, QUICK_PATIENCE = 0.025, 0.06
SLOW_INTERVAL, SLOW_PATIENCE = 0.25, 0.5
Change = Literal["address-and-port", "port"]
_CHANGES: dict[Change, int] = {"address-and-port": 6, "port": 2}

Endpoint = tuple[str, int]


class _Round(NamedTuple):
    """So many tries, so far apart, and so long waited after the last (seconds)."""

    tries: int
    interval: float
    patience: float


class _Server(NamedTuple):
    """A server that names its other address, and the socket that has only ever talked to this one."""

    at: Endpoint
    other: Endpoint
    sock: StunSocket


async def probe(ctx: Context, facts: Facts) -> AsyncIterator[Observation]:
    """A socket of its own for each server: whatever else it sent to, the NAT would let answer."""
    streams: list[AsyncIterator[Observation]] = []
    for version in ctx.options.families:
        servers = [each for each in facts.ok(StunServer) if each.transport == "udp" and family(each.address) == version]
        for local in sources(ctx, facts, version, [each.address for each in servers])[:LOCALS_MAX]:
            asked = [each for each in servers if same_side(local, each.address)][:SERVERS_MAX]
            streams += [_from(ctx, local, (each.address, each.port)) for each in asked]
    async for observation in as_they_come(streams):
        yield observation


async def _from(ctx: Context, local: Address, at: Endpoint) -> AsyncIterator[Observation]:
    """Asks who the server's other self is; without one there is nothing to test."""
    try:
        udp = ctx.net.udp(family(local), local)
    except OSError:  # mapping, which runs beside, says so
        return
    async with StunSocket(ctx.net, udp) as sock:
        first = await sock.ask(stun.binding_request(ctx.transaction_id()), at)
        other = first.packet.message.attributes.get("OTHER-ADDRESS") if first.packet else None
        # coturn's second address names itself (measured): only another address can show anything.
        if other is None or other[0] == at[0] or other[1] == at[1]:
            return
        async for observation in _tests(ctx, _Server(at, other, sock), first.rtt):
            yield observation


def _rounds(rtt: float | None) -> tuple[_Round, _Round]:
    """Enough for derive to call silence a fact: the second round only where the first lost a control."""
    quick = _Round(QUIET_TRIES, QUICK_INTERVAL, max(QUICK_PATIENCE, 3 * (rtt or 0)))
    return quick, _Round(6, SLOW_INTERVAL, max(SLOW_PATIENCE, 3 * (rtt or 0)))


async def _tests(ctx: Context, server: _Server, rtt: float | None) -> AsyncIterator[Observation]:
    """Both changes at once, a few tries; more of them where a packet was seen to be lost (no round trip, Karn)."""
    controls, missed = 1, int(rtt is None)
    ends: dict[Change, Outcome] = dict.fromkeys(_CHANGES, Outcome(None, Failure.TIMEOUT, "", 0))
    for each in _rounds(rtt):
        silent = [change for change, end in ends.items() if end.failure is Failure.TIMEOUT]
        async with asyncio.TaskGroup() as group:
            beside = [group.create_task(_control(ctx, server, each, number)) for number in range(each.tries)]
            outcomes = await asyncio.gather(*(_attempt(ctx, server, change, each) for change in silent))
            for task in beside:  # those that nobody needs any more
                task.cancel()
        for change, outcome in zip(silent, outcomes, strict=True):
            ends[change] = outcome._replace(tries=ends[change].tries + outcome.tries)
        ended = [task.result() for task in beside if not task.cancelled()]
        controls, missed = controls + sum(ended), missed + len(ended) - sum(ended)
        if not missed or all(end.failure is not Failure.TIMEOUT for end in ends.values()):
            break
    for change, end in ends.items():
        yield _observed(server, change, end, (controls, missed))


async def _attempt(ctx: Context, server: _Server, change: Change, each: _Round) -> Outcome:
    request = stun.binding_request(ctx.transaction_id(), CHANGE_REQUEST=_CHANGES[change])
    return await server.sock.ask(
        request,
        server.at,
        responder=_expected(server, change),
        send_times=tuple(number * each.interval for number in range(each.tries)),
        give_up=(each.tries - 1) * each.interval + each.patience,
    )


async def _control(ctx: Context, server: _Server, each: _Round, number: int) -> bool:
    """A plain request half-way between two tries: is it answered in the time that the tries have?"""
    await ctx.net.sleep((number + 0.5) * each.interval)
    request = stun.binding_request(ctx.transaction_id())
    outcome = await server.sock.ask(request, server.at, send_times=(0.0,), give_up=each.patience)
    return outcome.failure is None


def _expected(server: _Server, change: Change) -> Endpoint:
    return server.other if change == "address-and-port" else (server.at[0], server.other[1])


def _observed(server: _Server, change: Change, outcome: Outcome, controls: tuple[int, int]) -> FilteringTest:
    # 420: a server without RFC 5780 after all; an answer from where it was asked: one that ignores the request.
    unable = outcome.failure in (Failure.ERROR_RESPONSE, Failure.UNAUTHORIZED)
    local, at = join(*server.sock.local), join(*server.at)
    return FilteringTest(
        server=at,
        local=local,
        change=change,
        expected=join(*_expected(server, change)),
        tries=outcome.tries,
        controls=controls[0],
        controls_lost=controls[1],
        rtt_ms=None if outcome.rtt is None else round(outcome.rtt * 1000, 2),
        flow=flow("udp", local, at),
        failure=Failure.UNSUPPORTED if unable else outcome.failure,
        detail=clip(outcome.detail, 200),
    )
