"""ICE over TCP on 4443/443 is no longer there: offer TURN/TLS

UDP to the media server does not pass here, no relay is offered that clients would use for it, and it offers no TCP
either. That is no fault: Jitsi's bridge has had no ICE over TCP since July 2024, docker-jitsi-meet's none since
stable-7001.

How it shows: advice of old says to open TCP 4443 and to set `DISABLE_TCP_HARVESTER=false`. Neither does anything now.

What to do: leave 4443 closed. For networks without UDP offer a TURN relay with TLS on port 443 and hand it out by
signalling.

Sources: jitsi-videobridge's and docker-jitsi-meet's own histories (2024-07-18, 2022-02-15); RFC 8656 section 3.1.
"""

from natprobe.derive.advertised import state
from natprobe.derive.handed_out import for_bridge
from natprobe.facts import Candidate, Facts, IceCheck, JitsiConfig, PseudoTls, Resolved, Services, ids, server_kind
from natprobe.model import Do
from natprobe.rules import CLEAR, NOT_APPLICABLE, Found, Judgement
from natprobe.wording import mark

READS = (Candidate, IceCheck, PseudoTls, Services, Resolved, JitsiConfig)

_MESSAGE = mark(
    "{host} has no way for media over TCP, as every bridge since July 2024: opening port 4443 would not help"
)


def check(facts: Facts) -> Judgement:
    """Said only where somebody could be tempted: UDP did not pass, and nothing else is there."""
    if state(facts) == "none" or server_kind(facts) == "janus":
        return NOT_APPLICABLE
    if state(facts) not in ("unanswered", "blocked-here") or for_bridge(facts):
        return CLEAR
    streams = facts.of(Candidate, lambda each: each.advertised and each.transport != "udp")
    if len(streams) + len(facts.ok(PseudoTls)):
        return CLEAR
    return [
        Found(
            message=_MESSAGE,
            args={"host": facts.target.host},
            evidence=ids(facts.of(PseudoTls), facts.of(Candidate)),
            fixes=(
                Do(
                    text="Leave TCP 4443 closed, and offer a TURN relay with TLS on port 443 for networks without UDP",
                    audience="server",
                ),
            ),
        )
    ]
