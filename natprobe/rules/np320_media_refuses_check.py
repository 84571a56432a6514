"""The media server answers, but refuses the check

Packets reach the port and come back, but the answer is an error, or a success that is not signed with the
media server's password: something answers there, and it is not the media server of this session.

How it shows: as with a closed port: the call never connects.

What to do: see what listens on the port. With `natprobe serve`: paste the line of the `serve` that runs now;
every start makes a new token unless it is given one.

Of a Jitsi: 400 from something that is no bridge (coturn on the bridge's port: a bridge says nothing to whom it does not
know), 401 where the password is another one's, 403 from a bridge whose session is over.

Sources: RFC 8445 section 7.3, RFC 8489 section 9.1; measured: ice4j 3.0's answers.
"""

from natprobe.derive import media_checks
from natprobe.derive.advertised import accused
from natprobe.derive.cookie import altered
from natprobe.facts import Candidate, Facts, IceCheck, PoolCheck, Resolved, Stray, ids
from natprobe.model import Do, Failure
from natprobe.rules import CLEAR, NOT_APPLICABLE, Found, Judgement
from natprobe.wording import mark

READS = (IceCheck, Stray, Candidate, Resolved, PoolCheck)

_REFUSALS = (Failure.UNAUTHORIZED, Failure.ERROR_RESPONSE, Failure.PROTOCOL)


def check(facts: Facts) -> Judgement:
    """Any verified answer of the same endpoint outweighs a refusal: one check may meet a limit. What was altered on the
    way is stun-rewritten's.
    """
    checks = media_checks(facts)
    changed = {each.sender for each in altered(facts)}
    good = {each.endpoint for each in checks if each.verified and each.failure is None}
    refused = [each for each in accused(facts) if each.failure in _REFUSALS and each.endpoint not in good | changed]
    if not refused:
        return CLEAR if checks else NOT_APPLICABLE
    return [
        Found(
            message=_OTHER_START if facts.target.kind == "natprobe" else _OTHER_SERVER,
            args={"endpoint": refused[0].endpoint, "words": refused[0].detail or str(refused[0].failure)},
            evidence=ids(refused),
            fixes=(_PASTE if facts.target.kind == "natprobe" else _LOOK,),
        )
    ]


_OTHER_START = mark(
    "{endpoint} answers and does not know this line's token ({words}): `natprobe serve` has another one now"
)
_OTHER_SERVER = mark("{endpoint} answers and refuses the check ({words}): it is not the media server of this session")
_PASTE = Do(
    text="Ask for the line that the running `natprobe serve` printed: every start makes a new token, if given none",
    audience="user",
)
_LOOK = Do(text="See what listens on the port (ss -ulpn), and stop what is not the media server", audience="server")
