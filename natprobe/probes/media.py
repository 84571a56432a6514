"""The media port over UDP: an authenticated ICE check to every candidate, small and full-size, from every address."""

from __future__ import annotations

from collections.abc import AsyncIterator

from natprobe.asking.checks import GIVE_UP, SEND_TIMES, judged, request
from natprobe.asking.inspection import asked
from natprobe.asking.sources import same_side, sources
from natprobe.asking.together import as_they_come
from natprobe.asking.transactions import strays_of
from natprobe.context import Context
from natprobe.derive import FULL_SIZE
from natprobe.facts import Candidate, Facts, IceCheck, LocalAddress, OtherPayload, Stray
from natprobe.model import Address, Observation, family, join, split
from natprobe.net.failure import failure_of
from natprobe.net.stun import Outcome, StunSocket
from natprobe.pairing import IceCredentials

REQUIRES = (Candidate,)
TAKES = (LocalAddress,)
YIELDS = (IceCheck, OtherPayload, Stray)
TIMEOUT = 4.0


async def probe(ctx: Context, facts: Facts) -> AsyncIterator[Observation]:
    """All candidates and local addresses at once, a socket each, as a browser would."""
    streams: list[AsyncIterator[Observation]] = []
    candidates = facts.ok(Candidate, lambda each: each.transport == "udp")
    for version in ctx.options.families:
        wanted = [each for each in candidates if family(split(each.endpoint)[0]) == version]
        for local in sources(ctx, facts, version, [split(each.endpoint)[0] for each in wanted]):
            streams += [_to(ctx, local, each) for each in wanted if same_side(local, split(each.endpoint)[0])]
    async for observation in as_they_come(streams):
        yield observation


async def _to(ctx: Context, local: Address, candidate: Candidate) -> AsyncIterator[Observation]:
    theirs = ctx.keep.get(candidate.session, IceCredentials)
    if theirs is None:
        return
    try:
        udp = ctx.net.udp(family(local), local)
    except OSError as exc:
        yield judged(candidate, 0, join(local, 0), Outcome(None, *failure_of(exc), 0), theirs)
        return
    async with StunSocket(ctx.net, udp) as sock:
        checks = (_check(ctx, sock, candidate, theirs, size) for size in (0, FULL_SIZE))
        async for observation in as_they_come(checks):
            yield observation
        for stray in strays_of(sock):
            yield stray


async def _check(
    ctx: Context, sock: StunSocket, candidate: Candidate, theirs: IceCredentials, size: int
) -> AsyncIterator[Observation]:
    """The small check has the control: what does not pass at all is no question of size."""
    message, to = request(ctx, theirs, size), split(candidate.endpoint)
    controls: list[OtherPayload] = []
    if size:
        outcome = await sock.ask(message, to, send_times=SEND_TIMES, give_up=GIVE_UP)
    else:
        outcome, controls = await asked(ctx, sock, message, to, SEND_TIMES, GIVE_UP)
    yield judged(candidate, len(message), join(*sock.local), outcome, theirs)
    for control in controls:
        yield control
