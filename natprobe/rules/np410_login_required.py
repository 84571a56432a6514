"""A login or token is needed to go on

The server lets nobody begin a conference who is not known to it: by user name and password, by a token (JWT), by a
reservation, or by a host who is already there. That is a setting and no fault; it is only where natprobe's way ends.
So is a token that is good for one room alone: natprobe takes a throw-away room unless it is told another.

How it shows: the page asks "are you the host?", or waits for one. With a token for another room: "Sorry, you're not
allowed to join this call".

What to do: give natprobe what a host has: `--user` with `--password-file`, or `--jwt-file`; or, while a meeting runs
that lets you in, its name with `--room`. With a token that names a room (its claim `room`), name that one. Without it
everything up to signalling is judged, and media is not.

A Janus may want its API's secret (`api_secret`) or a token (`token_auth`) with every request. `--janus-secret-file`,
`--janus-token-file` or the environment bring it; natprobe sends it over TLS and on this very machine only.

Sources: XEP-0045 section 7.2, RFC 6120 section 6.5, jicofo's own source (not-authorized, reservation-error), Prosody's
modules for tokens (mod_token_verification).
"""

from natprobe.derive import janus
from natprobe.derive.conference import login_needed, not_for_us, room_entered, room_named, token_of_another_room
from natprobe.facts import (
    ConferenceReply,
    Facts,
    JanusCall,
    JanusDoor,
    JanusInfo,
    JitsiConfig,
    RoomEntry,
    Run,
    SignIn,
    ids,
)
from natprobe.model import Do
from natprobe.rules import CLEAR, NOT_APPLICABLE, Found, Judgement
from natprobe.wording import mark, phrase

READS = (SignIn, ConferenceReply, RoomEntry, JitsiConfig, Run, JanusCall, JanusDoor, JanusInfo)

_MESSAGES = {
    "anonymous": mark("{host} begins conferences only for who has a login or a token: from here on nothing was tried"),
    "token": mark("{host} does not take the token: from here on nothing was tried"),
    "password": mark("{host} does not take this user name and password: from here on nothing was tried"),
}
_REFUSALS = {
    "reservation-error": mark(
        "{host} begins conferences only where its reservation system has one: from here on nothing was tried"
    ),
    "not-live": mark("{host} makes everybody wait until a host begins the meeting: from here on nothing was tried"),
}
_VISITORS = mark(
    "{host} sends whoever it does not know to a server for visitors ({node}): from here on nothing was tried"
)
_OTHER_ROOM = mark(
    "The token does not let natprobe into a room of its own on {host}: it is good for the room that it names"
)
_NOT_THIS_ROOM = mark(
    "The token does not let natprobe into the room that was named on {host}: it is good for another one"
)
_ROOMS = {
    "registration-required": mark(
        "The room on {host} has a lobby, where natprobe would wait for somebody to let it in"
    ),
    "not-authorized": mark("The room on {host} has a password: natprobe cannot enter it"),
    "forbidden": mark("The room on {host} does not let this participant in"),
}


def check(facts: Facts) -> Judgement:
    """Of a room that lets nobody in, of a server that begins none for us, and of a Janus that knows us not."""
    if janus.login_needed(facts):
        return [_unknown_to_janus(facts)]
    if token_of_another_room(facts):
        message, fix = (_NOT_THIS_ROOM, _NAME_ITS_OWN) if room_named(facts) else (_OTHER_ROOM, _NAME_IT)
        return [_found(facts, message, ids(facts.of(RoomEntry)), fix)]
    closed = facts.of(RoomEntry, lambda each: each.condition in _ROOMS)
    if closed and not room_entered(facts):
        return [_found(facts, _ROOMS[closed[0].condition or ""], ids(closed))]
    signed = facts.of(SignIn)
    if not signed:
        return CLEAR if facts.of(JanusCall) else NOT_APPLICABLE
    if not login_needed(facts):
        return CLEAR
    kept_out = facts.of(ConferenceReply, not_for_us)
    refusal = _refusal(kept_out[0]) if kept_out else None
    return [_found(facts, refusal or _MESSAGES[signed[0].login], ids(kept_out or facts.failed(SignIn)))]


def _unknown_to_janus(facts: Facts) -> Found:
    """Which of the two it wants it says itself."""
    told = facts.ok(JanusInfo)
    secret, tokens = any(each.secret for each in told), any(each.tokens for each in told)
    wanted = phrase("its API's secret") if secret and not tokens else "a token" if tokens and not secret else _EITHER
    refused = facts.of(JanusCall, lambda each: each.error_code in janus.UNAUTHORIZED)
    kept_out = facts.of(JanusDoor, lambda each: each.error_code in janus.UNAUTHORIZED)
    given = any(each.given for each in refused)
    return Found(
        message=_JANUS_REFUSES if given else _JANUS_WANTS,
        args={"host": facts.target.host, "wanted": wanted},
        evidence=ids(refused, kept_out, told),
        fixes=(_GIVE_SECRET,),
    )


_EITHER = phrase("its API's secret or a token")
_JANUS_WANTS = mark("Janus on {host} takes requests only with {wanted}: from here on nothing was tried")
_JANUS_REFUSES = mark("Janus on {host} does not take {wanted} that it was given: from here on nothing was tried")


def _refusal(reply: ConferenceReply) -> str | None:
    return _VISITORS if reply.visitors else _REFUSALS.get(reply.condition or "")


def _found(facts: Facts, message: str, evidence: tuple[int, ...], fix: Do | None = None) -> Found:
    node = next((each.visitors for each in facts.of(ConferenceReply) if each.visitors), "")
    args = {"host": facts.target.host} | ({"node": node} if message == _VISITORS else {})
    return Found(message=message, args=args, evidence=evidence, fixes=(fix or _GIVE,))


_GIVE = Do(
    text="Check again with --jwt-file FILE, or with --user NAME and --password-file FILE, or with --room NAME while a"
    " meeting runs there that lets you in",
    audience="user",
    why="without it whether media passes cannot be told",
)
_GIVE_SECRET = Do(
    text="Check again with --janus-secret-file FILE or --janus-token-file FILE, by https: or wss:",
    audience="user",
    why="without it whether media passes cannot be told; in the clear natprobe does not send it",
)
_NAME_IT = Do(
    text="Check again with --room and the name that stands in the token's claim `room`; natprobe enters it, and is seen"
    " there",
    audience="user",
    why="the room of a token or a link is entered only when it is named",
)
_NAME_ITS_OWN = Do(
    text="Compare the room that was named with the token's claims `room` and, where the link has one, `sub` (the"
    " tenant), and check again with the token's own room, or with a token for this one",
    audience="user",
    why="the server lets a token into no room but its own",
)
