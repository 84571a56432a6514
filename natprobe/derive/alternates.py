"""Relays that send their clients on to another server (300 Try Alternate, RFC 8489 section 10). Pure."""

from __future__ import annotations

from collections.abc import Sequence

from natprobe.derive.legs import LegFacts
from natprobe.derive.proxies import relay_port
from natprobe.facts import Allocation
from natprobe.model import Endpoint, split


def alternate(leg: LegFacts, legs: Sequence[LegFacts]) -> LegFacts | None:
    """The leg to where this one was sent, from the same address of ours, where that was tried. Behind a proxy it is the
    next one to that port: nobody here knows more of where it went.
    """
    told = leg.allocation
    for each in legs if told.via is None else legs[legs.index(leg) + 1 :]:
        one = each.allocation
        here = (one.source, one.host, one.transport, one.via) == (told.source, told.host, told.transport, told.via)
        alike = not (one.local and told.local) or split(one.local)[0] == split(told.local)[0]
        if here and alike and _is_at(one, told.alternate):
            return each
    return None


def _is_at(one: Allocation, alternate: Endpoint | None) -> bool:
    """Whether it is the leg to this endpoint."""
    if one.via is None or alternate is None:
        return one.server == alternate
    return relay_port(one) == split(alternate)[1]


def in_a_ring(leg: LegFacts, legs: Sequence[LegFacts]) -> bool:
    """Whether the way on comes back to where it has been; behind a proxy nobody sees that."""
    if leg.allocation.via is not None:
        return False
    seen, at = {leg.allocation.server}, alternate(leg, legs)
    while at is not None and at.allocation.server not in seen:
        seen.add(at.allocation.server)
        at = alternate(at, legs)
    return at is not None
