"""A session with Janus up to its candidates: handles of its echotest, an offer of ours to each, the answers.

Nothing is accepted: what was answered has live credentials already, and ends with the session.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

from natprobe.asking.forced import forced
from natprobe.asking.gateways import Proven, best
from natprobe.asking.janus_handles import PLUGIN, STEP_SECONDS, Handle, Reached
from natprobe.asking.janus_session import JanusSession, Refusal
from natprobe.asking.seats import participants
from natprobe.asking.together import as_they_come
from natprobe.context import JANUS_ACCESS, Context
from natprobe.facts import Candidate, Facts, JanusCall, JanusDoor, JanusInfo, ProxyChoice, Resolved
from natprobe.model import Address, Observation, clip, join
from natprobe.net.failure import failure_of
from natprobe.pairing import JanusAccess
from natprobe.wire.janus import JanusError
from natprobe.wire.sdp import SdpError

REQUIRES = ()
TAKES = (ProxyChoice, Resolved)
# The first way in that answers is enough: the others are still asked meanwhile.
WATCHES = (JanusDoor, JanusInfo)
YIELDS = (JanusCall, Candidate)
TIMEOUT = 26.0

LOOK_SECONDS = 0.01
# A way in that anybody could read along is only taken where none that is private answers in the same time again, plus
# this (seconds).
GRACE_SECONDS = 0.05


async def probe(ctx: Context, facts: Facts) -> AsyncIterator[Observation]:
    """As many handles as there are seats. The session stands until the run ends."""
    proven = await _way(ctx, facts)
    if proven is None:
        return
    from natprobe.net.http import FAULTS

    session = JanusSession(ctx, proven)
    ctx.keep.put("janus-session", session)
    handles = [Handle(ctx, session, number) for number in range(1, participants(ctx) + 1)]
    try:
        await session.create(STEP_SECONDS)
    except (*FAULTS, JanusError, Refusal) as exc:
        yield _failed(session, 1, "nothing", exc)
        return
    async for seen in as_they_come(_called(ctx, session, each) for each in handles):
        yield seen
    for observation in _forced(ctx, facts, handles):
        yield observation


async def _way(ctx: Context, facts: Facts) -> Proven | None:
    """The best one that answers; None: none does."""
    while True:
        found = [each for each in ctx.keep.all(Proven) if not each.taken]
        chosen = best(found)
        if facts.probe("gateway") is not None or (chosen is not None and _good(ctx, chosen)):
            return chosen
        await ctx.net.sleep(LOOK_SECONDS)


def _good(ctx: Context, chosen: Proven) -> bool:
    """Whether it is worth waiting for a private one: longer where there is something to keep secret."""
    if chosen.private or chosen.gate.why == "target":
        return True
    if ctx.keep.get(JANUS_ACCESS, JanusAccess) is not None:
        return False
    return ctx.net.now() > chosen.began + 2 * chosen.took + GRACE_SECONDS


# --- facts


async def _called(ctx: Context, session: JanusSession, handle: Handle) -> AsyncIterator[Observation]:
    """One handle: what came of its call, and its candidates."""
    from natprobe.net.http import FAULTS

    try:
        await handle.call()
    except (*FAULTS, JanusError, SdpError, Refusal) as exc:
        yield _failed(session, handle.number, handle.reached, exc)
        return
    answer = handle.answer
    assert answer is not None
    ctx.keep.put(handle.name, answer.credentials)
    ctx.keep.put(f"waiting/{handle.number}", handle)
    named = next(iter(answer.announced), None)
    yield JanusCall(
        handle=handle.number,
        url=session.url,
        endpoint=session.endpoint,
        plugin=PLUGIN,
        session=handle.name,
        given=session.given,
        reached="answer",
        candidates=len(handle.candidates),
        dropped=handle.candidates.dropped,
        trickled=handle.trickled,
        completed=handle.completed,
        lite=answer.lite,
        fingerprint=named is not None,
        digest=None if named is None else clip(named[1], 200),
        duration_ms=round(((handle.answered or handle.began) - handle.began) * 1000, 2),
    )
    for each in handle.candidates.found:
        yield Candidate(
            endpoint=join(each.address, each.port),
            transport=each.transport,
            type=each.type,
            priority=each.priority,
            related=join(*each.related) if each.related else None,
            session=handle.name,
        )


def _failed(session: JanusSession, number: int, reached: Reached, exc: Exception) -> JanusCall:
    failure, detail = (exc.failure, exc.reason) if isinstance(exc, Refusal) else failure_of(exc)
    return JanusCall(
        handle=number,
        url=session.url,
        endpoint=session.endpoint,
        plugin=PLUGIN,
        given=session.given,
        reached=reached,
        error_code=exc.code if isinstance(exc, Refusal) else None,
        failure=failure,
        detail=session.harmless(detail),
    )


def _forced(ctx: Context, facts: Facts, handles: list[Handle]) -> Iterator[Candidate]:
    """What should be reachable all the same: with the first answered one's credentials, and its ports."""
    first = next((each for each in handles if each.answer is not None), None)
    if first is None:
        return
    advertised = [join(each.address, each.port) for each in first.candidates.found if each.transport == "udp"]
    for endpoint in forced(ctx, facts, advertised, also=_told(facts), usual=None):
        yield Candidate(endpoint=endpoint, transport="udp", advertised=False, session=first.name)


def _told(facts: Facts) -> list[Address]:
    """Where Janus says that it is."""
    info = facts.ok(JanusInfo)
    return [address for each in info for address in (*each.public_ips, each.local_ip) if address]
