"""NAT mapping: STUN Binding to every server known, from one socket per local address and family, all at once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import msgspec

from natprobe.asking.checks import GIVE_UP, SEND_TIMES
from natprobe.asking.inspection import asked, fingerprinted
from natprobe.asking.neighbours import Neighbours
from natprobe.asking.sources import same_side, sources
from natprobe.asking.together import as_they_come
from natprobe.asking.transactions import binding_of, may_name, servers_of, strays_of
from natprobe.context import Context
from natprobe.facts import Binding, Facts, LocalAddress, OtherPayload, Stray, StunServer
from natprobe.model import Address, Endpoint, Family, Observation, join, split
from natprobe.net.failure import failure_of
from natprobe.net.stun import Outcome, StunSocket, ask_stream
from natprobe.wire import stun

REQUIRES = (StunServer,)
TAKES = (LocalAddress,)
YIELDS = (Binding, OtherPayload, Stray)
TIMEOUT = 4.0

# Time for a TCP connection and one answer: two SYN retransmissions (1 s, 3 s) fit in.
STREAM_SECONDS = 3.1
# Where there are several local addresses, so many of them ask so many servers each over TCP too.
LOCALS_MAX, CONTROLS_MAX = 4, 2


async def probe(ctx: Context, facts: Facts) -> AsyncIterator[Observation]:
    """Every source address asks every UDP server of its family; each TCP server is asked once, as the control.

    Of several source addresses each has a control of its own: what one of them can't do shows only beside another.
    """
    streams: list[AsyncIterator[Observation]] = []
    for version in ctx.options.families:
        servers, controls = servers_of(facts, version, "udp"), servers_of(facts, version, "tcp")
        locals_ = sources(ctx, facts, version, [each.address for each in servers])
        for local in locals_:
            reachable = [each for each in servers if same_side(local, each.address)]
            streams += [_from(ctx, version, local, reachable)] if reachable else []
        streams += [_over_tcp(ctx, server) for server in controls]
        for local in locals_[:LOCALS_MAX] if len(locals_) > 1 else ():
            reachable = [each for each in controls if same_side(local, each.address)]
            streams += [_over_tcp(ctx, server, local) for server in _independent(reachable)]
    async for observation in as_they_come(streams):
        yield observation


def _independent(servers: list[StunServer]) -> list[StunServer]:
    """The first servers, of different operators."""
    return list({each.operator: each for each in reversed(servers)}.values())[::-1][:CONTROLS_MAX]


async def _from(ctx: Context, version: Family, local: Address, servers: list[StunServer]) -> AsyncIterator[Observation]:
    """One socket, all servers: what differs between the answers is the NAT's doing."""
    try:
        udp = ctx.net.udp(version, local)
    except OSError as exc:
        for server in servers:
            yield _unsent(server, local, exc)
        return
    async with StunSocket(ctx.net, udp) as sock:
        neighbours = Neighbours(ctx, sock)
        async for each in as_they_come(_ask_twice(ctx, sock, server, neighbours) for server in servers):
            yield each
        for stray in strays_of(sock):
            yield stray


async def _ask_twice(
    ctx: Context, sock: StunSocket, server: StunServer, neighbours: Neighbours
) -> AsyncIterator[Observation]:
    """The server, and then its other address on both ports, where it has one (RFC 5780 section 4.3); and the server
    once more in another way, and from other sockets.
    """
    more: list[AsyncIterator[Observation]] = []
    async for each in _ask(ctx, sock, server):
        yield each
        if isinstance(each, Binding):
            more = [_ask(ctx, sock, other) for other in _others(server, each.other_address)]
            if each.failure is None and each.rtt_ms is not None:
                more.append(fingerprinted(ctx, sock, (server.address, server.port), each.rtt_ms / 1000))
            if neighbours.wanted(each, server):
                more.append(neighbours.ask(server))
    async for each in as_they_come(more):
        yield each


def _others(server: StunServer, named: Endpoint | None) -> list[StunServer]:
    if named is None:
        return []
    address, port = split(named)
    if address == server.address or not may_name(server.address, address):
        return []
    ports = dict.fromkeys((server.port, port))
    return [msgspec.structs.replace(server, address=address, port=each) for each in ports]


async def _ask(ctx: Context, sock: StunSocket, server: StunServer) -> AsyncIterator[Observation]:
    request = stun.binding_request(ctx.transaction_id())
    times, give_up = (SEND_TIMES, GIVE_UP) if server.origin == "target" else (stun.SEND_TIMES, stun.GIVE_UP)
    outcome, controls = await asked(ctx, sock, request, (server.address, server.port), times, give_up)
    yield binding_of(server, "udp", join(*sock.local), outcome)
    for control in controls:
        yield control


async def _over_tcp(ctx: Context, server: StunServer, source: Address | None = None) -> AsyncIterator[Observation]:
    """STUN over TCP to the same host: a proxy that accepts every connection does not answer Binding requests.

    From a `source` of its own it takes no longer than UDP does.
    """
    remote, stream = (server.address, server.port), None
    local = None if source is None else join(source, 0)
    try:
        async with asyncio.timeout(STREAM_SECONDS if source is None else stun.GIVE_UP):
            stream = await ctx.tcp(remote, source)
            local = join(*stream.local)
            outcome = await ask_stream(ctx.net, stream, stun.binding_request(ctx.transaction_id()))
    except (OSError, EOFError, TimeoutError, stun.StunError) as exc:
        failure, detail = failure_of(exc)
        outcome = Outcome(None, failure, detail, 1)
    finally:
        if stream is not None:
            stream.close()
    yield binding_of(server, "tcp", local, outcome)


def _unsent(server: StunServer, local: Address, exc: OSError) -> Binding:
    failure, detail = failure_of(exc)
    return binding_of(server, "udp", join(local, 0), Outcome(None, failure, detail, 0))
