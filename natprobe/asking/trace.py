"""Packets with few hops to live: which router ends each of them (RFC 792 and RFC 4443: time exceeded)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from natprobe.context import Context
from natprobe.derive import OWN
from natprobe.facts import Hop
from natprobe.model import Address, Failure, clip, family, flow, join
from natprobe.net.api import TIME_EXCEEDED
from natprobe.net.stun import Outcome, StunSocket

# Two tries for each, and how long a router is given after the second (seconds): most that ever say something do so at
# once, and those that never do must not make a healthy check slow.
SEND_TIMES, GIVE_UP = (0.0, 0.06), 0.25


async def trace(
    ctx: Context, local: Address, towards: tuple[str, int], request: Callable[[], bytes], ttls: Sequence[int]
) -> list[Hop]:
    """A STUN request, made by `request`, for each of `ttls`, all at once; ordered, and nothing beyond the first that
    arrived. Empty where this machine itself would not send.

    Each has a socket of its own: whose packet an ICMP error is about is then known without reading what it quotes.
    """
    ended = await asyncio.gather(*(_sent(ctx, local, towards, request(), ttl) for ttl in sorted(ttls)))
    found: list[Hop] = []
    for hop in ended:
        if hop is None or hop.failure in OWN:
            return []
        found.append(hop)
        if hop.reached:
            break
    return found


async def _sent(ctx: Context, local: Address, towards: tuple[str, int], request: bytes, ttl: int) -> Hop | None:
    try:
        udp = ctx.net.udp(family(local), local)
    except OSError:  # mapping, which runs beside, says so
        return None
    async with StunSocket(ctx.net, udp) as sock:
        began = ctx.net.now()
        outcome = await sock.ask(request, towards, send_times=SEND_TIMES, give_up=GIVE_UP, ttl=ttl)
        return _hop(join(*sock.local), towards, ttl, outcome, ctx.net.now() - began)


def _hop(local: str, towards: tuple[str, int], ttl: int, outcome: Outcome, took: float) -> Hop:
    """Time exceeded is what was asked for, an answer what ends the row; another ICMP error keeps its name."""
    exceeded = outcome.icmp == TIME_EXCEEDED[family(towards[0])]
    reached = outcome.packet is not None or outcome.reported_by == towards[0]
    silent = outcome.failure in (Failure.TIMEOUT, Failure.WRONG_SENDER)
    return Hop(
        towards=join(*towards),
        local=local,
        ttl=ttl,
        address=towards[0] if outcome.packet is not None else outcome.reported_by,
        reached=reached,
        icmp=outcome.icmp,
        tries=outcome.tries,
        rtt_ms=None if silent or outcome.tries != 1 else round(took * 1000, 2),
        flow=flow("udp", local, join(*towards)),
        failure=None if exceeded or outcome.packet is not None else outcome.failure,
        detail=clip(outcome.detail, 200),
    )
