"""The media port over UDP: an authenticated ICE check to every candidate, small and full-size, from every address.

Advertised candidates of whatever address are tried, as by a browser, and so are those that nobody advertises: they
count for no path, and show where the media server is when it names the wrong place. A private address may be some
stranger's here: only the signed answer is proof.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

from natprobe.asking.checks import GIVE_UP, SEND_TIMES, Goal, check, goals, judged
from natprobe.asking.inspection import asked
from natprobe.asking.sources import same_side, sources
from natprobe.asking.together import as_they_come
from natprobe.asking.transactions import strays_of
from natprobe.context import PEER_SESSION, Context
from natprobe.derive import FULL_SIZE
from natprobe.facts import Candidate, Facts, IceCheck, LocalAddress, OtherPayload, Stray
from natprobe.model import Address, Observation, family, join
from natprobe.net.failure import failure_of
from natprobe.net.stun import Outcome, StunSocket

REQUIRES = (Candidate,)
TAKES = (LocalAddress,)
YIELDS = (IceCheck, OtherPayload, Stray)
TIMEOUT = 6.0

# A guest sends few packets: so many pairs of a candidate and an address of ours, each candidate from the system's own
# choice before any from a second address.
PAIRS_MAX = 24


async def probe(ctx: Context, facts: Facts) -> AsyncIterator[Observation]:
    """All candidates and local addresses at once, a socket each: a bridge goes by where packets come from, and one
    socket can talk to one session only.
    """
    async for observation in as_they_come(_to(ctx, local, goal) for local, goal in _pairs(ctx, facts)):
        yield observation


def _pairs(ctx: Context, facts: Facts) -> list[tuple[Address, Goal]]:
    ranked: list[tuple[int, Address, Goal]] = []
    for goal in goals(ctx, facts, ("udp",), ctx.options.families):
        there = goal.to[0]
        fitting = [each for each in sources(ctx, facts, family(there), [there]) if same_side(each, there)]
        ranked += [(rank, local, goal) for rank, local in enumerate(fitting)]
    return [(local, goal) for _, local, goal in sorted(ranked, key=lambda each: each[0])][:PAIRS_MAX]


async def _to(ctx: Context, local: Address, goal: Goal) -> AsyncIterator[Observation]:
    try:
        udp = ctx.net.udp(family(local), local)
    except OSError as exc:
        yield judged(goal.candidate, 0, join(local, 0), Outcome(None, *failure_of(exc), 0), goal.theirs)
        return
    async with StunSocket(ctx.net, udp) as sock:
        checks = [_check(ctx, sock, goal, size) for size in (0, FULL_SIZE)]
        if goal.candidate.session == PEER_SESSION:
            checks.append(_back(ctx, sock, goal))
        async for observation in as_they_come(checks):
            yield observation
        for stray in strays_of(sock):
            yield stray


async def _check(ctx: Context, sock: StunSocket, goal: Goal, size: int) -> AsyncIterator[Observation]:
    """The small check has the control: what does not pass at all is no question of size."""
    controls: list[OtherPayload] = []

    async def small(message: bytes) -> Outcome:
        outcome, beside = await asked(ctx, sock, message, goal.to, SEND_TIMES, GIVE_UP)
        controls.extend(beside)
        return outcome

    async def full(message: bytes) -> Outcome:
        return await sock.ask(message, goal.to, send_times=SEND_TIMES, give_up=GIVE_UP)

    yield await check(ctx, goal, size, full if size else small, lambda: join(*sock.local))
    for control in controls:
        yield control


async def _back(ctx: Context, sock: StunSocket, goal: Goal) -> AsyncIterator[Observation]:
    """`natprobe serve` answers in full size as well, where it is asked to."""

    async def full(message: bytes) -> Outcome:
        return await sock.ask(message, goal.to, send_times=SEND_TIMES, give_up=GIVE_UP)

    yield await check(ctx, goal, FULL_SIZE, full, lambda: join(*sock.local), both_ways=True)
