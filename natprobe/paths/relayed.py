"""Ways through relays: each leg, and the media server beyond it. Pure."""

from __future__ import annotations

import msgspec

from natprobe.derive import anything_back, media_checks
from natprobe.derive.advertised import offered
from natprobe.derive.associations import deepened
from natprobe.derive.bridge import leg_of, takes, takes_relay
from natprobe.derive.bursts import bursts, loss
from natprobe.derive.handed_out import handed_out, port_of
from natprobe.derive.interception import intercepted_leg
from natprobe.derive.ipv6 import lost_in_ipv6
from natprobe.derive.proxies import (
    Refusal,
    denied_everything,
    heard,
    refusal,
    relay_port,
    straight,
    tunnels,
    unsure,
    via_to,
)
from natprobe.derive.relays import LegFacts, ends, outcome, refused_sessions
from natprobe.derive.side_by_side import measured
from natprobe.facts import Facts, IceCheck, Permission, Tunnel, TurnServer, ids
from natprobe.model import Attempt, Endpoint, Failure, Family, Kind, Path, family, join, split
from natprobe.paths.attempts import attempt, settled
from natprobe.paths.untried import BROWSER_USES_PROXY, PROXY

_UNPROVEN = ("unknown", "media-not-through-relay")
_NOT_TAKEN, _CERTIFICATE = "relay-not-taken", "tls-certificate"
_REFUSALS: dict[Refusal, str] = {
    "password": "proxy-wants-password",
    "denied": "proxy-refuses-port",
    "unreachable": "proxy-cannot-reach",
    "dead": "proxy-unreachable",
}


def relayed(facts: Facts, kind: Kind, name: str) -> Path | None:
    """Through a relay to the media server, as a browser with these relays would fare; to a relay's own test, as far as
    a peer of ours can tell.
    """
    to_relay = kind == "turn"
    ways: list[tuple[Attempt, str | None]] = []
    for each in ends(facts):
        if _way(each) == name:
            why = _led_past(facts, each) or (None if to_relay or takes(facts, each.allocation) else _NOT_TAKEN)
            ways += [(way, why) for way in ([_leg(facts, each)] if to_relay else _to_media_server(facts, each))]
    ways += [(way, None if to_relay or kept else _NOT_TAKEN) for way, kept in _untunnelled(facts, name)]
    if not ways:
        return None
    taken, every = [way for way, why in ways if why is None], tuple(way for way, _ in ways)
    found = settled(name, taken or list(every))
    reason = found.reason or (None if taken else ways[0][1])
    return msgspec.structs.replace(found, reason=reason, usable=bool(taken), attempts=every)


def _way(leg: LegFacts) -> str:
    return f"turn-{leg.allocation.transport}{'' if straight(leg.allocation) else PROXY}"


def _led_past(facts: Facts, leg: LegFacts) -> str | None:
    """A browser goes to this relay through a proxy, so that nothing comes of what passes straight."""
    on = leg.allocation
    led = straight(on) and not leg.datagrams and via_to(facts, on.host, relay_port(on)) is not None
    return BROWSER_USES_PROXY if led else None


def _untunnelled(facts: Facts, name: str) -> list[tuple[Attempt, bool]]:
    """The relays of this way that the proxy did not lead to, and whether the client would have taken them."""
    found = []
    for each in tunnels(facts, "relay"):
        for transport in _transports(facts, each):
            if each.failure is not None and f"turn-{transport}{PROXY}" == name:
                found.append((_refused(facts, each, transport), takes_relay(facts, transport, each.host, each.port)))
    return found


def _transports(facts: Facts, tunnel: Tunnel) -> list[str]:
    """What the relay there was to be asked over."""
    at = (tunnel.host.lower().rstrip("."), tunnel.port)
    named: list[tuple[str, int, str]] = [(each.host, each.port, each.transport) for each in facts.of(TurnServer)]
    named += [(each.host, port_of(each), leg) for each in handed_out(facts) if (leg := leg_of(each))]
    over = [transport for host, port, transport in named if (host.lower().rstrip("."), port) == at]
    return [each for each in dict.fromkeys(over) if each in ("tcp", "tls")]


def _refused(facts: Facts, tunnel: Tunnel, transport: str) -> Attempt:
    place, slow = join(tunnel.host, tunnel.port), unsure(facts, tunnel)
    return Attempt(
        endpoint=place,
        family=family(split(tunnel.endpoint)[0]) if tunnel.endpoint else 4,
        status="unknown" if slow else "blocked",
        reason="timeout" if slow else why_refused(facts, tunnel),
        via=tunnel.via,
        server=f"{place} {transport}",
        evidence=ids(tunnel),
    )


def why_refused(facts: Facts, tunnel: Tunnel) -> str:
    """A living proxy that leaves this one alone unanswered does not get there, or closes at once what it dislikes."""
    why = refusal(tunnel) or "dead"
    if why == "denied" and denied_everything(facts, tunnel.via):
        return "proxy-refuses"
    mute = why == "dead" and bool(heard(facts, tunnel.via))
    return "proxy-leaves-unanswered" if mute else _REFUSALS[why]


def _to_media_server(facts: Facts, leg: LegFacts) -> list[Attempt]:
    """One for each of the media server's endpoints that the relay was asked for; else what is known of the leg alone.
    A substitute peer that answers is too little for a meeting (contract).
    """
    on = leg.allocation
    permissions = facts.of(Permission, lambda each: each.probe == "relayed" and each.flow == on.flow)
    checks = facts.of(
        IceCheck, lambda each: (each.server, each.leg, each.relayed) == (on.server, on.transport, on.relayed)
    )
    peers = dict.fromkeys([*(each.peer for each in permissions), *(each.endpoint for each in checks)])
    if peers:
        return [_through(facts, leg, peer, permissions, checks) for peer in peers]
    own = _leg(facts, leg)
    status, reason = _other_family(facts, leg) or _UNPROVEN
    return [msgspec.structs.replace(own, status=status, reason=reason) if own.status == "open" else own]


def _other_family(facts: Facts, leg: LegFacts) -> tuple[str, str] | None:
    """Where the media server has no address that this relay could send to: 443 each time (RFC 8656 section 10.2),
    and browsers pair no candidates of two families (RFC 8445 section 6.1.2.2). A machine that never got anywhere in
    that family, by no fault that is told, can't say what becomes of a call.
    """
    relayed, peers = leg.allocation.relayed, [each.endpoint for each in offered(facts)]
    if relayed is None or not peers or any(_family(each) == _family(relayed) for each in peers):
        return None
    told = any(each.failure not in (Failure.TIMEOUT, Failure.NO_ROUTE) for each in media_checks(facts))
    known = told or anything_back(facts, _family(peers[0])) or lost_in_ipv6(facts, peers)
    return ("blocked" if known else "unknown"), "relay-other-family"


def _family(endpoint: Endpoint) -> Family:
    return family(split(endpoint)[0])


def _through(
    facts: Facts, leg: LegFacts, peer: Endpoint, permissions: list[Permission], checks: list[IceCheck]
) -> Attempt:
    own = _leg(facts, leg)
    asked = [each for each in permissions if each.peer == peer]
    sent = [each for each in checks if each.endpoint == peer]
    found = attempt(peer, own.local, sent) if sent else None
    status, reason = (found.status, found.reason) if found else _unpermitted(asked)
    if status == "open" and refused_sessions(facts, leg):
        status, reason = "blocked", _certificate(facts, leg)
    through = msgspec.structs.replace(
        own,
        endpoint=peer,
        status=status,
        reason="media-server-silent" if reason == "silence" else reason,
        proof=(found and found.proof) or own.proof,
        pair=found and found.pair,
        rtt_ms=found and found.rtt_ms,
        large_up=found and found.large_up,
        large_down=None,
        evidence=ids(leg.allocation, asked, sent),
    )
    return measured(facts, deepened(facts, through, leg.allocation), leg.allocation)


def _unpermitted(asked: list[Permission]) -> tuple[str, str]:
    """RFC 8656 section 10.2: 403 is the relay's word about this very peer."""
    refused = [each for each in asked if each.failure in (Failure.ERROR_RESPONSE, Failure.UNAUTHORIZED)]
    if not refused:
        return "unknown", "timeout" if asked and asked[0].failure is Failure.TIMEOUT else "not-tried"
    forbidden = any(each.error_code == 403 for each in refused)
    return "blocked", "relay-forbids-media-server" if forbidden else "relay-refuses"


def _certificate(facts: Facts, leg: LegFacts) -> str:
    return "tls-intercepted" if intercepted_leg(facts, leg) else _CERTIFICATE


def _leg(facts: Facts, leg: LegFacts) -> Attempt:
    status, reason = outcome(facts, leg)
    allocation = leg.allocation
    reason = _certificate(facts, leg) if reason == _CERTIFICATE else reason
    place = join(allocation.host, relay_port(allocation))
    rtts = [each.rtt_ms for each in leg.data if each.rtt_ms is not None]
    return Attempt(
        endpoint=allocation.relayed or (allocation.server if allocation.via is None else place),
        family=family(split(allocation.server)[0]),
        local=split(allocation.local)[0] if allocation.local else None,
        status=status,  # type: ignore[arg-type]  # a word of Status
        proof="relay" if leg.works else None,
        reason=reason,
        rtt_ms=min(rtts) if rtts else None,
        loss=loss(facts, allocation),
        via=allocation.via,
        server=f"{place if allocation.via else f'{allocation.host} {allocation.server}'} {allocation.transport}",
        large_up=leg.large_up,
        large_down=leg.large_down,
        evidence=ids(allocation, leg.permissions, leg.data, bursts(facts, allocation)),
    )
