"""Whose session is for which way to the media server: it tells clients apart by where packets come from first."""

from __future__ import annotations

from natprobe.context import Context

# Before it is accepted, every address can be asked with the credentials of the first one's; directly, the second one's
# is accepted. A relayed address that the first one's checks came from is its own from then on: there its session is
# accepted, once all checks have ended. One session has one path, so with --deep each kind of leg has its own.
CHECKS, DIRECT = 1, 2
_DEEP = {"udp": 3, "tcp": 4, "tls": 5}


def seat(ctx: Context, leg: str | None) -> int:
    """The participant's number, by the client's leg to a relay; None: directly."""
    if leg is None:
        return DIRECT
    return _DEEP.get(leg, CHECKS) if ctx.options.deep else CHECKS


def participants(ctx: Context) -> int:
    """How many of us sign in."""
    if not ctx.options.join:
        return 1
    return max(_DEEP.values()) if ctx.options.deep else DIRECT
