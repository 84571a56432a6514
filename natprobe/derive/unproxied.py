"""What a browser's proxy leaves aside: UDP, which goes straight or not at all. Pure."""

from __future__ import annotations

from natprobe.derive import REJECTED, SILENCE, SILENT_TRIES, anything_back, bindings, media_checks, udp_works
from natprobe.derive.interception import intercepted
from natprobe.derive.proxies import reached, refusal, tunnels
from natprobe.derive.relays import legs_in
from natprobe.facts import Allocation, Binding, Facts, IceCheck
from natprobe.model import Observation, split


def tcp_instead(facts: Facts) -> list[Observation]:
    """What shows that media has a way over TCP which the proxy alone decides on: it carries it, or refuses to lead to
    the relay, or opens its TLS.
    """
    legs = facts.ok(Allocation, lambda each: each.via is not None)
    flows = {(each.server, each.relayed) for each in legs}
    passed = facts.ok(IceCheck, lambda each: each.verified)
    carries = [each for each in passed if each.via is not None or (each.server, each.relayed) in flows]
    refused = [each for each in tunnels(facts, "relay") if refusal(each) in ("denied", "password")]
    opened = [each.shown for each in intercepted(facts) if each.shown.probe == "turn" and each.shown.via is not None]
    broken = [each.allocation for group in legs_in(facts, "broken-by-proxy") for each in group]
    return [*carries, *refused, *opened, *broken]


def no_way_for_udp(facts: Facts) -> list[Binding | IceCheck]:
    """The UDP that went straight and was lost or rejected, where the page comes by a proxy and nothing else does: none
    where any UDP comes back. Of the media server's own port alone it counts where TCP is as shut beside the proxy.
    """
    checks = media_checks(facts)
    if not reached(facts) or any(each.verified or _servers_own(each) for each in checks):
        return []
    asked: list[Binding | IceCheck] = [*bindings(facts, "udp"), *checks]
    lost = [each for each in asked if each.failure in (*SILENCE, *REJECTED)]
    works = udp_works(facts)
    if works is None and not (anything_back(facts, 4) or anything_back(facts, 6)):
        rejected = any(each.failure in REJECTED for each in lost)
        works = False if rejected or sum(each.tries for each in lost) >= SILENT_TRIES else None
    return lost if works is False else []


def _servers_own(check: IceCheck) -> bool:
    """Whether the media server's host itself said no: then UDP got there and back."""
    return check.failure in REJECTED and check.reported_by == split(check.endpoint)[0]
