"""Full ICE, DTLS and full-size packets with the bridge's stand-in, on loopback, and through wires that spoil one."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import cast

import pytest

from natprobe.asking.association import Sides, associate
from natprobe.asking.holding import Hold
from natprobe.facts import IceCheck, IceEnded, MediaHandshake
from natprobe.model import Failure, Observation
from natprobe.net.api import Udp
from natprobe.net.dtls import DtlsSession
from natprobe.net.ice import UdpWay
from natprobe.pairing import IceCredentials
from natprobe.wire.ice import Base, Remote
from natprobe.wire.identity import new_identity
from tests.jitsi.agent import Remote as TheirRemote
from tests.jitsi.bridge import Allocated, Bridge
from tests.jitsi.sockets import Sockets
from tests.probes.loopback import LOOPBACK, NOW, Spoil, Spoiled, context

PORT = 10137
OURS = IceCredentials(ufrag="natprobe", password="a password of twenty-two")


@asynccontextmanager
async def _bridge() -> AsyncIterator[tuple[Bridge, Sockets]]:
    bridge = Bridge([(LOOPBACK, PORT)], random.Random(7))
    sockets = Sockets(bridge, [LOOPBACK], PORT)
    await sockets.open()
    try:
        yield bridge, sockets
    finally:
        await sockets.close()


async def _associated(
    spoil: Spoil, announced: str = "", holds: Callable[[IceEnded], Hold] | None = None
) -> list[Observation]:
    ctx = context()
    async with _bridge() as (bridge, sockets):
        offered = bridge.allocate("us", asyncio.get_running_loop().time())
        sides = _sides(offered, announced)
        theirs = TheirRemote(OURS.ufrag, OURS.password, sides.identity.fingerprint)
        bridge.accept(offered.ufrag, theirs, asyncio.get_running_loop().time())
        sockets.wake()
        udp = cast("Udp", Spoiled(ctx.net.udp(4, LOOPBACK), spoil))
        try:
            remotes = [Remote((LOOPBACK, PORT), 2130706431)]
            ways = [UdpWay(udp, Base("udp", 4))]
            return [each async for each in associate(ctx, sides, remotes, ways, {}, holds)]
        finally:
            udp.close()


def _sides(offered: Allocated, announced: str) -> Sides:
    return Sides(
        session="media/2",
        ours=OURS,
        theirs=IceCredentials(ufrag=offered.ufrag, password=offered.pwd),
        identity=new_identity(NOW),
        announced=(("sha-256", announced or offered.fingerprint),),
        controlling=False,
    )


def _of(found: list[Observation]) -> tuple[IceEnded, list[IceCheck], MediaHandshake]:
    (ended,) = [each for each in found if isinstance(each, IceEnded)]
    (handshake,) = [each for each in found if isinstance(each, MediaHandshake)]
    return ended, [each for each in found if isinstance(each, IceCheck)], handshake


async def test_all_of_it_works() -> None:
    ended, checks, handshake = _of(await _associated(lambda _: False))
    assert (ended.endpoint, ended.pair, ended.controlling) == (f"{LOOPBACK}:{PORT}", "advertised", False)
    assert {(each.size >= 1200, each.verified) for each in checks} == {(False, True), (True, True)}
    assert (handshake.failure, handshake.fingerprint, handshake.protocol) == (None, True, "DTLSv1.2")


async def test_dtls_that_is_dropped_is_told_by_the_checks_beside_it() -> None:
    _, checks, handshake = _of(await _associated(lambda data: data[:1] in (b"\x14", b"\x15", b"\x16", b"\x17")))
    assert all(each.verified for each in checks)
    assert (handshake.failure, handshake.heard, handshake.control) == (Failure.TIMEOUT, 0, True)
    assert handshake.tries >= 9


async def test_full_size_packets_that_vanish() -> None:
    _, checks, _ = _of(await _associated(lambda data: len(data) > 1000))
    (large,) = [each for each in checks if each.size >= 1200]
    assert (large.failure, large.tries, large.verified) == (Failure.TIMEOUT, 9, False)


async def test_another_certificate_than_announced() -> None:
    *_, handshake = _of(await _associated(lambda _: False, announced=":".join(["AB"] * 32)))
    assert (handshake.failure, handshake.fingerprint) == (Failure.TLS_CERTIFICATE, False)


async def test_dtls_ends_with_a_hold_that_is_interrupted(monkeypatch: pytest.MonkeyPatch) -> None:
    """The bridge is told (close_notify), and need not find out by itself."""
    held, closed = asyncio.Event(), list[DtlsSession]()
    real = DtlsSession.close

    def close(self: DtlsSession) -> None:
        closed.append(self)
        real(self)

    monkeypatch.setattr(DtlsSession, "close", close)

    async def renew() -> None:
        held.set()

    hold = Hold(seconds=60.0, over=lambda: None, renew=renew)
    going = asyncio.create_task(_associated(lambda _: False, holds=lambda _: hold))
    await held.wait()
    assert closed == []
    going.cancel()
    await asyncio.gather(going, return_exceptions=True)
    assert len(closed) == 1


async def test_nothing_passes() -> None:
    (ended,) = await _associated(lambda _: True)
    assert isinstance(ended, IceEnded)
    assert (ended.failure, ended.pairs, ended.endpoint) == (Failure.TIMEOUT, 1, None)


@pytest.mark.parametrize("seed", range(4))
async def test_a_lossy_way_is_never_called_filtered(seed: int) -> None:
    chance = random.Random(seed)
    *_, handshake = _of(await _associated(lambda _: chance.random() < 0.15))
    assert handshake.failure is None or handshake.heard
