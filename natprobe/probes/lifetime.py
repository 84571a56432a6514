"""Binding lifetime: does a mapping survive being left idle? (RFC 5780 section 4.6) Where --idle asks for it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from functools import partial
from typing import Any, NamedTuple

from natprobe.asking.rounds import Round, among_controls
from natprobe.asking.together import as_they_come
from natprobe.context import IDLE_MAX, IDLE_MIN, Context
from natprobe.derive.behaviour import KEEPALIVE, by_public
from natprobe.facts import Binding, Facts, IdleMapping
from natprobe.model import Address, Failure, Observation, clip, family, flow, join, split
from natprobe.net.stun import Outcome, StunSocket
from natprobe.wire import stun

REQUIRES = (Binding,)
TAKES = ()
YIELDS = (IdleMapping,)
# Besides the idle time: under heavy loss three servers tried in vain, a mapping put to use, silence made sure of.
TIMEOUT = IDLE_MAX + 40.0

# A guest sends few packets: so many local addresses, so many servers tried for each, so many idle times at once.
LOCALS_MAX, SERVERS_MAX, STEPS_MAX = 4, 3, 6
# A mapping is in use before it is left alone, as a call's are: Linux keeps one that is still answered after two seconds
# much longer (120 s) than one that was used once (30 s).
USES, USE_INTERVAL = 3, 1.1
# The asking socket introduces itself so long before the idle time ends: by then it has its answer, also at some loss.
LEAD = 1.0
# Three requests show whether a server can answer to another port.
TRIAL = Round(3, 0.25, 0.5)

Endpoint = tuple[str, int]


class _Way(NamedTuple):
    """From this address of ours to this server."""

    local: Address
    server: Endpoint


class _Idle(NamedTuple):
    """A socket whose mapping is left without a packet from `began` on."""

    way: _Way
    sock: StunSocket
    mapped: Endpoint
    began: float


class _Asking(NamedTuple):
    """The socket that asks in the idle one's place."""

    sock: StunSocket
    mapped: Endpoint
    rtt: float | None


async def probe(ctx: Context, facts: Facts) -> AsyncIterator[Observation]:
    """Every local address that a public server has answered."""
    seen: dict[Address, list[Binding]] = {}
    for version in ctx.options.families:
        for group in filter(None, by_public(facts, version)):
            seen.setdefault(split(group[0].local or "")[0], []).extend(group)
    streams = [_from(ctx, local, _able_first(told)) for local, told in list(seen.items())[:LOCALS_MAX]]
    async for observation in as_they_come(streams):
        yield observation


def _able_first(told: list[Binding]) -> list[Endpoint]:
    """Each server once. Those that name a second address can do RFC 5780, RESPONSE-PORT included."""
    ordered = sorted(told, key=lambda each: each.other_address is None)
    return list(dict.fromkeys(split(each.server) for each in ordered))


def steps(idle: float) -> list[float]:
    """The idle times: the longest and its halves, and the interval of ICE's keep-alives where that is shorter."""
    halves = [round(idle / 2**number, 1) for number in range(1, STEPS_MAX - 1)]
    wanted = {idle, *(each for each in halves if each >= IDLE_MIN)} | ({KEEPALIVE} if idle > KEEPALIVE else set())
    return sorted(wanted, reverse=True)


async def _from(ctx: Context, local: Address, servers: list[Endpoint]) -> AsyncIterator[Observation]:
    """All idle times at once: by a server that can answer to another port, without one by asking again."""
    way, by_port = _Way(local, servers[0]), False
    try:
        for server in servers[:SERVERS_MAX]:
            trial = await _trial(ctx, _Way(local, server))
            if trial is None:
                continue
            yield trial
            if trial.failure is None:
                way, by_port = _Way(local, server), True
                break
        async for observation in as_they_come(_step(ctx, way, each, by_port) for each in steps(ctx.options.idle)):
            yield observation
    except OSError:  # no socket any more: the address went away, and no mapping is to blame for that
        return


async def _trial(ctx: Context, way: _Way) -> IdleMapping | None:
    """Can the server answer to another port? What another socket asks for arrives while the mapping is surely alive."""
    async with _socket(ctx, way) as sock, _socket(ctx, way) as asking:
        if (mapped := _mapped(await _ask(ctx, sock, way))) is None:
            return None
        idle = _Idle(way, sock, mapped, ctx.net.now())
        return _by_port(idle, 0.0, await _attempt(ctx, idle, asking, TRIAL))


async def _step(ctx: Context, way: _Way, seconds: float, by_port: bool) -> AsyncIterator[IdleMapping]:
    """A mapping of its own, put to use and then left alone for so long."""
    async with _socket(ctx, way) as sock:
        mapped = await _used(ctx, sock, way)
        if mapped is None:
            return
        idle = _Idle(way, sock, mapped, ctx.net.now())
        if by_port:
            yield await _after(ctx, idle, seconds)
        else:
            await ctx.net.sleep(seconds)
            yield await _asked_again(ctx, idle)


async def _used(ctx: Context, sock: StunSocket, way: _Way) -> Endpoint | None:
    """The mapping after its last use."""
    mapped = None
    for number in range(USES):
        await ctx.net.sleep(USE_INTERVAL if number else 0)
        mapped = _mapped(await _ask(ctx, sock, way))
    return mapped


async def _after(ctx: Context, idle: _Idle, seconds: float) -> IdleMapping:
    """Another socket asks the server to answer to the idle one's mapping; where it can't ask, the idle one does."""
    await ctx.net.sleep(seconds - LEAD)
    async with _socket(ctx, idle.way) as asking:
        first = await _ask(ctx, asking, idle.way)
        await ctx.net.sleep(max(idle.began + seconds - ctx.net.now(), 0))
        seen = _mapped(first)
        # RESPONSE-PORT changes the port only: who is seen under another address would ask for another host.
        if seen is None or seen[0] != idle.mapped[0]:
            return await _asked_again(ctx, idle)
        return await _asked_for(ctx, idle, _Asking(asking, seen, first.rtt))


async def _asked_for(ctx: Context, idle: _Idle, asking: _Asking) -> IdleMapping:
    """Silence among answered controls; then the idle socket asks too: what it is mapped to now may contradict.

    The controls ask for an answer to their own port: a server that is tired of such requests falls silent to them too.
    """
    seconds, port = _seconds(ctx, idle), asking.mapped[1]
    attempts = {"": partial(_attempt, ctx, idle, asking.sock)}
    ends, controls = await among_controls(
        ctx, asking.sock, idle.way.server, asking.rtt, attempts, hurried=False, RESPONSE_PORT=port
    )
    again = None
    if ends[""].failure is Failure.TIMEOUT:
        # Where tries may have been lost, the mapping may have died under them: dead it was at the last.
        seconds = _seconds(ctx, idle) if controls.lost else seconds
        again = _mapped(await _ask(ctx, idle.sock, idle.way))
    return _by_port(idle, seconds, ends[""], again=again, controls=controls.answered, controls_lost=controls.lost)


async def _attempt(ctx: Context, idle: _Idle, asking: StunSocket, each: Round) -> Outcome:
    """The answer that another socket asks for; unsupported where that one gets it itself, or a refusal."""
    request, server = stun.binding_request(ctx.transaction_id(), RESPONSE_PORT=idle.mapped[1]), idle.way.server
    there, here = await asyncio.gather(
        idle.sock.ask(request, server, by=asking, send_times=each.send_times, give_up=each.give_up),
        asking.ask(request, server, send_times=(), give_up=each.give_up),
    )
    if there.failure is None or here.failure is Failure.TIMEOUT:
        return there
    return there._replace(failure=Failure.UNSUPPORTED, detail=here.detail or "the answer came to the port that asked")


async def _asked_again(ctx: Context, idle: _Idle) -> IdleMapping:
    seconds = _seconds(ctx, idle)
    outcome = await _ask(ctx, idle.sock, idle.way)
    return _observed(idle, seconds, outcome, by="asking-again", mapped_again=_joined(_mapped(outcome)))


def _by_port(idle: _Idle, seconds: float, outcome: Outcome, again: Endpoint | None = None, **more: Any) -> IdleMapping:
    return _observed(idle, seconds, outcome, by="response-port", mapped_again=_joined(again), **more)


def _observed(idle: _Idle, seconds: float, outcome: Outcome, **more: Any) -> IdleMapping:
    local, server = join(*idle.sock.local), join(*idle.way.server)
    return IdleMapping(
        server=server,
        local=local,
        mapped=join(*idle.mapped),
        idle=seconds,
        tries=outcome.tries,
        flow=flow("udp", local, server),
        failure=outcome.failure,
        detail=clip(outcome.detail, 200),
        **more,
    )


def _seconds(ctx: Context, idle: _Idle) -> float:
    """How long it was really left alone."""
    return round(ctx.net.now() - idle.began, 1)


def _socket(ctx: Context, way: _Way) -> StunSocket:
    return StunSocket(ctx.net, ctx.net.udp(family(way.local), way.local))


async def _ask(ctx: Context, sock: StunSocket, way: _Way) -> Outcome:
    return await sock.ask(stun.binding_request(ctx.transaction_id()), way.server)


def _mapped(outcome: Outcome) -> Endpoint | None:
    attributes = outcome.packet.message.attributes if outcome.packet else {}
    found: Endpoint | None = attributes.get("XOR-MAPPED-ADDRESS") or attributes.get("MAPPED-ADDRESS")
    return found


def _joined(endpoint: Endpoint | None) -> str | None:
    return join(*endpoint) if endpoint else None
