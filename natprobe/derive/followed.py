"""Which exchange is followed hop by hop: what matters and failed in silence; with --trace also what works. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from natprobe.addresses import address_class
from natprobe.derive import media_checks, silent, target_addresses, tcp_answers, udp_works
from natprobe.derive.advertised import accused
from natprobe.facts import Allocation, Binding, Connected, Facts, Run, server_kind
from natprobe.model import Address, Endpoint, Failure, family, split

_ALIVE = (None, Failure.REFUSED, Failure.RESET, Failure.CLOSED)


class Subject(NamedTuple):
    """An exchange over UDP. `check`: an ICE check, else a STUN request."""

    endpoint: Endpoint
    local: Endpoint | None
    check: bool


def subject(facts: Facts) -> Subject | None:
    """None where the target's host says nothing at all: then it is no question of the way."""
    if _mute(facts):
        return None
    found = next(_failing(facts), None) or next(_asked_for(facts), None)
    return found if found and address_class(split(found.endpoint)[0]) != "loopback" else None


def tcp_port(facts: Facts, address: Address) -> int:
    """Where TCP is known to be answered there, else where it most likely is."""
    known = facts.of(Connected, lambda each: each.failure in _ALIVE and split(each.endpoint)[0] == address)
    own = facts.target.fallback_port if server_kind(facts) == "natprobe" else None
    return next((split(each.endpoint)[1] for each in known), own or 443)


def udp_port(facts: Facts, address: Address, but: int) -> int:
    """Another one that is known to answer there, else QUIC's: the one that networks let out, if any."""
    known = [
        split(each.server)[1]
        for each in facts.ok(Binding, lambda each: each.transport == "udp")
        if split(each.server)[0] == address
    ]
    return next((each for each in (*known, 443, 3478) if each != but), 3478)


def round_trip(facts: Facts, address: Address) -> float | None:
    """The longest that TCP or STUN took there (seconds); None: neither was answered."""
    known = [each.rtt_ms for each in facts.ok(Connected) if split(each.endpoint)[0] == address and each.via is None]
    known += [each.rtt_ms for each in facts.ok(Binding) if split(each.server)[0] == address]
    return max((each / 1000 for each in known if each is not None), default=None)


def other_host(facts: Facts, address: Address) -> Address | None:
    """A server elsewhere of the same family that answered over UDP."""
    known = facts.ok(Binding, lambda each: each.transport == "udp" and address_class(split(each.server)[0]) == "public")
    others = [split(each.server)[0] for each in known]
    return next((each for each in others if each != address and family(each) == family(address)), None)


def _mute(facts: Facts) -> bool:
    """Whether TCP was tried to the name's addresses, and none of them said a word."""
    mine = target_addresses(facts)
    tried = facts.of(Connected, lambda each: split(each.endpoint)[0] in mine and each.via is None)
    heard = facts.ok(Binding, lambda each: split(each.server)[0] in mine)
    return bool(tried) and not heard and not any(each.failure in _ALIVE for each in tried)


def _failing(facts: Facts) -> Iterator[Subject]:
    """Media's own way first, then a relay that is checked, then what all UDP suffers from."""
    works = {family(split(each.endpoint)[0]) for each in media_checks(facts) if each.verified}
    judged = [each for each in accused(facts) if family(split(each.endpoint)[0]) not in works]
    for each in sorted(judged, key=lambda each: address_class(split(each.endpoint)[0]) != "public"):
        if silent(judged, each.endpoint):
            yield Subject(each.endpoint, each.local, check=True)
    if facts.target.kind == "turn":
        for leg in facts.of(Allocation, lambda each: each.transport == "udp" and each.failure is Failure.TIMEOUT):
            yield Subject(leg.server, leg.local, check=False)
    yield from () if works else _unanswered(facts)


def _unanswered(facts: Facts) -> Iterator[Subject]:
    """STUN servers: the target, or the others' where UDP comes back from none."""
    answered = {each.server for each in facts.ok(Binding)}
    for each in facts.of(Binding, lambda each: each.transport == "udp" and each.failure is Failure.TIMEOUT):
        version = family(split(each.server)[0])
        shut = udp_works(facts, version) is False and bool(tcp_answers(facts, version))
        if each.server not in answered and (each.origin == "target" or shut):
            yield Subject(each.server, each.local, check=False)


def _asked_for(facts: Facts) -> Iterator[Subject]:
    if any(each.trace for each in facts.of(Run)):
        for each in media_checks(facts):
            if each.verified:
                yield Subject(each.endpoint, each.local, check=True)
