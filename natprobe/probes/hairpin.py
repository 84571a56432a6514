"""Hairpinning: do two sockets behind one NAT reach each other by their outside endpoints? (RFC 4787 section 6)"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, aclosing
from functools import partial
from typing import NamedTuple

from natprobe.addresses import address_class
from natprobe.asking.rounds import Controls, Round, among_controls
from natprobe.asking.sources import same_side, sources
from natprobe.asking.together import as_they_come
from natprobe.asking.transactions import binding_of, servers_of
from natprobe.context import Context
from natprobe.facts import Binding, Facts, Hairpin, LocalAddress, StunServer
from natprobe.model import Address, Failure, Observation, clip, family, flow, join, split
from natprobe.net.failure import failure_of
from natprobe.net.stun import Outcome, StunSocket
from natprobe.wire import stun

REQUIRES = (StunServer,)
TAKES = (LocalAddress,)
YIELDS = (Binding, Hairpin)
TIMEOUT = 5.5

# A guest sends few packets: so many servers are asked by both sockets, and so many local addresses tested.
SERVERS_MAX = 3
LOCALS_MAX = 4


class _End(NamedTuple):
    """A socket, and what the server said that it saw of it."""

    sock: StunSocket
    seen: Binding

    @property
    def mapped(self) -> tuple[str, int]:
        """Where the others outside would send to."""
        return split(self.seen.mapped or "")


async def probe(ctx: Context, facts: Facts) -> AsyncIterator[Observation]:
    """IPv4 only, which is what NATs are for; a server on this side of one tells no outside endpoint."""
    public = [each for each in servers_of(facts, 4, "udp") if address_class(each.address) == "public"][:SERVERS_MAX]
    if 4 not in ctx.options.families or not public:
        return
    ours = {each.address for each in facts.of(LocalAddress)}
    addresses = [each.address for each in public]
    outer = [each for each in sources(ctx, facts, 4, addresses) if same_side(each, addresses[0])]
    async for observation in as_they_come(_from(ctx, local, public, ours) for local in outer[:LOCALS_MAX]):
        yield observation


async def _from(
    ctx: Context, local: Address, servers: list[StunServer], ours: set[Address]
) -> AsyncIterator[Observation]:
    """Two sockets learn where they are seen, and then send to each other."""
    async with AsyncExitStack() as opened:
        try:
            socks = [await opened.enter_async_context(StunSocket(ctx.net, ctx.net.udp(4, local))) for _ in range(2)]
        except OSError:  # mapping, which runs beside, says so
            return
        ends = await _outside(ctx, socks, servers)
        for end in ends:
            yield end.seen
        if len(ends) == 2 and all(_behind_nat(end.mapped, ours) for end in ends):
            async for observation in _tests(ctx, *ends):
                yield observation


def _behind_nat(mapped: tuple[str, int], ours: set[Address]) -> bool:
    """No router turns back what is for an address of this machine; and no server's word sends us to inner doors."""
    public = family(mapped[0]) == 4 and address_class(mapped[0]) == "public" and mapped[1] > 0
    return public and mapped[0] not in ours


async def _outside(ctx: Context, socks: list[StunSocket], servers: list[StunServer]) -> list[_End]:
    """Both sockets ask every server; the first that answers both is enough."""
    async with aclosing(as_they_come(_ask(ctx, socks, server) for server in servers)) as answers:  # type: ignore[type-var]
        async for ends in answers:
            return ends
    return []


async def _ask(ctx: Context, socks: list[StunSocket], server: StunServer) -> AsyncIterator[list[_End]]:
    at = (server.address, server.port)
    outcomes = await asyncio.gather(*(sock.ask(stun.binding_request(ctx.transaction_id()), at) for sock in socks))
    told = [binding_of(server, "udp", join(*sock.local), each) for sock, each in zip(socks, outcomes, strict=True)]
    if all(each.failure is None for each in told):
        yield [_End(sock, seen) for sock, seen in zip(socks, told, strict=True)]


async def _tests(ctx: Context, one: _End, other: _End) -> AsyncIterator[Hairpin]:
    """Both ways at once: each opens the NAT's filter for the other, as two clients would."""
    ways = {"there": (one, other), "back": (other, one)}
    attempts = {way: partial(_attempt, ctx, *ends) for way, ends in ways.items()}
    rtt = None if one.seen.rtt_ms is None else one.seen.rtt_ms / 1000
    outcomes, controls = await among_controls(ctx, one.sock, split(one.seen.server), rtt, attempts)
    for way, ends in ways.items():
        yield _observed(*ends, outcomes[way], controls)


async def _attempt(ctx: Context, sender: _End, receiver: _End, each: Round) -> Outcome:
    """One request, sent again and again until it arrives. An ICMP error ends nothing: a filter may open yet."""
    transaction_id = ctx.transaction_id()
    request, arrived = stun.binding_request(transaction_id), receiver.sock.expect(transaction_id)
    began = ctx.net.now()
    for tries, at in enumerate([*each.send_times, each.give_up]):
        await asyncio.wait([arrived], timeout=max(began + at - ctx.net.now(), 0))
        if arrived.done():
            datagram = arrived.result()
            rtt = max(datagram.at - began, 0.0) if tries == 1 else None
            return Outcome(None, None, "", tries, rtt, datagram.source)
        if tries < each.tries:
            try:
                sender.sock.send(request, receiver.mapped)
            except OSError as exc:
                failure, detail = failure_of(exc)
                return Outcome(None, failure, detail, tries)
    return Outcome(None, Failure.TIMEOUT, "", each.tries)


def _observed(sender: _End, receiver: _End, outcome: Outcome, controls: Controls) -> Hairpin:
    mine, mapped = join(*sender.sock.local), join(*receiver.mapped)
    return Hairpin(
        server=receiver.seen.server,
        local=join(*receiver.sock.local),
        mapped=mapped,
        sender=mine,
        seen_from=None if outcome.responder is None else join(*outcome.responder),
        tries=outcome.tries,
        controls=controls.answered,
        controls_lost=controls.lost,
        rtt_ms=outcome.rtt_ms,
        flow=flow("udp", mine, mapped),
        failure=outcome.failure,
        detail=clip(outcome.detail, 200),
    )
