"""The ten ways that media can go, judged from one vantage's facts. Pure.

What nobody tried is `unknown` with a reason, never guessed.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby

import msgspec

from natprobe.derive import (
    FULL_SIZE,
    OWN,
    SILENT_CONNECTIONS,
    SILENT_TRIES,
    anything_back,
    janus,
    media_checks,
    target_addresses,
    udp_works,
)
from natprobe.derive.advertised import offered, within_reach
from natprobe.derive.associations import by_luck, deepened
from natprobe.derive.behaviour import Behaviour, filtering_behaviour, mapping_behaviour, mapping_varies
from natprobe.derive.bridge import leg_of, only_relays, relays_told, takes, why_no_session
from natprobe.derive.bursts import bursts, loss
from natprobe.derive.cookie import stun_filtered
from natprobe.derive.handed_out import handed_out
from natprobe.derive.ipv6 import lost_in_ipv6
from natprobe.derive.per_source import per_source
from natprobe.derive.relays import LegFacts, ends, outcome, refused_sessions
from natprobe.facts import Candidate, Facts, IceCheck, Permission, SessionOffer, TurnServer, ids, server_kind
from natprobe.model import PATHS, Address, Attempt, Endpoint, Failure, Family, Kind, Path, family, split
from natprobe.target import turn_transport

# Path -> (status, reason) where no probe of this version goes, by what the target is.
_RELAYS = ("turn-udp", "turn-tcp", "turn-tls", "turn-dtls", "turn-tcp-proxy", "turn-tls-proxy")
_DEFAULTS: dict[Kind, dict[str, tuple[str, str]]] = {
    "natprobe": dict.fromkeys(_RELAYS, ("not-offered", "serve-has-no-relay"))
    | {"direct-tcp-proxy": ("not-offered", "serve-has-no-proxy")},
    "stun": {name: ("not-offered", "no-media-server") for name in PATHS if name != "p2p"},
    "turn": dict.fromkeys(_RELAYS, ("not-offered", "not-named"))
    | dict.fromkeys(("turn-tcp-proxy", "turn-tls-proxy"), ("unknown", "proxy-not-looked-for"))
    | dict.fromkeys(("direct-udp", "direct-tcp", "direct-tcp-proxy"), ("not-offered", "no-media-server")),
}
_NEEDS_SESSION = {name: ("unknown", "needs-session") for name in PATHS if not name.endswith("-proxy")} | {
    name: ("unknown", "proxy-not-looked-for") for name in PATHS if name.endswith("-proxy")
}


_ANY: Behaviour = "endpoint-independent"
_ADDRESS: Behaviour = "address-dependent"
# Mapping and filtering -> what two clients such as this one, and this one with a peer of endpoint-independent mapping,
# come to by hole punching as ICE does it (RFC 5128 section 3.3, RFC 8445 section 7.3.1.3: whom a check came from is
# tried too; section 7.2.5.2.1: the answer has to come from where the check went). tests/test_forecast.py plays it out.
_FORECASTS: dict[tuple[Behaviour, Behaviour | None], str] = {
    (_ANY, _ANY): "p2p-any",
    (_ANY, _ADDRESS): "p2p-any",
    (_ADDRESS, _ANY): "p2p-open",
}
_BEST_FIRST = ("p2p-any", "p2p-likely", "p2p-open", "p2p-unlikely")


def paths(facts: Facts) -> tuple[Path, ...]:
    """All ten, in their order."""
    kind = server_kind(facts)
    return tuple(
        _tried(facts, kind, name) or _relayed(facts, kind, name) or _untried(facts, kind, name) for name in PATHS
    )


_UNPROVEN = ("unknown", "media-not-through-relay")
_TRANSPORTS = {"direct-udp": ("udp",), "direct-tcp": ("tcp", "ssltcp")}


def _tried(facts: Facts, kind: Kind, name: str) -> Path | None:
    """What is not advertised counts for nothing: no browser would try it."""
    over = _TRANSPORTS.get(name, ())
    checks = facts.of(IceCheck, lambda each: each.transport in over and each.advertised and each.server is None)
    if not checks:
        return None
    key = lambda each: (each.endpoint, split(each.local)[0] if each.local else "")  # noqa: E731
    grouped = groupby(sorted(checks, key=key), key=key)
    attempts = [deepened(facts, _attempt(endpoint, local or None, list(group))) for (endpoint, local), group in grouped]
    attempts += by_luck(facts) if name == "direct-udp" else []
    found = _of_session(facts, name, attempts) if kind != "natprobe" else settled(name, attempts)
    if kind == "jitsi" and only_relays(facts):
        return msgspec.structs.replace(found, usable=False, reason=found.reason or "only-relays")
    return found


def _of_session(facts: Facts, name: str, attempts: list[Attempt]) -> Path:
    """A browser tries every candidate and goes on: what is not within reach, such as the server's inner addresses, is
    missed only where nothing else is offered.
    """
    near = {each.endpoint for each in within_reach(facts)}
    decide = [each for each in attempts if each.endpoint in near or each.proof or name != "direct-udp"]
    found = settled(name, decide or attempts)
    if not decide and found.status == "blocked":
        found = msgspec.structs.replace(found, reason="no-reachable-candidate")
    return msgspec.structs.replace(found, attempts=tuple(attempts))


def _relayed(facts: Facts, kind: Kind, name: str) -> Path | None:
    """Through a relay to the media server, as a browser with these relays would fare; to a relay's own test, as far as
    a peer of ours can tell.
    """
    tried = [each for each in ends(facts) if f"turn-{each.allocation.transport}" == name]
    if not tried:
        return None
    if kind == "turn":
        return settled(name, [_leg(facts, each) for each in tried])
    ways = [(way, takes(facts, each.allocation)) for each in tried for way in _to_media_server(facts, each)]
    taken, every = [way for way, kept in ways if kept], tuple(way for way, _ in ways)
    found = settled(name, taken or list(every))
    reason = found.reason or (None if taken else "relay-not-taken")
    return msgspec.structs.replace(found, reason=reason, usable=bool(taken), attempts=every)


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
    found = _attempt(peer, own.local, sent) if sent else None
    status, reason = (found.status, found.reason) if found else _unpermitted(asked)
    if status == "open" and refused_sessions(facts, leg):
        status, reason = "blocked", "tls-certificate"
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
    return deepened(facts, through, leg.allocation)


def _unpermitted(asked: list[Permission]) -> tuple[str, str]:
    """RFC 8656 section 10.2: 403 is the relay's word about this very peer."""
    refused = [each for each in asked if each.failure in (Failure.ERROR_RESPONSE, Failure.UNAUTHORIZED)]
    if not refused:
        return "unknown", "timeout" if asked and asked[0].failure is Failure.TIMEOUT else "not-tried"
    forbidden = any(each.error_code == 403 for each in refused)
    return "blocked", "relay-forbids-media-server" if forbidden else "relay-refuses"


def _leg(facts: Facts, leg: LegFacts) -> Attempt:
    status, reason = outcome(facts, leg)
    allocation = leg.allocation
    rtts = [each.rtt_ms for each in leg.data if each.rtt_ms is not None]
    return Attempt(
        endpoint=allocation.relayed or allocation.server,
        family=family(split(allocation.server)[0]),
        local=split(allocation.local)[0] if allocation.local else None,
        status=status,  # type: ignore[arg-type]  # a word of Status
        proof="relay" if leg.works else None,
        reason=reason,
        rtt_ms=min(rtts) if rtts else None,
        loss=loss(facts, allocation),
        server=f"{allocation.host} {allocation.server} {allocation.transport}",
        large_up=leg.large_up,
        large_down=leg.large_down,
        evidence=ids(allocation, leg.permissions, leg.data, bursts(facts, allocation)),
    )


def settled(name: str, attempts: list[Attempt]) -> Path:
    """The path with the status of the attempt that a browser would settle on: the nominated one, else an open one, the
    quickest first.
    """
    best = min(attempts, key=lambda each: (_rank(each), each.rtt_ms is None, each.rtt_ms or 0.0))
    return Path(
        name=name,
        status=best.status,
        proof=best.proof,
        reason=best.reason,
        rtt_ms=best.rtt_ms,
        loss=best.loss,
        attempts=tuple(attempts),
    )


# What fails behind a relay that works.
_DEEPER = ("large-packets-lost", "tls-certificate")
# What fails on the pair that ICE nominated, which is the only one that gets so far.
_NOMINATED = ("dtls-filtered", "another-certificate", "path-died")


def _rank(attempt: Attempt) -> int:
    """Where ICE passes a browser stays, even if what is deeper then fails: that outweighs what is not known, and on the
    pair that it nominated (RFC 8445 section 8.1.1) pairs on which nothing deeper was tried.
    """
    if attempt.status == "open":
        return 0 if attempt.proof == "media" else 2
    if attempt.status == "blocked":
        deeper = attempt.proof == "relay" and attempt.reason in _DEEPER
        passed = attempt.proof in ("ice", "media") or deeper
        nominated = attempt.proof == "media" or attempt.reason in _NOMINATED
        return 1 if nominated else 3 if passed else 5
    return {"unknown": 4, "not-offered": 6}[attempt.status]


def _attempt(endpoint: str, local: str | None, checks: list[IceCheck]) -> Attempt:
    """One candidate from one local address: the small checks decide whether, the full-size ones whether it's enough."""
    small = [each for each in checks if each.size < FULL_SIZE]
    full = [each for each in checks if each.size >= FULL_SIZE]
    passed = any(each.verified and each.failure is None for each in checks)
    large = any(each.verified and each.failure is None for each in full) if full else None
    status, reason = _status(passed, large, full, small or checks)
    rtts = [each.rtt_ms for each in checks if each.rtt_ms is not None and each.verified]
    return Attempt(
        endpoint=endpoint,
        family=family(split(endpoint)[0]),
        local=local,
        status=status,  # type: ignore[arg-type]  # a word of Status
        proof="ice" if passed else None,
        reason=reason,
        rtt_ms=min(rtts) if rtts else None,
        pair="advertised" if passed else None,
        large_up=large if passed else None,
        evidence=ids(checks),
    )


def _status(passed: bool, large: bool | None, full: list[IceCheck], small: list[IceCheck]) -> tuple[str, str | None]:
    if passed and large is not False:
        return "open", None
    if passed:
        lost = sum(each.tries for each in full) >= SILENT_TRIES
        return ("blocked", "large-packets-lost") if lost else ("unknown", "large-packets-unsure")
    failure = small[0].failure
    if failure in (Failure.UNAUTHORIZED, Failure.ERROR_RESPONSE):
        return "blocked", "check-refused"
    if failure in (Failure.TIMEOUT, Failure.TOO_BIG):
        wanted = SILENT_TRIES if small[0].transport == "udp" else SILENT_CONNECTIONS
        enough = sum(each.tries for each in [*small, *full]) >= wanted
        return ("blocked", "silence") if enough else ("unknown", "timeout")
    ours = failure in OWN and failure not in (Failure.PERMISSION_DENIED, Failure.NO_ROUTE)
    return ("unknown" if ours or failure is None else "blocked"), str(failure or "not-tried")


def _untried(facts: Facts, kind: Kind, name: str) -> Path:
    status, reason = _DEFAULTS.get(kind, _NEEDS_SESSION).get(name, ("unknown", "not-tried"))
    if name == "p2p":
        status, reason = "unknown", _forecast(facts)
    elif kind == "natprobe" and reason == "not-tried":
        status, reason = _why_untried(facts, name)
    elif kind == "turn" and name == f"turn-{turn_transport(facts.target)}":
        status, reason = "unknown", _why_unasked(facts)
    elif reason == "needs-session" and kind == "jitsi":
        status, reason = _why_no_session(facts, name)
    elif reason == "needs-session" and kind == "janus":
        status, reason = _why_no_janus(facts, name)
    elif reason == "needs-session" and not target_addresses(facts):
        reason = "no-address"
    return Path(name=name, status=status, reason=reason)  # type: ignore[arg-type]  # words of Status


def _why_no_session(facts: Facts, name: str) -> tuple[str, str]:
    """Why this way to a Jitsi bridge was not tried."""
    if name.startswith("turn-"):
        offered = any(f"turn-{leg_of(each)}" == name for each in handed_out(facts))
        if relays_told(facts) and not offered:
            return "not-offered", "relay-not-offered"
    elif facts.ok(SessionOffer):
        return _unchecked(facts, name)
    return "unknown", "not-tried" if facts.ok(SessionOffer) else why_no_session(facts)


def _unchecked(facts: Facts, name: str) -> tuple[str, str]:
    """There is a session, and no check went this way."""
    over = _TRANSPORTS[name]
    if not facts.of(Candidate, lambda each: each.advertised and each.transport in over):
        return "not-offered", f"no-{over[0]}-candidates"
    ended = facts.probe("media" if name == "direct-udp" else "tcp")
    return "unknown", "out-of-time" if ended and ended.status == "cut" else "family-not-here"


def _why_no_janus(facts: Facts, name: str) -> tuple[str, str]:
    """Why this way to a Janus was not tried. It hands out no relays: those of --turn are all that is known."""
    if name.startswith("turn-"):
        over = name.removeprefix("turn-")
        named = facts.of(TurnServer, lambda each: each.transport == over)
        return ("unknown", "not-tried") if named else ("not-offered", "relay-not-named")
    if not janus.session_answered(facts):
        return "unknown", janus.why_no_session(facts)
    status, reason = _unchecked(facts, name)
    return status, "ice-tcp-off" if reason == "no-tcp-candidates" else reason


def _forecast(facts: Facts) -> str:
    """Clients directly: a forecast from what was measured, of the family and local address that fare best."""
    if udp_works(facts) is False:
        return "p2p-no-udp"
    if stun_filtered(facts):
        return "p2p-no-stun"
    families: tuple[Family, ...] = (4, 6)
    known = []
    for version in families:
        locals_: list[Address | None] = [each.address for each in per_source(facts, version)]
        known += [slug for local in locals_ or [None] if (slug := _between_two(facts, version, local))]
    return min(known, key=_BEST_FIRST.index, default="needs-second-client")


def _between_two(facts: Facts, version: Family, local: Address | None) -> str | None:
    varies = mapping_varies(facts, version, local)
    if varies is None:
        return None
    mapping, filtering = mapping_behaviour(facts, version, local), filtering_behaviour(facts, version, local)
    usual = "p2p-unlikely" if varies else "p2p-likely"
    return _FORECASTS.get((mapping, filtering), usual) if mapping else usual


def _why_untried(facts: Facts, name: str) -> tuple[str, str]:
    transport = "udp" if name == "direct-udp" else "tcp"
    if not target_addresses(facts):
        return "unknown", "no-address"
    if not facts.ok(Candidate, lambda each: each.transport == transport):
        none_named = transport == "tcp" and facts.target.fallback_port is None
        return ("not-offered", "no-tcp-port") if none_named else ("unknown", "not-tried")
    probe = facts.probe("media" if transport == "udp" else "tcp")
    return "unknown", "out-of-time" if probe is not None and probe.status == "cut" else "not-tried"


def _why_unasked(facts: Facts) -> str:
    """Of the relay that a `turn:` target names."""
    probe = facts.probe("turn")
    cut = probe is not None and probe.status == "cut"
    return "out-of-time" if cut else "not-tried" if target_addresses(facts) else "no-address"


def worst(several: Iterable[tuple[Path, ...]]) -> tuple[Path, ...]:
    """The paths of several vantages as one: each as bad as the vantage where it is worst, with all attempts."""
    order = {"blocked": 0, "unknown": 1, "not-offered": 2, "open": 3}
    merged = []
    for same in zip(*several, strict=True):
        bad = min(same, key=lambda each: order[each.status])
        attempts = tuple(attempt for each in same for attempt in each.attempts)
        merged.append(msgspec.structs.replace(bad, attempts=attempts))
    return tuple(merged)
