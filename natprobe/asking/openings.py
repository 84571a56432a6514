"""Where on the way filters keep state: packets that open those before a router and none from it on (RFC 4787, 5).

A packet that dies at the k-th router has opened every filter before it. If the server's other address still can't
answer, and can after a packet that went all the way, then the k-th router or one beyond it keeps state of its own.
"""

from __future__ import annotations

import asyncio
from functools import partial

from natprobe.asking.rounds import Controls, Round, among_controls
from natprobe.asking.transactions import failure_to_change, other_address
from natprobe.context import Context
from natprobe.facts import Opening
from natprobe.model import Address, clip, family, flow, join
from natprobe.net.stun import Outcome, StunSocket
from natprobe.wire import stun

Endpoint = tuple[str, int]


async def opened(ctx: Context, local: Address, at: Endpoint, ttl: int) -> list[Opening]:
    """Both halves, a socket each; empty where the server has no other address or this machine would not send."""
    found = await asyncio.gather(*(_opened(ctx, local, at, ttl, whole) for whole in (False, True)))
    return [each for each in found if each is not None]


async def _opened(ctx: Context, local: Address, at: Endpoint, ttl: int, whole: bool) -> Opening | None:
    try:
        udp = ctx.net.udp(family(local), local)
    except OSError:
        return None
    async with StunSocket(ctx.net, udp) as sock:
        first = await sock.ask(stun.binding_request(ctx.transaction_id()), at, send_times=(0.0, 0.25), give_up=0.6)
        if (other := other_address(first, at)) is None:
            return None
        attempt = partial(_attempt, ctx, sock, (at, other), (ttl, whole))
        ends, controls = await among_controls(ctx, sock, at, first.rtt, {whole: attempt})
        return _fact(join(*sock.local), (at, other), (ttl, whole), ends[whole], controls)


async def _attempt(
    ctx: Context, sock: StunSocket, ends: tuple[Endpoint, Endpoint], sent: tuple[int, bool], each: Round
) -> Outcome:
    """Before every try the way is opened anew, since packets get lost.

    But the one that goes all the way is sent once, and short-lived ones after it: a NAT that an ICMP error makes
    forget, which RFC 4787 forbids (REQ-12), then treats both halves alike, and nothing is claimed.
    """
    at, other = ends
    beside = asyncio.create_task(_opens(ctx, sock, other, sent, each))
    await asyncio.sleep(0)  # the way is open before the first try leaves
    try:
        request = stun.binding_request(ctx.transaction_id(), CHANGE_REQUEST=6)
        return await sock.ask(request, at, responder=other, send_times=each.send_times, give_up=each.give_up)
    finally:
        beside.cancel()
        await asyncio.gather(beside, return_exceptions=True)


async def _opens(ctx: Context, sock: StunSocket, other: Endpoint, sent: tuple[int, bool], each: Round) -> None:
    ttl, whole = sent
    if whole:
        sock.send(stun.binding_request(ctx.transaction_id()), other)
    for _ in range(each.tries):
        sock.send(stun.binding_request(ctx.transaction_id()), other, ttl)
        await ctx.net.sleep(each.interval)


def _fact(
    local: str, ends: tuple[Endpoint, Endpoint], sent: tuple[int, bool], outcome: Outcome, controls: Controls
) -> Opening:
    return Opening(
        server=join(*ends[0]),
        local=local,
        opened=join(*ends[1]),
        ttl=sent[0],
        whole=sent[1],
        tries=outcome.tries,
        controls=controls.answered,
        controls_lost=controls.lost,
        flow=flow("udp", local, join(*ends[0])),
        failure=failure_to_change(outcome),
        detail=clip(outcome.detail, 200),
    )
