"""Relays that send their clients on to another server (300 Try Alternate, RFC 8489 section 10). Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from natprobe.model import split

if TYPE_CHECKING:
    from natprobe.derive.relays import LegFacts


def alternate(leg: LegFacts, legs: Sequence[LegFacts]) -> LegFacts | None:
    """The leg to where this one was sent, from the same address of ours, where that was tried."""
    told = leg.allocation
    for each in legs:
        one = each.allocation
        here = (one.source, one.host, one.transport) == (told.source, told.host, told.transport)
        alike = not (one.local and told.local) or split(one.local)[0] == split(told.local)[0]
        if here and alike and told.alternate == one.server:
            return each
    return None


def in_a_ring(leg: LegFacts, legs: Sequence[LegFacts]) -> bool:
    """Whether the way on comes back to where it has been."""
    seen, at = {leg.allocation.server}, alternate(leg, legs)
    while at is not None and at.allocation.server not in seen:
        seen.add(at.allocation.server)
        at = alternate(at, legs)
    return at is not None
