"""Whether what a check sent arrived at its peer, and whether it was answered, by what the peer itself counted. Pure.

A `natprobe serve` tells that to whoever has its token (probes/counted.py), by any way that works. Everywhere None means
that nobody can tell: it was not asked, or what came may as well have gone to another of its addresses.
"""

from __future__ import annotations

from typing import Literal

from natprobe.derive import SILENT_CONNECTIONS, SILENT_TRIES
from natprobe.facts import Arrived, Facts, IceCheck, Run, Watched
from natprobe.model import Endpoint, Failure, family, split

Carrier = Literal["udp", "tcp"]

# Lost on the way there; lost on the way back; or arrived, and its answers could not leave the server.
Direction = Literal["up", "down", "unanswered"]


def arrived(facts: Facts, endpoint: Endpoint, proto: Carrier = "udp") -> bool | None:
    """Whether any packet of the checks to this endpoint arrived. False: none did, of enough to be no loss."""
    found = arrivals(facts, endpoint, proto)
    if found is None:
        return None
    if any(each.packets for each in found):
        return True
    enough = SILENT_TRIES if proto == "udp" else SILENT_CONNECTIONS
    return False if tries(facts, endpoint, proto) >= enough else None


def lost(facts: Facts, endpoint: Endpoint, proto: Carrier = "udp") -> Direction | None:
    """In which direction the checks to this endpoint are lost; None also where something came back."""
    checks = _checks(facts, endpoint, proto)
    there = arrived(facts, endpoint, proto)
    if there is None or any(each.failure is not Failure.TIMEOUT for each in checks):
        return None
    if not there:
        return "up"
    return "down" if any(each.answered for each in arrivals(facts, endpoint, proto) or ()) else "unanswered"


def tries(facts: Facts, endpoint: Endpoint, proto: Carrier = "udp") -> int:
    """How many packets, or connections, the checks to this endpoint were."""
    return sum(each.tries for each in _checks(facts, endpoint, proto))


def arrivals(facts: Facts, endpoint: Endpoint, proto: Carrier = "udp") -> list[Arrived] | None:
    """What came of the checks to this endpoint; an empty list: the port was watched, and nothing came.

    Behind a NAT the server knows itself by another address: then what came was for this endpoint where no other of its
    family was tried.
    """
    if not _watched(facts, endpoint, proto):
        return None
    version = family(split(endpoint)[0])
    words = {each.session for each in facts.of(Run) if each.session}
    came = facts.ok(Arrived, lambda each: each.proto == proto and each.session in words)
    came = [each for each in came if family(split(each.local)[0]) == version]
    others = {each.endpoint for each in facts.of(IceCheck) if _carrier(each) == proto} - {endpoint}
    near = {each for each in others if family(split(each)[0]) == version}
    unknown = [each for each in came if each.local not in (endpoint, *near)]
    return None if unknown and near else [each for each in came if each.local == endpoint] + unknown


def _watched(facts: Facts, endpoint: Endpoint, proto: Carrier) -> bool:
    """Its own number; or a single one of the protocol, of which a NAT may have made another number."""
    ports = {each.port for each in facts.ok(Watched, lambda each: each.proto == proto)}
    return split(endpoint)[1] in ports or len(ports) == 1


def _checks(facts: Facts, endpoint: Endpoint, proto: Carrier) -> list[IceCheck]:
    return facts.of(IceCheck, lambda each: each.endpoint == endpoint and _carrier(each) == proto)


def _carrier(check: IceCheck) -> Carrier | None:
    """What it went by straight from here; what a relay or a proxy sent on is theirs."""
    if check.server is not None or check.via is not None:
        return None
    return "udp" if check.transport == "udp" else "tcp"
