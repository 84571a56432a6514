"""The ways to the media server beside each other (--compare): which stand for what a browser would take, and what the
train of checks on each says of it. Pure.
"""

from __future__ import annotations

from typing import NamedTuple

import msgspec

from natprobe.facts import Allocation, Facts, IceCheck, IceEnded, PathBurst, ids
from natprobe.model import Attempt, Endpoint, split

# As browsers prefer the client's legs to relays; none speaks DTLS to one.
_LEGS = ("udp", "tcp", "tls", "dtls")


class Choice(NamedTuple):
    """What there are credentials for, by endpoint and transport; `spent`: those of a session that may have ended."""

    known: frozenset[tuple[Endpoint, str]]
    spent: frozenset[tuple[Endpoint, str]] = frozenset()


def passed(facts: Facts, choice: Choice) -> list[IceCheck]:
    """One check for each way that passed one: directly over UDP and TCP, by each proxy, by each relay's leg; of several
    pairs the one that a browser would settle on. In a browser's order.
    """
    pair = next(iter(facts.ok(IceEnded, lambda each: each.leg is None and each.via is None)), None)
    lucky = pair is not None and pair.pair == "peer-reflexive"

    def fits(check: IceCheck) -> bool:
        offered = check.advertised or (lucky and check.transport == "udp" and check.leg is None)
        return check.verified and offered and (check.endpoint, check.transport) in choice.known

    def rank(check: IceCheck) -> tuple[bool, ...]:
        spent = (check.endpoint, check.transport) in choice.spent
        return (spent, *_beside(check, pair), check.rtt_ms is None)

    best: dict[_Way, IceCheck] = {}
    for each in sorted(facts.ok(IceCheck, fits), key=lambda each: (rank(each), each.rtt_ms or 0.0)):
        best.setdefault(_way(facts, each), each)
    return [best[way] for way in sorted(best)]


class _Way(NamedTuple):
    """What makes a way another one; they sort as browsers prefer them, and those behind a proxy come last."""

    proxied: bool
    relayed: bool
    over: int
    via: str
    flow: str


def _way(facts: Facts, check: IceCheck) -> _Way:
    if check.leg is None:
        over = int(check.transport != "udp")
        return _Way(check.via is not None, False, over, check.via or "", "")
    allocations = facts.of(Allocation, lambda each: each.flow == check.flow)
    via = next((each.via for each in allocations if each.via is not None), None)
    return _Way(via is not None, True, _LEGS.index(check.leg), via or "", check.flow)


def _beside(check: IceCheck, pair: IceEnded | None) -> tuple[bool, ...]:
    """How far off the pair that ICE settled on; a second session of ours may have another port of the same address."""
    if pair is None or pair.endpoint is None or pair.local is None or check.leg is not None:
        return (False, False)
    here = split(check.local)[0] if check.local else None
    elsewhere = split(check.endpoint)[0] != split(pair.endpoint)[0] or here != split(pair.local)[0]
    return (elsewhere, check.endpoint != pair.endpoint)


def measured(facts: Facts, attempt: Attempt, relay: Allocation | None = None) -> Attempt:
    """The attempt with what its way's train of checks showed. Its status is decided without."""
    burst = next(iter(_trains(facts, attempt, relay)), None)
    if burst is None:
        return attempt
    rtts = [each for each in (attempt.rtt_ms, burst.rtt_min_ms) if each is not None]
    lost = round(1 - burst.arrived / burst.sent, 4) if burst.sent else None
    return msgspec.structs.replace(
        attempt,
        rtt_ms=min(rtts, default=None),
        loss=lost if attempt.loss is None else attempt.loss,
        evidence=tuple(sorted({*attempt.evidence, *ids(burst)})),
    )


def _trains(facts: Facts, attempt: Attempt, relay: Allocation | None) -> list[PathBurst]:
    """On this very way. What ICE settled on may be another session's port of the address that the train went to."""
    if relay is not None:
        same = (attempt.endpoint, relay.flow)
        return facts.of(PathBurst, lambda each: (each.endpoint, each.flow) == same)

    def beside(burst: PathBurst) -> bool:
        here = split(burst.local)[0] if burst.local else None
        return burst.leg is None and burst.via == attempt.via and attempt.local in (None, here)

    direct = facts.of(PathBurst, beside)
    own = [each for each in direct if each.endpoint == attempt.endpoint]
    near = [each for each in direct if split(each.endpoint)[0] == split(attempt.endpoint)[0]]
    return own or (near if attempt.proof == "media" else [])
