"""NAT mapping: STUN Binding to every server known, from one socket per local address and family, all at once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import msgspec

from natprobe.addresses import address_class
from natprobe.checks import GIVE_UP, SEND_TIMES
from natprobe.context import Context
from natprobe.facts import Binding, Facts, LocalAddress, Stray, StunServer
from natprobe.model import Address, Endpoint, Failure, Family, Observation, clip, family, flow, join, split
from natprobe.net.failure import failure_of
from natprobe.net.stun import Outcome, StunSocket, ask_stream
from natprobe.sources import same_side, sources
from natprobe.together import as_they_come
from natprobe.wire import stun

REQUIRES = (StunServer,)
TAKES = (LocalAddress,)
YIELDS = (Binding, Stray)
TIMEOUT = 4.0

# A guest sends few packets: so many servers per family.
SERVERS_MAX = 12
# Time for a TCP connection and one answer: two SYN retransmissions (1 s, 3 s) fit in.
STREAM_SECONDS = 3.1
_ORDER = {"target": 0, "option": 1, "srv": 2, "control": 3}


async def probe(ctx: Context, facts: Facts) -> AsyncIterator[Observation]:
    """Every source address asks every UDP server of its family; each TCP server is asked once, as the control."""
    streams: list[AsyncIterator[Observation]] = []
    for version in ctx.options.families:
        servers = _servers(facts, version, "udp")
        for local in sources(ctx, facts, version, [each.address for each in servers]):
            asked = [each for each in servers if same_side(local, each.address)]
            streams += [_from(ctx, version, local, asked)] if asked else []
        streams += [_over_tcp(ctx, server) for server in _servers(facts, version, "tcp")]
    async for observation in as_they_come(streams):
        yield observation


def _servers(facts: Facts, version: Family, transport: str) -> list[StunServer]:
    """Each address and port once; what the target itself offers comes first."""
    fitting = [each for each in facts.ok(StunServer) if family(each.address) == version and each.transport == transport]
    ordered = sorted(fitting, key=lambda each: (_ORDER[each.origin], each.address, each.port))
    return list({(each.address, each.port): each for each in reversed(ordered)}.values())[::-1][:SERVERS_MAX]


async def _from(ctx: Context, version: Family, local: Address, servers: list[StunServer]) -> AsyncIterator[Observation]:
    """One socket, all servers: what differs between the answers is the NAT's doing."""
    try:
        udp = ctx.net.udp(version, local)
    except OSError as exc:
        for server in servers:
            yield _unsent(server, exc)
        return
    async with StunSocket(ctx.net, udp) as sock:
        async for binding in as_they_come(_ask_twice(ctx, sock, server) for server in servers):
            yield binding
        for (sender, fault), count in sock.strays.items():
            yield Stray(local=join(*sock.local), sender=join(*sender), fault=fault, count=count)


async def _ask_twice(ctx: Context, sock: StunSocket, server: StunServer) -> AsyncIterator[Observation]:
    """The server, and then its other address on both ports, where it has one (RFC 5780 section 4.3)."""
    others: list[StunServer] = []
    async for binding in _ask(ctx, sock, server):
        yield binding
        others = _others(server, binding.other_address)
    async for binding in as_they_come(_ask(ctx, sock, other) for other in others):
        yield binding


def _others(server: StunServer, named: Endpoint | None) -> list[StunServer]:
    """Only an address of the same class: a server's word must not send us knocking at inner doors."""
    if named is None:
        return []
    address, port = split(named)
    if address == server.address or address_class(address) != address_class(server.address):
        return []
    ports = dict.fromkeys((server.port, port))
    return [msgspec.structs.replace(server, address=address, port=each) for each in ports]


async def _ask(ctx: Context, sock: StunSocket, server: StunServer) -> AsyncIterator[Binding]:
    request = stun.binding_request(ctx.transaction_id())
    times, give_up = (SEND_TIMES, GIVE_UP) if server.origin == "target" else (stun.SEND_TIMES, stun.GIVE_UP)
    outcome = await sock.ask(request, (server.address, server.port), send_times=times, give_up=give_up)
    yield _binding(server, "udp", join(*sock.local), outcome)


async def _over_tcp(ctx: Context, server: StunServer) -> AsyncIterator[Observation]:
    """STUN over TCP to the same host: a proxy that accepts every connection does not answer Binding requests."""
    remote, local, stream = (server.address, server.port), None, None
    try:
        async with asyncio.timeout(STREAM_SECONDS):
            stream = await ctx.tcp(remote)
            local = join(*stream.local)
            outcome = await ask_stream(ctx.net, stream, stun.binding_request(ctx.transaction_id()))
    except (OSError, EOFError, TimeoutError, stun.StunError) as exc:
        failure, detail = failure_of(exc)
        outcome = Outcome(None, failure, detail, 1)
    finally:
        if stream is not None:
            stream.close()
    yield _binding(server, "tcp", local, outcome)


def _unsent(server: StunServer, exc: OSError) -> Binding:
    failure, detail = failure_of(exc)
    return _binding(server, "udp", None, Outcome(None, failure, detail, 0))


def _binding(server: StunServer, transport: str, local: str | None, outcome: Outcome) -> Binding:
    remote = join(server.address, server.port)
    attributes = outcome.packet.message.attributes if outcome.packet else {}
    failure, detail = outcome.failure, outcome.detail
    mapped = _endpoint(attributes.get("XOR-MAPPED-ADDRESS"))
    plain = _endpoint(attributes.get("MAPPED-ADDRESS"))
    if failure is None and mapped is None and plain is None:
        failure, detail = Failure.PROTOCOL, "a success answer without an address"
    error = attributes.get("ERROR-CODE")
    return Binding(
        server=remote,
        transport=transport,  # type: ignore[arg-type]  # udp or tcp, from the two callers
        origin=server.origin,
        operator=server.operator,
        local=local,
        tries=outcome.tries,
        mapped=mapped or plain,
        mapped_plain=plain,
        response_origin=_endpoint(attributes.get("RESPONSE-ORIGIN")),
        other_address=_endpoint(attributes.get("OTHER-ADDRESS")),
        software=clip(attributes.get("SOFTWARE", ""), 200) or None,
        error_code=error[0] if error else None,
        icmp=outcome.icmp,
        reported_by=outcome.reported_by,
        rtt_ms=None if outcome.rtt is None else round(outcome.rtt * 1000, 2),
        flow=flow(transport, local, remote),
        failure=failure,
        detail=clip(detail, 200),
    )


def _endpoint(value: tuple[str, int] | None) -> str | None:
    return join(*value) if value else None
