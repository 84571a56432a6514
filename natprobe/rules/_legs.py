"""What the rules about relays say of a leg: which one, and whether the relay can be reached otherwise."""

from __future__ import annotations

from typing import Any

from natprobe.derive.proxies import relay_port
from natprobe.derive.relays import LegFacts, elsewhere
from natprobe.facts import Allocation, Facts, MediaHandshake, PathHeld, ids
from natprobe.model import Alternative, Fix, Observation, Severity, Where, join, split
from natprobe.rules import CLEAR, NOT_APPLICABLE, Found, Judgement
from natprobe.wording import listed, phrase


def nothing(facts: Facts) -> Judgement:
    """The answer where no leg is in the rule's state."""
    return CLEAR if facts.of(Allocation) else NOT_APPLICABLE


def found(
    facts: Facts,
    legs: list[LegFacts],
    message: str,
    *,
    more: dict[str, Any] | None = None,
    evidence: tuple[int, ...] = (),
    fixes: tuple[Fix, ...] = (),
    where: Where | None = None,
    severity: Severity | None = None,
    alternatives: tuple[Alternative, ...] = (),
) -> Found:
    """A finding about these legs of one host over one transport. `message` may name host, server and transport."""
    first, others = legs[0].allocation, elsewhere(facts, legs[0])
    args = {
        "host": first.host,
        "server": listed(_place(each) for each in legs),
        "transport": first.transport.upper(),
        "others": listed(each.upper() for each in others),
    } | (more or {})
    if others:
        message = phrase("{finding}; over {others} it answers", finding=phrase(message, **args), others=args["others"])
    return Found(
        message=message,
        args=args,
        evidence=tuple(sorted({*_evidence(legs), *evidence})),
        fixes=fixes,
        where=where,
        severity=severity,
        alternatives=alternatives,
    )


def through(seen: MediaHandshake | PathHeld) -> dict[str, Any]:
    """The relay and the leg to it that a pair went through, as the words name them."""
    return {"server": seen.server, "leg": seen.leg.upper() if seen.leg else ""}


def _evidence(legs: list[LegFacts]) -> tuple[int, ...]:
    steps: list[Observation] = [each.allocation for each in legs]
    return ids(steps)


def _place(leg: LegFacts) -> str:
    on = leg.allocation
    return (
        on.server
        if on.via is None
        else phrase("{place} through {via}", place=join(on.host, relay_port(on)), via=on.via)
    )


def port(leg: LegFacts) -> int:
    """The port that the relay was asked on."""
    return relay_port(leg.allocation)


def address(leg: LegFacts) -> str:
    """Where clients reach the relay: by address, where it is known here."""
    return split(leg.allocation.server)[0] if leg.allocation.via is None else leg.allocation.host
