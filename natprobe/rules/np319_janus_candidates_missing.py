"""No usable candidates before ICE gives up

Janus answered an offer, and named no address for media that a client could use: neither in the answer, nor, where it
trickles them, in messages before or after it.

How it shows: the page is connected to Janus, and no picture or sound comes: "ICE failed" after some seconds.

What to do: see in Janus's log which addresses it finds. A list that leaves none (`ice_ignore_list`), only TCP
addresses that call out, names that nobody looks up, or `full_trickle` with a STUN server that answers too late come to
the same. Without `full_trickle` all addresses stand in the answer.

Sources: RFC 8838 section 8, RFC 8839 section 5.1, Janus's sample configuration (nat); field reports: janus-gateway
3483.
"""

from natprobe.derive.janus import without_candidates
from natprobe.facts import Facts, JanusCall, JanusInfo, ids
from natprobe.model import Fix
from natprobe.rules import CLEAR, NOT_APPLICABLE, Found, Judgement
from natprobe.servers import janus
from natprobe.wording import mark, phrase

READS = (JanusCall, JanusInfo)

_NONE = phrase("Janus answers an offer and names no address for media, so that ICE has nothing to try")
_USELESS = mark(
    "Janus answers an offer with {count} addresses for media, none of which a client can use: ICE has nothing to try"
)


def check(facts: Facts) -> Judgement:
    """Where one handle was given some, there is no such fault."""
    calls = facts.of(JanusCall)
    if not calls:
        return NOT_APPLICABLE
    bare = without_candidates(facts)
    if not bare:
        return CLEAR
    dropped = sum(each.dropped for each in bare)
    return [
        Found(
            message=_USELESS if dropped else _NONE,
            args={"count": dropped},
            evidence=ids(bare, facts.ok(JanusInfo)),
            fixes=_fixes(facts),
        )
    ]


def _fixes(facts: Facts) -> tuple[Fix, ...]:
    """What is known not to be set isn't advised against."""
    trickles = any(each.full_trickle is not False for each in facts.ok(JanusInfo)) or not facts.ok(JanusInfo)
    half = (janus.setting("nat", "full_trickle", "false", phrase("then all addresses stand in the answer")),)
    return (janus.running(), *(half if trickles else ()), *janus.interfaces())
