"""Media with what is as Janus's echo test: we control, it may find us first, and what it sends back is measured."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import pytest

from natprobe.asking import echoing
from natprobe.asking.association import associate
from natprobe.facts import IceCheck, IceEnded, MediaEcho, MediaHandshake
from natprobe.model import Failure, Observation, join
from natprobe.net.api import Udp
from natprobe.net.ice import UdpWay
from natprobe.wire.ice import Base, Remote
from tests.probes.echoing import OURS, Manners, Server, serving, sides
from tests.probes.loopback import LOOPBACK, Spoil, Spoiled, context
from tests.probes.seen import of

NOBODY = (LOOPBACK, 9)
GREATEST = 2**64 - 1
LARGE = 1200


async def _called(
    manners: Manners | None = None, spoil: Spoil = lambda _: False, *, advertised: bool = True, first: bool = False
) -> tuple[list[Observation], Server]:
    """`advertised`: the server names its address; `first`: its checks come before ours."""
    ctx = context()
    async with serving(manners or Manners(), OURS) as server:
        udp = cast("Udp", Spoiled(ctx.net.udp(4, LOOPBACK), spoil))
        if first:
            server.check(udp.local)
            await asyncio.sleep(0.01)
        try:
            remotes = [Remote(server.at if advertised else NOBODY, 2130706431)]
            ways = [UdpWay(udp, Base("udp", 4))]
            return [each async for each in associate(ctx, sides(server), remotes, ways, {})], server
        finally:
            udp.close()


def _echoes(found: list[Observation]) -> dict[bool, tuple[int, int, Failure | None]]:
    """By whether they are full-size: sent, received, failure."""
    return {each.size >= LARGE: (each.sent, each.received, each.failure) for each in of(found, MediaEcho)}


def _ended(found: list[Observation]) -> tuple[Any, ...]:
    (ended,) = of(found, IceEnded)
    return ended.endpoint, ended.pair, ended.controlling


def _shaken(found: list[Observation]) -> MediaHandshake:
    (handshake,) = of(found, MediaHandshake)
    assert isinstance(handshake, MediaHandshake)
    return handshake


ONCE = (1, 1, None)


@pytest.mark.parametrize("lite", [False, True])
@pytest.mark.parametrize("profile", ["SRTP_AES128_CM_SHA1_80", "SRTP_AEAD_AES_128_GCM"])
async def test_all_of_it_works(profile: str, lite: bool) -> None:
    found, server = await _called(Manners(lite=lite, profile=profile))
    assert _ended(found) == (join(*server.at), "advertised", True)
    assert {(each.size >= LARGE, each.verified) for each in of(found, IceCheck)} == {(False, True), (True, True)}
    handshake = _shaken(found)
    assert (handshake.failure, handshake.fingerprint) == (None, True)
    assert _echoes(found) == {False: ONCE, True: ONCE}
    assert server.came == {100: 1, LARGE: 1}
    echo = of(found, MediaEcho)[0]
    assert (echo.endpoint, echo.local, echo.flow) == (handshake.endpoint, handshake.local, handshake.flow)
    assert echo.rtt_ms is not None
    assert [each.heard > 0 for each in of(found, IceEnded)] == [False] if lite else [True]


@pytest.mark.parametrize("lite", [False, True])
async def test_its_checks_come_first_from_where_it_does_not_say_that_it_is(lite: bool) -> None:
    """As Janus with a wrong nat_1_1_mapping; ICE lite or not, libnice writes first (measured)."""
    found, server = await _called(Manners(lite=lite), advertised=False, first=True)
    assert _ended(found) == (join(*server.at), "peer-reflexive", True)
    assert not any(each.advertised for each in of(found, IceCheck))
    assert _echoes(found) == {False: ONCE, True: ONCE}


async def test_it_wants_our_role_and_gets_it() -> None:
    found, server = await _called(Manners(role="controlling", tie_breaker=GREATEST))
    assert _ended(found) == (join(*server.at), "advertised", False)
    assert _echoes(found) == {False: ONCE, True: ONCE}


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nine tries in a fifth of a second: on loopback nothing is late."""
    monkeypatch.setattr(echoing, "SEND_TIMES", tuple(number * 0.02 for number in range(9)))
    monkeypatch.setattr(echoing, "GIVE_UP", 0.2)


@pytest.mark.usefixtures("soon")
async def test_full_size_packets_that_only_go_out() -> None:
    """What no check shows: its answers are small."""
    found, server = await _called(Manners(echo="small"))
    assert all(each.verified for each in of(found, IceCheck))
    assert _echoes(found) == {False: ONCE, True: (9, 0, Failure.TIMEOUT)}
    assert server.came == {100: 1, LARGE: 9}


@pytest.mark.usefixtures("soon")
@pytest.mark.parametrize("echo", ["no", "reflect", "elsewhere"])
async def test_what_is_no_echo(echo: str) -> None:
    """Nothing, our own bytes as some device sends them back, and the right ones from the wrong place."""
    found, _ = await _called(Manners(echo=echo))
    assert _shaken(found).failure is None
    assert _echoes(found) == {False: (9, 0, Failure.TIMEOUT), True: (9, 0, Failure.TIMEOUT)}


async def test_without_srtp_there_is_no_media() -> None:
    found, server = await _called(Manners(profile=None))
    assert _shaken(found).failure is None
    assert (_echoes(found), server.came) == ({}, {})


async def test_a_packet_that_is_lost_is_sent_anew() -> None:
    """Not the same one: the other end would take it for a replay, had it only been the echo that was lost."""
    media: list[bytes] = []

    def spoil(data: bytes) -> bool:
        if 128 <= data[0] < 192:
            media.append(data)
        return data in media[:3]

    found, _ = await _called(spoil=spoil)
    assert {size: seen[1:] for size, seen in _echoes(found).items()} == {False: (1, None), True: (1, None)}
    assert sum(seen[0] for seen in _echoes(found).values()) == 5
    assert len(set(media)) == len(media)
