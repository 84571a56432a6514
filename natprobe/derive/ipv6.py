"""Whether IPv6, where this machine has it, leads anywhere. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from natprobe.derive import OWN, SILENT_TRIES, came_back, has_way_out
from natprobe.derive.proxies import straight
from natprobe.facts import Binding, Connected, Facts, IceCheck
from natprobe.model import Address, Endpoint, Failure, family, split

Try = Binding | Connected | IceCheck
# A router's word that there is no way, in distinction to a firewall's.
_NO_WAY = (Failure.UNREACHABLE_NET, Failure.UNREACHABLE_HOST)


class Ipv6(NamedTuple):
    """What was tried over IPv6, and one try over IPv4 that worked."""

    tries: list[Try]
    control: Try | None

    @property
    def destinations(self) -> set[Address]:
        """The hosts that were tried."""
        return {split(_remote(each))[0] for each in self.tries}

    @property
    def answers(self) -> bool:
        """Whether any of them came back."""
        return any(_answered(each) for each in self.tries)

    @property
    def broken(self) -> bool:
        """One dead server is that server's matter; two, with IPv4 alive, are this network's."""
        return len(self.destinations) > 1 and not self.answers and self.control is not None


def ipv6(facts: Facts) -> Ipv6:
    """No tries where this machine has no address or no route: then IPv6 is not there. A media server's answers count,
    its silence is its own matter.
    """
    checks = facts.of(IceCheck, lambda each: each.server is None and straight(each) and _answered(each))
    tries: list[Try] = [*facts.of(Binding), *facts.of(Connected, straight), *checks]
    sixes = [each for each in tries if _version(each) == 6 and each.failure not in OWN]
    control = next((each for each in tries if _version(each) == 4 and _answered(each)), None)
    return Ipv6(sixes if has_way_out(facts, 6) else [], control)


def lost_in_ipv6(facts: Facts, endpoints: Iterable[Endpoint]) -> bool:
    """Whether all of these were tried over an IPv6 that leads nowhere: then ipv6-broken says it. For themselves they
    are no witnesses, since a dead server looks the same: others have to be as dead.
    """
    own, seen = {split(each)[0] for each in endpoints}, ipv6(facts)
    others = [each for each in seen.tries if split(_remote(each))[0] not in own]
    return all(family(each) == 6 for each in own) and seen.broken and _enough(others)


def _enough(tries: list[Try]) -> bool:
    """A connection over TCP, a router that knows no way, or more datagrams than loss explains."""
    datagrams = [each for each in tries if isinstance(each, Binding) and each.transport in ("udp", "dtls")]
    lost = sum(each.tries for each in datagrams if each.failure is Failure.TIMEOUT)
    return len(datagrams) < len(tries) or any(each.failure in _NO_WAY for each in tries) or lost >= SILENT_TRIES


def _remote(each: Try) -> str:
    return each.server if isinstance(each, Binding) else each.endpoint


def _version(each: Try) -> int:
    return family(split(_remote(each))[0])


def _answered(each: Try) -> bool:
    if isinstance(each, Binding):
        return came_back(each) or each.failure in (Failure.REFUSED, Failure.RESET, Failure.CLOSED)
    if isinstance(each, IceCheck):
        return each.verified or each.failure in (Failure.ERROR_RESPONSE, Failure.UNAUTHORIZED)
    return each.failure in (None, Failure.REFUSED, Failure.RESET)
