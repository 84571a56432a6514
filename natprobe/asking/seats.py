"""Whose session is for which way to the media server: it tells clients apart by where packets come from first."""

from __future__ import annotations

from natprobe.asking.accepting import waiting
from natprobe.asking.checks import Goal
from natprobe.asking.xmpp import XmppSession
from natprobe.context import Context

# Before it is accepted, every address can be asked with the credentials of the first one's; directly, the second one's
# is accepted. A relayed address that the first one's checks came from is its own from then on: there its session is
# accepted, once all checks have ended. One session has one path, so with --deep each kind of leg has its own; where
# fewer of us were let in, the first kind without one has the first participant's, and those behind it have none.
CHECKS, DIRECT = 1, 2
_DEEP = {"tls": 3, "tcp": 4, "udp": 5}


def seat(ctx: Context, leg: str | None) -> int:
    """The participant's number, by the client's leg to a relay; None: directly over UDP. Of a kind of leg for which
    nobody is left, the number is nobody's.
    """
    if leg is None:
        return DIRECT
    if not ctx.options.deep:
        return CHECKS
    lacking = [kind for kind, number in _DEEP.items() if waiting(ctx, number) is None]
    return CHECKS if leg in lacking[:1] else _DEEP.get(leg, CHECKS)


def of_seat(ctx: Context, leg: str, goal: Goal) -> Goal:
    """With the credentials of the leg's own session, where that names this very endpoint: of another bridge, which
    Jitsi's focus may have chosen for it, they are no good here.
    """
    own = waiting(ctx, seat(ctx, leg))
    named = own is not None and any(each.endpoint == goal.to for each in own.remotes)
    return goal._replace(theirs=own.theirs) if own is not None and named else goal


def taken(ctx: Context) -> bool:
    """Whether there is a session to accept at all."""
    return any(waiting(ctx, number) is not None for number in (CHECKS, DIRECT, *_DEEP.values()))


def participants(ctx: Context) -> int:
    """How many of us sign in."""
    if not ctx.options.join:
        return 1
    return max(_DEEP.values()) if ctx.options.deep else DIRECT


def signed_in(ctx: Context) -> list[XmppSession]:
    """Those who are; in the room they are numbered anew."""
    found = [ctx.keep.get(f"jitsi/{number}", XmppSession) for number in range(1, participants(ctx) + 1)]
    return [each for each in found if each is not None]
