"""The TURN client over loopback's real sockets: with a relay that works, breaks, floods, and is none."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from itertools import count

import pytest
from aioice.stun import Method

from natprobe.model import Failure
from natprobe.net.api import Datagram, Reported
from natprobe.net.system import SystemNet
from natprobe.net.turn import Carrier, DatagramCarrier, StreamCarrier, TurnClient
from natprobe.wire.turn import Allocated, Allocation, Credentials, Data, Permitted, Splitter
from tests.lab.turn_server import TurnServer

# How TCP ends, with unread data or without.
_ENDED = (EOFError, ConnectionResetError)
HERE, PEER = "127.0.0.1", ("198.51.100.66", 9)
NET = SystemNet()


def machine(*, stream: bool) -> Allocation:
    numbers = count(1)
    return Allocation(lambda: next(numbers).to_bytes(12, "big"), Credentials("alice", "secret"), stream=stream)


def client(carrier: Carrier, allocation: Allocation) -> TurnClient:
    return TurnClient(NET, carrier, allocation)


async def over_udp(server: TurnServer) -> tuple[TurnClient, Callable[[], None]]:
    """A client, and what shuts the server up."""
    udp = NET.udp(4, HERE)

    async def serve() -> None:
        while True:
            event = await udp.receive()
            if isinstance(event, Datagram):
                for each in answers(server, event.data, stream=False):
                    udp.send(each, event.source)

    task = asyncio.create_task(serve())

    def shut() -> None:
        task.cancel()
        udp.close()

    allocation = machine(stream=False)
    return client(DatagramCarrier(NET.udp(4, HERE), (HERE, udp.local[1])), allocation), shut


async def over_tcp(server: TurnServer) -> tuple[TurnClient, Callable[[], None]]:
    there: list[asyncio.StreamWriter] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there.append(writer)
        splitter = Splitter(lambda _: True)
        while data := await reader.read(4096):
            for message in splitter.feed(data):
                writer.writelines(answers(server, message, stream=True))

    listening = await asyncio.start_server(serve, HERE, 0)
    stream = await NET.tcp((HERE, listening.sockets[0].getsockname()[1]))

    def shut() -> None:
        listening.close()
        for each in there:
            each.close()

    allocation = machine(stream=True)
    return client(StreamCarrier(stream, allocation), allocation), shut


def answers(server: TurnServer, message: bytes, *, stream: bool) -> list[bytes]:
    """What goes to a peer comes back from it."""
    answer = server.receive(message)
    echoes = [server.from_peer(peer, payload, stream=stream) for peer, payload in server.relayed]
    server.relayed.clear()
    return [answer, *echoes] if answer else echoes


@asynccontextmanager
async def relayed(kind: str, server: TurnServer) -> AsyncIterator[tuple[TurnClient, Callable[[], None]]]:
    """Allocated and PEER permitted."""
    made, shut = await {"udp": over_udp, "tcp": over_tcp}[kind](server)
    try:
        assert isinstance((await made.ask(made.allocation.allocate())).event, Allocated)
        assert isinstance((await made.ask(made.allocation.permit(PEER))).event, Permitted)
        yield made, shut
    finally:
        await made.aclose()
        shut()


def run(main: Awaitable[None]) -> list[str]:
    """What nobody awaited or looked at."""
    faults: list[str] = []

    async def bounded() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, context: faults.append(str(context)))
        async with asyncio.timeout(10):
            await main
        await asyncio.sleep(0)

    asyncio.run(bounded())
    return faults


@pytest.mark.parametrize("kind", ["udp", "tcp"])
def test_data_goes_there_and_back_and_the_relay_is_given_back(kind: str) -> None:
    server = TurnServer()

    async def main() -> None:
        async with relayed(kind, server) as (made, _):
            for payload in (b"", b"abc", bytes(1200)):
                await made.send(payload, PEER)
                event, at = await made.receive()
                assert event == Data(PEER, payload, None)
                assert at <= NET.now()
            assert server.allocation == 4
        assert server.allocation is None

    assert run(main()) == []
    assert [each.message_method for each in server.seen][-1] is Method.REFRESH


def test_closing_twice_says_goodbye_once() -> None:
    server = TurnServer()

    async def main() -> None:
        async with relayed("udp", server) as (made, _):
            await made.aclose()
            await made.aclose()

    assert run(main()) == []
    assert [each.message_method for each in server.seen].count(Method.REFRESH) == 1


def test_a_cancelled_request_leaves_nothing_behind_but_the_goodbye() -> None:
    server = TurnServer()

    async def main() -> None:
        async with relayed("udp", server) as (made, _):
            asking = asyncio.create_task(made.ask(made.allocation.permit(("198.51.100.67", 9))))
            await asyncio.sleep(0)
            asking.cancel()
            with pytest.raises(asyncio.CancelledError):
                await asking
            assert made._answers == {}
        assert server.allocation is None

    assert run(main()) == []


def test_a_connection_that_breaks_ends_whatever_waits() -> None:
    async def main() -> None:
        async with relayed("tcp", TurnServer()) as (made, shut):
            waiting = asyncio.create_task(made.receive())
            asking = asyncio.create_task(made.ask(made.allocation.permit(("198.51.100.67", 9))))
            shut()
            with pytest.raises(_ENDED):
                await waiting
            await asking
            with pytest.raises(_ENDED):
                await made.send(b"", PEER)
            with pytest.raises(_ENDED):
                await made.receive()
            assert (await made.ask(made.allocation.permit(PEER))).failure in (Failure.CLOSED, Failure.RESET)

    assert run(main()) == []


def test_a_port_where_nothing_listens() -> None:
    async def main() -> None:
        made, shut = await over_udp(TurnServer())
        shut()
        async with made:
            began = NET.now()
            ended = await made.ask(made.allocation.allocate())
            assert (ended.failure, ended.icmp, ended.event) == (Failure.PORT_UNREACHABLE, "3/3", None)
            assert NET.now() - began < 0.2
            with pytest.raises(Reported):
                await made.receive()

    assert run(main()) == []


def test_silence_has_its_tries_and_no_long_goodbye() -> None:
    async def main() -> None:
        udp = NET.udp(4, HERE)
        allocation = machine(stream=False)
        made = client(DatagramCarrier(NET.udp(4, HERE), (HERE, udp.local[1])), allocation)
        ended = await made.ask(allocation.allocate(), (0.0, 0.05, 0.1), 0.2)
        assert (ended.failure, ended.tries) == (Failure.TIMEOUT, 3)
        began = NET.now()
        await made.aclose()
        assert NET.now() - began < 0.1
        udp.close()

    assert run(main()) == []


def test_a_flood_of_a_peer_is_bounded() -> None:
    server = TurnServer()

    async def main() -> None:
        async with relayed("tcp", server) as (made, _):
            for number in range(2000):
                await made.send(b"%d" % number, PEER)
            await asyncio.sleep(0.5)
            assert len(made._from_peers) == 512
            event, _ = await made.receive()
            assert isinstance(event, Data)
        assert server.allocation is None

    assert run(main()) == []
