"""The advertised address is not the one that answers

The media server names a public address that does not answer, and a check to another one, which it does not name (that
of the server's name, or of its web front), is answered by this very media server.

How it shows: the meeting opens, two people hear each other (their media goes directly between them), and with the third
everybody is mute and dark. Often it began when the line at the server got a new address.

What to do: set the address that answers. docker-jitsi-meet: `JVB_ADVERTISE_IPS`; packages: the static mapping in
jvb.conf. A bridge that asks a STUN server for its address learns the one that it sends from, which is another than the
one it is reached at where a site has several lines; and it asks once, when it starts: after a change of address,
restart it.

Janus: `nat_1_1_mapping` in janus.jcfg, section nat.

"It works by luck": a browser gets through all the same where the media server's own checks arrive, from an address that
it does not name (the pair is peer-reflexive). A Janus sends first, so that this happens to whoever has a public address
and no filter; behind a firewall that lets in only answers nobody gets through.

Sources: RFC 8445 section 7.3.1.3 (peer-reflexive candidates); field reports: docker-jitsi-meet 614.
"""

from natprobe.derive.advertised import elsewhere, failed, forced, inner_address, installed, state
from natprobe.derive.janus import lucky
from natprobe.facts import Candidate, Facts, IceCheck, IceEnded, JitsiConfig, Resolved, ids
from natprobe.fixes import media_server
from natprobe.model import Severity, split
from natprobe.rules import Found, Judgement, alternative
from natprobe.rules._candidates import checks_to, nothing, places
from natprobe.wording import listed, mark, phrase

READS = (Candidate, IceCheck, IceEnded, Resolved, JitsiConfig)

_MESSAGE = mark(
    "The media server advertises {advertised}, which does not answer, and answers at {right}, which it does not"
)
_LUCK = mark(
    "It works by luck: the media server advertises {advertised}, which does not answer, and is reached at {right}"
)
# Met by its own checks alone, it may only send from there: several lines, or a NAT gateway for what leaves.
_SENDS = mark(
    "is {right} only what the server sends from? Then the advertised address is right, and its ports are shut"
)


def check(facts: Facts) -> Judgement:
    """Only a check that the media server itself answered elsewhere proves it: two silent addresses prove nothing."""
    return [_found(facts)] if state(facts) == "other-address" else nothing(facts)


def _found(facts: Facts) -> Found:
    wrong, proven, server = failed(facts), forced(facts), media_server(facts)
    luck, found = lucky(facts), elsewhere(facts)
    right = tuple(dict.fromkeys(split(each)[0] for each in found))
    return Found(
        message=_LUCK if luck else _MESSAGE,
        args={"advertised": places(wrong), "right": places(found)},
        evidence=ids(checks_to(facts, wrong), proven, luck),
        severity=Severity.WARNING if luck else None,
        alternatives=(
            alternative(
                "advertised-not-public",
                phrase("on the server: `ip address show` and {settings}, for both", settings=server.SETTINGS),
            ),
            *(() if proven else (alternative("media-port-silent", phrase(_SENDS, right=listed(right))),)),
        ),
        fixes=(
            *server.advertise(right, inner_address(facts), installed(facts)),
            server.restarted(),
        ),
    )
