"""NAT filtering: may an answer come back from an address or port that was never sent to? (RFC 5780 section 4.4)"""

from __future__ import annotations

from collections.abc import AsyncIterator
from functools import partial
from typing import Literal, NamedTuple

from natprobe.asking.rounds import Controls, Round, among_controls
from natprobe.asking.sources import same_side, sources
from natprobe.asking.together import as_they_come
from natprobe.asking.transactions import binding_of, failure_to_change, other_address, servers_of
from natprobe.context import Context
from natprobe.facts import Binding, Facts, FilteringTest, LocalAddress, StunServer
from natprobe.model import Address, Observation, clip, family, flow, join
from natprobe.net.stun import Outcome, StunSocket
from natprobe.wire import stun

REQUIRES = (StunServer,)
TAKES = (LocalAddress,)
YIELDS = (Binding, FilteringTest)
TIMEOUT = 5.5

# A guest sends few packets: so many servers are asked whether they can do it, and so many local addresses tested.
SERVERS_MAX = 4
LOCALS_MAX = 4
Change = Literal["address-and-port", "port"]
_CHANGES: dict[Change, int] = {"address-and-port": 6, "port": 2}

Endpoint = tuple[str, int]


class _Server(NamedTuple):
    """A server that names its other address, and the socket that has only ever talked to this one."""

    at: Endpoint
    other: Endpoint
    sock: StunSocket


async def probe(ctx: Context, facts: Facts) -> AsyncIterator[Observation]:
    """A socket of its own for each server: whatever else it sent to, the NAT would let answer."""
    streams: list[AsyncIterator[Observation]] = []
    for version in ctx.options.families:
        servers = servers_of(facts, version, "udp")
        for local in sources(ctx, facts, version, [each.address for each in servers])[:LOCALS_MAX]:
            asked = [each for each in servers if same_side(local, each.address)][:SERVERS_MAX]
            streams += [_from(ctx, local, each) for each in asked]
    async for observation in as_they_come(streams):
        yield observation


async def _from(ctx: Context, local: Address, server: StunServer) -> AsyncIterator[Observation]:
    """Asks who the server's other self is; without one there is nothing to test."""
    at = (server.address, server.port)
    try:
        udp = ctx.net.udp(family(local), local)
    except OSError:  # mapping, which runs beside, says so
        return
    async with StunSocket(ctx.net, udp) as sock:
        first = await sock.ask(stun.binding_request(ctx.transaction_id()), at)
        yield binding_of(server, "udp", join(*sock.local), first)
        if (other := other_address(first, at)) is None:
            return
        async for observation in _tests(ctx, _Server(at, other, sock), first.rtt):
            yield observation


async def _tests(ctx: Context, server: _Server, rtt: float | None) -> AsyncIterator[Observation]:
    """Both changes at once."""
    attempts = {change: partial(_attempt, ctx, server, change) for change in _CHANGES}
    ends, controls = await among_controls(ctx, server.sock, server.at, rtt, attempts)
    for change, end in ends.items():
        yield _observed(server, change, end, controls)


async def _attempt(ctx: Context, server: _Server, change: Change, each: Round) -> Outcome:
    request = stun.binding_request(ctx.transaction_id(), CHANGE_REQUEST=_CHANGES[change])
    return await server.sock.ask(
        request,
        server.at,
        responder=_expected(server, change),
        send_times=each.send_times,
        give_up=each.give_up,
    )


def _expected(server: _Server, change: Change) -> Endpoint:
    return server.other if change == "address-and-port" else (server.at[0], server.other[1])


def _observed(server: _Server, change: Change, outcome: Outcome, controls: Controls) -> FilteringTest:
    local, at = join(*server.sock.local), join(*server.at)
    return FilteringTest(
        server=at,
        local=local,
        change=change,
        expected=join(*_expected(server, change)),
        tries=outcome.tries,
        controls=controls.answered,
        controls_lost=controls.lost,
        rtt_ms=outcome.rtt_ms,
        flow=flow("udp", local, at),
        failure=failure_to_change(outcome),
        detail=clip(outcome.detail, 200),
    )
