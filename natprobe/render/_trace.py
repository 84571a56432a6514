"""Which routers lie on the way that was followed, and where packets end on it (probe path). Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from natprobe.addresses import address_class
from natprobe.derive.place import answered, end, name_of
from natprobe.facts import Facts, Trail, TrailHop
from natprobe.render._figures import listed
from natprobe.wording import mark, say

_CLASSES = {
    "private": mark("{hop}. {address}, an inner one"),
    "unique-local": mark("{hop}. {address}, an inner one"),
    "carrier": mark("{hop}. {address}, the provider's own"),
}
_OTHER_PAYLOAD = mark("UDP that is no STUN of today")
_OVER = mark("{transport} to {towards}")
_UNTOLD = mark("{transport} to {towards} was not followed: {why}.")
_MUTE = mark("{transport} to {towards}: no router says anything.")
_ARRIVED = mark("{transport} to {towards}: {hops}.")
_LOST = mark("{transport} to {towards}: {hops}; then silence.")


def trace(facts: Facts) -> Iterator[str]:
    """A sentence for the packets that were followed, and for each control that comes further."""
    for own in facts.of(Trail, lambda each: each.failure is not None):
        yield say(_UNTOLD, transport=own.transport.upper(), towards=own.towards, why=own.detail)
    for own in facts.ok(Trail, lambda each: each.control == "none"):
        yield _own(facts, own)
        if end(own) is None:
            yield from _further(facts, own)


def _further(facts: Facts, own: Trail) -> Iterator[str]:
    last = max((each.ttl for each in own.hops if each.answered), default=0)
    for each in facts.of(Trail, lambda each: each.subject == own.subject and each.control != "none"):
        hops = [hop for hop in answered(each) if hop.ttl > last]
        if hops:
            template = _OTHER_PAYLOAD if each.control == "payload" else _OVER
            what = say(template, transport=each.transport.upper(), towards=each.towards)
            yield say("{what} comes further: {hops}.", what=what, hops=_hops(facts, hops))


def _own(facts: Facts, trail: Trail) -> str:
    hops = answered(trail)
    template = _MUTE if not hops else _ARRIVED if end(trail) else _LOST
    return say(template, transport=trail.transport.upper(), towards=trail.towards, hops=_hops(facts, hops))


def _hops(facts: Facts, hops: Sequence[TrailHop]) -> str:
    return listed(_hop(facts, each) for each in hops)


def _hop(facts: Facts, hop: TrailHop) -> str:
    """By its name, if it has one, else by the class of its address."""
    address = hop.address or ""
    if hop.reached:
        return say("{hop}. the server", hop=hop.ttl)
    if name := name_of(facts, address):
        return say("{hop}. {address} ({name})", hop=hop.ttl, address=address, name=name)
    template = _CLASSES.get(address_class(address), mark("{hop}. {address}"))
    return say(template, hop=hop.ttl, address=address)
