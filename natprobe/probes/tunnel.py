"""What the browser's proxy lets through: tunnels to the ports that matter, all at once, each closed as it stands.

Compared with each other they tell a proxy that refuses a port from one that refuses the host, or everything.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import NamedTuple

from natprobe.asking.socks_udp import by_socks
from natprobe.asking.together import as_they_come
from natprobe.asking.tunnels import Purpose, lead
from natprobe.asking.ways import Way, to_relay
from natprobe.context import Context
from natprobe.derive.handed_out import handed_out, port_of
from natprobe.facts import Facts, ProxyChoice, Services, SocksUdp, StunServer, Tunnel, TurnServer
from natprobe.model import Failure, HostName, Observation, split
from natprobe.proxy import named
from natprobe.servers.control import CONTROL_SERVERS

REQUIRES = (ProxyChoice,)
TAKES = ()
# Where relays are. What has nothing to do with them is asked at once: from a proxy that hangs they never come.
WATCHES = (Services, StunServer, TurnServer)
YIELDS = (Tunnel, SocksUdp)
TIMEOUT = 20.0

TUNNELS_MAX = 14
RELAYS_MAX = 6
CONTROLS_MAX = 2
SECURE = 443
LOOK_SECONDS = 0.01
# Who finds relays, or whom those wait for.
_FINDERS = ("names", "join", "services")
# The old and the new port of bridges' media, and TURN: what servers use, and firewalls of proxies know.
_MEDIA, _TURN = (4443, 10000), (3478, 5349)
_MEETINGS, _RELAYS = ("auto", "jitsi", "janus"), ("auto", "jitsi", "janus", "turn")


class Asked(NamedTuple):
    """One tunnel to ask for."""

    way: Way
    host: HostName
    port: int
    purpose: Purpose


async def probe(ctx: Context, facts: Facts) -> AsyncIterator[Observation]:
    """Nothing at all where no proxy is set, or the one that is takes no connections."""
    choice = _choice(facts)
    if choice is None or choice.via is None or choice.endpoint is None or ctx.target.kind == "stun":
        return
    way = Way(address=split(choice.endpoint)[0], proxy=named(choice.via).proxy)
    page = [Asked(way, choice.host, choice.port, "web")] if choice.purpose == "web" else []
    ports = (SECURE, *(_MEDIA if ctx.target.kind in _MEETINGS else ()))
    first = _fresh(ctx, facts, [*page, *_ports(ctx, way, ports), *_controls(ctx, way)])
    streams = [_tunnel(ctx, each) for each in first]
    async for observation in as_they_come([*streams, _beside_relays(ctx, facts, way, first)]):
        yield observation


async def _beside_relays(ctx: Context, facts: Facts, way: Way, first: list[Asked]) -> AsyncIterator[Observation]:
    """What depends on them, as soon as they are known; nothing of a proxy that has answered nobody so far."""
    while any(facts.probe(each) is None for each in _FINDERS):
        await ctx.net.sleep(LOOK_SECONDS)
    tried = facts.of(Tunnel)
    if tried and all(each.failure is Failure.TIMEOUT for each in tried):
        return
    passed = {each[1:3] for each in first}
    ports = _ports(ctx, way, _TURN if ctx.target.kind in _RELAYS else ())
    wanted = [each for each in _fresh(ctx, facts, [*await _relays(ctx, facts), *ports]) if each[1:3] not in passed]
    streams = [_tunnel(ctx, each) for each in wanted[: TUNNELS_MAX - len(first)]]
    if way.proxy is not None and way.proxy.scheme == "socks5":
        streams += [_udp(ctx, way, *server) for server in _stun(ctx, facts)[:1]]
    async for observation in as_they_come(streams):
        yield observation


def _choice(facts: Facts) -> ProxyChoice | None:
    """The browser's for the page, else for a relay, where it leads through a proxy that takes connections."""
    led = facts.ok(ProxyChoice, lambda each: each.via is not None)
    return min(led, key=lambda each: each.purpose != "web", default=None)


def _ports(ctx: Context, way: Way, ports: tuple[int, ...]) -> Iterator[Asked]:
    """Of the target itself; 443 is one of them where the page is elsewhere."""
    for port in ports:
        yield Asked(way, ctx.target.host, port, "port")


def _controls(ctx: Context, way: Way) -> list[Asked]:
    """Hosts that have nothing to do with the target, by name: the proxy looks them up."""
    named_ones = (each.host for each in (CONTROL_SERVERS if ctx.options.stun is None else ctx.options.stun))
    hosts = [each for each in dict.fromkeys(named_ones) if each != ctx.target.host]
    return [Asked(way, host, SECURE, "control") for host in hosts[:CONTROLS_MAX]]


async def _relays(ctx: Context, facts: Facts) -> list[Asked]:
    """Of those that are offered over TCP or TLS, and of the others: would the proxy let them through over TCP?"""
    places: dict[tuple[HostName, int], Purpose] = dict.fromkeys(_over_tcp(facts), "relay")
    others = [(each.host, each.port) for each in facts.ok(TurnServer)]
    for place in (*others, *((each.host, port_of(each)) for each in handed_out(facts))):
        places.setdefault(place, "port")
    asked = []
    for (host, port), purpose in list(places.items())[:RELAYS_MAX]:
        asked += [Asked(way, host, port, purpose) for way in (await to_relay(ctx, host, port, "tcp"))[:1]]
    return asked


def _over_tcp(facts: Facts) -> list[tuple[HostName, int]]:
    """Where relays are that browsers reach through a proxy."""
    return [(each.host, each.port) for each in facts.ok(TurnServer) if each.transport in ("tcp", "tls")]


def _fresh(ctx: Context, facts: Facts, wanted: list[Asked]) -> list[Asked]:
    """Each host and port once, and none that the probes `web` and `turn` try themselves, maybe right now."""
    tried: set[tuple[HostName, int]] = set()
    if ctx.options.wants("web"):
        tried.update((each.host, each.port) for each in facts.ok(ProxyChoice) if each.purpose == "web")
    if ctx.options.wants("turn"):
        tried.update(_over_tcp(facts))
    found: dict[tuple[HostName, int], Asked] = {}
    for each in wanted:
        found.setdefault((each.host, each.port), each)
    return [each for place, each in found.items() if place not in tried]


async def _tunnel(ctx: Context, asked: Asked) -> AsyncIterator[Observation]:
    fact, stream = await lead(ctx, asked.way, asked.host, asked.port, asked.purpose)
    if stream is not None:
        stream.close()
    yield fact


def _stun(ctx: Context, facts: Facts) -> list[tuple[HostName, int]]:
    """STUN servers over UDP: by address where there is one, else by the name of a control server."""
    known = [(each.address, each.port) for each in facts.ok(StunServer, lambda each: each.transport == "udp")]
    controls = CONTROL_SERVERS if ctx.options.stun is None else ctx.options.stun
    return known or [(each.host, each.port) for each in controls]


async def _udp(ctx: Context, way: Way, host: HostName, port: int) -> AsyncIterator[Observation]:
    yield await by_socks(ctx, way, host, port)
