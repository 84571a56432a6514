"""The ICE session on real sockets, beside aioice's own agent; DTLS over the pair that they agree on."""

from __future__ import annotations

import asyncio
import random
from typing import Literal

import aioice
import pytest

from natprobe.net.ice import Association, StreamWay, UdpWay
from natprobe.net.system import SystemNet
from natprobe.pairing import IceCredentials
from natprobe.wire import stun
from natprobe.wire.ice import Agent, Base, Remote

LOOPBACK = "127.0.0.1"


def _agent(theirs: aioice.Connection, controlling: bool) -> Agent:
    chance = random.SystemRandom()
    remotes = [Remote((each.host, each.port), each.priority) for each in theirs.local_candidates]
    return Agent(
        IceCredentials(ufrag="ours", password="a password of twenty-two"),
        IceCredentials(ufrag=theirs.local_username, password=theirs.local_password),
        remotes,
        controlling=controlling,
        tie_breaker=chance.getrandbits(64),
        transaction_id=lambda: chance.randbytes(12),
    )


@pytest.mark.parametrize("controlling", [True, False])
async def test_it_agrees_with_another_implementation(controlling: bool) -> None:
    theirs = aioice.Connection(ice_controlling=not controlling)
    theirs._local_candidates = await theirs.get_component_candidates(1, [LOOPBACK])
    theirs._local_candidates_end = True
    theirs.remote_username, theirs.remote_password = "ours", "a password of twenty-two"
    net, chance = SystemNet(), random.SystemRandom()
    udp = net.udp(4, LOOPBACK)
    try:
        async with Association(net, _agent(theirs, controlling), [UdpWay(udp, Base("udp", 4))]) as ours:
            await theirs.add_remote_candidate(
                aioice.Candidate("1", 1, "udp", 2130706431, LOOPBACK, udp.local[1], "host")
            )
            await theirs.add_remote_candidate(None)
            await theirs.connect()
            pair = await ours.settled(3.0)
            assert pair is not None
            large = stun.ice_check(
                chance.randbytes(12),
                user=f"{theirs.local_username}:ours",
                password=theirs.local_password,
                tie_breaker=1,
                controlling=controlling,
                size=1200,
            )
            answer, tries, rtt = await ours.answered(pair, large, (0.0, 0.25), 1.0)
            assert answer is not None
            assert (tries, rtt is not None) == (1, True)
            await theirs.send(b"\x16\xfe\xfd media")
            assert (await ours.heard()).data == b"\x16\xfe\xfd media"
            ours.media(pair).send(b"\x80 more", pair.remote.endpoint)
            assert await theirs.recv() == b"\x80 more"
    finally:
        udp.close()
        await theirs.close()


async def test_nobody_there_is_told_after_the_time_given() -> None:
    net, chance = SystemNet(), random.SystemRandom()
    udp, silent = net.udp(4, LOOPBACK), net.udp(4, LOOPBACK)
    agent = Agent(
        IceCredentials(ufrag="ours", password="a password of twenty-two"),
        IceCredentials(ufrag="them", password="another password of theirs"),
        [Remote(silent.local, 1)],
        controlling=False,
        tie_breaker=1,
        transaction_id=lambda: chance.randbytes(12),
    )
    began = net.now()
    try:
        async with Association(net, agent, [UdpWay(udp, Base("udp", 4))]) as ours:
            assert await ours.settled(0.6) is None
    finally:
        udp.close()
        silent.close()
    assert net.now() - began < 0.9
    assert agent.pairs[0].tries == 2


class _Flood:
    """A connection that has a thousand small packets ready, without any waiting."""

    local, remote = ("127.0.0.1", 1), ("127.0.0.1", 2)

    def __init__(self) -> None:
        self._ready = [b"\0\1x" * 1000]

    async def read(self, limit: int = 65536) -> bytes:  # a Stream's
        return self._ready.pop() if self._ready else b""

    async def write(self, data: bytes) -> None:
        """See api.Stream."""

    def close(self) -> None:
        """See api.Stream."""


async def test_a_flood_over_tcp_leaves_others_their_turn() -> None:
    way, taken = StreamWay(_Flood(), Base("tcp", 4), ("127.0.0.1", 2)), []

    async def read() -> None:
        while True:
            taken.append(await way.receive())

    reading = asyncio.create_task(read())
    for _ in range(5):
        await asyncio.sleep(0)
    assert 0 < len(taken) <= 5
    with pytest.raises(EOFError):
        await reading
    assert taken == [(b"x", ("127.0.0.1", 2))] * len(taken)
    assert len(taken) >= 998


class _Stuck:
    """A way that brings a thousand checks, each to be answered, and takes nothing."""

    transport: Literal["udp", "tcp"] = "tcp"
    base, local = Base("tcp", 4), ("127.0.0.1", 1)
    left = 1000

    def __init__(self) -> None:
        self.emptied = asyncio.Event()

    async def send(self, data: bytes, to: tuple[str, int]) -> None:  # a Way's
        await asyncio.Event().wait()

    async def receive(self) -> tuple[bytes, tuple[str, int]]:
        self.left -= 1
        if self.left < 0:
            self.emptied.set()
            await asyncio.Event().wait()
        number = self.left.to_bytes(12, "big")
        check = stun.ice_check(number, user="ours:them", password="p" * 22, tie_breaker=5, controlling=False)
        return check, ("127.0.0.1", 2)


async def test_answers_that_nobody_takes_are_bounded() -> None:
    agent = Agent(
        IceCredentials(ufrag="ours", password="p" * 22),
        IceCredentials(ufrag="them", password="q" * 22),
        [Remote(("127.0.0.1", 2), 1)],
        controlling=True,
        tie_breaker=1,
        transaction_id=lambda: b"twelve bytes",
    )
    way = _Stuck()
    async with Association(SystemNet(), agent, [way]) as ours:
        await asyncio.wait_for(way.emptied.wait(), 10)
        assert ours._out["tcp"].qsize() <= 256
