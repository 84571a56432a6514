"""A Jitsi participant's invitation, as what waits to be accepted: session-accept, and pings while it stands."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence

from natprobe.asking.accepting import new_credentials
from natprobe.asking.association import Sides
from natprobe.asking.rooms import Participant
from natprobe.asking.xmpp import XmppSession
from natprobe.context import Context, Keep
from natprobe.wire import xmpp
from natprobe.wire.ice import Endpoint, Remote
from natprobe.wire.jingle import Offer
from natprobe.wire.session_accept import Ours, session_accept


class Invitation:
    """See accepting.Waiting. The candidates are this participant's own: one conference may be on several bridges."""

    def __init__(self, keep: Keep, participant: Participant, offer: Offer, name: str) -> None:
        self._keep, self._participant, self._offer = keep, participant, offer
        self.name, self.theirs = name, offer.credentials
        udp = [each for each in offer.candidates if each.transport == "udp"]
        self.remotes = tuple(Remote((each.address, each.port), each.priority or 1) for each in udp)
        self.streams: tuple[Remote, ...] = ()  # bridges have none any more; an old one's are checked, and no more

    async def accept(self, ctx: Context, hosts: Sequence[Endpoint]) -> Sides:
        """See Waiting."""
        session, sides = self._participant.session, self._sides(ctx)
        ours = Ours(session.jid, sides.ours, sides.identity.fingerprint, tuple(hosts))
        await session.send(session_accept(session.new_id(), self._offer, ours))
        return sides

    def _sides(self, ctx: Context) -> Sides:
        from natprobe.wire.identity import new_identity

        offer = self._offer
        return Sides(
            session=self.name,
            ours=new_credentials(ctx),
            theirs=self.theirs,
            identity=new_identity(ctx.unix_time),
            announced=((offer.hash, offer.fingerprint),) if offer.hash and offer.fingerprint else (),
            controlling=False,
        )

    def over(self) -> str | None:
        """See Waiting."""
        return self._participant.ended or ("signalling-closed" if self._participant.lost else None)

    async def awake(self) -> None:
        """All participants say that they are there, as clients do every ten seconds (XEP-0199): what stands before
        Prosody ends WebSockets that say nothing for a minute.
        """
        for each in self._keep.all(XmppSession):
            if not each.closed.is_set():
                await _ping(each)

    def told(self) -> None:
        """Nothing: the bridge says no word of it."""


async def _ping(session: XmppSession) -> None:
    payload = xmpp.tag("ping", {"xmlns": xmpp.PING})
    with contextlib.suppress(OSError, EOFError):  # the session says itself that it is over
        await session.send(xmpp.iq("get", session.new_id(), payload, session.domain))
