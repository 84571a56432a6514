"""Where packets are lost on their way, by what answered those with few hops to live (probe path). Pure.

A router sees that a packet has lived long enough before its firewall forwards it (RFC 1812 section 5.2.1): who
answered packets of the failing kind was reached by them. So they are lost at the last router that did, or behind it.
That they never came to a router is known only where the controls sent in turn with them all did, over several ports,
so that neither a router that limits or keeps back its answers nor paths of equal cost can look like a loss. Each SYN
has a port of its own: where several routers answer at one hop, it is not known which of them a lost one met.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from natprobe.addresses import address_class, far_apart
from natprobe.derive import QUIET_TRIES, SILENT_TRIES, udp_works
from natprobe.derive.arrival import Carrier, arrived
from natprobe.derive.cookie import stun_dropped
from natprobe.facts import Facts, HopName, Trail, TrailHop
from natprobe.model import Address, Endpoint, Where, family, split

# How often each kind is sent to live as far as the border, in turn, and from how many ports the controls are.
BORDER_TRIES, FLOWS = QUIET_TRIES, 12
# What differs least comes first.
_NEAREST = ("payload", "port", "host", "tcp", "udp")
_INNER = ("private", "unique-local", "link-local", "loopback")


class Place(NamedTuple):
    """Between which two the packets are lost: at `last`, the last router that they surely came to (None: not even the
    first), or behind it; and before `next`, which they never came to (None: not known). `edge`: behind `last` there is
    the host alone. `ttl`: how many hops `last` is away. `control`: what came further. `transport`: of what is lost.
    """

    last: Address | None
    next: Address | None
    ttl: int
    edge: bool
    where: Where
    control: str
    evidence: tuple[int, ...]
    transport: Carrier = "udp"

    @property
    def before_server(self) -> bool:
        """Whether they surely do not leave the networks before the server's."""
        return self.next is not None and self.where is not Where.SERVER_EDGE


def place(facts: Facts, endpoint: Endpoint, transport: Carrier = "udp") -> Place | None:
    """None where nobody looked, where nothing is lost on the way there, or where too little was answered to tell
    anything.
    """
    return facts.once(_place, endpoint, transport)


def lost_before(facts: Facts, endpoints: Iterable[Endpoint]) -> dict[Endpoint, Place]:
    """Those of them that packets surely never come near, in the networks before the server's. Not where that is no
    question of the port: where no UDP comes back in that family, or no STUN.
    """
    filtered = {each.endpoint for version in (4, 6) for each in stun_dropped(facts, version)}
    found = {each: at for each in endpoints if (at := place(facts, each)) and at.before_server}
    ours = {each for each in found if udp_works(facts, family(split(each)[0])) is not False}
    return {each: at for each, at in found.items() if each in ours - filtered}


def _place(facts: Facts, endpoint: Endpoint, transport: Carrier) -> Place | None:
    trails = facts.of(Trail, lambda each: each.subject == endpoint)
    own = next((each for each in trails if (each.control, each.transport) == ("none", transport)), None)
    if own is None or own.unattributed or any(each.reached or each.icmp for each in own.hops):
        return None
    there = arrived(facts, endpoint) if transport == "udp" else None  # it counts checks, not SYNs
    if there:  # what is lost are the answers
        return None
    last = max((each for each in own.hops if each.answered), key=lambda each: each.ttl, default=None)
    ttl = last.ttl if last else 0
    if sum(each.sent for each in own.hops if each.ttl > ttl) < SILENT_TRIES:
        return None
    controls = [each for each in trails if each.control != "none" and _same_way(own, each)]
    controls.sort(key=lambda each: _NEAREST.index(each.control))
    passed = next(_passed(own, controls, ttl), None)
    host = split(endpoint)[0]
    edge = ttl > 0 and _at_the_host(own, [each for each in controls if split(each.towards)[0] == host], ttl + 1)
    behind = passed if passed and passed[1].address != host else None
    if last is None and behind is None:
        return None
    return Place(
        last=last.address if last else None,
        next=host if edge and there is False else behind[1].address if behind else None,
        ttl=ttl,
        edge=edge,
        where=_at_the_edge(there) if edge else _where(last, behind[1], host) if behind else Where.UNKNOWN,
        control=behind[0].control if behind else "",
        evidence=(own.id, *(each.id for each in controls)),
        transport=transport,
    )


def _at_the_host(own: Trail, controls: list[Trail], hops: int) -> bool:
    """Whether the host itself is so many hops away. TCP is often answered on the way in its name (transparent proxies,
    firewalls that refuse or take SYNs first): beside lost TCP UDP has to say so, and nothing else.
    """
    ends = {each.transport: far for each in controls if (far := end(each)) is not None}
    if own.transport == "udp":
        return hops in ends.values()
    return ends.get("udp") == hops and set(ends.values()) == {hops}


def _at_the_edge(there: bool | None) -> Where:
    """Answers of another kind than the controls' may be lost all the way back, unless the server says that nothing came
    (probe counted).
    """
    return Where.SERVER_EDGE if there is False else Where.UNKNOWN


def end(trail: Trail) -> int | None:
    """How many hops away the far end is, where it answered."""
    return min((each.ttl for each in trail.hops if each.reached), default=None)


def answered(trail: Trail) -> list[TrailHop]:
    """Who did, as far as the far end: behind it packets live for longer than they need."""
    far = end(trail)
    return [each for each in trail.hops if each.answered and (far is None or each.ttl <= far)]


def name_of(facts: Facts, address: Address) -> str:
    """The router's own, by reverse DNS; empty: it has none that is known."""
    return next((each.name for each in facts.ok(HopName, lambda each: each.address == address) if each.name), "")


def _same_way(own: Trail, control: Trail) -> bool:
    """Whether the routers that answered both are the same ones, and each of them always the same."""
    routers = {each.ttl: each for each in own.hops if each.answered}
    both = [(routers[each.ttl], each) for each in control.hops if each.answered and each.ttl in routers]
    return all(a.address == b.address and not a.others and not b.others for a, b in both if not b.reached)


def _passed(own: Trail, controls: list[Trail], ttl: int) -> Iterator[tuple[Trail, TrailHop]]:
    """The nearest router behind the border that answered every control and never the failing kind. Where one control
    was lost, be it of another kind, so may the failing ones be by chance (measured: wrong once in 430 at 25 % loss),
    and where one that came further met silence, so may the failing ones by the same way (one of two routers of equal
    cost that tells nobody: wrong once in 1,900).
    """
    tries = {each.ttl: each.sent for each in own.hops}
    lossy = {hop.ttl for control in controls for hop in control.hops if _doubtful(control, hop)}
    for control in controls:
        for hop in control.hops:
            enough = hop.answered == hop.sent >= BORDER_TRIES and tries.get(hop.ttl, 0) >= BORDER_TRIES
            if hop.ttl > ttl and hop.ttl not in lossy and enough and not hop.others and _over_all_ways(control, hop):
                yield control, hop


def _doubtful(control: Trail, hop: TrailHop) -> bool:
    """Whether some of what came as far as this router was not answered there."""
    came = hop.answered or any(each.answered for each in control.hops if each.ttl > hop.ttl)
    return bool(came) and hop.answered < hop.sent


def _over_all_ways(control: Trail, hop: TrailHop) -> bool:
    """Of two ways of equal cost twelve ports meet only one once in 2,048 times. Another payload goes the very same way;
    what goes to another host may part from it just here.
    """
    if control.control in ("payload", "host"):
        return control.control == "payload"
    return control.flows >= FLOWS and hop.sent >= FLOWS


def _where(last: TrailHop | None, behind: TrailHop, host: Address) -> Where:
    """Whose network lies between the two. At the border of two networks it is the nearer one's: its router answered."""
    near, far = last.address if last else None, behind.address
    if address_class(far or "") in _INNER or behind.ttl == 1 or (last and last.ttl == 1):
        return Where.LOCAL_NETWORK
    if near is None:
        return Where.UNKNOWN
    if address_class(near) in _INNER:
        return Where.LOCAL_NETWORK
    return Where.PROVIDER if far_apart(near, host) else Where.SERVER_EDGE
