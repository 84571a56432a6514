"""What Jitsi's client has for the way to its bridge: which legs to relays it takes, and a session or why none. Pure."""

from __future__ import annotations

from natprobe.derive import target_addresses
from natprobe.derive.conference import (
    bridge_available,
    conference_ready,
    entry_unanswered,
    focus_available,
    login_needed,
    rate_limited,
    redirected,
    room_entered,
    session_offered,
    signalling_works,
    token_of_another_room,
)
from natprobe.derive.handed_out import for_bridge, port_of
from natprobe.derive.proxies import names_matter, relay_port, straight
from natprobe.facts import (
    Allocation,
    ConferenceReply,
    Facts,
    JitsiConfig,
    RoomEntry,
    Service,
    Services,
    SignIn,
    TurnServer,
    server_kind,
)
from natprobe.model import HostName, split

# The transport of the client's leg that an entry's type and transport mean (RFC 7065 section 3.1).
_LEGS = {("turn", "udp"): "udp", ("turn", "tcp"): "tcp", ("turns", "tcp"): "tls", ("turns", "udp"): "dtls"}
_USUAL = {"turn": "udp", "turns": "tcp"}
# XEP-0215 is not there: a server without that module hands out nothing.
_NO_MODULE = ("service-unavailable", "feature-not-implemented", "item-not-found")


def leg_of(relay: Service) -> str | None:
    """The transport of the client's leg; None for what is none."""
    return _LEGS.get((relay.type, relay.transport or _USUAL.get(relay.type, "")))


def relays_told(facts: Facts) -> bool | None:
    """Whether signalling has said which relays there are, be it that it has none; None where nobody asked it."""
    asked = facts.of(Services)
    if any(each.failure is None for each in asked):
        return True
    if asked and all(each.condition in _NO_MODULE for each in asked):
        return True
    return False if asked else None


def breaks_calls(facts: Facts) -> list[Service]:
    """A relay without a user name among those kept: browsers refuse the whole list, and no call begins."""
    return [each for each in for_bridge(facts) if not each.credentials]


def takes(facts: Facts, allocation: Allocation) -> bool:
    """Whether the client would take this leg for the bridge. Where nothing is known of its list, as if it were in it.

    What a relay sends its clients on to (300) has another address than any that was named.
    """
    if server_kind(facts) != "jitsi":
        return True
    if not relays_told(facts):
        settings = facts.ok(JitsiConfig)
        return allocation.transport != "udp" or not settings or any(each.use_turn_udp for each in settings)
    if takes_relay(facts, allocation.transport, allocation.host, relay_port(allocation)):
        return True
    kept, host = _kept(facts), _name(allocation.host)
    named = {(each.address, each.port) for each in facts.of(TurnServer)}
    onward = straight(allocation) and split(allocation.server) not in named
    return onward and any(each[:2] == (allocation.transport, host) for each in kept)


def takes_relay(facts: Facts, transport: str, host: HostName, port: int) -> bool:
    """Whether the client would take the relay there, over this transport; a Janus's is whichever was named."""
    if server_kind(facts) != "jitsi" or not relays_told(facts):
        return True
    return (transport, _name(host), port) in _kept(facts)


def _kept(facts: Facts) -> set[tuple[str | None, HostName, int]]:
    return {(leg_of(each), _name(each.host), port_of(each)) for each in for_bridge(facts)}


def only_relays(facts: Facts) -> bool:
    """Whether config.js forbids the client every way but a relay (forceTurnRelay)."""
    return any(each.force_relay for each in facts.ok(JitsiConfig))


def why_no_session(facts: Facts) -> str:
    """In the words of reasons.py; what comes first in time counts."""
    if names_matter(facts) and not target_addresses(facts):
        return "no-address"
    if login_needed(facts):
        return "login-needed"
    if token_of_another_room(facts):
        return "token-bound-to-room"
    if rate_limited(facts):
        return "rate-limited"
    if room_entered(facts) is False:
        return "room-not-entered"
    if room_entered(facts) is None and facts.of(RoomEntry, lambda each: entry_unanswered(facts, each)):
        return "rooms-unanswered"
    if signalling_works(facts) is False:
        return "signalling-failed"
    if _left_out(facts):
        return "not-joined"
    if bridge_available(facts) is False:
        return "bridge-unavailable"
    if focus_available(facts) is False:
        return "focus-unavailable"
    if False in (conference_ready(facts), session_offered(facts)):
        return "no-session-offered"
    if _redirected(facts):
        return "request-redirected"
    ends = [facts.probe(name) for name in ("config", "signalling", "join")]
    return "out-of-time" if any(each and each.status == "cut" for each in ends) else "needs-session"


def _redirected(facts: Facts) -> bool:
    """Whether it is a redirect that natprobe ended at."""
    asked = any(redirected(each) for each in facts.of(ConferenceReply))
    return asked or (signalling_works(facts) is None and any(redirected(each) for each in facts.of(SignIn)))


def _left_out(facts: Facts) -> bool:
    """Whether the user wants no room entered."""
    ended = facts.probe("join")
    return ended is not None and ended.status == "skipped" and ended.detail.startswith("not asked for")


def _name(host: HostName) -> HostName:
    return host.lower().rstrip(".")
