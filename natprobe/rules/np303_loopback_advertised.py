"""A loopback address is advertised

Among the addresses at which the media server says that it takes media is 127.0.0.1 (or none at all, 0.0.0.0), and none
that a client can reach. Every client would send media to itself.

How it shows: the meeting opens, two people hear each other (their media goes directly between them), and with the third
everybody is mute and dark.

What to do: it comes from a setting, since no media server takes such an address by itself: `JVB_ADVERTISE_IPS` or
`DOCKER_HOST_ADDRESS` in .env, or a static mapping in jvb.conf; of a Janus, `nat_1_1_mapping`. Set it to the address
that clients reach the server at.

Sources: RFC 8445 section 5.1.1.1 (loopback addresses must not be candidates).
"""

import msgspec

from natprobe.derive.advertised import kind_of, offered, state
from natprobe.facts import Candidate, Facts, IceCheck, IceEnded, JitsiConfig, Resolved
from natprobe.model import split
from natprobe.rules import Judgement
from natprobe.rules._candidates import nothing, only_inner
from natprobe.wording import listed, mark

READS = (Candidate, IceCheck, IceEnded, Resolved, JitsiConfig)

_KINDS = ("loopback", "unspecified")
_MESSAGE = mark("The media server offers a loopback address ({addresses}): clients would send media to themselves")


def check(facts: Facts) -> Judgement:
    """Beside an address within reach it only costs time: useless-candidates."""
    if state(facts) != "loopback":
        return nothing(facts)
    found, looped = only_inner(facts, _MESSAGE), [each for each in offered(facts) if kind_of(each.endpoint) in _KINDS]
    args = found.args | {"addresses": listed(split(each.endpoint)[0] for each in looped)}
    return [msgspec.structs.replace(found, args=args)]
