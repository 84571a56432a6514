"""TURN: an allocation on every relay known, over each of its transports, and data through it, small and full-size."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing

from natprobe.addresses import address_class
from natprobe.asking.burst import OwnSocket, bursts_wanted
from natprobe.asking.relays import LEGS_MAX, Leg
from natprobe.asking.secured import preload
from natprobe.asking.sources import source
from natprobe.asking.through import SIZES, Mail, Through
from natprobe.asking.together import as_they_come
from natprobe.asking.ways import Way, by_proxy, choice_for, to_relay
from natprobe.context import RELAY_ACCESS, Context
from natprobe.facts import (
    Allocation,
    Binding,
    Certificate,
    Connected,
    Facts,
    LocalAddress,
    Permission,
    ProxyChoice,
    Relayed,
    StunServer,
    TlsSession,
    Tunnel,
    TurnServer,
)
from natprobe.model import Address, HostName, Observation, family, split
from natprobe.net.stun import StunSocket
from natprobe.wire import stun
from natprobe.wire.turn import Credentials

REQUIRES = (TurnServer,)
TAKES = (LocalAddress, StunServer, ProxyChoice)
YIELDS = (Tunnel, Connected, TlsSession, Certificate, Allocation, Permission, Relayed)
TIMEOUT = 12.0

# A guest sends few packets: so many STUN servers asked through each relay.
PEERS_MAX = 2
# How often a 300 Try Alternate is followed, as browsers follow it.
ALTERNATES_MAX = 2
# Browsers offer a relay no ALPN (measured with Chromium 156).
TURN_ALPN = ("stun.turn",)


async def probe(ctx: Context, facts: Facts) -> AsyncIterator[Observation]:
    """Every server over each transport it was named for, by the browser's proxy and straight, all at once; what is
    allocated stays until the run ends.
    """
    if any(each.transport in ("tls", "dtls") for each in facts.ok(TurnServer)):
        preload()
    access, servers = ctx.keep.get(RELAY_ACCESS, Credentials), _servers(ctx, facts)
    legs = [
        Leg(ctx, server, way, _source(ctx, facts, way), ctx.keep.get(server.key, Credentials) or access)
        for server, way in (await _ways(ctx, servers))[:LEGS_MAX]
    ]
    for lost in await _led_nowhere(ctx, servers):
        yield lost
    visits = [_visit(ctx, facts, leg, f"relay/{number}") for number, leg in enumerate(legs, 1)]
    async for observation in as_they_come(visits):
        yield observation


def _servers(ctx: Context, facts: Facts) -> list[TurnServer]:
    """Each address, port and transport once, in the order of how they became known; the first with credentials."""
    found: dict[tuple[Address | HostName, int, str], TurnServer] = {}
    for each in facts.ok(TurnServer, lambda each: each.address is None or family(each.address) in ctx.options.families):
        place = (each.address or each.host, each.port, each.transport)
        if place not in found or (found[place].access == "none" and each.access != "none"):
            found[place] = each
    return list(found.values())


async def _ways(ctx: Context, servers: list[TurnServer]) -> list[tuple[TurnServer, Way]]:
    """To each of them: first the one of a browser that is set to a proxy, once for all addresses of the name."""
    found: list[tuple[TurnServer, Way]] = []
    passed: set[tuple[HostName, int, str]] = set()
    for each in servers:
        place = (each.host, each.port, each.transport)
        proxied = await to_relay(ctx, *place) if place not in passed else ()
        passed.add(place)
        found += [(each, way) for way in proxied[:1]]
        if each.address is not None:
            found.append((each, Way(address=each.address)))
    return found


async def _led_nowhere(ctx: Context, servers: list[TurnServer]) -> list[Tunnel]:
    """Of each relay that browsers are to reach by a proxy whose name leads nowhere: there is nobody to ask for it."""
    found = []
    for host, port in dict.fromkeys((each.host, each.port) for each in servers if each.transport in ("tcp", "tls")):
        choice = await choice_for(ctx, host, port)
        proxy = next((each for each in choice.ways if each != "direct"), None) if choice is not None else None
        if choice is None or choice.failure is None or proxy is None or await by_proxy(ctx, host, port):
            continue
        lost = Tunnel(via=proxy, host=host, port=port, purpose="relay", failure=choice.failure, detail=choice.detail)
        found.append(lost)
    return found


def _source(ctx: Context, facts: Facts, way: Way) -> Address | None:
    """Proxies are reached over TCP, from where the system likes."""
    return source(ctx, facts, way.address) if way.proxy is None else None


async def _visit(ctx: Context, facts: Facts, leg: Leg, key: str) -> AsyncIterator[Observation]:
    """Connect, allocate, also where another server is named for it, and prove it."""
    passed = [leg.goal]
    async for seen in _asked(ctx, leg, key):
        yield seen
    while (at := _alternate(leg, passed)) is not None and leg.client is not None:
        await leg.client.aclose()
        passed.append(at)
        leg = leg.at_alternate(at)
        async for seen in _asked(ctx, leg, key):
            yield seen
    if not leg.allocated or leg.client is None:
        async for seen in _by_alpn(ctx, leg, key):
            yield seen
        return
    ctx.keep.put(f"{key}/leg", leg)
    async with Mail(leg.client) as mail:
        through = Through(ctx, leg, mail)
        ctx.keep.put(f"{key}/through", through)
        peers = [_by_server(leg, through, peer) for peer in _peers(facts, leg)]
        async for seen in as_they_come([*peers, _by_own_socket(ctx, facts, leg, through, key)]):
            yield seen


async def _asked(ctx: Context, leg: Leg, key: str) -> AsyncIterator[Observation]:
    """For a relayed address. What carries the leg lies in the drawer until the run ends."""
    async for seen in leg.connect():
        yield seen
    if leg.client is not None:
        ctx.keep.put(key, leg.client)
        yield await leg.allocate()


def _alternate(leg: Leg, passed: list[tuple[str, int]]) -> tuple[str, int] | None:
    """Where a 300 sends to, unless in a ring or for ever: an address like the server's own (RFC 8489 section 14.15:
    of its family), or a public one; it must not have us knock at inner doors.
    """
    if leg.told is None or leg.told.alternate is None:
        return None
    at = split(leg.told.alternate)
    own = leg.server.address or at[0]
    kinds = ("public",) if leg.server.address is None else ("public", address_class(own))
    alike = family(at[0]) == family(own) and address_class(at[0]) in kinds
    return at if alike and at[1] and at not in passed and len(passed) <= ALTERNATES_MAX else None


async def _by_alpn(ctx: Context, leg: Leg, key: str) -> AsyncIterator[Observation]:
    """Where something took the connection and no relay answered as it answers browsers: what a multiplexer that goes
    by ALPN has for a name of RFC 7443. Somebody on the way who reads what passes looks just the same with any name.
    """
    told = leg.told
    answered = told is not None and (told.challenged or told.error_code is not None)
    if leg.server.transport != "tls" or not leg.stood or leg.between or answered:
        return
    other = leg.offering(TURN_ALPN)
    try:
        async for seen in _asked(ctx, other, f"{key}/alpn"):
            yield seen
    finally:
        if other.client is not None:
            await other.client.aclose()


def _peers(facts: Facts, leg: Leg) -> Iterator[tuple[str, int]]:
    """STUN servers outside the relay, of its address class: it must not knock at inner doors for us."""
    kind, found = _kind(leg), 0
    for each in facts.ok(StunServer, lambda each: each.transport == "udp"):
        alike = family(each.address) == family(leg.relayed[0]) and address_class(each.address) == kind
        outside = each.host != leg.server.host and each.address not in (leg.server.address, leg.relayed[0])
        if alike and outside and found < PEERS_MAX:
            found += 1
            yield each.address, each.port


def _kind(leg: Leg) -> str:
    """The class of the relay's own address; where only a proxy knows that, it is taken for one that all can reach."""
    return "public" if leg.server.address is None else address_class(leg.server.address)


async def _by_server(leg: Leg, through: Through, peer: tuple[str, int]) -> AsyncIterator[Observation]:
    """Data goes right behind the request to permit the peer, which the relay reads first: that saves a round trip.
    What was overtaken by it, or sent before a refusal, the relay drops (RFC 8656 section 9).
    """
    asked = asyncio.create_task(leg.permit(peer))
    data = [asyncio.create_task(through.to_server(peer, size)) for size in SIZES]
    try:
        permission = await asked
        yield permission
        for each in asyncio.as_completed(data if permission.failure is None else []):
            yield await each
    finally:
        for task in (asked, *data):
            task.cancel()
        await asyncio.gather(asked, *data, return_exceptions=True)


async def _by_own_socket(
    ctx: Context, facts: Facts, leg: Leg, through: Through, key: str
) -> AsyncIterator[Observation]:
    """A second socket of ours, outside the relay; only where the relayed address is one like the server's own."""
    relayed = leg.relayed[0]
    if address_class(relayed) != _kind(leg):
        return
    local = source(ctx, facts, relayed)
    with contextlib.suppress(OSError):  # where it can't even be opened, mapping says so
        udp = ctx.net.udp(family(relayed), local)
        try:
            outside = await _outside(ctx, facts, leg, local)
            if outside is None:
                return
            permission = await leg.permit(outside)
            yield permission
            if permission.failure is None:
                async for fact in through.own_socket(udp, outside):
                    yield fact
        finally:
            if through.met is None or not bursts_wanted(ctx):
                udp.close()
            else:
                ctx.keep.put(f"{key}/own", OwnSocket(udp, through.met, leg.relayed))


async def _outside(ctx: Context, facts: Facts, leg: Leg, local: Address | None) -> tuple[str, int] | None:
    """How this network is seen outside over UDP: by the relay itself, else as it is known already, else by whoever says
    it first. The port doesn't matter, permissions are for addresses (RFC 8656 section 9).
    """
    version = family(leg.relayed[0])
    if leg.server.transport in ("udp", "dtls") and leg.mapped is not None and family(leg.mapped[0]) == version:
        return leg.mapped
    for seen in facts.ok(Binding, lambda each: each.transport == "udp"):
        if seen.local and seen.mapped and local in (None, split(seen.local)[0]):
            mapped = split(seen.mapped)
            if family(mapped[0]) == version:
                return mapped
    itself = [] if leg.server.address is None else [(leg.server.address, leg.server.port)]
    servers = [each for each in (*itself, *_peers(facts, leg)) if family(each[0]) == version]
    asked = as_they_come(_mapped(ctx, local, each) for each in servers)
    async with aclosing(asked) as answers:  # type: ignore[type-var]  # it is a generator
        return await anext(answers, None)


async def _mapped(ctx: Context, local: Address | None, server: tuple[str, int]) -> AsyncIterator[tuple[str, int]]:
    async with StunSocket(ctx.net, ctx.net.udp(family(server[0]), local)) as sock:
        ended = await sock.ask(stun.binding_request(ctx.transaction_id()), server)
    mapped = ended.packet.message.attributes.get("XOR-MAPPED-ADDRESS") if ended.packet else None
    if mapped:
        yield mapped[0], mapped[1]
