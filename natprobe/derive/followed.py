"""Which exchange is followed hop by hop: what matters and failed in silence; with --trace also what works. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from natprobe.addresses import address_class
from natprobe.derive import (
    bindings,
    came_back,
    media_checks,
    page_port,
    silent,
    straight_connects,
    stun_asked,
    target_addresses,
    tcp_answers,
    udp_works,
)
from natprobe.derive.advertised import accused
from natprobe.derive.arrival import Carrier
from natprobe.derive.captive import portal
from natprobe.derive.ipv6 import lost_in_ipv6
from natprobe.derive.proxies import straight, via
from natprobe.derive.relays import LegFacts, connected, legs, state
from natprobe.facts import Binding, Connected, Facts, Run, server_kind
from natprobe.model import Address, Endpoint, Failure, Port, family, split

_ALIVE = (None, Failure.REFUSED, Failure.RESET, Failure.CLOSED)


class Subject(NamedTuple):
    """An exchange over UDP, or a connection. `check`: an ICE check, else a STUN request."""

    endpoint: Endpoint
    local: Endpoint | None
    check: bool
    transport: Carrier = "udp"

    @property
    def host(self) -> Address:
        """Whose endpoint it is."""
        return split(self.endpoint)[0]


def subject(facts: Facts) -> Subject | None:
    """One, over UDP first. None where the target's host says nothing at all, so that nobody waits longer for a server
    that is off; with --trace its connections are followed all the same.
    """
    return next((each for each in _all(facts) if address_class(each.host) != "loopback"), None)


def tcp_port(facts: Facts, address: Address, but: int = 0) -> int:
    """Where TCP is known to be answered there, else where it most likely is."""
    known = facts.of(Connected, lambda each: each.failure in _ALIVE and straight(each))
    at = [each.endpoint for each in known]
    at += [each.server for each in bindings(facts, "tcp") if came_back(each)]
    at += [each.allocation.server for each in legs(facts) if _stood(each)]
    ports = [split(each)[1] for each in at if split(each)[0] == address]
    own = facts.target.fallback_port if server_kind(facts) == "natprobe" else None
    return next(each for each in (*ports, own, 443, 80) if each not in (None, but))


def udp_port(facts: Facts, address: Address, but: int) -> int:
    """Another one that is known to answer there, else QUIC's: the one that networks let out, if any."""
    at = [each.server for each in facts.ok(Binding, lambda each: each.transport == "udp")]
    at += [leg.allocation.server for leg in legs(facts) if leg.allocation.transport == "udp" and leg.answered]
    known = [split(each)[1] for each in at if split(each)[0] == address]
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


def other_listener(facts: Facts, address: Address, port: Port) -> Address | None:
    """A public server elsewhere of the same family that answered over TCP, best on this very port."""
    answers = tcp_answers(facts, family(address))
    seen = [each for each in answers if isinstance(each, Binding | Connected)]
    there = [each.server if isinstance(each, Binding) else each.endpoint for each in seen]
    others = [each for each in map(split, there) if each[0] != address and address_class(each[0]) == "public"]
    return min(others, key=lambda each: each[1] != port, default=(None, 0))[0]


def _all(facts: Facts) -> Iterator[Subject]:
    mute = _mute(facts)
    if mute and not traced(facts):
        return
    yield from () if mute else _failing(facts)
    yield from _connections(facts)
    yield from () if mute else _asked_for(facts)


def _mute(facts: Facts) -> bool:
    """Whether TCP was tried to the name's addresses, and none of them said a word, over UDP neither."""
    mine = target_addresses(facts)
    tried = facts.of(Connected, lambda each: split(each.endpoint)[0] in mine and each.via is None)
    answers = [each.server for each in facts.of(Binding, came_back)]
    answers += [each.allocation.server for each in legs(facts) if each.answered and each.allocation.via is None]
    heard = {split(each)[0] for each in answers}.intersection(mine)
    return bool(tried) and not heard and not any(each.failure in _ALIVE for each in tried)


def traced(facts: Facts) -> bool:
    """Whether --trace asks for it."""
    return any(each.trace for each in facts.of(Run))


def _failing(facts: Facts) -> Iterator[Subject]:
    """Media's own way first, then a relay that is checked, then what all UDP suffers from."""
    works = {family(split(each.endpoint)[0]) for each in media_checks(facts) if each.verified}
    judged = [each for each in accused(facts) if family(split(each.endpoint)[0]) not in works]
    for each in sorted(judged, key=lambda each: address_class(split(each.endpoint)[0]) != "public"):
        if silent(judged, each.endpoint):
            yield Subject(each.endpoint, each.local, check=True)
    for leg in (each for each in legs(facts) if each.allocation.transport == "udp" and _silent(each)):
        if facts.target.kind == "turn" or state(facts, leg) == "unreachable":
            yield Subject(leg.allocation.server, leg.allocation.local, check=False)
    yield from () if works else _unanswered(facts)


def _unanswered(facts: Facts) -> Iterator[Subject]:
    """STUN servers: the target, or the others' where UDP comes back from none."""
    answered = {each.server for each in facts.ok(Binding)}
    for each in facts.of(Binding, lambda each: each.transport == "udp" and each.failure is Failure.TIMEOUT):
        version = family(split(each.server)[0])
        shut = udp_works(facts, version) is False and bool(tcp_answers(facts, version))
        if each.server not in answered and (each.origin == "target" or shut):
            yield Subject(each.server, each.local, check=False)


def _connections(facts: Facts) -> Iterator[Subject]:
    """The page, then relays, then the target as a STUN server: what was waited for in vain."""
    for endpoint in (*_pages(facts), *_relays(facts), *_stun_servers(facts)):
        yield Subject(endpoint, None, check=False, transport="tcp")


def _pages(facts: Facts) -> Iterator[Endpoint]:
    """Where no address of the name lives, and browsers go straight; before a portal nothing is the server's. Over an
    IPv6 that leads nowhere it is no question of the page.
    """
    tried = straight_connects(facts, page_port(facts))
    if via(facts) is None and not any(each.failure in _ALIVE for each in tried) and not portal(facts):
        mute = [each.endpoint for each in tried if each.failure is Failure.TIMEOUT]
        yield from sorted(mute, key=lambda each: lost_in_ipv6(facts, [each]))


def _relays(facts: Facts) -> Iterator[Endpoint]:
    """Over TCP or TLS, where no connection ever stood: behind one that did, silence is no question of the way."""
    for leg in legs(facts):
        stream = not leg.datagrams and leg.allocation.via is None and _silent(leg)
        if stream and not (leg.stands or connected(facts, leg)) and state(facts, leg) == "unreachable":
            yield leg.allocation.server


def _silent(leg: LegFacts) -> bool:
    return leg.allocation.failure is Failure.TIMEOUT


def _stood(leg: LegFacts) -> bool:
    return leg.allocation.transport in ("tcp", "tls") and leg.allocation.via is None and leg.stands


def _stun_servers(facts: Facts) -> Iterator[Endpoint]:
    """Those over TCP or TLS that no connection stood to, where the target answers over nothing that its URI means."""
    asked = stun_asked(facts) if facts.target.kind == "stun" else []
    if not any(came_back(each) for each in asked):
        mute = [each for each in asked if each.transport in ("tcp", "tls") and each.failure is Failure.TIMEOUT]
        yield from (each.server for each in mute if each.local is None or not split(each.local)[1])


def _asked_for(facts: Facts) -> Iterator[Subject]:
    if traced(facts):
        for each in media_checks(facts):
            if each.verified:
                yield Subject(each.endpoint, each.local, check=True)
