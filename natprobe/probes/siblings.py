"""Where a way into Janus's API was refused or silent: the same port at the host's other addresses.

A server that listens on one of its addresses only looks down from outside, and stands open beside it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

from natprobe.asking.gateways import Gate, Knock, gate_of
from natprobe.asking.together import as_they_come
from natprobe.asking.ways import Way
from natprobe.context import Context
from natprobe.derive import target_addresses
from natprobe.derive.advertised import reachable
from natprobe.facts import Candidate, Facts, JanusDoor, JanusInfo, Resolved
from natprobe.model import Address, Failure, Observation, family, split

REQUIRES = (JanusDoor,)
TAKES = (JanusInfo, Candidate, Resolved)
YIELDS = (JanusDoor,)
TIMEOUT = 4.0

# Of a door at one address (seconds): what is there answers soon, and the media is tried meanwhile.
DOOR_SECONDS = 1.5
# A guest sends few packets: so many addresses, so many ports.
ADDRESSES_MAX, GATES_MAX = 6, 3
# Nobody listens there, or nothing gets through: anything else is an answer of whoever listens.
_SHUT = (Failure.REFUSED, Failure.TIMEOUT, Failure.UNREACHABLE_HOST, Failure.UNREACHABLE_NET, Failure.PROHIBITED)
# What `info` calls the transports.
_LOADED = {"http": "http", "websocket": "websockets"}


async def probe(ctx: Context, facts: Facts) -> AsyncIterator[Observation]:
    """All at once."""
    places = [(gate, address) for gate in _gates(ctx, facts) for address in _addresses(ctx, facts, gate)]
    async for seen in as_they_come(_asked(ctx, gate, address) for gate, address in places):
        yield seen


async def _asked(ctx: Context, gate: Gate, address: Address) -> AsyncIterator[Observation]:
    knock = Knock(ctx, gate, Way(address=address))
    try:
        async with asyncio.timeout(DOOR_SECONDS):
            door = await knock.run()
    except TimeoutError:
        door = knock.late()
    finally:
        knock.close()
    yield door


def _gates(ctx: Context, facts: Facts) -> list[Gate]:
    """What the target names first, then WebSockets: that is what listens on an address of its own choice. Of what Janus
    says that it has not loaded nothing is there to find.
    """
    loaded = {each for info in facts.ok(JanusInfo) for each in info.transports}
    answered = {each.url for each in facts.ok(JanusDoor)}
    # A proxy is told names, and chooses the address itself.
    shut = facts.of(JanusDoor, lambda each: each.failure in _SHUT and each.reached == "nothing" and each.via is None)
    wanted = [each for each in shut if each.url not in answered and (not loaded or _LOADED[each.transport] in loaded)]
    wanted = [each for each in wanted if each.why == "target" or _own_port(each)]
    wanted.sort(key=lambda each: (each.why != "target", each.transport != "websocket"))
    return list({each.url: gate_of(ctx.target, each) for each in wanted}.values())[:GATES_MAX]


def _own_port(door: JanusDoor) -> bool:
    """A page's port is a web server's, which listens where that was told to."""
    return urlsplit(door.url).port not in (None, 80, 443)


def _addresses(ctx: Context, facts: Facts, gate: Gate) -> list[Address]:
    """Where the host is besides: by its name, by Janus's own word, by its candidates."""
    asked = {split(each.endpoint)[0] for each in facts.of(JanusDoor, lambda each: each.url == gate.url)}
    told = [address for each in facts.ok(JanusInfo) for address in (*each.public_ips, each.local_ip) if address]
    media = [split(each.endpoint)[0] for each in facts.ok(Candidate, lambda each: each.advertised)]
    names = target_addresses(facts)
    found = [each for each in dict.fromkeys([*names, *told, *media]) if each not in asked]
    fitting = [each for each in found if reachable(each, names)]
    return [each for each in fitting if family(each) in ctx.options.families][:ADDRESSES_MAX]
