"""Media as a browser builds it: the session is accepted, full ICE, DTLS with the media server, full-size packets.

On the second participant's session: the first one's stays unaccepted, so that every address can be asked. Directly
where a check has passed directly; through the best relay where only that has passed.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import ExitStack
from typing import NamedTuple

from natprobe.asking.association import Sides, Through, associate
from natprobe.asking.sources import sources
from natprobe.asking.xmpp import XmppSession
from natprobe.context import Context
from natprobe.facts import Candidate, Facts, IceCheck, IceEnded, LocalAddress, MediaHandshake, SessionOffer
from natprobe.model import Observation, family, split
from natprobe.net.failure import failure_of
from natprobe.net.ice import RelayWay, UdpWay, Way
from natprobe.net.turn import TurnClient
from natprobe.pairing import IceCredentials
from natprobe.wire.ice import Base, Remote
from natprobe.wire.jingle import Offer
from natprobe.wire.session_accept import Ours, session_accept

REQUIRES = (SessionOffer,)
TAKES = (LocalAddress,)
YIELDS = (IceEnded, MediaHandshake, IceCheck)
TIMEOUT = 20.0

# The drawer's keys of the participant whose session is accepted, of its offer and of its credentials.
_SESSION, _OFFER, _MEDIA = "jitsi/2", "offer/2", "media/2"
# How often it is looked whether something has passed (seconds): a check's answer is not kept waiting for longer.
_LOOK_SECONDS = 0.02
_RELAYS = ("udp", "tcp", "tls")


async def probe(ctx: Context, facts: Facts) -> AsyncIterator[Observation]:
    """It starts with the first check that has passed, or when there are no more to wait for: then a peer may still find
    us (peer-reflexive).
    """
    session, offer = ctx.keep.get(_SESSION, XmppSession), ctx.keep.get(_OFFER, Offer)
    if session is None or offer is None:
        return
    passed = await _first_passed(ctx, facts)
    with ExitStack() as opened:
        ways, relays = _ways(ctx, facts, passed, opened)
        if not ways:
            return
        sides = _sides(ctx, offer)
        hosts = tuple(each.local for each in ways if not each.base.relayed)
        accept = session_accept(
            session.new_id(), offer, Ours(session.jid, sides.ours, sides.identity.fingerprint, hosts)
        )
        try:
            await session.send(accept)
        except (OSError, EOFError) as exc:
            failure, detail = failure_of(exc)
            yield IceEnded(session=_MEDIA, failure=failure, detail=detail)
            return
        async for seen in associate(ctx, sides, _remotes(facts), ways, relays):
            yield seen


async def _first_passed(ctx: Context, facts: Facts) -> IceCheck | None:
    """A direct check as soon as one has passed; when all have ended, the best relayed one."""
    while True:
        verified = facts.of(IceCheck, lambda each: each.verified and each.advertised and each.transport == "udp")
        direct = next((each for each in verified if each.leg is None), None)
        if direct is not None:
            return direct
        if facts.probe("media") and facts.probe("relayed"):
            legs = sorted((each for each in verified if each.leg in _RELAYS), key=lambda e: _RELAYS.index(e.leg or ""))
            return next(iter(legs), None)
        await ctx.net.sleep(_LOOK_SECONDS)


class _Found(NamedTuple):
    ways: list[Way]
    relays: dict[str, Through]


def _ways(ctx: Context, facts: Facts, passed: IceCheck | None, opened: ExitStack) -> _Found:
    if passed is not None and passed.leg is not None:
        return _relay(ctx, passed)
    ways: list[Way] = []
    towards = [split(each.endpoint)[0] for each in _candidates(facts)]
    for version in ctx.options.families:
        wanted = [each for each in towards if family(each) == version]
        for local in sources(ctx, facts, version, wanted) if wanted else ():
            udp = ctx.net.udp(version, local)
            opened.callback(udp.close)
            ways.append(UdpWay(udp, Base(f"udp/{local}", version, preference=65535 - len(ways))))
    return _Found(ways, {})


def _relay(ctx: Context, passed: IceCheck) -> _Found:
    """The allocation that the check went through, which lies in the drawer."""
    for number in range(1, 100):
        client = ctx.keep.get(f"relay/{number}", TurnClient)
        if client is None:
            break
        relayed = client.allocation.relayed
        if relayed is not None and passed.relayed is not None and relayed == split(passed.relayed):
            base = Base("relay", family(relayed[0]), relayed=True)
            assert passed.server is not None
            assert passed.leg is not None
            through = Through(passed.server, passed.leg, passed.relayed)
            return _Found([RelayWay(client, base, relayed)], {"relay": through})
    return _Found([], {})


def _sides(ctx: Context, offer: Offer) -> Sides:
    from natprobe.wire.identity import new_identity

    named = ((offer.hash, offer.fingerprint),) if offer.hash and offer.fingerprint else ()
    # RFC 8445 section 5.3: at least 24 bits of a name and 128 of a password, in characters of its own.
    ours = IceCredentials(ufrag=f"{ctx.random.getrandbits(32):08x}", password=f"{ctx.random.getrandbits(128):032x}")
    return Sides(
        session=_MEDIA,
        ours=ours,
        theirs=offer.credentials,
        identity=new_identity(ctx.unix_time),
        announced=named,
        controlling=False,
    )


def _candidates(facts: Facts) -> list[Candidate]:
    return facts.ok(Candidate, lambda each: each.transport == "udp" and each.advertised)


def _remotes(facts: Facts) -> list[Remote]:
    return [Remote(split(each.endpoint), each.priority or 1) for each in _candidates(facts)]
