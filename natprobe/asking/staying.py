"""What a session needs to stand for a while: signalling kept awake, the relay renewed, and a control."""

from __future__ import annotations

from natprobe.asking.accepting import Waiting
from natprobe.asking.checks import GIVE_UP, SEND_TIMES, request
from natprobe.asking.holding import Hold
from natprobe.asking.relays import Leg
from natprobe.context import Context
from natprobe.facts import IceEnded
from natprobe.model import Endpoint, family, join, split
from natprobe.net.stun import StunSocket


def hold_on(ctx: Context, waiting: Waiting, ended: IceEnded) -> Hold:
    """For as long as --hold says, on the pair that ICE settled on."""
    relayed = ended.relayed
    staying = _Staying(ctx, waiting, ended)
    return Hold(
        seconds=ctx.options.hold,
        over=waiting.over,
        renew=staying.renew,
        again=None if relayed is not None or ended.flow.startswith("tcp") else staying.again,
    )


class _Staying:
    """One session, and the pair that it settled on."""

    def __init__(self, ctx: Context, waiting: Waiting, ended: IceEnded) -> None:
        assert ended.endpoint is not None
        assert ended.local is not None
        self._ctx, self._waiting = ctx, waiting
        self._there: Endpoint = ended.endpoint
        self._local: Endpoint = ended.local
        self._leg = next((each for each in ctx.keep.all(Leg) if _is(each, ended.relayed)), None)

    async def renew(self) -> None:
        """Both what signals the session and what carries it are told that we are there."""
        await self._waiting.awake()
        if self._leg is not None:
            await self._leg.renew(split(self._there))

    async def again(self) -> bool:
        """From a new port of the same address, for the same session: whatever answers, packets pass there and back."""
        address = split(self._local)[0]
        message = request(self._ctx, self._waiting.theirs)
        try:
            udp = self._ctx.net.udp(family(address), address)
        except OSError:
            return False
        async with StunSocket(self._ctx.net, udp) as sock:
            outcome = await sock.ask(message, split(self._there), send_times=SEND_TIMES, give_up=GIVE_UP)
        return outcome.packet is not None


def _is(leg: Leg, relayed: Endpoint | None) -> bool:
    return relayed is not None and leg.allocated and join(*leg.relayed) == relayed
