"""What came of each of this machine's addresses that was sent from: answers, silence, or not even a socket. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from natprobe.addresses import address_class
from natprobe.derive import OWN, REJECTED, SILENCE, bindings, came_back, media_checks
from natprobe.facts import AddressClass, Binding, Facts, IceCheck, LocalAddress, Stray
from natprobe.model import Address, Endpoint, Failure, Family, family, split

Try = Binding | IceCheck


class PerSource(NamedTuple):
    """One local address: what was asked from it over UDP, and the STUN controls over TCP. Public servers only."""

    address: Address
    interface: str
    scope: AddressClass | None
    udp: tuple[Try, ...]
    tcp: tuple[Binding, ...]
    heard: frozenset[Address]  # hosts that something came from, be it garbage

    @property
    def answered(self) -> bool:
        """Whether any UDP came back to this address."""
        return bool(self.heard) or any(back(each) for each in self.udp)

    @property
    def refused(self) -> Failure | None:
        """Why nothing at all left this address over UDP: a failure that lies in this machine."""
        failures = {each.failure for each in self.udp}
        return next(iter(failures)) if len(failures) == 1 and failures <= set(OWN) else None

    @property
    def tries(self) -> int:
        """How many UDP requests were sent from here."""
        return sum(each.tries for each in self.udp)

    def unheard(self, reachable: Iterable[Endpoint]) -> tuple[int, bool]:
        """Requests to these endpoints that stayed without an answer, and whether all were rejected on the way."""
        wanted = set(reachable)
        lost = [each for each in self.udp if to(each) in wanted and each.failure in (*SILENCE, *REJECTED)]
        rejected = bool(lost) and all(each.failure in REJECTED for each in lost)
        return sum(each.tries for each in lost), rejected

    def tcp_works(self, reachable: Iterable[Endpoint]) -> bool | None:
        """Over TCP from this address; None where no server that answers others was asked."""
        wanted = set(reachable)
        if any(came_back(each) for each in self.tcp):
            return True
        return False if any(each.server in wanted for each in self.tcp) else None


def per_source(facts: Facts, version: Family) -> list[PerSource]:
    """Every local address of this family that something was asked from over UDP, in the order of the interfaces."""
    asked: dict[Address, list[Try]] = {}
    tries: list[Try] = [*bindings(facts, "udp", version), *media_checks(facts)]
    for each in tries:
        if each.local is not None and _counts(each, version):
            asked.setdefault(split(each.local)[0], []).append(each)
    named = {each.address: each for each in facts.ok(LocalAddress)}
    ordered = sorted(asked, key=lambda address: [*named, address].index(address))
    return [_fare(facts, address, named.get(address), asked[address]) for address in ordered]


def _fare(facts: Facts, address: Address, named: LocalAddress | None, udp: list[Try]) -> PerSource:
    """A datagram of a server that was asked counts, whatever is in it: UDP brought it here."""
    hosts = {split(to(each))[0] for each in udp}
    strays = facts.of(Stray, lambda each: split(each.local)[0] == address)
    return PerSource(
        address=address,
        interface=named.interface if named else "",
        scope=named.scope if named else None,
        udp=tuple(udp),
        tcp=tuple(each for each in bindings(facts, "tcp") if each.local and split(each.local)[0] == address),
        heard=frozenset(host for each in strays if (host := split(each.sender)[0]) in hosts),
    )


def _counts(each: Try, version: Family) -> bool:
    """Servers on this side of a NAT show nothing of the way out."""
    host, local = split(to(each))[0], split(each.local or "")[0]
    known = address_class(local) not in ("unspecified", "loopback")
    return family(host) == version and address_class(host) == "public" and known


def back(each: Try) -> bool:
    """Whether anything of the server's own came back."""
    if isinstance(each, Binding):
        return came_back(each)
    return each.failure is None or each.responder is not None or each.error_code is not None


def to(each: Try) -> Endpoint:
    """Where it was sent."""
    return each.server if isinstance(each, Binding) else each.endpoint
