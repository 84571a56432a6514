"""How far a Jitsi client gets before media: signed in, a focus, a room, a bridge. True, False or None. Pure.

What the server says outright decides. A silence counts where nothing of ours cut the wait short.
"""

from __future__ import annotations

from natprobe.derive import OWN
from natprobe.facts import ConferenceReply, Facts, JitsiConfig, RoomEntry, SessionOffer, SignIn
from natprobe.model import Failure

# The focus' own word that it has no bridge to send people to.
NO_BRIDGE = "bridge-not-available"
# Of a login: what says that somebody has to be known (RFC 6120 section 6.5, and Prosody's tokens).
_WHO_ARE_YOU = ("not-authorized", "not-allowed", "invalid-mechanism", "account-disabled", "credentials-expired")
# Nobody runs conferences: mod_client_proxy's word where no focus is connected; a focus' name that leads nowhere.
_NO_FOCUS = ("service-unavailable", "remote-server-not-found", "remote-server-timeout", "item-not-found")
# HTTP: the focus says no; nobody answers behind the proxy.
_REFUSED, _NOBODY = (401, 403), (404, 502, 503, 504)
# A link that broke says nothing about whoever did not answer over it.
_CUT = (*OWN, Failure.CLOSED, Failure.RESET)


def signalling_works(facts: Facts) -> bool | None:
    """Whether a client gets as far as signing in, be it that it then has to say who it is.

    lib-jitsi-meet takes the WebSocket where config.js names one and does not prefer BOSH; it never falls back.
    """
    asked = _ways(facts)
    if any(each.failure is None or _unknown_to_it(each) for each in asked):
        return True
    told = [each for each in asked if each.failure not in OWN]
    return False if told else None


def _ways(facts: Facts) -> list[SignIn]:
    """The way that the client takes, each time it was tried; all ways, where config.js doesn't tell which."""
    config = next(iter(facts.ok(JitsiConfig)), None)
    wanted = "bosh" if config is None or config.websocket is None or config.prefer_bosh else "websocket"
    return facts.of(SignIn, lambda each: each.transport == wanted) or facts.of(SignIn)


def login_needed(facts: Facts) -> bool | None:
    """Whether this server wants a login or a token before it lets somebody begin a conference."""
    replies = facts.of(ConferenceReply)
    if any(each.ready for each in replies):
        return False
    ways = _ways(facts)
    kept_out = any(_unknown_to_it(each) for each in ways) and all(each.failure is not None for each in ways)
    return True if kept_out or any(_unauthorized(each) for each in replies) else None


def _unknown_to_it(signing: SignIn) -> bool:
    """The stream stood, and what is refused is who we are."""
    return signing.failure is not None and signing.reached == "stream" and _asks_who(signing)


def _asks_who(signing: SignIn) -> bool:
    anonymous = signing.login == "anonymous" and bool(signing.mechanisms) and "ANONYMOUS" not in signing.mechanisms
    return anonymous or signing.condition in _WHO_ARE_YOU


def _unauthorized(reply: ConferenceReply) -> bool:
    return reply.condition == "not-authorized" or (reply.failure is not None and reply.status in _REFUSED)


def focus_available(facts: Facts) -> bool | None:
    """Whether somebody runs conferences here: False where the server says no such thing is there, or nobody answers."""
    replies = facts.of(ConferenceReply)
    if any(each.failure is None or _unauthorized(each) for each in replies):
        return True
    if any(_absent(each) for each in replies):
        return False
    return True if any(each.condition for each in replies) else None


def _absent(reply: ConferenceReply) -> bool:
    if reply.condition is not None:
        return reply.condition in _NO_FOCUS
    return reply.failure is Failure.TIMEOUT or (reply.failure is not None and reply.status in _NOBODY)


def conference_ready(facts: Facts) -> bool | None:
    """Whether the focus let a conference of ours begin."""
    replies = facts.of(ConferenceReply)
    if any(each.ready for each in replies):
        return True
    return False if any(each.failure not in _CUT for each in replies) else None


def room_entered(facts: Facts) -> bool | None:
    """Whether both participants of ours got into the room, which it takes for a session."""
    entries = facts.of(RoomEntry)
    if len({each.participant for each in entries if each.failure is None}) > 1:
        return True
    return False if any(each.failure not in (None, *_CUT) for each in entries) else None


def bridge_available(facts: Facts) -> bool | None:
    """Whether there is a bridge: its transport came, or the focus says that it has none."""
    if facts.ok(SessionOffer):
        return True
    said = any(each.bridge is False for each in facts.of(RoomEntry))
    return False if said or any(each.condition == NO_BRIDGE for each in facts.of(SessionOffer)) else None


def session_offered(facts: Facts) -> bool | None:
    """Whether a session came. False: two participants were in the room, and none did."""
    if facts.ok(SessionOffer):
        return True
    if bridge_available(facts) is False:
        return False
    return False if any(each.failure not in _CUT for each in facts.of(SessionOffer)) else None
