"""The advertised address is not the one that answers

The media server names a public address that does not answer, and a check to another one, which it does not name (that
of the server's name, or of its web front), is answered by this very media server.

How it shows: the meeting opens, two people hear each other (their media goes directly between them), and with the third
everybody is mute and dark. Often it began when the line at the server got a new address.

What to do: set the address that answers. docker-jitsi-meet: `JVB_ADVERTISE_IPS`; packages: the static mapping in
jvb.conf. A bridge that asks a STUN server for its address learns the one that it sends from, which is another than the
one it is reached at where a site has several lines; and it asks once, when it starts: after a change of address,
restart it.

"It works by luck": a browser may get through all the same, when the bridge's own checks arrive from the right address.

Sources: RFC 8445 section 7.3.1.3 (peer-reflexive candidates); field reports: docker-jitsi-meet 614.
"""

from natprobe.derive.advertised import failed, forced, inner_address, installed, state
from natprobe.facts import Candidate, Facts, IceCheck, IceEnded, JitsiConfig, Resolved, ids
from natprobe.model import Do, Severity, split
from natprobe.rules import Found, Judgement, alternative
from natprobe.rules._candidates import checks_to, listed, nothing
from natprobe.servers.jitsi import fixes as jitsi

READS = (Candidate, IceCheck, IceEnded, Resolved, JitsiConfig)

_MESSAGE = "The media server advertises {advertised}, which does not answer, and answers at {right}, which it does not"
_LUCK = "It works by luck: the media server advertises {advertised}, which does not answer, and is reached at {right}"


def check(facts: Facts) -> Judgement:
    """Only a check that the media server itself answered elsewhere proves it: two silent addresses prove nothing."""
    return [_found(facts)] if state(facts) == "other-address" else nothing(facts)


def _found(facts: Facts) -> Found:
    wrong, proven = failed(facts), forced(facts)
    lucky = facts.ok(IceEnded, lambda each: each.pair == "peer-reflexive")
    right = listed(split(each.endpoint)[0] for each in proven).split(" and ")
    return Found(
        message=_LUCK if lucky else _MESSAGE,
        args={"advertised": listed(wrong), "right": listed(each.endpoint for each in proven)},
        evidence=ids(checks_to(facts, wrong), proven, lucky),
        severity=Severity.WARNING if lucky else None,
        alternatives=(
            alternative("advertised-not-public", "on the server: `ip address show` and its .env or jvb.conf, for both"),
        ),
        fixes=(
            *jitsi.advertise(tuple(right), inner_address(facts), installed(facts)),
            Do(
                text="Where no address is set, restart the bridge: it asks for its public address at its start only",
                audience="server",
                after=f"{jitsi.RESTART_BRIDGE}, or docker compose restart jvb",
            ),
        ),
    )
