"""The server's own packets don't get out where others' pass

Reports of a client and of the server together (`natprobe diagnose client.json server.json`) show that the client's
packets arrive and that it hears nothing: either answers leave the host and are lost behind it, or none leaves it.

With --apply of a cascade one Janus forwarded a publisher to another, and none of its packets arrived there; those
that natprobe sent from here to the very same port did. So the port is open and forwarded, and it is the sending
side's way out that is shut: its firewall or its cloud's rules for what leaves, or the receiving side lets in some
addresses only.

How it shows: as if the port were shut: no sound and no picture. Of a cascade both requests succeed, the remote
publisher is in the room, and nobody sees or hears it.

What to do: let answers from the media port out, in the server's own rules for what leaves (`nft list ruleset`, hook
output) and in its provider's. Of a cascade, let UDP out of the sending server to the other one's address, to the
ports of its remote publishers (any from 10000 to 60000, unless the request names them). Where the receiving side's
firewall goes by addresses, have it know the address that the sending server really leaves by, which behind a NAT is
the NAT's.

Sources: videoroom's own source (1.1.0 to 1.4.0); measured: 1.1.2.
"""

from collections.abc import Sequence

from natprobe.derive import target_addresses
from natprobe.derive.cascade import Way, bound, ways
from natprobe.derive.deciding import Decided
from natprobe.facts import CascadeFlow, CascadeRelay, CascadeRequest, Facts, Resolved, ids
from natprobe.fixes import media_server
from natprobe.model import Allow, Alternative, Fix
from natprobe.rules import CLEAR, NOT_APPLICABLE, CouldNotTell, Found, Judgement, alternative
from natprobe.rules._together import judged, server_of
from natprobe.servers import cascade
from natprobe.wording import mark, phrase

READS = (CascadeRelay, CascadeRequest, CascadeFlow, Resolved)

_MESSAGE = mark(
    "None of the {passed} packets that {source} forwarded to {endpoint} arrived at {host}, and {arrived} of the {sent}"
    " that were sent there from here did: the way out of {source} is shut"
)
_KNOWN = phrase(
    "on the receiving server: does its firewall, or its cloud's security group, let in some addresses only?"
)
_TURNED = phrase("are both servers behind the same router? Then name the receiving one's inner address as host")
_AGAIN = phrase("find out why the target forwarded nothing, and check again with --apply")
_TOGETHER = {
    "answered": mark(
        "{packets} packets of {clients} arrived at {endpoint} from {sender}, and {answers} answers left the"
        " server: they are lost on their way back"
    ),
    "unanswered": mark(
        "{packets} packets of {clients} arrived at {endpoint} from {sender}, and no answer left the server,"
        " though its port is taken and open"
    ),
    "unsent": mark(
        "{packets} packets of {clients} arrived at {endpoint} from {sender}, and the server could not send"
        " its answers: its own rules for what leaves stop them"
    ),
}


def check_together(vantages: Sequence[Facts]) -> Judgement:
    """Where packets arrive and the client hears nothing."""
    return judged(vantages, "egress-closed", _TOGETHER, _let_back)


def _let_back(found: Decided) -> tuple[Fix, ...]:
    asked = found.asked
    upstream = found.words == "answered"
    return (
        Allow(
            proto="udp",
            ports=media_server(server_of(found)).ports([asked.port]),
            direction="out",
            from_=asked.address,
            at="the provider's firewall, or the router in front of the server"
            if upstream
            else "the server's own firewall",
            audience="server",
            why="answers leave from the media port, to wherever clients are",
        ),
    )


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
