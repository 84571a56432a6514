"""UDP passes, but packets to the media port are lost before the server's network

UDP works from here, and the media server's port answers others: the same check through a relay that stands elsewhere
was verified. Sent from here directly it meets with silence. So it is lost on this side: many networks let UDP out to
few ports only.

Or the place itself shows: packets like the lost ones, with few hops to live, are answered by the routers up to one and
by none behind it, while others, sent in turn with them, are answered there. A router sees that a packet has lived long
enough before its firewall looks at it: the loss is at the last one that answers, or right behind it. At the border of
two networks either of the two may do it.

How it shows: web, chat and the sign-in work; media does not, or goes by the relay, slower. At home the same meeting is
fine.

What to do: have this network's firewall let UDP out to that port of the server, and the answers back in.

Several reports together (`natprobe diagnose here.json outside.json server.json`) tell the same without a relay: another
client gets through, or on the server others' packets arrive and none from here.

What else it can be: a firewall at the server that lets the relay in and this network not. A check from another network
tells.

Sources: RFC 8445 section 7.2.5, RFC 1812 section 5.2.1; field reports: docker-jitsi-meet 1869.
"""

from collections.abc import Sequence

from natprobe.derive import media_checks, udp_works
from natprobe.derive.advertised import accused, failed, state, through_relays
from natprobe.derive.deciding import Decided
from natprobe.derive.place import Place, lost_before
from natprobe.derive.unproxied import no_way_for_udp
from natprobe.facts import Binding, Candidate, Facts, HopName, IceCheck, Resolved, Trail, ids
from natprobe.fixes import BORDER, media_server, relay_over_tls
from natprobe.model import Allow, Endpoint, Fix, split
from natprobe.rules import CLEAR, Found, Judgement, alternative
from natprobe.rules._candidates import checks_to, nothing, places
from natprobe.rules._place import firewall, words
from natprobe.rules._together import judged, server_of
from natprobe.wording import listed, mark, phrase

READS = (Candidate, IceCheck, Binding, Resolved, Trail, HopName)

_MESSAGE = mark(
    "UDP to {endpoint} is lost on its way out of this network: through the relay {relay} the media server answers"
    " there, and directly it does not"
)
_LOST = mark("UDP to {endpoint} is lost on its way, before the server's network: {place}")
_TOGETHER = {
    "out": mark("UDP to {endpoint} is lost on its way out of the network of {clients}: {others} gets an answer there"),
    "back": mark(
        "UDP from {clients} arrives at {endpoint}, and the answers are lost on their way back: {others} gets them"
    ),
    "strangers": mark(
        "UDP to {endpoint} is lost on its way out of the network of {clients}: on the server others' packets"
        " arrive, and none from there"
    ),
}


def check_together(vantages: Sequence[Facts]) -> Judgement:
    """Another client, or what the server saw of others, is the second vantage."""
    return judged(vantages, "media-port-blocked-here", _TOGETHER, _let_out)


def _let_out(found: Decided) -> tuple[Fix, ...]:
    asked, facts = found.asked, server_of(found)
    return (_allow(facts, asked.address, [asked.port]), *relay_over_tls(facts))


def check(facts: Facts) -> Judgement:
    """Where no UDP passes at all, udp-blocked says so. The relay's success is the second vantage."""
    if udp_works(facts) is False or no_way_for_udp(facts):
        return CLEAR if media_checks(facts) else nothing(facts)
    lost = lost_before(facts, [each.endpoint for each in accused(facts)] or failed(facts))
    if state(facts) != "blocked-here" and not lost:
        return nothing(facts)
    seen = [each for each in through_relays(facts) if each.endpoint in failed(facts)]
    return [_found(facts)] if seen else [_placed(facts, *each) for each in lost.items()]


def _placed(facts: Facts, endpoint: Endpoint, found: Place) -> Found:
    """By what answered packets with few hops to live."""
    address, port = split(endpoint)
    return Found(
        message=phrase(_LOST, endpoint=endpoint, place=words(facts, found)),
        args={"endpoint": endpoint, "last": found.last, "next": found.next},
        evidence=ids(checks_to(facts, [endpoint])) + found.evidence,
        where=found.where,
        fixes=(
            _allow(facts, address, [port], firewall(facts, found)),
            *relay_over_tls(facts),
        ),
    )


def _found(facts: Facts) -> Found:
    told = failed(facts)
    proven = [each for each in through_relays(facts) if each.endpoint in told]
    address, seen = split(proven[0].endpoint)[0], [split(each.endpoint)[1] for each in proven]
    return Found(
        message=_MESSAGE,
        args={
            "endpoint": places(each.endpoint for each in proven),
            "relay": listed(split(each.relayed or each.endpoint)[0] for each in proven),
        },
        evidence=ids(checks_to(facts, told), proven),
        alternatives=(
            alternative("firewall-closed", "on the server: does its firewall let in some sources only?"),
            alternative(
                "cloud-firewall", "in the provider's console: does the security group let in some sources only?"
            ),
        ),
        fixes=(
            _allow(facts, address, list(dict.fromkeys(seen))),
            *relay_over_tls(facts),
        ),
    )


def _allow(facts: Facts, address: str, ports: list[int], at: str = BORDER) -> Allow:
    return Allow(
        proto="udp",
        ports=media_server(facts).ports(ports),
        direction="out",
        to=address,
        at=at,
        audience="network",
        why="media travels over UDP; the answers must be let back in",
    )
