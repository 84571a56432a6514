"""What a Jitsi session needs to stand for a while: signalling kept awake, the relay renewed, and a control."""

from __future__ import annotations

import contextlib

from natprobe.asking.checks import GIVE_UP, SEND_TIMES, request
from natprobe.asking.holding import Hold
from natprobe.asking.relays import Leg
from natprobe.asking.rooms import Participant
from natprobe.asking.xmpp import XmppSession
from natprobe.context import Context
from natprobe.facts import IceEnded
from natprobe.model import Endpoint, family, join, split
from natprobe.net.stun import StunSocket
from natprobe.wire import xmpp


def hold_on(ctx: Context, participant: Participant, ended: IceEnded) -> Hold:
    """For as long as --hold says, on the pair that ICE settled on."""
    relayed = ended.relayed
    staying = _Staying(ctx, participant, ended)
    return Hold(
        seconds=ctx.options.hold,
        over=lambda: participant.ended or ("signalling-closed" if participant.lost else None),
        renew=staying.renew,
        again=None if relayed is not None else staying.again,
    )


class _Staying:
    """One session, and the pair that it settled on."""

    def __init__(self, ctx: Context, participant: Participant, ended: IceEnded) -> None:
        assert ended.endpoint is not None
        assert ended.local is not None
        self._ctx, self._participant = ctx, participant
        self._there: Endpoint = ended.endpoint
        self._local: Endpoint = ended.local
        self._leg = next((each for each in ctx.keep.all(Leg) if _is(each, ended.relayed)), None)

    async def renew(self) -> None:
        """Both participants say that they are there, as clients do every ten seconds (XEP-0199): what stands before
        Prosody ends WebSockets that say nothing for a minute.
        """
        for each in self._ctx.keep.all(XmppSession):
            if not each.closed.is_set():
                await _ping(each)
        if self._leg is not None:
            await self._leg.renew(split(self._there))

    async def again(self) -> bool:
        """From a new port of the same address, for the same session: whatever answers, packets pass there and back."""
        offer = self._participant.offer
        assert offer is not None
        address = split(self._local)[0]
        message = request(self._ctx, offer.credentials)
        try:
            udp = self._ctx.net.udp(family(address), address)
        except OSError:
            return False
        async with StunSocket(self._ctx.net, udp) as sock:
            outcome = await sock.ask(message, split(self._there), send_times=SEND_TIMES, give_up=GIVE_UP)
        return outcome.packet is not None


def _is(leg: Leg, relayed: Endpoint | None) -> bool:
    return relayed is not None and leg.allocated and join(*leg.relayed) == relayed


async def _ping(session: XmppSession) -> None:
    payload = xmpp.tag("ping", {"xmlns": xmpp.PING})
    with contextlib.suppress(OSError, EOFError):  # the session says itself that it is over
        await session.send(xmpp.iq("get", session.new_id(), payload, session.domain))
