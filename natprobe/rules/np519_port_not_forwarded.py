"""The router in front does not pass the port on

With --apply a Janus bound a port for a publisher that another one forwards to it, and nothing that was sent to that
port of its outside address came to it: neither what the other Janus sent nor what natprobe sent from here. Janus does
nothing about NAT for cascades: who has it behind one forwards these ports by hand.

How it shows: both requests succeed, the remote publisher is in the room, and nobody sees or hears it.

What to do: forward the ports, UDP, to the server, with the same numbers on both sides, and let them in at its firewall.
Without `port` in add_remote_publisher videoroom takes any two free ports from 10000 to 60000 (no setting narrows that):
so name `port` and `rtcp_port` in the request, one pair for each remote publisher, out of a small range that is
forwarded. Look that the router's rule is for UDP, leads to the right inside address and changes no port number.

Sources: videoroom's own source (1.1.0 to 1.4.0); measured: 1.1.2 behind a NAT.
"""

from natprobe.derive.cascade import Way, bound, own_addresses, ways
from natprobe.facts import CascadeFlow, CascadeRelay, CascadeRequest, Facts, ids
from natprobe.rules import CLEAR, NOT_APPLICABLE, CouldNotTell, Found, Judgement, alternative
from natprobe.servers import cascade

READS = (CascadeRelay, CascadeRequest, CascadeFlow)

_MESSAGE = (
    "{host} has bound UDP port {port} for a remote publisher, and nothing that is sent to {endpoint} arrives there"
    " ({sent} packets from here, {passed} from the target)"
)
_ASK = "look at the firewall of the server itself, and at its cloud's security group"
_REFUSED = "see what the report says under Cascade"
_AGAIN = "find out why the target forwarded nothing, and check again with --apply"


def check(facts: Facts) -> Judgement:
    """Only where --apply tried it, from both sides: from here alone it may be a firewall that knows the target."""
    tried = ways(facts)
    if not tried:
        stopped = facts.of(CascadeRequest, lambda each: each.failure is not None)
        return CouldNotTell(reason="cascade-refused", ask=_REFUSED) if stopped else NOT_APPLICABLE
    if found := [_found(facts, each) for each in tried if each.shut]:
        return found
    return CLEAR if all(each.arrives for each in tried) else CouldNotTell(reason="cascade-untried", ask=_AGAIN)


def _found(facts: Facts, way: Way) -> Found:
    own, request = own_addresses(way.relay), bound(facts, way.relay)
    return Found(
        message=_MESSAGE,
        args={
            "host": cascade.host(way.relay),
            "port": request.port if request else None,
            "endpoint": way.here.endpoint,
            "sent": way.here.sent,
            "passed": way.target.passed if way.target else 0,
        },
        evidence=ids(way.relay, request or (), way.flows),
        fixes=cascade.let_in(way.relay, own, request),
        alternatives=(alternative("firewall-closed", _ASK),),
    )
