"""ICE checks as the media probes send them (RFC 8445 section 7.2): what is asked, and what the answer proves."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import NamedTuple

import msgspec

from natprobe.addresses import address_class
from natprobe.context import Context
from natprobe.facts import Candidate, Facts, IceCheck
from natprobe.model import Endpoint, Failure, Family, clip, family, flow, join, split
from natprobe.net.stun import Outcome
from natprobe.pairing import IceCredentials
from natprobe.wire import stun

# Nine tries, a quarter of a second apart: enough to call silence a fact (derive.SILENT_TRIES).
SEND_TIMES = tuple(number * 0.25 for number in range(9))
GIVE_UP = 2.5


# A guest sends few packets: so many candidates of one session.
CANDIDATES_MAX = 24
_ROLE_CONFLICT = 487

Ask = Callable[[bytes], Awaitable[Outcome]]


class Goal(NamedTuple):
    """A candidate to check, and the credentials of its session."""

    candidate: Candidate
    theirs: IceCredentials

    @property
    def to(self) -> tuple[str, int]:
        """Where it is."""
        return split(self.candidate.endpoint)


def goal_at(endpoint: Endpoint, theirs: IceCredentials) -> Goal:
    """An advertised endpoint over UDP that is no candidate of the run's own session."""
    return Goal(Candidate(endpoint=endpoint, transport="udp"), theirs)


def goals(ctx: Context, facts: Facts, transports: Iterable[str], families: Iterable[Family]) -> list[Goal]:
    """What to check: each endpoint once, by the first session that has it, since all sessions share the bridge's port.
    What is advertised comes before what is forced, public addresses before others.
    """
    found: dict[tuple[Endpoint, str], Goal] = {}
    for each in sorted(facts.ok(Candidate), key=_order):
        theirs = ctx.keep.get(each.session, IceCredentials)
        wanted = each.transport in transports and family(split(each.endpoint)[0]) in families
        if wanted and theirs is not None:
            found.setdefault((each.endpoint, each.transport), Goal(each, theirs))
    return list(found.values())[:CANDIDATES_MAX]


def _order(candidate: Candidate) -> tuple[bool, bool, str]:
    inner = address_class(split(candidate.endpoint)[0]) != "public"
    return not candidate.advertised, inner, candidate.session


async def check(
    ctx: Context, goal: Goal, size: int, ask: Ask, local: Callable[[], str | None], *, both_ways: bool = False
) -> IceCheck:
    """One check of at least `size` bytes, carried out by `ask`, from `local`; `both_ways`: as is its answer.

    Where the other side says that it has our role, once more in the other one (RFC 8445 section 7.2.5.1).
    """
    message = request(ctx, goal.theirs, size, both_ways=both_ways)
    outcome = await ask(message)
    if _conflict(outcome):
        turned = request(ctx, goal.theirs, size, turned=True, both_ways=both_ways)
        again = await ask(turned)
        if again.packet is not None:
            message, outcome = turned, again
    seen = judged(goal.candidate, len(message), local(), outcome, goal.theirs)
    short = outcome.packet is not None and stun.PADDING not in outcome.packet.message.attributes
    return msgspec.structs.replace(seen, both_ways=both_ways and not short)


def _conflict(outcome: Outcome) -> bool:
    return outcome.packet is not None and outcome.packet.message.attributes.get("ERROR-CODE", (0,))[0] == _ROLE_CONFLICT


def request(
    ctx: Context,
    theirs: IceCredentials,
    size: int = 0,
    *,
    turned: bool = False,
    both_ways: bool = False,
    counts: bool = False,
) -> bytes:
    """A check for these credentials, in the role that theirs leaves to us, or `turned` in the other one; see
    stun.ice_check. Our own user fragment is the run's: whoever watches the server knows our checks by it.
    """
    return stun.ice_check(
        ctx.transaction_id(),
        user=f"{theirs.ufrag}:{ctx.session_word()}",
        password=theirs.password,
        tie_breaker=ctx.random.getrandbits(64),
        controlling=theirs.controls is turned,
        size=size,
        both_ways=both_ways,
        counts=counts,
    )


def judged(candidate: Candidate, size: int, local: str | None, outcome: Outcome, theirs: IceCredentials) -> IceCheck:
    """The check as a fact. A success that isn't signed with their password proves nothing, and says so; an error opens
    nothing, signed or not.
    """
    success = outcome.packet if outcome.failure is None else None
    verified = success is not None and success.message.check_message_integrity(theirs.password.encode())
    attributes = outcome.packet.message.attributes if outcome.packet else {}
    mapped, error = attributes.get("XOR-MAPPED-ADDRESS"), attributes.get("ERROR-CODE")
    failure, detail = outcome.failure, outcome.detail
    if failure is None and not verified:
        failure, detail = (
            Failure.UNAUTHORIZED,
            "a success answer whose MESSAGE-INTEGRITY is not the media server's",
        )
    return IceCheck(
        endpoint=candidate.endpoint,
        transport=candidate.transport,
        advertised=candidate.advertised,
        local=local,
        size=size,
        tries=outcome.tries,
        verified=verified,
        mapped=join(*mapped) if mapped else None,
        responder=join(*outcome.responder) if outcome.responder else None,
        error_code=error[0] if error else None,
        icmp=outcome.icmp,
        reported_by=outcome.reported_by,
        rtt_ms=outcome.rtt_ms,
        flow=flow("udp" if candidate.transport == "udp" else "tcp", local, candidate.endpoint),
        failure=failure,
        detail=clip(detail, 200),
    )
