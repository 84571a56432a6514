"""What only raw sockets see, where the way to the server was followed, or something refuses in its name: how routers
quote our packets, and from how far away answers come.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import ExitStack
from typing import NamedTuple

from natprobe.asking.crafting import Crafter, Plan
from natprobe.asking.sources import source
from natprobe.asking.together import as_they_come
from natprobe.asking.tracing import FOLLOWED_SINCE, FOLLOWING_SECONDS
from natprobe.context import Context
from natprobe.derive.forged import Transport, refused
from natprobe.facts import (
    Answerer,
    Candidate,
    Connected,
    Facts,
    IceCheck,
    LocalAddress,
    Quote,
    RawAccess,
    Resolved,
    Trail,
)
from natprobe.model import Address, Failure, Observation, clip, family, split
from natprobe.net.failure import failure_of

REQUIRES = (LocalAddress,)
TAKES = (Trail, Connected, IceCheck, Candidate, Resolved)
YIELDS = (RawAccess, Quote, Answerer)
TIMEOUT = 5.0

# A guest sends few packets: so many in all, about so many hosts, and so many of them with a short life.
PACKETS_MAX, HOSTS_MAX, SHORT_MAX = 40, 2, 16
_PORTS_MAX = 2
_WEB = 443
# How long answers are waited for, twice: in round trips of the trail, within so many seconds.
_ROUND_TRIPS, _LEAST, _MOST = 2.0, 0.15, 0.5
# Less than this is not begun with (seconds): loading what forms packets takes half of it.
_NEEDED = 0.7
# Where no router answered on the trail, one may have that the kernel did not know our packet by.
_NEAREST = range(1, 6)


class _Way(NamedTuple):
    """`udp_port`: of the exchange that failed."""

    local: Address
    udp_port: int
    plan: Plan


async def probe(ctx: Context, facts: Facts) -> AsyncIterator[Observation]:
    """One word on the privilege, at the end, with how many packets it took; nothing where nothing is asked."""
    ways = _ways(ctx, facts)
    if not ways:
        return
    if ctx.host.system() != "linux":
        yield RawAccess(failure=Failure.UNSUPPORTED, detail="natprobe knows raw sockets of Linux only")
        return
    if _left(ctx) < _NEEDED:
        yield RawAccess(failure=Failure.TIMEOUT, detail="following the way took all the time there is for both")
        return
    with ExitStack() as opened:
        crafters = []
        for way in ways:
            try:
                raw = await ctx.net.raw(way.local, ctx.random.getrandbits(32), way.udp_port)
            except OSError as exc:
                failure, detail = failure_of(exc)
                yield RawAccess(failure=failure, detail=clip(detail, 200))
                return
            opened.callback(raw.close)
            waits = min(way.plan.waits, max(_left(ctx) / 2, _LEAST))
            crafters.append(Crafter(ctx, raw, way.local, way.plan._replace(waits=waits)))
        async for observation in as_they_come(each.go() for each in crafters):
            yield observation
        yield RawAccess(sent=sum(each.sent for each in crafters))


def _left(ctx: Context) -> float:
    """Of the time that following a failure may take, where one was followed (seconds)."""
    began = ctx.keep.get(FOLLOWED_SINCE, float)
    return FOLLOWING_SECONDS - (ctx.net.now() - began if began is not None else 0.0)


def _ways(ctx: Context, facts: Facts) -> list[_Way]:
    """One for each host where an exchange was followed or refused."""
    asked: dict[Address, list[tuple[Transport, int]]] = {}
    followed = facts.of(Trail, lambda each: each.control == "none")
    for transport, endpoint in [*((each.transport, each.subject) for each in followed), *refused(facts)]:
        host, port = split(endpoint)
        asked.setdefault(host, []).append((transport, port))
    chosen = list(asked.items())[:HOSTS_MAX]
    found = []
    for host, ports in chosen:
        sent = next((each.local for each in followed if split(each.subject)[0] == host and each.local), None)
        local = split(sent)[0] if sent else source(ctx, facts, host)
        if local is not None and family(host) in ctx.options.families:
            found.append(_Way(local, split(sent)[1] if sent else 0, _plan(facts, host, ports, len(chosen))))
    return found


def _plan(facts: Facts, host: Address, ports: list[tuple[Transport, int]], share: int) -> Plan:
    trails = facts.of(Trail, lambda each: split(each.subject)[0] == host)
    hops = [hop for each in trails for hop in each.hops]
    answered = sorted({hop.ttl for hop in hops if hop.address is not None and not hop.reached})
    ttls = answered[: SHORT_MAX // (2 * share)] or list(_NEAREST)
    slowest = max((hop.rtt_ms for hop in hops if hop.rtt_ms is not None), default=0.0) / 1000
    waits = min(max(slowest * _ROUND_TRIPS, _LEAST), _MOST)
    beside = [(each.transport, split(each.towards)[1]) for each in trails if split(each.towards)[0] == host]
    ordered = [*ports, *beside, ("tcp", _WEB), ("udp", ports[0][1]), ("tcp", ports[0][1]), ("udp", _WEB)]
    udp, tcp = (tuple(dict.fromkeys(port for over, port in ordered if over == it)) for it in ("udp", "tcp"))
    return Plan(host, udp[:_PORTS_MAX], tcp[:_PORTS_MAX], tuple(ttls), waits, PACKETS_MAX // share)
