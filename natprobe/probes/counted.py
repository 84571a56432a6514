"""What a `natprobe serve` saw of this run: how many of our packets arrived there, and how many it answered.

So up and down are told apart: what it counted and we never heard of was lost on its way back. Asked over UDP where a
check was answered there, else over TCP; one signed request, and its answer.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

from natprobe.asking.checks import Goal, goals, request
from natprobe.asking.framed import Asking
from natprobe.asking.ways import by_proxy
from natprobe.context import PEER_SESSION, Context
from natprobe.facts import Arrived, Candidate, Facts, IceCheck, PathSize, Watched
from natprobe.model import Observation, family, split
from natprobe.net.stun import Outcome, StunSocket
from natprobe.pairing import IceCredentials
from natprobe.serve.counting import fact
from natprobe.wire import counts, stun

REQUIRES = (Candidate,)
TAKES = (IceCheck, PathSize)
YIELDS = (Arrived, Watched)
TIMEOUT = 5.0

# Each way over UDP is asked so often and so long (seconds): of two that share the load one may lead nowhere, and TCP is
# to have its turn.
_SEND_TIMES, _GIVE_UP = stun.SEND_TIMES[:3], 1.2


async def probe(ctx: Context, facts: Facts) -> AsyncIterator[Observation]:
    """The first way that gives an answer, after all checks. Servers older than this know nothing of it."""
    theirs = ctx.keep.get(PEER_SESSION, IceCredentials)
    if theirs is None:
        return
    for goal, check in _ways(ctx, facts):
        outcome = await _asked(ctx, goal, check)
        told = _told(outcome, theirs)
        if told is not None:
            for observation in _seen(ctx, told):
                yield observation
            return


def _ways(ctx: Context, facts: Facts) -> list[tuple[Goal, IceCheck]]:
    """Those on which a check was answered; UDP before TCP, which the server may have to wait for."""
    wanted = {(e.candidate.endpoint, e.candidate.transport): e for e in goals(ctx, facts, ("udp", "tcp"), (4, 6))}
    passed = facts.ok(IceCheck, lambda each: each.verified and (each.endpoint, each.transport) in wanted)
    direct = [each for each in passed if each.server is None]
    return [(wanted[each.endpoint, each.transport], each) for each in sorted(direct, key=_order)]


def _order(check: IceCheck) -> tuple[bool, bool, bool]:
    return check.transport != "udp", check.via is not None, check.both_ways


async def _asked(ctx: Context, goal: Goal, check: IceCheck) -> Outcome | None:
    message = request(ctx, goal.theirs, counts=True)
    if check.transport == "tcp":
        led = [each for each in await by_proxy(ctx, *goal.to) if each.via == check.via] if check.via else []
        return await Asking(ctx, goal, next(iter(led), None)).ask(message)
    try:
        udp = ctx.net.udp(family(goal.to[0]), split(check.local)[0] if check.local else None)
    except OSError:
        return None
    async with StunSocket(ctx.net, udp) as sock:
        return await sock.ask(message, goal.to, send_times=_SEND_TIMES, give_up=_GIVE_UP)


def _told(outcome: Outcome | None, theirs: IceCredentials) -> counts.Told | None:
    """Only what is signed counts."""
    message = outcome.packet.message if outcome and outcome.packet and outcome.failure is None else None
    if message is None or not message.check_message_integrity(theirs.password.encode()):
        return None
    try:
        return counts.unpack(message.attributes.get(stun.COUNTS, b""))
    except ValueError:
        return None


def _seen(ctx: Context, told: counts.Told) -> list[Observation]:
    seconds, word = round(told.seconds, 3), ctx.session_word()
    watched = [Watched(proto=proto, port=port, seconds=seconds) for proto, port in told.ports]
    return [*watched, *(fact(each, word) for each in told.counts)]
