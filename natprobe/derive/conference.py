"""How far a Jitsi client gets before media: signed in, a focus, a room, a bridge. True, False or None. Pure.

What the server says outright decides. A silence counts where nothing of ours cut the wait short.
"""

from __future__ import annotations

from natprobe.derive import OWN
from natprobe.derive.proxies import taken
from natprobe.facts import ConferenceReply, Facts, JitsiConfig, RoomEntry, Run, SessionOffer, SignIn
from natprobe.model import Failure

# The focus' own word that it has no bridge to send people to.
NO_BRIDGE = "bridge-not-available"
# Of a login: what says that somebody has to be known (RFC 6120 section 6.5, and Prosody's tokens).
_WHO_ARE_YOU = ("not-authorized", "not-allowed", "invalid-mechanism", "account-disabled", "credentials-expired")
# Nobody runs conferences: mod_client_proxy's word where no focus is connected; a focus' name that leads nowhere.
_NO_FOCUS = ("service-unavailable", "remote-server-not-found", "remote-server-timeout", "item-not-found")
# Prosody to whom it lets write to no other server (guests, and all where it has no such connections): the focus' name
# is none of its own. With other words not-allowed is somebody's refusal.
_ELSEWHERE = "remote domains"
# Settings, by which only whom the server knows may begin a conference: jicofo's, its reservation system's, Prosody's.
_NOT_FOR_US = ("not-authorized", "not-allowed", "forbidden", "registration-required", "reservation-error", "not-live")
# RFC 6120 section 8.3.3: too much at once, of whomever.
_BUSY = ("resource-constraint", "policy-violation")
# HTTP: the focus says no to us, or to what was asked (jicofo's own two); a limit of the proxy's (RFC 6585 section 4).
_REFUSED, _BAD, _TOO_MANY = (401, 403), (400, 500), 429
_TOKEN_ROOM, _NO_SUCH_ROOM = "not-allowed", "creation is restricted"
# No room says this, but whoever is asked for one: nothing has the rooms' domain (RFC 6120 section 8.3.3), or no rooms
# are there. A full room says service-unavailable too (XEP-0045 section 7.2.9), which one of our own never is.
_NO_ROOMS, _NO_ROOMS_OR_FULL = (
    ("item-not-found", "remote-server-not-found", "remote-server-timeout"),
    "service-unavailable",
)
# A link that broke says nothing about whoever did not answer over it.
_CUT = (*OWN, Failure.CLOSED, Failure.RESET)


def signalling_works(facts: Facts) -> bool | None:
    """Whether a client gets as far as signing in, be it that it then has to say who it is.

    lib-jitsi-meet takes the WebSocket where config.js names one and does not prefer BOSH; it never falls back.
    """
    asked = _ways(facts)
    if any(each.failure is None or _unknown_to_it(each) for each in asked):
        return True
    page = next((each.url for each in facts.ok(JitsiConfig)), "")
    told = [each for each in asked if _tells(each) or mixed_content(page, each.url)]
    return False if told else None


def _tells(signing: SignIn) -> bool:
    return signing.failure not in OWN and not redirected(signing)


def redirected(answer: SignIn | ConferenceReply) -> bool:
    """Whether a browser would go on where natprobe stops: its requests follow redirects (Fetch section 4.4), its
    WebSockets none.
    """
    if isinstance(answer, SignIn) and answer.transport == "websocket":
        return False
    return answer.status is not None and 300 <= answer.status < 400


def mixed_content(page: str, url: str) -> bool:
    """Whether browsers refuse it before anything is sent: no TLS, on a page that has it (W3C Mixed Content, 5.1)."""
    return _scheme(page) == "https" and _scheme(url) in ("http", "ws")


def _scheme(url: str) -> str:
    """RFC 3986 section 3.1; of whatever text, which may be no URL."""
    return url.partition(":")[0].lower()


def _ways(facts: Facts) -> list[SignIn]:
    """The way that the client takes, each time it was tried; all ways, where config.js doesn't tell which."""
    wanted = "bosh" if takes_bosh(facts) else "websocket"
    return taken(facts, SignIn, lambda each: each.transport == wanted) or taken(facts, SignIn)


def takes_bosh(facts: Facts) -> bool:
    """Whether the client signs in over BOSH: where no WebSocket is named, or BOSH is preferred."""
    config = next(iter(facts.ok(JitsiConfig)), None)
    return config is None or config.websocket is None or config.prefer_bosh


def login_needed(facts: Facts) -> bool | None:
    """Whether this server wants a login or a token before it lets somebody begin a conference."""
    replies = facts.of(ConferenceReply)
    if any(each.ready and not each.visitors for each in replies):
        return False
    ways = _ways(facts)
    kept_out = any(_unknown_to_it(each) for each in ways) and all(each.failure is not None for each in ways)
    return True if kept_out or any(not_for_us(each) for each in replies) else None


def _unknown_to_it(signing: SignIn) -> bool:
    """The stream stood, and what is refused is who we are."""
    return signing.failure is not None and signing.reached == "stream" and _asks_who(signing)


def _asks_who(signing: SignIn) -> bool:
    anonymous = signing.login == "anonymous" and bool(signing.mechanisms) and "ANONYMOUS" not in signing.mechanisms
    return anonymous or signing.condition in _WHO_ARE_YOU


def not_for_us(reply: ConferenceReply) -> bool:
    """Whether the server has conferences and begins none for who we are, or sends us to where visitors are."""
    refused = reply.condition in _NOT_FOR_US and not _elsewhere(reply)
    return refused or reply.visitors is not None or (reply.failure is not None and reply.status in _REFUSED)


def _elsewhere(reply: ConferenceReply | RoomEntry) -> bool:
    return reply.condition == "not-allowed" and _ELSEWHERE in reply.detail


def token_of_another_room(facts: Facts) -> bool:
    """Whether the room lets nobody in with this token (mod_token_verification): it is for another one."""
    refused = facts.of(RoomEntry, lambda each: each.condition == _TOKEN_ROOM and not _elsewhere(each))
    return any(_NO_SUCH_ROOM not in each.detail for each in refused) and any(
        each.login == "token" for each in facts.ok(SignIn)
    )


def room_named(facts: Facts) -> bool:
    """Whether the user named the room to enter; else it is a throw-away one."""
    return any(each.room for each in facts.of(Run))


def rate_limited(facts: Facts) -> bool:
    """Whether what we asked for was too much at once."""
    busy = any(each.condition in _BUSY or each.status == _TOO_MANY for each in facts.of(ConferenceReply))
    return busy or any(each.condition in _BUSY for each in facts.of(RoomEntry))


def focus_available(facts: Facts) -> bool | None:
    """Whether somebody runs conferences here: False where the server says no such thing is there, or nobody answers."""
    replies = facts.of(ConferenceReply)
    if any(each.failure is None or not_for_us(each) for each in replies):
        return True
    if any(_absent(each) for each in replies):
        return False
    return True if any(each.condition or each.status in _BAD or _babbles(each) for each in replies) else None


def _babbles(reply: ConferenceReply) -> bool:
    """By XMPP whoever answers is behind the focus' name, whatever it says."""
    return reply.by == "xmpp" and reply.failure is Failure.PROTOCOL


def unusable(reply: ConferenceReply) -> bool:
    """Whether the URL that config.js sends the request to leads to nobody who speaks HTTP; silence is the focus'."""
    return reply.by == "http" and reply.status is None and reply.failure not in (None, Failure.TIMEOUT, *_CUT)


def _absent(reply: ConferenceReply) -> bool:
    """Over HTTP whatever is no word of the focus' own: its page does not lead there, or nobody is behind it."""
    if reply.condition is not None:
        return reply.condition in _NO_FOCUS or _elsewhere(reply)
    if redirected(reply):
        return False
    return reply.failure is Failure.TIMEOUT or reply.status not in (None, *_REFUSED, *_BAD, _TOO_MANY)


def conference_ready(facts: Facts) -> bool | None:
    """Whether the focus let a conference of ours begin."""
    replies = facts.of(ConferenceReply)
    if any(each.ready for each in replies):
        return True
    told = [each for each in replies if each.failure not in _CUT and not redirected(each)]
    return False if told and not rate_limited(facts) else None


def room_entered(facts: Facts) -> bool | None:
    """Whether both participants of ours got into the room, which it takes for a session. False: the room says no."""
    entries = facts.of(RoomEntry)
    if len({each.participant for each in entries if each.failure is None}) > 1:
        return True
    return False if any(_rooms_own_word(facts, each) for each in entries) else None


def rooms_answer(facts: Facts) -> bool | None:
    """Whether there are rooms at all. False: whoever of ours would enter one met nothing, or silence."""
    entries = facts.of(RoomEntry)
    if any(each.failure is None or each.focus or _rooms_own_word(facts, each) for each in entries):
        return True
    return False if entries and all(entry_unanswered(facts, each) for each in entries) else None


def entry_unanswered(facts: Facts, entry: RoomEntry) -> bool:
    """Whether this participant had no word from the room itself, and nothing of ours cut the wait short."""
    return entry.failure is Failure.TIMEOUT or (entry.condition is not None and not _rooms_own_word(facts, entry))


def _rooms_own_word(facts: Facts, entry: RoomEntry) -> bool:
    full = entry.condition == _NO_ROOMS_OR_FULL and room_named(facts)
    nobodys = entry.condition in (*_NO_ROOMS, _NO_ROOMS_OR_FULL) or _elsewhere(entry)
    return entry.condition is not None and (full or not nobodys)


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
