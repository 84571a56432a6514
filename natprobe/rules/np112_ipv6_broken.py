"""IPv6 is there and does not work

This machine has an IPv6 address and a default route, but nothing that was tried over IPv6 came back from two
or more destinations, while IPv4 works.

How it shows: pages open with a delay of a third of a second or more, calls start late; software that does not
try both families waits for minutes.

Where the page or the media server has IPv6 addresses alone, nothing goes round it: relays give browsers IPv4, which
leads to neither.

What to do: repair IPv6 in the local network (router advertisements without a working uplink are the usual
case) or switch it off there. FRITZ!Box: `Internet > Zugangsdaten > IPv6`; pfSense: `Services > Router
Advertisement`, OPNsense: `Services > Router Advertisements`; MikroTik: `/ipv6 nd`; UniFi: the IPv6 settings of the
network. A second router or an old tunnel that announces a prefix of its own is the other usual case.

Sources: RFC 8305 (Happy Eyeballs), RFC 8421 section 4.
"""

from natprobe.derive import target_addresses
from natprobe.derive.advertised import within_reach
from natprobe.derive.ipv6 import Ipv6, Try, ipv6, lost_in_ipv6
from natprobe.derive.proxies import via
from natprobe.facts import Binding, Candidate, Connected, Facts, IceCheck, LocalAddress, ProxyChoice, Resolved, ids
from natprobe.model import Do, Severity, join
from natprobe.rules import CLEAR, NOT_APPLICABLE, CouldNotTell, Found, Judgement

READS = (LocalAddress, Binding, Connected, Resolved, Candidate, IceCheck, ProxyChoice)


def check(facts: Facts) -> Judgement:
    """One dead IPv6 server is that server's matter; two, with IPv4 alive, are this network's."""
    seen = ipv6(facts)
    if not seen.tries:
        return NOT_APPLICABLE
    if seen.answers:
        return CLEAR
    if seen.control is None:
        return CouldNotTell(reason="no-control")
    if not seen.broken:
        return CouldNotTell(reason="one-destination", ask="natprobe check TARGET --stun stun:SERVER-WITH-IPV6")
    return [_found(facts, seen, seen.control)]


def _found(facts: Facts, seen: Ipv6, control: Try) -> Found:
    return Found(
        message="IPv6 is set up here and does not work: none of {count} destinations answers, while IPv4 works",
        args={"count": len(seen.destinations)},
        evidence=ids(list(seen.tries), control),
        severity=Severity.ERROR if _no_way_round(facts) else None,
        fixes=(
            Do(
                text="Repair IPv6 in this network (does the router have a working IPv6 uplink, and is it the only"
                " one that announces a prefix?) or stop announcing it",
                audience="network",
            ),
        ),
    )


def _no_way_round(facts: Facts) -> bool:
    """Whether the name has, or the media server offers, addresses within reach of IPv6 alone. A proxy goes to the page
    by whatever it has itself.
    """
    proxied = via(facts) is not None
    front = [] if proxied else [join(each, facts.target.port) for each in target_addresses(facts)]
    media = [each.endpoint for each in within_reach(facts)]
    return any(there and lost_in_ipv6(facts, there) for there in (front, media))
