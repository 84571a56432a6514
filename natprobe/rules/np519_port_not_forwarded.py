"""The router in front does not pass the port on

Clients send to the server's public address, which is on no interface of the server: a router has it, and has to pass
the port on. Reports of a client and of the server together show that it does not (`natprobe diagnose client.json
server.json`): the server has the port, its own firewall lets it in, and nothing of what the client sends arrives
(`natprobe serve --watch`).

Of a Janus's cascade --apply shows the same: a Janus bound a port for a publisher that another one forwards to it, and
nothing that was sent to that port of its outside address came to it: neither what the other Janus sent nor what
natprobe sent from here. Janus does nothing about NAT for cascades: who has it behind one forwards these ports by
hand.

How it shows: the meeting opens and stays without sound and picture for everybody outside. Of a cascade both requests
succeed, the remote publisher is in the room, and nobody sees or hears it.

What to do: forward the ports, UDP, to the server, with the same numbers on both sides, and let them in at its
firewall. Look that the router's rule is for UDP, leads to the right inside address and changes no port number.
Without `port` in add_remote_publisher videoroom takes any two free ports from 10000 to 60000 (no setting narrows
that): so name `port` and `rtcp_port` in the request, one pair for each remote publisher, out of a small range that is
forwarded.

Sources: RFC 3022 section 2.2; videoroom's own source (1.1.0 to 1.4.0); measured: 1.1.2 behind a NAT.
"""

from collections.abc import Sequence

from natprobe.derive.cascade import Way, bound, own_addresses, ways
from natprobe.derive.deciding import Decided
from natprobe.facts import CascadeFlow, CascadeRelay, CascadeRequest, Facts, ids
from natprobe.fixes import media_server
from natprobe.model import Fix
from natprobe.rules import CLEAR, NOT_APPLICABLE, CouldNotTell, Found, Judgement, alternative
from natprobe.rules._together import inner_of, judged, server_of
from natprobe.servers import cascade
from natprobe.wording import mark, phrase

READS = (CascadeRelay, CascadeRequest, CascadeFlow)

_MESSAGE = mark(
    "{host} has bound UDP port {port} for a remote publisher, and nothing that is sent to {endpoint} arrives there"
    " ({sent} packets from here, {passed} from the target)"
)
_ASK = phrase("look at the firewall of the server itself, and at its cloud's security group")
_REFUSED = phrase("see what the report says under Cascade")
_AGAIN = phrase("find out why the target forwarded nothing, and check again with --apply")
_TOGETHER = {
    "together": mark(
        "UDP port {port} of {address} is not passed on to the server: packets of {clients} are lost at the"
        " router"
        " that has this address, and {inner} is ready for them"
    ),
    "protocol": mark("TCP port {port} of {address} is passed on to the server, and UDP, which media needs, is not"),
}


def check_together(vantages: Sequence[Facts]) -> Judgement:
    """Where the public address is on no interface, and nothing arrives."""
    return judged(vantages, "port-not-forwarded", _TOGETHER, forwarded)


def forwarded(found: Decided) -> tuple[Fix, ...]:
    """From the outside endpoint to the server's own."""
    asked = found.asked
    return (media_server(server_of(found)).forwarded(asked.address, inner_of(found), [asked.port]),)


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
