"""The server's own packets don't get out where others' pass

With --apply one Janus forwarded a publisher to another, and none of its packets arrived there; those that natprobe sent
from here to the very same port did. So the port is open and forwarded, and it is the sending side's way out that is
shut: its firewall or its cloud's rules for what leaves, or the receiving side lets in some addresses only.

How it shows: both requests succeed, the remote publisher is in the room, and nobody sees or hears it.

What to do: let UDP out of the sending server to the other one's address, to the ports of its remote publishers (any
from 10000 to 60000, unless the request names them). Where the receiving side's firewall goes by addresses, have it know
the address that the sending server really leaves by, which behind a NAT is the NAT's.

Sources: videoroom's own source (1.1.0 to 1.4.0); measured: 1.1.2.
"""

from natprobe.derive import target_addresses
from natprobe.derive.cascade import Way, bound, ways
from natprobe.facts import CascadeFlow, CascadeRelay, CascadeRequest, Facts, Resolved, ids
from natprobe.model import Alternative
from natprobe.rules import CLEAR, NOT_APPLICABLE, CouldNotTell, Found, Judgement, alternative
from natprobe.servers import cascade

READS = (CascadeRelay, CascadeRequest, CascadeFlow, Resolved)

_MESSAGE = (
    "None of the {passed} packets that {source} forwarded to {endpoint} arrived at {host}, and {arrived} of the {sent}"
    " that were sent there from here did: the way out of {source} is shut"
)
_KNOWN = "on the receiving server: does its firewall, or its cloud's security group, let in some addresses only?"
_TURNED = "are both servers behind the same router? Then name the receiving one's inner address as host"
_AGAIN = "find out why the target forwarded nothing, and check again with --apply"


def check(facts: Facts) -> Judgement:
    """Only where --apply tried it."""
    tried = ways(facts)
    if not tried:
        return NOT_APPLICABLE
    if found := [_found(facts, each) for each in tried if each.shut_out]:
        return found
    return CLEAR if all(each.target for each in tried) else CouldNotTell(reason="cascade-untried", ask=_AGAIN)


def _found(facts: Facts, way: Way) -> Found:
    request = bound(facts, way.relay)
    return Found(
        message=_MESSAGE,
        args={
            "host": cascade.host(way.relay),
            "source": facts.target.host,
            "endpoint": way.here.endpoint,
            "arrived": way.here.arrived,
            "sent": way.here.sent,
            "passed": way.target.passed if way.target else 0,
        },
        evidence=ids(way.relay, request or (), way.flows),
        alternatives=_alternatives(facts, way),
        fixes=cascade.let_out(facts.target.host, way.relay, request),
    )


def _alternatives(facts: Facts, way: Way) -> tuple[Alternative, ...]:
    """What lets us in and not the target; behind one address with it, its packets would have to turn round."""
    found = [alternative("firewall-closed", _KNOWN)]
    if way.relay.host in target_addresses(facts):
        found.append(alternative("hairpin-missing", _TURNED))
    return tuple(found)
