"""The routers nearest to us, and where a second network lies beyond the first of them, what that one says of itself."""

from __future__ import annotations

from collections.abc import AsyncIterator

from natprobe.addresses import address_class
from natprobe.asking.openings import opened
from natprobe.asking.together import as_they_come
from natprobe.asking.trace import trace
from natprobe.asking.transactions import servers_of
from natprobe.context import Context
from natprobe.derive.behaviour import inner_hops, own_router
from natprobe.facts import DefaultRoute, Facts, Hop, LocalAddress, Opening, RouterAnswer, StunServer
from natprobe.model import Address, Observation, clip, flow, join
from natprobe.net.natpmp import outside_address
from natprobe.wire import natpmp, stun

REQUIRES = (StunServer,)
TAKES = (LocalAddress, DefaultRoute)
YIELDS = (Hop, RouterAnswer, Opening)
TIMEOUT = 5.5

# Two routers of one's own and the first of the provider are what is looked for.
TTLS = range(1, 7)
# A guest sends few packets: so many servers are asked whether they have another address.
SERVERS_MAX = 4
# What stands behind a NAT; a tunnel's far end is no router of this network.
_INNER = ("private", "carrier")


async def probe(ctx: Context, facts: Facts) -> AsyncIterator[Observation]:
    """Only IPv4 from an inner address: a public one has no NAT before it."""
    # IP_RECVERR, which tells who ended a packet, is Linux's; elsewhere every router would look silent.
    if 4 not in ctx.options.families or ctx.host.system() != "linux":
        return
    towards = next(iter(_public(facts)), None)
    local = None if towards is None else _source(ctx, facts, towards.address)
    if towards is None or local is None:
        return
    at = (towards.address, towards.port)
    found = await trace(ctx, local, at, lambda: stun.binding_request(ctx.transaction_id()), TTLS)
    for hop in found:
        yield hop
    # These hops are among the facts by now. Nothing more is sent where they leave no question.
    router, inner = own_router(facts), inner_hops(facts)
    if router is None or not inner:
        return
    more = [_asked(ctx, local, router.address or "")]
    shared = [each.ttl for each in inner if address_class(each.address or "") == "carrier"]
    if shared:
        more.append(_opened(ctx, facts, local, shared[0]))
    async for observation in as_they_come(more):
        yield observation


def _public(facts: Facts) -> list[StunServer]:
    return [each for each in servers_of(facts, 4, "udp") if address_class(each.address) == "public"]


def _source(ctx: Context, facts: Facts, towards: Address) -> Address | None:
    """The address that the system would take, where it is an inner one and probes may use it."""
    try:
        chosen = ctx.net.source_address(towards)
    except OSError:
        return None
    mine = facts.ok(LocalAddress, lambda each: each.usable and each.address == chosen and each.scope in _INNER)
    return chosen if mine else None


async def _opened(ctx: Context, facts: Facts, local: Address, ttl: int) -> AsyncIterator[Observation]:
    """With the first server that has another address; those that were tried in vain say nothing."""
    for server in _public(facts)[:SERVERS_MAX]:
        found = await opened(ctx, local, (server.address, server.port), ttl)
        for each in found:
            yield each
        if found:
            return


async def _asked(ctx: Context, local: Address, router: Address) -> AsyncIterator[Observation]:
    told = await outside_address(ctx.net, local, router)
    yield RouterAnswer(
        router=router,
        outside=told.address,
        result=told.result,
        tries=told.tries,
        flow=flow("udp", join(local, 0), join(router, natpmp.PORT)),
        failure=told.failure,
        detail=clip(told.detail, 200),
    )
