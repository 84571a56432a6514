"""Signalling left alone: a real Prosody behind a real nginx that waits or doesn't, a server of few words, a proxy."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Iterator, Sequence
from socket import SO_LINGER, SOL_SOCKET
from typing import Any

import msgspec
import pytest

from natprobe.asking.ways import ROUTES, Way
from natprobe.asking.xmpp import XmppSession
from natprobe.facts import Facts, IdleTunnel, JitsiConfig, ProxyChoice, SignallingIdle, SignIn
from natprobe.model import Failure, HostName, Observation
from natprobe.probes import standing
from natprobe.wire import xmpp
from tests import prosody
from tests.probes.test_signalling import BINDS, BOUND, GUESTS, OPEN, SUCCESS, stream_error
from tests.signing import NAME, Signed, Talk, frame, heard, listening, signed_in, upgraded
from tests.tunnelling import proxy

LOOPBACK = "127.0.0.1"
real = pytest.mark.skipif(bool(prosody.missing()), reason=f"{prosody.missing()} is not installed")
WAYS = ({"websocket": "{}/xmpp-websocket"}, {"websocket": None, "bosh": "{}/http-bind"})


@pytest.fixture(scope="module")
def ports(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[int, int]]:
    with prosody.serving(tmp_path_factory.mktemp("prosody"), NAME) as found:
        yield found


async def left(seen: Signed) -> list[Observation]:
    return [each async for each in standing.probe(seen.context, seen.facts)]


def below(way: dict[str, str | None], folder: str) -> dict[str, Any]:
    return {name: path and path.format(folder) for name, path in way.items()}


@real
@pytest.mark.parametrize("way", WAYS, ids=["websocket", "bosh"])
async def test_a_stream_that_lives(ports: tuple[int, int], way: dict[str, str | None]) -> None:
    async with signed_in(ports[1], secure=True, idle=0.3, **below(way, "")) as seen:
        (found,) = await left(seen)
    assert isinstance(found, SignallingIdle)
    assert (found.failure, found.via, found.endpoint, found.idle) == (None, None, f"{LOOPBACK}:{ports[1]}", 0.3)
    assert found.transport == ("websocket" if way["websocket"] else "bosh")
    assert found.lasted is not None
    assert found.lasted >= 0.3
    assert found.rtt_ms is not None


@real
@pytest.mark.parametrize(
    ("way", "failure"), [(WAYS[0], Failure.CLOSED), (WAYS[1], Failure.HTTP_STATUS)], ids=["websocket", "bosh"]
)
async def test_a_stream_that_the_front_cuts(
    ports: tuple[int, int], way: dict[str, str | None], failure: Failure
) -> None:
    """As soon as it comes, and not when the time is over."""
    async with signed_in(ports[1], secure=True, idle=30, **below(way, "/quiet")) as seen:
        async with asyncio.timeout(20):
            (found,) = await left(seen)
    assert isinstance(found, SignallingIdle)
    assert (found.failure, found.rtt_ms) == (failure, None)
    assert found.lasted is not None
    assert 1.0 <= found.lasted < 15


def speaks(*, then: str, answer: str = "") -> Talk:
    """Signs everybody in. `then`: what it does to the first that says no word for a tenth of a second; nothing is said
    to a ping but `answer`.
    """
    turns = ((OPEN, GUESTS), (SUCCESS,), (OPEN, BINDS), (BOUND,))

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await upgraded(reader, writer)
        for turn in turns:
            await heard(reader)
            writer.writelines(frame(each) for each in turn)
        if then == "pings":
            asked = xmpp.parse((await heard(reader)).partition(":")[2])
            assert asked.find(f"{{{xmpp.PING}}}ping") is not None
            writer.write(frame(answer.format(asked.get("id"))) if answer else b"")
            await reader.read()
        await asyncio.sleep(0.1)
        if then == "reset":
            writer.get_extra_info("socket").setsockopt(SOL_SOCKET, SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()
        elif then == "tells":
            writer.write(frame(stream_error("connection-timeout", "psst")))
            await reader.read()

    return talk


ERROR = "<iq xmlns='jabber:client' type='error' id='{}'><error type='cancel'/></iq>"


@pytest.mark.parametrize(
    ("talk", "failure"),
    [
        (speaks(then="pings", answer=ERROR), None),
        (speaks(then="pings"), Failure.TIMEOUT),
        (speaks(then="closes"), Failure.CLOSED),
        (speaks(then="reset"), Failure.RESET),
        (speaks(then="tells"), Failure.ERROR_RESPONSE),
    ],
    ids=["an error is an answer", "no answer", "closed", "reset", "ended by a word"],
)
async def test_how_it_ends(talk: Talk, failure: Failure | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(standing, "PING_SECONDS", 0.3)
    pings = failure in (None, Failure.TIMEOUT)
    async with listening(talk) as port, signed_in(port, idle=0.2 if pings else 20) as seen:
        found = [each for each in await left(seen) if isinstance(each, SignallingIdle)]
        # Who stays on the path with --hold speaks on all sessions that lie in the drawer.
        assert seen.context.keep.all(XmppSession) == [seen.session(1)]
    assert [each.failure for each in found] == [failure]
    assert "psst" not in repr(found)
    assert found[0].lasted is not None
    assert found[0].lasted < 15


async def test_who_is_not_let_in_again_says_so() -> None:
    first = [True]

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if first.pop() if first else False:
            await speaks(then="pings")(reader, writer)

    async with listening(talk) as port, signed_in(port, idle=0.1) as seen:
        (found,) = await left(seen)
    assert isinstance(found, SignallingIdle)
    assert (found.failure, found.lasted, found.rtt_ms) == (Failure.CLOSED, None, None)


async def test_a_door_that_was_only_looked_at_is_none() -> None:
    async with listening(speaks(then="pings")) as port, signed_in(port, idle=0.1) as seen:
        looked = msgspec.structs.replace(seen.one(SignIn), reached="stream")
        facts = Facts(seen.context.target, [*seen.facts.of(JitsiConfig), looked])
        assert [each async for each in standing.probe(seen.context, facts)] == []


# --- through a proxy


def leading(to: int, cuts: float | None) -> Talk:
    """A proxy that leads everybody to one port, and cuts what carries nothing for so long (seconds)."""

    async def carry(source: asyncio.StreamReader, to: asyncio.StreamWriter, spoken: asyncio.Event) -> None:
        while data := await source.read(65536):
            spoken.set()
            to.write(data)

    async def quiet(spoken: asyncio.Event) -> None:
        while True:
            spoken.clear()
            async with asyncio.timeout(cuts):
                await spoken.wait()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(f"CONNECT {NAME}:".encode())
        inner_reader, inner_writer = await asyncio.open_connection(LOOPBACK, to)
        writer.write(b"HTTP/1.1 200 Led\r\n\r\n")
        spoken = asyncio.Event()
        works = (carry(reader, inner_writer, spoken), carry(inner_reader, writer, spoken), quiet(spoken))
        tasks = [asyncio.create_task(each) for each in works]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            inner_writer.transport.abort()
            for each in tasks:
                each.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    return talk


@real
@pytest.mark.parametrize(
    ("folder", "cuts", "signalling", "tunnel"),
    [("", None, None, None), ("/quiet", None, Failure.CLOSED, None), ("", 1.0, Failure.CLOSED, Failure.CLOSED)],
    ids=["nobody cuts", "the front cuts", "the proxy cuts"],
)
async def test_an_empty_tunnel_tells_who_cuts(
    ports: tuple[int, int], folder: str, cuts: float | None, signalling: Failure | None, tunnel: Failure | None
) -> None:
    async with listening(leading(ports[1], cuts)) as there:

        class Routed:
            async def to(self, host: HostName, port: int) -> Sequence[Way]:
                return (Way(address=LOOPBACK, proxy=proxy(port=there)),)

            async def choice(self, host: HostName, port: int, purpose: str = "web") -> ProxyChoice:
                raise AssertionError("nobody asks")

        kept: dict[str, object] = {ROUTES: Routed()}
        way = f"{folder}/xmpp-websocket"
        async with signed_in(ports[1], secure=True, idle=2.0, websocket=way, kept=kept) as seen:
            found = Facts(seen.context.target, await left(seen))
    (quiet,), (empty,) = found.of(SignallingIdle), found.of(IdleTunnel)
    assert (quiet.failure, empty.failure) == (signalling, tunnel)
    assert quiet.via == empty.via == proxy(port=there).shown
    assert quiet.endpoint == empty.endpoint == f"{LOOPBACK}:{there}"
    assert (empty.host, empty.port, empty.rtt_ms is None) == (NAME, ports[1], tunnel is not None)
