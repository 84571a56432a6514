"""Who says no in the server's name: by how many routers its packets passed, beside others of the same host. Pure.

What forges an answer on the way is nearer than the host. One hop says nothing: where a host's service stands in a
container, or behind the router whose address it has, its packets pass one router more than the host's own word.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

from natprobe.addresses import address_class
from natprobe.derive import page_port, straight_connects
from natprobe.derive.advertised import accused
from natprobe.facts import Answerer, Facts, Quote, Trail
from natprobe.model import Endpoint, Failure, Where, split

_NO = ("rst", "port-unreachable")
# So many hops nearer at least.
_NEARER = 2
_INNER = ("private", "unique-local")

Transport = Literal["udp", "tcp"]


class Forged(NamedTuple):
    """`hops`: how many routers lie between us and who says no; `nearer`: so many fewer than to the host itself.
    `where`: in this network, where the router at its place has an inner address.
    """

    hops: int
    nearer: int
    where: Where
    evidence: tuple[Answerer, ...]


def refused(facts: Facts) -> list[tuple[Transport, Endpoint]]:
    """What is refused in the server's own name: ports for media, and the page's."""
    shut = [each for each in accused(facts) if each.failure is Failure.PORT_UNREACHABLE]
    own = [each.endpoint for each in shut if each.reported_by in (None, split(each.endpoint)[0])]
    pages = [each for each in straight_connects(facts, page_port(facts)) if each.failure is Failure.REFUSED]
    found: list[tuple[Transport, Endpoint]] = [("udp", each) for each in own]
    found += [("tcp", each.endpoint) for each in pages]
    return [each for each in dict.fromkeys(found) if address_class(split(each[1])[0]) != "loopback"]


def forged(facts: Facts, endpoint: Endpoint, transport: Transport) -> Forged | None:
    """None where it is the host itself as far as one can see, or where nothing else of it came to compare with."""
    there = facts.of(Answerer, lambda each: split(each.endpoint)[0] == split(endpoint)[0] and each.hops is not None)
    says = [each for each in there if each.what in _NO and (each.endpoint, each.transport) == (endpoint, transport)]
    others = [each for each in there if each not in says]
    if not says or not others:
        return None
    near, far = min(says, key=_hops), max(others, key=_hops)
    if _hops(far) - _hops(near) < _NEARER:
        return None
    return Forged(_hops(near), _hops(far) - _hops(near), _where(facts, _hops(near)), (near, far))


def _hops(each: Answerer) -> int:
    return each.hops or 0


def _where(facts: Facts, hops: int) -> Where:
    """By who answers at that place on the way there, if the way back is the same."""
    trails = {hop.address for each in facts.of(Trail) for hop in each.hops if hop.ttl == hops + 1 and not hop.reached}
    quotes = {each.address for each in facts.of(Quote, lambda each: each.ttl == hops + 1)}
    classes = {address_class(each) for each in trails | quotes if each}
    return Where.LOCAL_NETWORK if classes and classes.issubset(_INNER) else Where.UNKNOWN
