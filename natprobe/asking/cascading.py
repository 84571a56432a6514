"""--apply: a publisher of ours forwarded from the target to another Janus, and what arrives there, in rooms of ours.

Beside it packets go from here straight to the port that waits there: where neither arrives it is that way in that is
shut, where ours alone arrive it is the target's way out.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from natprobe.asking.association import associate, udp_ways
from natprobe.asking.cascades import Relay
from natprobe.asking.gateways import Knock, gate_of
from natprobe.asking.janus_handles import STEP_SECONDS
from natprobe.asking.janus_session import JanusSession, Refusal
from natprobe.asking.sources import source
from natprobe.asking.videoroom import Publisher, Room
from natprobe.asking.ways import again
from natprobe.context import Context
from natprobe.derive.cascade import ADD, PUBLISH, refuses_iface
from natprobe.facts import CascadeFlow, CascadeRequest, Facts, JanusDoor
from natprobe.model import Failure, Observation, clip, family, join, split
from natprobe.net.failure import failure_of
from natprobe.wire import videoroom
from natprobe.wire.janus import JanusError
from natprobe.wire.sdp import OPUS, SdpError
from natprobe.wire.srtp import LABEL, PROFILES, Rtp, Srtp, material_size, plain
from natprobe.wire.videoroom import BASE_SSRC, LEVEL_ID, SSRC_STEP, Said

if TYPE_CHECKING:
    from natprobe.net.dtls import DtlsSession
    from natprobe.net.ice import Association
    from natprobe.wire.ice import Pair

# So many packets as speech has them, 20 ms apart (at most videoroom.LEVELS), of so many bytes.
PACKETS, INTERVAL_SECONDS, SIZE = 40, 0.02, 80
# What has not been told of so long after the last one was lost (seconds), signalling's own time on top.
SETTLE_SECONDS = 0.6
# From the handshake on, until Janus says that our media is up; and all steps of the way into the target's API.
UP_SECONDS, DOOR_SECONDS = 1.0, 3.0
_THEIRS, _OURS = 0, 1  # the streams of the remote publisher
Side = Literal["relay", "target"]


class Trial:
    """One cascade. What it has made lies in the drawer, and is removed when the run ends, however it ends."""

    def __init__(self, ctx: Context, facts: Facts, relay: Relay) -> None:
        self._ctx, self._facts, self._relay = ctx, facts, relay
        self._seen: list[Observation] = []

    async def run(self) -> AsyncIterator[Observation]:
        """Request by request, as far as it goes; then the packets."""
        there = await self._there()
        bound = await self._bound(there) if there is not None else None
        while self._seen:
            yield self._seen.pop(0)
        if there is None or bound is None or bound.port is None:
            return
        here = await self._here()
        publisher = await self._publisher(here, bound) if here is not None else None
        while self._seen:
            yield self._seen.pop(0)
        flows = [self._from_here(there, bound)]
        if publisher is not None and here is not None:
            flows.insert(0, self._forwarded(here, there, publisher, bound))
        for flow in await asyncio.gather(*flows):
            yield flow
        await asyncio.gather(*(each.aclose() for each in (here, there) if each is not None))

    # --- rooms and requests

    async def _there(self) -> Room | None:
        """On the relay, and we in it."""
        if self._relay.session is None:
            return None
        room = Room(self._ctx, self._relay.session)
        self._ctx.keep.put(f"cascade/{self._relay.number}", room)
        if await self._asked("relay", room, "create", room.make()) is None:
            return None
        return room if await self._asked("relay", room, "join", room.enter()) is not None else None

    async def _bound(self, there: Room) -> Said | None:
        """A remote publisher's port: with the address that was named, and where that can't be bound, without."""
        told = self._relay.told
        ports = {} if told.port is None else {"port": told.port, "rtcp_port": told.port + 1}
        if told.iface is not None:
            asked = there.add_remote(iface=told.iface, **ports)
            found = await self._asked("relay", there, ADD, asked, iface=told.iface)
            if found is not None or not refuses_iface(self._last):
                return found
        return await self._asked("relay", there, ADD, there.add_remote(**ports))

    async def _here(self) -> Room | None:
        """On the target."""
        session = await self._session()
        if session is None:
            return None
        room = Room(self._ctx, session)
        self._ctx.keep.put(f"cascade/{self._relay.number}/target", room)
        try:
            await session.create(STEP_SECONDS)
        except _faults() as exc:
            self._note("target", room, "create", exc=exc)
            return None
        return room if await self._asked("target", room, "create", room.make()) is not None else None

    async def _session(self) -> JanusSession | None:
        """Of our own with the target, by a way in that has answered; best one that nobody reads along."""
        doors = sorted(self._facts.ok(JanusDoor), key=lambda each: (each.why != "target", not _secure(each)))
        for door in doors[:1]:
            gate = gate_of(self._ctx.target, door)
            knock = Knock(self._ctx, gate, await again(self._ctx, gate.host, gate.port, (door.endpoint, door.via)))
            try:
                async with asyncio.timeout(DOOR_SECONDS):
                    await knock.run()
            except TimeoutError:
                pass
            finally:
                if knock.proven is None:
                    knock.close()
            if knock.proven is not None:
                return JanusSession(self._ctx, knock.proven)
        return None

    async def _publisher(self, here: Room, bound: Said) -> Publisher | None:
        """Ours, whose packets the target is to forward."""
        publisher, host = Publisher(self._ctx, here, self._relay.number), self._relay.told.host
        if await self._asked("target", here, "joinandconfigure", _called(publisher)) is None:
            return None
        named: dict[str, Any] = {"host": host, "port": bound.port, "rtcp_port": bound.rtcp_port}
        asked = here.publish_remotely(publisher.id, **named)
        return publisher if await self._asked("target", here, PUBLISH, asked, **named) is not None else None

    async def _asked(self, side: Side, room: Room, word: str, asking: Any, **named: Any) -> Said | None:
        """The answer, as a fact too; None: there is none, or it is no."""
        began = self._ctx.net.now()
        try:
            said: Said = await asking
        except _faults() as exc:
            self._note(side, room, word, exc=exc, **named)
            return None
        rtt = round((self._ctx.net.now() - began) * 1000, 2)
        answered = {"bound": said.ip, "port": said.port, "rtcp_port": said.rtcp_port} if word == ADD else {}
        self._note(side, room, word, rtt_ms=rtt, **(named | answered))
        return said

    def _note(self, side: Side, room: Room, word: str, exc: Exception | None = None, **named: Any) -> None:
        failure, detail = (None, "") if exc is None else failure_of(exc)
        code = None
        if isinstance(exc, Refusal):
            failure, detail, code = exc.failure, exc.reason, exc.code
        self._last = CascadeRequest(
            relay=self._relay.number,
            of=side,
            request=word,
            url=room.session.url,
            error_code=code,
            failure=failure,
            detail=room.harmless(detail),
            **named,
        )
        self._seen.append(self._last)

    # --- packets

    async def _from_here(self, there: Room, bound: Said) -> CascadeFlow:
        """As the target would send them, but from this machine."""
        host = self._relay.told.host or ""
        endpoint = join(host, bound.port or 0)
        named = CascadeFlow(relay=self._relay.number, by="here", endpoint=endpoint)
        rtp = Rtp(OPUS, BASE_SSRC + _OURS * SSRC_STEP)
        try:
            udp = self._ctx.net.udp(family(host), source(self._ctx, self._facts, host))
        except OSError as exc:
            failure, detail = failure_of(exc)
            return _changed(named, failure=failure, detail=clip(detail, 200))
        sent = 0
        failed: tuple[Failure | None, str] = (None, "")
        with ExitStack() as opened:
            opened.callback(udp.close)
            for number in range(PACKETS):
                try:
                    udp.send(plain(rtp, number, bytes(SIZE), (LEVEL_ID, videoroom.level(number))), split(endpoint))
                    sent += 1
                except OSError as exc:  # what never left this machine is not lost on the way
                    failed = failure_of(exc)
                await self._ctx.net.sleep(INTERVAL_SECONDS)
            await self._settle(there, bound, _OURS)
        told = self._told(_changed(named, sent=sent), there, bound, _OURS)
        return told if sent else _changed(told, failure=failed[0], detail=clip(failed[1], 200))

    async def _forwarded(self, here: Room, there: Room, publisher: Publisher, bound: Said) -> CascadeFlow:
        """Over a media session of ours with the target. What its checks say is the media probes' business."""
        endpoint = join(self._relay.told.host or "", bound.port or 0)
        named = CascadeFlow(relay=self._relay.number, by="target", endpoint=endpoint, passed=0)
        sent = 0

        async def play(made: Association, pair: Pair, session: DtlsSession) -> None:
            nonlocal sent
            sent = await self._play(publisher, made, pair, session)
            await self._settle(there, bound, _THEIRS)

        with ExitStack() as opened:
            ways = udp_ways(self._ctx, self._facts, publisher.remotes, opened)
            try:
                sides = await publisher.accept(self._ctx, [each.local for each in ways])
            except (OSError, EOFError) as exc:
                failure, detail = failure_of(exc)
                return _changed(named, failure=failure, detail=clip(detail, 200))
            async for _ in associate(self._ctx, replace(sides, echo=None), publisher.remotes, ways, {}, plays=play):
                pass
        if not sent:
            return _changed(named, failure=Failure.TIMEOUT, detail="no media session with the target came about")
        passed = publisher.heard.of(publisher.id, 0)
        told = self._told(_changed(named, sent=sent), there, bound, _THEIRS)
        delay = _delay(passed, there.heard.of(bound.id, _THEIRS), here.rtt, there.rtt)
        got = _accounted(passed, sent)
        return _changed(told, passed=got, arrived=min(told.arrived, got), delay_ms=delay)

    async def _play(self, publisher: Publisher, made: Association, pair: Pair, session: DtlsSession) -> int:
        """How many were sent: none where both sides agreed on no SRTP, or Janus doesn't say that media is up."""
        profile = session.srtp_profile
        if profile not in PROFILES or not await publisher.stands(UP_SECONDS):
            return 0
        rtp = Rtp(OPUS, publisher.ssrc)
        srtp = Srtp(profile, session.exported(LABEL, material_size(profile)), rtp, 0)
        for number in range(PACKETS):
            packet = plain(rtp, number, bytes(SIZE), (LEVEL_ID, videoroom.level(number)))
            made.send(pair, srtp.protected(packet), pair.remote.endpoint)
            await self._ctx.net.sleep(INTERVAL_SECONDS)
        return PACKETS

    async def _settle(self, there: Room, bound: Said, mindex: int) -> None:
        """Until all is told, or what is not has no time left."""
        until = self._ctx.net.now() + SETTLE_SECONDS + 2 * (there.rtt or 0.0)
        while len(there.heard.of(bound.id, mindex)) < PACKETS and self._ctx.net.now() < until:
            await self._ctx.net.sleep(INTERVAL_SECONDS)

    def _told(self, named: CascadeFlow, there: Room, bound: Said, mindex: int) -> CascadeFlow:
        heard = there.heard.of(bound.id, mindex)
        arrived = min(_accounted(heard, PACKETS), named.sent)
        return _changed(named, arrived=arrived, failure=None if heard else Failure.TIMEOUT)


async def _called(publisher: Publisher) -> Said:
    await publisher.call()
    return Said()


def _secure(door: JanusDoor) -> bool:
    return door.url.startswith(("https:", "wss:"))


def _changed(flow: CascadeFlow, **fields: Any) -> CascadeFlow:
    return msgspec.structs.replace(flow, **fields)


def _accounted(told: Mapping[int, float], sent: int) -> int:
    """How many of these got there by what was told of them: of a silent one nothing is known to have."""
    return sent - videoroom.missing(set(told), sent) if told else 0


def _delay(
    passed: Mapping[int, float], arrived: Mapping[int, float], here: float | None, there: float | None
) -> float | None:
    """In milliseconds: the least time between both words about one packet, less what these take to us."""
    apart = [arrived[level] - at for level, at in passed.items() if level in arrived]
    if not apart:
        return None
    return round(max(min(apart) - ((there or 0.0) - (here or 0.0)) / 2, 0.0) * 1000, 2)


def _faults() -> tuple[type[Exception], ...]:
    from natprobe.net.http import FAULTS

    return (*FAULTS, JanusError, SdpError, Refusal)
