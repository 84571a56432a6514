"""The ports that are needed on this very host, tried one by one: bound where they are free, reached where they are not.

Nothing leaves the host: packets go from one of its own addresses to another.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import Literal

from natprobe.context import Context
from natprobe.facts import OwnExchange, PortTry
from natprobe.model import Endpoint, Failure, family, flow, join, split
from natprobe.net import listen
from natprobe.net.failure import failure_of
from natprobe.net.stun import StunSocket
from natprobe.wire import stun

Proto = Literal["udp", "tcp"]
# On the host itself nothing is lost, and who answers at all answers at once (seconds).
_ASKED, _GIVE_UP, _PATIENCE = (0.0, 0.1), 0.35, 0.5


def bound(proto: Proto, endpoint: Endpoint) -> PortTry:
    """Bound for a moment, as the program that is to have it would. Nobody is accepted or answered."""
    address, port = split(endpoint)
    try:
        with contextlib.closing(listen.udp(address, port) if proto == "udp" else listen.TcpListener(address, port)):
            return PortTry(proto=proto, endpoint=endpoint)
    except OSError as exc:
        failure, detail = failure_of(exc)
        return PortTry(proto=proto, endpoint=endpoint, failure=failure, detail=detail)


async def connected(ctx: Context, endpoint: Endpoint, local: str | None) -> OwnExchange:
    """A TCP connection, closed at once."""
    began = ctx.net.now()
    try:
        async with asyncio.timeout(_PATIENCE):
            stream = await ctx.net.tcp(split(endpoint), local)
    except OSError as exc:
        failure, detail = failure_of(exc)
        return OwnExchange(
            proto="tcp",
            endpoint=endpoint,
            failure=failure,
            detail=detail,
            flow=flow("tcp", None, endpoint),
        )
    with contextlib.closing(stream):
        own = join(*stream.local)
        return OwnExchange(
            proto="tcp",
            endpoint=endpoint,
            local=own,
            answered_from=join(*stream.remote),
            rtt_ms=round((ctx.net.now() - began) * 1000, 2),
            flow=flow("tcp", own, endpoint),
        )


async def asked(ctx: Context, endpoint: Endpoint, local: str | None) -> OwnExchange:
    """A STUN request from a socket that takes answers from anywhere: whoever answers such ones answers strangers."""
    target = split(endpoint)
    try:
        udp = ctx.net.udp(family(target[0]), local)
    except OSError as exc:
        failure, detail = failure_of(exc)
        return OwnExchange(proto="udp", endpoint=endpoint, failure=failure, detail=detail)
    async with StunSocket(ctx.net, udp) as socket:
        own = join(*socket.local)
        request = stun.binding_request(ctx.transaction_id())
        outcome = await socket.ask(request, target, send_times=_ASKED, give_up=_GIVE_UP)
    elsewhere = outcome.failure is Failure.WRONG_SENDER and outcome.responder is not None
    answered = outcome.responder if elsewhere else target if outcome.packet is not None else None
    return OwnExchange(
        proto="udp",
        endpoint=endpoint,
        local=own,
        answered_from=None if answered is None else join(*answered),
        failure=outcome.failure,
        detail=outcome.detail,
        rtt_ms=outcome.rtt_ms,
        flow=flow("udp", own, endpoint),
    )
