"""Whose session is for which way to the media server: it tells clients apart by where packets come from first."""

from __future__ import annotations

from natprobe.context import Context
from natprobe.wire.jingle import Offer

# Before it is accepted, every address can be asked with the credentials of the first one's; directly, the second one's
# is accepted. A relayed address that the first one's checks came from is its own from then on: there its session is
# accepted, once all checks have ended. One session has one path, so with --deep each kind of leg has its own; where
# fewer of us were let in, the first kind without one has the first participant's, and those behind it have none.
CHECKS, DIRECT = 1, 2
_DEEP = {"tls": 3, "tcp": 4, "udp": 5}


def seat(ctx: Context, leg: str | None) -> int:
    """The participant's number, by the client's leg to a relay; None: directly. Of a kind of leg for which nobody is
    left, the number is nobody's.
    """
    if leg is None:
        return DIRECT
    if not ctx.options.deep:
        return CHECKS
    lacking = [kind for kind, number in _DEEP.items() if ctx.keep.get(f"offer/{number}", Offer) is None]
    return CHECKS if leg in lacking[:1] else _DEEP.get(leg, CHECKS)


def participants(ctx: Context) -> int:
    """How many of us sign in."""
    if not ctx.options.join:
        return 1
    return max(_DEEP.values()) if ctx.options.deep else DIRECT
