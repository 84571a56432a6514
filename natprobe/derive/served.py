"""Whether the relay on this server serves what signalling offers of it. Pure."""

from __future__ import annotations

from typing import Literal

from natprobe.derive.configured import settings
from natprobe.derive.needs.nginx import Listen, listens
from natprobe.derive.offered import Offer
from natprobe.derive.turnserver import PORT, TLS_PORT, Relay
from natprobe.facts import Facts, Passage, Published

# Why not: the relay leaves TLS alone, or has no certificate; it leaves this transport alone; it has another port.
Reason = Literal["no-tls", "no-certificate", "no-transport", "other-port"]


def unserved(facts: Facts, offer: Offer, relay: Relay) -> Reason | None:
    """The first reason; None: it is served, or somebody before the relay may pass it on."""
    secure = offer.type in ("turns", "stuns")
    if secure and relay.on("no-tls") is not None:
        return "no-tls"
    if secure and not relay.secured:
        return "no-certificate"
    # Each of its ports takes both TLS and plain TCP, unless TLS is off (measured).
    plain, tls = relay.port("listening-port", PORT), relay.port("tls-listening-port", TLS_PORT)
    if offer.carrier == "tcp" and not secure and relay.on("no-tcp") is not None:
        return "no-transport"
    if offer.carrier == "udp" and not secure and relay.on("no-udp") is not None:
        return "no-transport"
    if offer.port in {plain, tls, *_others(relay)} or _passed_on(facts, offer):
        return None
    return "other-port"


def _others(relay: Relay) -> set[int]:
    """The second ports, for RFC 5780, that it has beside each."""
    return {
        relay.port("alt-listening-port", relay.port("listening-port", PORT) + 1),
        relay.port("alt-tls-listening-port", relay.port("tls-listening-port", TLS_PORT) + 1),
    }


def _passed_on(facts: Facts, offer: Offer) -> bool:
    """By nginx's stream, a container's port, or a rule of the packet filter."""
    streams = [listens(each) for each in settings(facts, "nginx", "listen") if each.section.startswith("stream")]
    found: list[Listen | Published | Passage] = [each for each in streams if each is not None]
    found += facts.of(Published)
    found += [each for each in facts.of(Passage) if each.to is not None]
    return any(each.port == offer.port for each in found)
