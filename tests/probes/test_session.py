"""The session probe, whoever signalled: what it asks of a session that waits, and what it tells of it."""

from __future__ import annotations

import asyncio
import errno
from collections.abc import Sequence
from typing import Any

import msgspec
import pytest

from natprobe.asking.association import Sides
from natprobe.context import Context
from natprobe.facts import Candidate, Facts, IceCheck, IceEnded, JanusEnd, MediaEcho, MediaHandshake, Probed
from natprobe.model import Failure, Observation, join
from natprobe.pairing import IceCredentials
from natprobe.probes import session
from natprobe.wire.ice import Endpoint, Remote
from tests.probes.echoing import OURS, Manners, Server, serving, serving_tcp, sides
from tests.probes.loopback import LOOPBACK, context

WHERE = (LOOPBACK, 10000)


class Waits:
    """One that waits, and what was asked of it. `fault`: accepting it fails this way."""

    def __init__(self, server: Server | None = None, fault: Exception | None = None, *, tcp: bool = False) -> None:
        self.name = "janus/2"
        self.theirs = server.own if server is not None else IceCredentials(ufrag="a", password="b")
        self.remotes: Sequence[Remote] = [Remote(WHERE if server is None else server.at, 1)]
        self.streams: Sequence[Remote] = [Remote(server.at, 1)] if tcp and server is not None else []
        self.hosts: list[Endpoint] = []
        self._server, self._fault = server, fault

    async def accept(self, ctx: Context, hosts: Sequence[Endpoint]) -> Sides:
        if self._fault is not None:
            raise self._fault
        assert self._server is not None
        self.hosts += hosts
        return sides(self._server)

    def over(self) -> str | None:
        return None

    async def awake(self) -> None:
        pass

    def told(self) -> JanusEnd | None:
        assert self._server is not None
        dtls = self._server.dtls
        return JanusEnd(handle=2, up=dtls.keys is not None, reason="DTLS alert" if dtls.closed else None)


async def _probed(ctx: Context, *checks: IceCheck, ended: bool = True) -> list[Observation]:
    """Once the probes that it waits for have ended, where they have, with what they saw."""
    ends = [Probed(status="complete", probe=name) for name in ("media", "relayed", "turn", "tcp")]
    facts = Facts(ctx.target, [Candidate(endpoint=join(*WHERE), transport="udp"), *checks, *(ends if ended else [])])
    return [each async for each in session.probe(ctx, facts)]


async def test_nobody_waits() -> None:
    """A `natprobe serve` has candidates and no session: not a moment is lost over it."""
    ctx = context()
    assert await _probed(ctx, ended=False) == []


@pytest.mark.parametrize(
    ("fault", "failure"),
    [(EOFError("gone"), Failure.CLOSED), (ConnectionResetError(errno.ECONNRESET, "reset"), Failure.RESET)],
)
async def test_signalling_is_gone(fault: Exception, failure: Failure) -> None:
    ctx = context()
    ctx.keep.put("waiting/2", Waits(fault=fault))
    (ended,) = await _probed(ctx)
    assert isinstance(ended, IceEnded)
    assert (ended.failure, ended.session, ended.endpoint) == (failure, "janus/2", None)


async def test_what_signalling_said_stands_at_the_end_without_the_answer_to_our_goodbye() -> None:
    ctx = context()
    async with serving(Manners(), OURS) as server:
        one = Waits(server)
        ctx.keep.put("waiting/2", one)
        found = await _probed(ctx)
        await asyncio.sleep(0.02)
        assert server.dtls.closed
    kinds = [type(each) for each in found]
    assert kinds.count(MediaEcho) == 2
    assert kinds[-1] is JanusEnd
    assert _fields(found[-1]) == {"handle": 2, "up": True, "reason": None}
    assert [each.local for each in found if isinstance(each, IceEnded)] == [join(*each) for each in one.hosts]


class TestOverTcp:
    def checks(self, server: Server) -> list[IceCheck]:
        """Through a relay, and straight by TCP."""
        relayed = IceCheck(
            endpoint=join(*WHERE), transport="udp", size=92, verified=True, leg="udp", relayed="192.0.2.1:1"
        )
        return [relayed, IceCheck(endpoint=join(*server.at), transport="tcp", size=92, verified=True)]

    async def test_media_goes_there_and_back_on_the_session_that_was_asked(self) -> None:
        """Before any relay, and without a candidate of ours: it is not UDP."""
        ctx = context()
        async with serving_tcp(Manners(lite=True), OURS) as server:
            one = Waits(server, tcp=True)
            ctx.keep.put("waiting/1", one)
            found = await _probed(ctx, *self.checks(server))
            assert server.came == {100: 1, 1200: 1}
        (ended,) = [each for each in found if isinstance(each, IceEnded)]
        assert (ended.endpoint, ended.pair, ended.failure) == (join(*server.at), "advertised", None)
        assert [each.transport for each in found if isinstance(each, IceCheck)] == ["tcp", "tcp"]
        assert [each.failure for each in found if isinstance(each, MediaHandshake)] == [None]
        assert [each.received for each in found if isinstance(each, MediaEcho)] == [1, 1]
        assert all(each.flow.startswith("tcp/") for each in found if isinstance(each, (IceEnded, IceCheck, MediaEcho)))
        assert one.hosts == []

    async def test_only_where_the_session_has_such_a_candidate(self) -> None:
        ctx = context()
        async with serving_tcp(Manners(lite=True), OURS) as server:
            ctx.keep.put("waiting/1", Waits(server))
            assert await _probed(ctx, *self.checks(server)) == []

    async def test_a_connection_that_stands_no_longer_adds_nothing(self) -> None:
        ctx = context()
        async with serving_tcp(Manners(lite=True), OURS) as server:
            ctx.keep.put("waiting/1", Waits(server, tcp=True))
        assert await _probed(ctx, *self.checks(server)) == []


def _fields(told: Observation) -> dict[str, Any]:
    return {name: msgspec.structs.asdict(told)[name] for name in ("handle", "up", "reason")}
