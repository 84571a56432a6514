"""Whether somebody between ends TLS and shows a certificate of its own. Pure.

A private authority alone is no sign of it: servers of a company's own have one. What tells is a name that such devices
sign with, or the very same name with a certificate of another authority by another way, unless that one is a public
authority too: a name in many places, as a CDN's, may have several.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from natprobe.addresses import address_class
from natprobe.derive.certificates import same_handshake
from natprobe.derive.legs import LegFacts
from natprobe.derive.proxies import straight, taken, via
from natprobe.facts import Certificate, Facts, TlsSession
from natprobe.model import Failure, split
from natprobe.servers.middleboxes import maker, on_this_machine

# Of different logs (Chrome's and Apple's policies of certificate transparency).
LOGS_MIN = 2
_ORGANIZATION = re.compile(r"(?:^|[,+])O=((?:[^,+\\]|\\.)+)")


class Intercepted(NamedTuple):
    """A certificate that is not the server's own. `by`: the maker's name, where its issuer tells. `other`: the one that
    the same name showed by another way.
    """

    shown: Certificate
    by: str | None
    other: Certificate | None


def intercepted(facts: Facts) -> list[Intercepted]:
    """Each name once, by the browser's way and by those of relays."""
    found: dict[tuple[str, str | None], Intercepted] = {}
    for each in facts.ok(Certificate, lambda each: each.transport == "tls"):
        told = _told(facts, each)
        if told is not None and (each.probe == "turn" or each in taken(facts, Certificate)):
            found.setdefault((each.name, each.via), told)
    return list(found.values())


def _told(facts: Facts, leaf: Certificate) -> Intercepted | None:
    by, other = _maker(leaf), _otherwise(facts, leaf)
    return Intercepted(leaf, by, other) if by is not None or other is not None else None


def _maker(leaf: Certificate) -> str | None:
    """Whoever signs on the way, by the issuer's name. What such a device makes is for the very name; its own
    certificate, before a server, mostly not. And on the way to an inner address there is none but a program of this
    machine: what has such a name there is the company's own authority.
    """
    whose = maker(leaf.issuer) if leaf.matches else None
    inside = leaf.via is None and address_class(split(leaf.endpoint)[0]) != "public"
    return None if whose is None or (inside and not on_this_machine(whose)) else whose


def _otherwise(facts: Facts, leaf: Certificate) -> Certificate | None:
    """One for the same name that verified without the proxy and is another authority's: two of one authority's are
    those of several servers. At an inner address it says nothing: that name leads to one server inside and to another
    outside, where the proxy is.
    """
    if leaf.via is None or _public(facts, leaf):
        return None
    beside = facts.ok(Certificate, lambda each: straight(each) and each.name == leaf.name)
    apart = [each for each in beside if _authority(each.issuer) != _authority(leaf.issuer)]
    public = [each for each in apart if address_class(split(each.endpoint)[0]) == "public"]
    return next((each for each in public if _verified(facts, each) and maker(each.issuer) is None), None)


def _public(facts: Facts, leaf: Certificate) -> bool:
    """Whether it verified and says that public logs have it, as browsers want of public authorities and of no other.
    Whoever signs on the way makes his certificates anew, and has no log's word for them.
    """
    return leaf.logged >= LOGS_MIN and _verified(facts, leaf)


def _authority(issuer: str) -> str:
    """The organization of a distinguished name (RFC 4514), of which one authority's intermediates have the same; else
    the whole name.
    """
    found = _ORGANIZATION.search(issuer)
    return found[1].strip().lower() if found else issuer


def _verified(facts: Facts, leaf: Certificate) -> bool:
    return any(each.verified and same_handshake(each, leaf) for each in facts.ok(TlsSession))


def intercepted_page(facts: Facts) -> list[Intercepted]:
    """Of the target's own name, by the browser's way."""
    way, host = via(facts), facts.target.host
    return [each for each in intercepted(facts) if (each.shown.name, each.shown.via) == (host, way)]


def intercepted_leg(facts: Facts, leg: LegFacts) -> Intercepted | None:
    """Of the relay that this leg goes to."""
    place = (leg.allocation.server, leg.allocation.via, leg.allocation.host)
    found = intercepted(facts)
    return next((e for e in found if (e.shown.endpoint, e.shown.via, e.shown.name) == place), None)


def refused(facts: Facts, found: Intercepted) -> bool:
    """Whether browsers here refuse that certificate; else its authority was put into this system's trust."""
    tried = facts.of(TlsSession, lambda each: same_handshake(each, found.shown))
    return any(each.failure is Failure.TLS_CERTIFICATE for each in tried)
