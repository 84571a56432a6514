"""The relays that signalling hands out, and those of them that a Jitsi client uses towards the bridge. Pure."""

from __future__ import annotations

from natprobe.facts import Facts, JitsiConfig, Service, Services
from natprobe.model import Port
from natprobe.servers.jitsi import services

# RFC 7065 section 3.1.
_PORTS: dict[str, Port] = {"turn": 3478, "turns": 5349}


def handed_out(facts: Facts) -> list[Service]:
    """Every relay of every answer, each once."""
    relays = [each for answer in facts.ok(Services) for each in answer.services if each.type in _PORTS]
    return list(dict.fromkeys(relays))


def for_bridge(facts: Facts) -> list[Service]:
    """Those that are left for the leg to the bridge."""
    over_udp = any(each.use_turn_udp for each in facts.ok(JitsiConfig))
    return list(services.for_bridge(handed_out(facts), over_udp))


def port_of(relay: Service) -> Port:
    """The port, or the one that its type means."""
    return relay.port or _PORTS[relay.type]


def uri(relay: Service) -> str:
    """As people write it (RFC 7065)."""
    transport = f"?transport={relay.transport}" if relay.transport else ""
    return f"{relay.type}:{relay.host}:{port_of(relay)}{transport}"
