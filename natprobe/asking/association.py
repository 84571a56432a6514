"""Media's association as a browser makes it: full ICE, DTLS on the pair that it settles on, and full-size checks there.

Whoever calls has the sockets and relays, has told the other side about us, and closes what it opened.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from natprobe.asking.checks import GIVE_UP, SEND_TIMES, judged
from natprobe.asking.holding import Hold, Holding
from natprobe.asking.sources import sources
from natprobe.asking.together import as_they_come
from natprobe.context import Context
from natprobe.derive import FULL_SIZE
from natprobe.facts import Candidate, Facts, IceCheck, IceEnded, MediaEcho, MediaHandshake, PathHeld, Transport
from natprobe.model import Endpoint, Failure, Observation, clip, family, flow, join
from natprobe.net.api import Datagram, IcmpError, Udp
from natprobe.net.failure import failure_of
from natprobe.net.ice import Association, UdpWay, Way
from natprobe.net.stun import Outcome, answer
from natprobe.pairing import IceCredentials
from natprobe.wire import stun
from natprobe.wire.ice import Agent, Base, Pair, Remote
from natprobe.wire.srtp import Rtp

if TYPE_CHECKING:
    from natprobe.net.dtls import DtlsSession
    from natprobe.wire.identity import Identity

# Until ICE has to have settled: longer than nine checks and their last answer take, and all ends within three seconds
# of the offer.
ICE_SECONDS = 2.9
# What waits for an answer in the handshake is sent again after these, then at the last of them, OpenSSL's own timer of
# a second beside it. Sooner at first: Janus drops the hello until its own check was answered, which libnice sends up to
# 20 ms after ours came (measured).
REPEAT_SECONDS = (0.05, 0.1, 0.25)
HANDSHAKE_SECONDS = 3.0
# As often as browsers check a pair that is not yet good for anything (libwebrtc: 480 ms).
PROMPT_SECONDS = 0.5


# What is done with the media path once it stands: on its pair, with the keys of its handshake.
Plays = Callable[[Association, Pair, "DtlsSession"], Awaitable[None]]


class Through(NamedTuple):
    """The relay that a base leaves by."""

    server: Endpoint
    leg: Transport
    relayed: Endpoint


@dataclass(frozen=True, kw_only=True)
class Sides:
    """What both sides told each other. Has secrets in it: its repr says nothing of them.

    `echo`: as what we may send media, where the other side sends it back.
    """

    session: str
    ours: IceCredentials
    theirs: IceCredentials
    identity: Identity
    announced: tuple[tuple[str, str], ...]
    controlling: bool
    echo: Rtp | None = None

    def __repr__(self) -> str:
        return f"Sides({self.session!r})"


def udp_ways(ctx: Context, facts: Facts, remotes: Sequence[Remote], opened: contextlib.ExitStack) -> list[Way]:
    """A socket for each address that may lead to one of these, closed with `opened`."""
    ways: list[Way] = []
    towards = [each.endpoint[0] for each in remotes]
    for version in ctx.options.families:
        wanted = [each for each in towards if family(each) == version]
        for local in sources(ctx, facts, version, wanted) if wanted else ():
            with contextlib.suppress(OSError):  # an address that can't be sent from is the media probe's to tell
                udp = ctx.net.udp(version, local)
                opened.callback(udp.close)
                ways.append(UdpWay(udp, Base(f"udp/{local}", version, preference=65535 - len(ways))))
    return ways


async def associate(
    ctx: Context,
    sides: Sides,
    remotes: Sequence[Remote],
    ways: Sequence[Way],
    relays: Mapping[str, Through],
    holds: Callable[[IceEnded], Hold] | None = None,
    plays: Plays | None = None,
) -> AsyncIterator[Observation]:
    """ICE, then on the pair: DTLS, a small check beside it as its control, and a full-size one. After a handshake that
    stands, media goes there and back where it is echoed, `plays` has it; with `holds`, the pair is watched.
    """
    agent = Agent(
        sides.ours,
        sides.theirs,
        remotes,
        controlling=sides.controlling,
        tie_breaker=ctx.random.getrandbits(64),
        transaction_id=ctx.transaction_id,
    )
    began = ctx.net.now()
    async with Association(ctx.net, agent, ways) as made:
        await asyncio.sleep(0)  # the first checks are on their way
        _load(sides)
        pair = await made.settled(ICE_SECONDS)
        ended = _ended(ctx, sides, made, pair, relays, began)
        yield ended
        if pair is not None:
            on_it = _OnPair(ctx, sides, made, pair, relays.get(pair.base.name), plays)
            hold = holds(ended) if holds is not None else None
            async for seen in as_they_come([on_it.checks(), on_it.handshake(hold)]):
                yield seen


def _load(sides: Sides) -> None:
    """What comes after ICE brings OpenSSL and libsrtp, which take a while."""
    importlib.import_module("natprobe.net.dtls")
    if sides.echo is not None:
        importlib.import_module("natprobe.asking.echoing")
        importlib.import_module("pylibsrtp")


def _ended(
    ctx: Context, sides: Sides, made: Association, pair: Pair | None, relays: Mapping[str, Through], began: float
) -> IceEnded:
    agent = made.agent
    counts = {"session": sides.session, "controlling": agent.controlling, "pairs": len(agent.pairs)}
    if pair is None:
        return IceEnded(heard=agent.heard, failure=Failure.TIMEOUT, **counts)  # type: ignore[arg-type]
    through = relays.get(pair.base.name)
    return IceEnded(
        heard=agent.heard,
        endpoint=join(*pair.remote.endpoint),
        local=join(*made.way(pair).local),
        pair="advertised" if pair.remote.advertised else "peer-reflexive",
        duration_ms=round((ctx.net.now() - began) * 1000, 2),
        flow=_flow(made, pair),
        **_named(through),  # type: ignore[arg-type]  # of its own fields
        **counts,  # type: ignore[arg-type]
    )


class _OnPair:
    """What is tried once ICE has settled on a pair."""

    def __init__(
        self,
        ctx: Context,
        sides: Sides,
        made: Association,
        pair: Pair,
        through: Through | None,
        plays: Plays | None = None,
    ) -> None:
        self._ctx, self._sides, self._made, self._pair, self._through = ctx, sides, made, pair, through
        self._plays = plays
        self._controls: list[bool] = []
        self._checked = asyncio.Event()

    async def checks(self) -> AsyncIterator[Observation]:
        """Small and full-size."""
        async for seen in as_they_come(self._check(size) for size in (0, FULL_SIZE)):
            yield seen
        self._checked.set()

    async def _check(self, size: int) -> AsyncIterator[Observation]:
        found = await self._asked(SEND_TIMES, GIVE_UP, size)
        if not size:
            self._controls.append(found.failure is not Failure.TIMEOUT)
        yield found

    async def _asked(self, times: Sequence[float], give_up: float, size: int = 0) -> IceCheck:
        request = self._request(size)
        packet, tries, rtt = await self._made.answered(self._pair, request, times, give_up)
        outcome = Outcome(None, Failure.TIMEOUT, "", tries)
        if packet is not None:
            outcome = answer(packet, tries, rtt, self._pair.remote.endpoint)
        return self._fact(len(request), outcome)

    def _request(self, size: int) -> bytes:
        theirs, ours = self._sides.theirs, self._sides.ours
        return stun.ice_check(
            self._ctx.transaction_id(),
            user=f"{theirs.ufrag}:{ours.ufrag}",
            password=theirs.password,
            tie_breaker=self._ctx.random.getrandbits(64),
            controlling=self._made.agent.controlling,
            size=size,
        )

    def _fact(self, size: int, outcome: Outcome) -> IceCheck:
        candidate = Candidate(
            endpoint=join(*self._pair.remote.endpoint),
            transport=self._made.way(self._pair).transport,
            advertised=self._pair.remote.advertised,
            session=self._sides.session,
        )
        check = judged(candidate, size, join(*self._made.way(self._pair).local), outcome, self._sides.theirs)
        return msgspec.structs.replace(check, **_named(self._through))

    async def handshake(self, hold: Hold | None) -> AsyncIterator[Observation]:
        """DTLS as the client, which `setup:active` announces (RFC 8842 section 5). Open for as long as it is held."""
        from natprobe.net import dtls

        udp = _Again(self._made.media(self._pair))
        session = dtls.DtlsSession(udp, self._pair.remote.endpoint, dtls.media_context(self._sides.identity), "")
        with contextlib.closing(session):
            handshake = await self._shaken(session, udp)
            yield handshake
            if handshake.failure is None and self._sides.echo is not None:
                async for echo in self._echoes(session, self._sides.echo):
                    yield echo
            if handshake.failure is None and self._plays is not None:
                await self._plays(self._made, self._pair, session)
            if hold is not None and handshake.failure is None:
                yield await Holding(self._ctx, hold, self._asked, self._held()).watch()
            # The goodbye ends the whole handle on a Janus: what is still asked on this pair would meet a closed port.
            await self._checked.wait()

    def _echoes(self, session: DtlsSession, rtp: Rtp) -> AsyncIterator[MediaEcho]:
        from natprobe.asking.echoing import echoes

        named = MediaEcho(
            session=self._sides.session,
            endpoint=join(*self._pair.remote.endpoint),
            local=join(*self._made.way(self._pair).local),
            size=0,
            flow=_flow(self._made, self._pair),
        )
        return echoes(self._ctx, self._made, self._pair, session, rtp, named)

    async def _shaken(self, session: DtlsSession, udp: _Again) -> MediaHandshake:
        from natprobe.wire.identity import is_announced

        began, failure, detail, shown = self._ctx.net.now(), None, "", None
        pushing = asyncio.gather(udp.repeat(self._ctx), self._prompt(udp))
        try:
            async with asyncio.timeout(HANDSHAKE_SECONDS):
                await session.handshake()
            shown = is_announced(session.chain()[0], self._sides.announced)
        except (OSError, EOFError, TimeoutError) as exc:
            failure, detail = failure_of(exc)
        finally:
            pushing.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await pushing
        if shown is False:
            failure, detail = Failure.TLS_CERTIFICATE, "another certificate than signalling announced"
        return MediaHandshake(
            session=self._sides.session,
            endpoint=join(*self._pair.remote.endpoint),
            local=join(*self._made.way(self._pair).local),
            tries=udp.tries,
            heard=udp.heard,
            fingerprint=shown,
            control=await self._control() if failure is Failure.TIMEOUT else None,
            protocol=session.protocol if failure is None else None,
            duration_ms=round((self._ctx.net.now() - began) * 1000, 2) if failure is None else None,
            flow=_flow(self._made, self._pair),
            failure=failure,
            detail=clip(detail, 200),
            **_named(self._through),  # type: ignore[arg-type]  # of its own fields
        )

    async def _prompt(self, udp: _Again) -> None:
        """While nothing comes. Janus takes no hello before a check of its own was answered, gives those up after three,
        and begins anew with each that reaches it (RFC 8445 section 7.3.1.4): browsers never stop sending them.
        """
        while not udp.heard:
            await self._ctx.net.sleep(PROMPT_SECONDS)
            if not udp.heard:
                self._made.send(self._pair, self._request(0), self._pair.remote.endpoint)

    def _held(self) -> PathHeld:
        return PathHeld(
            session=self._sides.session,
            endpoint=join(*self._pair.remote.endpoint),
            local=join(*self._made.way(self._pair).local),
            flow=_flow(self._made, self._pair),
            **_named(self._through),  # type: ignore[arg-type]  # of its own fields
        )

    async def _control(self) -> bool:
        """Whether a small check still passes, after all that waiting."""
        async for _ in self._check(0):
            pass
        return self._controls[-1]


class _Again:
    """A Udp that sends what it sent last again until something comes: a lost flight would else cost a second."""

    def __init__(self, udp: Udp) -> None:
        self._udp = udp
        self._flight: list[tuple[bytes, tuple[str, int]]] = []
        self._answered = False
        self.tries = self.heard = 0

    @property
    def local(self) -> tuple[str, int]:
        """See api.Udp."""
        return self._udp.local

    def send(self, data: bytes, to: tuple[str, int], ttl: int | None = None) -> None:
        """See api.Udp."""
        if self._answered:
            self._flight, self._answered = [], False
        if not self._flight:
            self.tries += 1
        self._flight.append((data, to))
        self._udp.send(data, to, ttl)

    async def receive(self) -> Datagram | IcmpError:
        """See api.Udp."""
        event = await self._udp.receive()
        if isinstance(event, Datagram):
            self._answered = True
            self.heard += 1
        return event

    def close(self) -> None:
        """See api.Udp."""
        self._udp.close()

    async def repeat(self, ctx: Context) -> None:
        """Until cancelled. The very same records: one that arrived already is dropped there (RFC 6347, 4.1.2.6)."""
        for number in itertools.count():
            await ctx.net.sleep(REPEAT_SECONDS[min(number, len(REPEAT_SECONDS) - 1)])
            if self._flight and not self._answered:
                self.tries += not self.heard
                for data, to in self._flight:
                    self._udp.send(data, to)


def _named(through: Through | None) -> dict[str, object]:
    return through._asdict() if through is not None else {}


def _flow(made: Association, pair: Pair) -> str:
    return flow(made.way(pair).transport, join(*made.way(pair).local), join(*pair.remote.endpoint))
