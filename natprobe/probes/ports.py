"""On the server: each needed port tried. One that nobody has is bound for a moment; one that is held is reached from
another of this host's own addresses, and what is asked by STUN shows from which address it answers.

Only this host's own addresses are bound or sent to.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Iterator
from typing import NamedTuple

from natprobe.asking.ports import Proto, asked, bound, connected
from natprobe.context import Context
from natprobe.derive.listening import Standing, covers, is_loopback, own_addresses, standings, told, wanted
from natprobe.derive.programs import answers_no_strangers
from natprobe.facts import (
    Expected,
    Facts,
    Listening,
    LocalAddress,
    OwnExchange,
    PacketFilter,
    Passage,
    PortTry,
    Published,
    Setting,
    Sockets,
    SourceAddress,
)
from natprobe.model import Address, Endpoint, Failure, Family, Observation, family, join

REQUIRES = ()
TAKES = (Sockets, Listening, Published, Expected, Setting, LocalAddress, Passage, PacketFilter)
YIELDS = (SourceAddress, PortTry, OwnExchange)
TIMEOUT = 2.0

ENDPOINTS_MAX = 64
# Of one need.
_ADDRESSES_MAX = 8
# Where a route lookup points to, without sending anything: documentation prefixes (RFC 5737, RFC 3849).
_OUTSIDE: dict[Family, Address] = {4: "192.0.2.1", 6: "2001:db8::1"}


class _Plan(NamedTuple):
    """What is tried: `free` endpoints by binding them, `held` ones by reaching them."""

    free: list[tuple[Proto, Endpoint]]
    held: list[tuple[Proto, Endpoint]]


async def probe(ctx: Context, facts: Facts) -> AsyncIterator[Observation]:
    """At most ENDPOINTS_MAX of them, all at the same time."""
    if not told(facts):
        return
    plan = _plan(facts)
    if any(proto == "udp" for proto, _ in plan.held):
        for version in ctx.options.families:
            yield _source(ctx, version)
    for proto, endpoint in plan.free:
        yield bound(proto, endpoint)
    for each in await asyncio.gather(*_exchanges(ctx, facts, plan.held)):
        yield each


def _plan(facts: Facts) -> _Plan:
    free: dict[tuple[Proto, Endpoint], None] = {}
    held: dict[tuple[Proto, Endpoint], None] = {}
    for each in standings(facts):
        if each.state in ("held", "hidden"):
            held |= dict.fromkeys((each.need.proto, join(one, each.port)) for one in _reachable(facts, each))
        elif each.missing is not None and each.state not in ("other", "dead"):
            free[each.need.proto, join(each.missing, each.port)] = None
    return _Plan(list(free)[:ENDPOINTS_MAX], list(held)[:ENDPOINTS_MAX])


def _reachable(facts: Facts, standing: Standing) -> list[Address]:
    """The host's own addresses that the need is for. Of UDP those of relays, which answer anybody's STUN, and what one
    socket has for all: others answer from where they were asked, or not at all.
    """
    own = own_addresses(facts)
    named = wanted(facts, standing.need)
    there = [each for each in named if each in own or is_loopback(each)] if named else own
    here = [each for each in there if any(covers(one, each) for one in standing.holders)][:_ADDRESSES_MAX]
    if standing.need.proto == "tcp" or standing.need.role == "turn":
        return here
    return here if any(_wildcard(each) for each in standing.holders) else []


def _wildcard(holder: object) -> bool:
    one_for_all = isinstance(holder, Listening) and holder.address in ("0.0.0.0", "::", "::ffff:0.0.0.0")
    return one_for_all and not answers_no_strangers(holder)  # type: ignore[arg-type]  # a Listening, by the line above


def _exchanges(ctx: Context, facts: Facts, held: list[tuple[Proto, Endpoint]]) -> Iterator[Awaitable[OwnExchange]]:
    own = own_addresses(facts)
    for proto, endpoint in held:
        address = endpoint.rpartition(":")[0].strip("[]")
        others = [each for each in own if each != address and family(each) == family(address)]
        local = None if is_loopback(address) or not others else others[0]
        yield connected(ctx, endpoint, local) if proto == "tcp" else asked(ctx, endpoint, local or address)


def _source(ctx: Context, version: Family) -> SourceAddress:
    """Whom strangers hear from where a program leaves the address to the system."""
    towards = _OUTSIDE[version]
    try:
        return SourceAddress(towards=towards, local=ctx.net.source_address(towards))
    except OSError:
        return SourceAddress(towards=towards, failure=Failure.NO_ROUTE)
