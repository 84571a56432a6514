"""A login or token is needed to go on

The server lets nobody begin a conference who is not known to it: by user name and password, by a token (JWT), or by a
host who is already there. That is a setting and no fault; it is only where natprobe's way ends.

How it shows: the page asks "are you the host?", or waits for one.

What to do: give natprobe what a host has: `--user` with `--password-file`, or `--jwt-file`; or, while a meeting runs
that lets you in, its name with `--room`. Without it everything up to signalling is judged, and media is not.

Sources: XEP-0045 section 7.2, RFC 6120 section 6.5, jicofo's own source (not-authorized), Prosody's modules for tokens.
"""

from natprobe.derive.conference import login_needed
from natprobe.facts import ConferenceReply, Facts, JitsiConfig, RoomEntry, SignIn, ids
from natprobe.model import Do
from natprobe.rules import CLEAR, NOT_APPLICABLE, Found, Judgement

READS = (SignIn, ConferenceReply, RoomEntry, JitsiConfig)

_MESSAGES = {
    "anonymous": "{host} begins conferences only for who has a login or a token: from here on nothing was tried",
    "token": "{host} does not take the token: from here on nothing was tried",
    "password": "{host} does not take this user name and password: from here on nothing was tried",
}
_ROOMS = {
    "registration-required": "The room on {host} has a lobby, where natprobe would wait for somebody to let it in",
    "not-authorized": "The room on {host} has a password: natprobe cannot enter it",
    "forbidden": "The room on {host} does not let this participant in",
}


def check(facts: Facts) -> Judgement:
    """Of a room that lets nobody in, and of a server that begins none for us."""
    closed = facts.of(RoomEntry, lambda each: each.condition in _ROOMS)
    if closed:
        return [_found(facts, _ROOMS[closed[0].condition or ""], ids(closed))]
    signed = facts.of(SignIn)
    if not signed:
        return NOT_APPLICABLE
    if not login_needed(facts):
        return CLEAR
    kept_out = facts.of(ConferenceReply, lambda each: not each.ready)
    return [_found(facts, _MESSAGES[signed[0].login], ids(kept_out or facts.failed(SignIn)))]


def _found(facts: Facts, message: str, evidence: tuple[int, ...]) -> Found:
    return Found(message=message, args={"host": facts.target.host}, evidence=evidence, fixes=(_GIVE,))


_GIVE = Do(
    text="Check again with --jwt-file FILE, or with --user NAME and --password-file FILE, or with --room NAME while a"
    " meeting runs there that lets you in",
    audience="user",
    why="without it whether media passes cannot be told",
)
