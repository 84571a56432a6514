"""Whether IPv6, where this machine has it, leads anywhere. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from natprobe.derive import OWN, came_back, has_way_out
from natprobe.facts import Binding, Connected, Facts
from natprobe.model import Address, Endpoint, Failure, family, split

Try = Binding | Connected


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
    """No tries where this machine has no address or no route: then IPv6 is not there."""
    tries: list[Try] = [*facts.of(Binding), *facts.of(Connected)]
    sixes = [each for each in tries if _version(each) == 6 and each.failure not in OWN]
    control = next((each for each in tries if _version(each) == 4 and _answered(each)), None)
    return Ipv6(sixes if has_way_out(facts, 6) else [], control)


def lost_in_ipv6(facts: Facts, endpoints: Iterable[Endpoint]) -> bool:
    """Whether all of these were tried over an IPv6 that leads nowhere: then ipv6-broken says it."""
    return all(family(split(each)[0]) == 6 for each in endpoints) and ipv6(facts).broken


def _remote(each: Try) -> str:
    return each.server if isinstance(each, Binding) else each.endpoint


def _version(each: Try) -> int:
    return family(split(_remote(each))[0])


def _answered(each: Try) -> bool:
    if isinstance(each, Binding):
        return came_back(each) or each.failure in (Failure.REFUSED, Failure.RESET, Failure.CLOSED)
    return each.failure in (None, Failure.REFUSED, Failure.RESET)
