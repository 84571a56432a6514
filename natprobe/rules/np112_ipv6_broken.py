"""IPv6 is there and does not work

This machine has an IPv6 address and a default route, but nothing that was tried over IPv6 came back from two
or more destinations, while IPv4 works.

How it shows: pages open with a delay of a third of a second or more, calls start late; software that does not
try both families waits for minutes.

What to do: repair IPv6 in the local network (router advertisements without a working uplink are the usual
case) or switch it off there. FRITZ!Box: `Internet > Zugangsdaten > IPv6`; pfSense: `Services > Router
Advertisement`, OPNsense: `Services > Router Advertisements`; MikroTik: `/ipv6 nd`; UniFi: the IPv6 settings of the
network. A second router or an old tunnel that announces a prefix of its own is the other usual case.

Sources: RFC 8305 (Happy Eyeballs), RFC 8421 section 4.
"""

from natprobe.derive import OWN, came_back, has_way_out
from natprobe.facts import Binding, Connected, Facts, LocalAddress, ids
from natprobe.model import Do, Failure, family, split
from natprobe.rules import CLEAR, NOT_APPLICABLE, CouldNotTell, Found, Judgement

READS = (LocalAddress, Binding, Connected)

Try = Binding | Connected


def check(facts: Facts) -> Judgement:
    """One dead IPv6 server is that server's matter; two, with IPv4 alive, are this network's."""
    tries: list[Try] = [*facts.of(Binding), *facts.of(Connected)]
    sixes = [each for each in tries if _version(each) == 6 and each.failure not in OWN]
    if not has_way_out(facts, 6) or not sixes:
        return NOT_APPLICABLE
    if any(_answered(each) for each in sixes):
        return CLEAR
    four = next((each for each in tries if _version(each) == 4 and _answered(each)), None)
    if four is None:
        return CouldNotTell(reason="no-control")
    if len({split(_remote(each))[0] for each in sixes}) < 2:
        return CouldNotTell(reason="one-destination", ask="natprobe check TARGET --stun stun:SERVER-WITH-IPV6")
    return [
        Found(
            message="IPv6 is set up here and does not work: none of {count} destinations answers, while IPv4 works",
            args={"count": len({split(_remote(each))[0] for each in sixes})},
            evidence=ids(list(sixes), four),
            fixes=(
                Do(
                    text="Repair IPv6 in this network (does the router have a working IPv6 uplink, and is it the only"
                    " one that announces a prefix?) or stop announcing it",
                    audience="network",
                ),
            ),
        )
    ]


def _remote(each: Try) -> str:
    return each.server if isinstance(each, Binding) else each.endpoint


def _version(each: Try) -> int:
    return family(split(_remote(each))[0])


def _answered(each: Try) -> bool:
    if isinstance(each, Binding):
        return came_back(each) or each.failure in (Failure.REFUSED, Failure.RESET, Failure.CLOSED)
    return each.failure in (None, Failure.REFUSED, Failure.RESET)
