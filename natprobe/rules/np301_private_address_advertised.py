"""Only a private address is advertised

The media server names the addresses at which it takes media. All of them are of a private network, or of a container's
beside one: nobody outside can send there.

How it shows: the meeting opens, chat works, two people hear each other (their media goes directly between them), and
with the third everybody is mute and dark. In the server's own network all is well.

What to do: tell the media server its public address. docker-jitsi-meet: `JVB_ADVERTISE_IPS` (until stable-7830
`DOCKER_HOST_ADDRESS`). Packages: a static mapping in jvb.conf, whose local address must be one that the bridge is bound
to; a mapping of an address to itself, or from one that the host doesn't have, does nothing and says nothing. A bridge
that asks a STUN server for its address does so once, when it starts, and needs UDP out to it.

A Janus maps all of its addresses at once: `nat_1_1_mapping` in janus.jcfg, section nat.

Where the port in front is open, natprobe proves it: a check to the name's own address is answered though nobody is told
of it. The client cannot see why the public address is missing: no setting, a wrong one, or a STUN server that never
answered all look the same.

Sources: RFC 8445 section 5.1.1, ice4j's and docker-jitsi-meet's own sources; field reports: docker-jitsi-meet 765.
"""

import msgspec

from natprobe.addresses import address_class
from natprobe.derive import target_addresses
from natprobe.derive.advertised import answered, inner_address, offered, state
from natprobe.facts import Candidate, Facts, IceCheck, IceEnded, JitsiConfig, Resolved, ids, server_kind
from natprobe.fixes import media_server
from natprobe.model import Alternative, Severity, split
from natprobe.rules import Found, Judgement, alternative
from natprobe.rules._candidates import advertise_outside, nothing, only_inner
from natprobe.wording import listed, mark, phrase

READS = (Candidate, IceCheck, IceEnded, Resolved, JitsiConfig)

_MESSAGE = mark("The media server offers only {addresses}, which nobody outside its own network can reach")
_INSIDE = mark("It works from here, inside: the media server offers only {addresses}, which nobody outside can reach")


def check(facts: Facts) -> Judgement:
    """Where such an address answers, this client is inside; its name outside says that others are not."""
    found = state(facts)
    if found == "inside-only" and any(address_class(each) == "public" for each in target_addresses(facts)):
        return [_inside(facts)]
    return [_found(facts)] if found == "private" else nothing(facts)


def _found(facts: Facts) -> Found:
    return msgspec.structs.replace(only_inner(facts, _MESSAGE), alternatives=_alternatives(facts))


def _alternatives(facts: Facts) -> tuple[Alternative, ...]:
    """Janus maps all of its addresses or none: no mapping of its can miss."""
    if server_kind(facts) == "janus":
        return ()
    log = phrase("on the server: {log}, for the addresses it maps at its start", log=media_server(facts).LOG)
    return (
        alternative("mapping-local-equals-public", log),
        alternative("mapping-local-not-bound", "on the server: ip address show, against local-address in jvb.conf"),
    )


def _inside(facts: Facts) -> Found:
    checks = answered(facts)
    inner = inner_address(facts) or split(checks[0].endpoint)[0]
    return Found(
        message=_INSIDE,
        args={"addresses": listed(split(each.endpoint)[0] for each in offered(facts)), "inner": inner},
        evidence=ids(offered(facts), checks),
        severity=Severity.WARNING,
        fixes=advertise_outside(facts),
    )
