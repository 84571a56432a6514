"""Whether STUN passes where other UDP does: what becomes of packets with RFC 8489's magic cookie. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from natprobe.derive import QUIET_TRIES, SILENT_TRIES, bindings, came_back, media_checks, other_payloads
from natprobe.facts import Binding, Facts, IceCheck, OtherPayload, Stray
from natprobe.model import Endpoint, Failure, Family, family, split

_STUN_SAID = (None, Failure.UNAUTHORIZED, Failure.ERROR_RESPONSE, Failure.WRONG_SENDER, Failure.PROTOCOL)


class Dropped(NamedTuple):
    """STUN to this endpoint that stayed silent, and the controls from the same sockets that did not.

    `everywhere`: no STUN came back from any other server of this family either.
    """

    endpoint: Endpoint
    asked: list[Binding | IceCheck]
    controls: list[OtherPayload]
    everywhere: bool


def stun_filtered(facts: Facts, of_family: Family | None = None) -> bool | None:
    """Whether something drops what carries STUN's magic cookie while other UDP to the very same port passes.

    None where nothing was answered, or too little to tell a filter from loss.
    """
    families: tuple[Family, ...] = (4, 6) if of_family is None else (of_family,)
    if any(stun_dropped(facts, version) for version in families):
        return True
    return False if any(_back(facts, version) for version in families) else None


def stun_dropped(facts: Facts, of_family: Family) -> list[Dropped]:
    """The endpoints that prove it, none where it is not proven. Where other STUN comes back, only an endpoint that
    media needs counts, by itself: what ails somebody's STUN server is none of this network's.
    """
    return facts.once(_stun_dropped, of_family)


def _stun_dropped(facts: Facts, of_family: Family) -> list[Dropped]:
    back = _back(facts, of_family)
    controls = [each for each in other_payloads(facts, of_family) if each.server not in back]
    endpoints = dict.fromkeys(each.server for each in controls)
    found = [_dropped(facts, each, controls, everywhere=not back) for each in endpoints]
    if not back:
        return found if _enough(found) else []
    needed = {each.endpoint for each in media_checks(facts)}
    needed |= {each.server for each in bindings(facts, "udp") if each.origin == "target"}
    return [each for each in found if each.endpoint in needed and _enough([each])]


def _dropped(facts: Facts, endpoint: Endpoint, controls: Iterable[OtherPayload], everywhere: bool) -> Dropped:
    beside = [each for each in controls if each.server == endpoint]
    sockets = {each.local for each in beside}
    asked = [each for each in bindings(facts, "udp") if each.server == endpoint and each.local in sockets]
    checks = [each for each in media_checks(facts) if each.endpoint == endpoint and each.local in sockets]
    steps: list[Binding | IceCheck] = [*asked, *checks]
    silent = [each for each in steps if each.failure is Failure.TIMEOUT]
    return Dropped(endpoint, silent, beside, everywhere)


def _enough(found: list[Dropped]) -> bool:
    """Nine silent tries beside six answered controls, which were at least half of the controls sent. Loss alone makes
    that once in a thousand times when it is worst for us (two packets of three), once in 10^5 at 15 % each way.
    """
    tries = sum(step.tries for each in found for step in each.asked)
    controls = [control for each in found for control in each.controls]
    answers, sent = sum(each.answers for each in controls), sum(each.tries for each in controls)
    return tries >= SILENT_TRIES and answers >= QUIET_TRIES and 2 * answers >= sent


def _back(facts: Facts, of_family: Family) -> set[Endpoint]:
    """Where STUN over UDP came back from, be it an error; an ICMP message is none."""
    said = [each for each in bindings(facts, "udp") if came_back(each) and each.failure is not Failure.PORT_UNREACHABLE]
    checks = [each.endpoint for each in media_checks(facts) if each.failure in _STUN_SAID]
    return {each for each in (*(each.server for each in said), *checks) if family(split(each)[0]) == of_family}


def altered(facts: Facts) -> list[Stray]:
    """Answers to requests of ours that were no longer what a sender makes."""
    return facts.of(Stray, lambda each: each.fault == "altered")
