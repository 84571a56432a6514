"""What waits to be accepted: a session with the media server up to its candidates, whoever signalled it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from natprobe.context import Context
from natprobe.model import Observation
from natprobe.pairing import IceCredentials

if TYPE_CHECKING:
    from natprobe.asking.association import Sides
    from natprobe.wire.ice import Endpoint, Remote


@runtime_checkable
class Waiting(Protocol):
    """A Jitsi participant's invitation, or a Janus handle's answer. It lies in the drawer under `waiting/N`, N being
    the seat (asking/seats.py), until the run ends.
    """

    @property
    def name(self) -> str:
        """The session's, in facts."""

    @property
    def theirs(self) -> IceCredentials:
        """The media server's."""

    @property
    def remotes(self) -> Sequence[Remote]:
        """Its UDP candidates."""

    @property
    def streams(self) -> Sequence[Remote]:
        """Its TCP candidates that a session may go over: those that wait for us (RFC 6544 section 4.5)."""

    async def accept(self, ctx: Context, hosts: Sequence[Endpoint]) -> Sides:
        """Tells the media server who we are and where, and returns both sides. Raises OSError, EOFError."""

    def over(self) -> str | None:
        """Why signalling ended it, once it has."""

    async def awake(self) -> None:
        """Says to signalling that we are still there."""

    def told(self) -> Observation | None:
        """What signalling has said of the media by now, where that is a fact of its own."""


def waiting(ctx: Context, number: int) -> Waiting | None:
    """Whose session it is that waits on this seat."""
    return ctx.keep.get(f"waiting/{number}", Waiting)  # type: ignore[type-abstract]


def new_credentials(ctx: Context) -> IceCredentials:
    """Ours for one session: at least 24 bits of a name and 128 of a password (RFC 8445 section 5.3)."""
    return IceCredentials(ufrag=f"{ctx.random.getrandbits(32):08x}", password=f"{ctx.random.getrandbits(128):032x}")
