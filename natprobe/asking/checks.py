"""ICE checks as the media probes send them (RFC 8445 section 7.2): what is asked, and what the answer proves."""

from __future__ import annotations

from natprobe.context import Context
from natprobe.facts import Candidate, IceCheck
from natprobe.model import Failure, clip, flow, join
from natprobe.net.stun import Outcome
from natprobe.pairing import IceCredentials
from natprobe.wire import stun

# Nine tries, a quarter of a second apart: enough to call silence a fact (derive.SILENT_TRIES).
SEND_TIMES = tuple(number * 0.25 for number in range(9))
GIVE_UP = 2.5


def request(ctx: Context, theirs: IceCredentials, size: int = 0) -> bytes:
    """A check for these credentials. Our own user fragment is random: nobody will send us checks."""
    ours = f"{ctx.random.getrandbits(32):08x}"
    return stun.ice_check(
        ctx.transaction_id(),
        user=f"{theirs.ufrag}:{ours}",
        password=theirs.password,
        tie_breaker=ctx.random.getrandbits(64),
        size=size,
    )


def judged(candidate: Candidate, size: int, local: str | None, outcome: Outcome, theirs: IceCredentials) -> IceCheck:
    """The check as a fact. A success that isn't signed with their password proves nothing, and says so."""
    verified = outcome.packet is not None and outcome.packet.message.check_message_integrity(theirs.password.encode())
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
        flow=flow(candidate.transport, local, candidate.endpoint),
        failure=failure,
        detail=clip(detail, 200),
    )
