"""The responder on this machine's own sockets; every packet stays on loopback."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections.abc import AsyncIterator
from typing import Any, ClassVar

import pytest

from natprobe.host.api import InterfaceAddress
from natprobe.host.system import SystemHost
from natprobe.model import Failure
from natprobe.net.listen import TcpListener
from natprobe.net.system import SystemNet
from natprobe.serve import streams
from natprobe.serve.opening import Refused, Sockets, pairs
from natprobe.serve.server import CannotListen, Contact, Listening, ServeConfig, own_addresses, running, serve
from natprobe.wire import stun
from tests.serve.client import ID, OURS, Endpoint, ask, ask_tcp, check, free_ports, go, taken, verifies


def config(*addresses: str, **changed: Any) -> ServeConfig:
    given: dict[str, Any] = {"credentials": OURS, "addresses": addresses, "udp": (0,), "tcp": (0,)}
    return ServeConfig(**given | changed)


@contextlib.asynccontextmanager
async def server(*addresses: str, **changed: Any) -> AsyncIterator[Listening]:
    async with running(config(*addresses, **changed), SystemNet(), SystemHost()) as listening:
        yield listening


@pytest.mark.parametrize("address", ["127.0.0.1", "127.0.0.2", "::1"])
def test_binding_and_ice_checks_over_udp(address: str) -> None:
    async def work() -> None:
        async with server("127.0.0.1", "127.0.0.2", "::1") as listening:
            to = next(each for each in listening.udp if each[0] == address)
            outcome, asker = await ask(stun.binding_request(ID), to)
            assert outcome.packet is not None
            found = outcome.packet.message.attributes
            assert found["XOR-MAPPED-ADDRESS"] == asker.local
            assert found["RESPONSE-ORIGIN"] == to == outcome.responder
            assert ("OTHER-ADDRESS" in found) == (address != "::1")
            for size in (0, 1200):
                assert verifies((await ask(check(size=size), to))[0])
            refused, _ = await ask(check(password="wrong" * 5), to)
            assert refused.failure is Failure.UNAUTHORIZED

    go(work)


def test_own_socket_of_each_address_and_one_port_for_all() -> None:
    async def work() -> None:
        async with server("127.0.0.1", "::1") as listening:
            assert [address for address, _ in listening.udp] == ["127.0.0.1", "::1"]
            assert len({port for _, port in listening.udp}) == 1
            assert len({port for _, port in listening.tcp}) == 1
            assert listening.discovery == ()

    go(work)


@pytest.mark.parametrize("change", [2, 4, 6])
def test_change_request_is_answered_from_the_other_socket(change: int) -> None:
    async def work() -> None:
        async with server("127.0.0.1", "127.0.0.2") as listening:
            assert len(listening.discovery) == 4
            here = listening.udp[0]
            other = dict(zip(listening.discovery[::2], listening.discovery[1::2], strict=True))[here]
            outcome, asker = await ask(stun.binding_request(ID, CHANGE_REQUEST=change), here, 0.3)
            sender = (other[0] if change & 4 else here[0], other[1] if change & 2 else here[1])
            assert outcome.responder == sender  # the asker reports it as a wrong sender
            assert list(asker.strays) == [(sender, "wrong-sender")]

    go(work)


def test_alternate_port_is_the_next_one() -> None:
    async def work() -> None:
        port = free_ports(2)
        async with server("127.0.0.1", "127.0.0.2", udp=(port,)) as listening:
            assert {each[1] for each in listening.discovery} == {port, port + 1}
        async with server("127.0.0.1", "127.0.0.2", udp=(port, port + 1)) as listening:
            assert len(listening.udp) == len(listening.discovery) == 4

    go(work)


def test_alternate_port_in_use_leaves_a_plain_server() -> None:
    async def work() -> None:
        port = free_ports(2)
        with taken(socket.SOCK_DGRAM, "127.0.0.2", port + 1):
            async with server("127.0.0.1", "127.0.0.2", udp=(port,)) as listening:
                assert listening.discovery == ()
                assert [each.sentence() for each in listening.refused] == [
                    f"UDP port {port + 1} is in use by another program on 127.0.0.2"
                ]
                outcome, _ = await ask(stun.binding_request(ID), listening.udp[0])
                assert outcome.failure is None

    go(work)


@pytest.mark.parametrize("framed", [False, True])
def test_tcp(framed: bool) -> None:
    async def work() -> None:
        async with server("127.0.0.1", "::1") as listening:
            for to in listening.tcp:
                plain = await ask_tcp(stun.binding_request(ID), to, framed)
                assert plain.packet is not None
                assert plain.packet.message.attributes["RESPONSE-ORIGIN"] == to
                assert verifies(await ask_tcp(check(size=1200), to, framed))
                refused = await ask_tcp(check(password="wrong" * 5), to, framed)
                assert refused.failure is Failure.UNAUTHORIZED

    go(work)


def test_tcp_garbage_in_pieces_and_several_at_once() -> None:
    async def work() -> None:
        async with server("127.0.0.1") as listening:
            to = listening.tcp[0]
            reader, writer = await asyncio.open_connection(*to)
            request = stun.binding_request(ID)
            writer.write(request[:7])
            await asyncio.sleep(0.05)
            writer.write(request[7:] + request + request)
            answers = b""
            while answers.count(ID) < 3:
                answers += await reader.read(1000)
            writer.close()
            assert await said(to, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n") == b""
            assert await said(to, b"\x16\x03\x01" + bytes(200)) == b""
            # A frame longer than any message expected is cut off before it fills the memory.
            assert await said(to, b"\xff\xff" + b"\0\1\0\0\x21\x12\xa4\x42" + bytes(9000)) == b""
            # DTLS inside of frames, after STUN, gets silence, and the next request its answer.
            framed = stun.frame(request) + stun.frame(b"\x16\xfe\xfd" + bytes(50)) + stun.frame(request)
            assert (await said(to, framed, end=True)).count(ID) == 2

    go(work)


def test_tcp_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "CONNECTIONS_EACH", 3)
    monkeypatch.setattr(streams, "CONNECTIONS_MAX", 4)
    monkeypatch.setattr(streams, "MESSAGES_MAX", 5)
    monkeypatch.setattr(streams, "IDLE_SECONDS", 0.5)

    async def work() -> None:
        async with server("127.0.0.1", "::1") as listening:
            four, six = listening.tcp
            assert (await said(four, stun.binding_request(ID) * 9)).count(ID) == 5
            opened = [await asyncio.open_connection(*four) for _ in range(4)]
            began = asyncio.get_running_loop().time()
            assert await opened[3][0].read(1) == b""  # one over its address's share: at once
            assert asyncio.get_running_loop().time() - began < 0.3
            opened += [await asyncio.open_connection(*six) for _ in range(2)]
            assert await opened[5][0].read(1) == b""  # one over all
            opened[0][1].write(b"\0")  # a trickle doesn't prolong it
            assert await closed(opened[0][0]) == b""
            assert 0.3 < asyncio.get_running_loop().time() - began < 1.5
            await asyncio.sleep(0.3)
            assert ID in await said(four, stun.binding_request(ID), end=True)  # the places are free again
            for _, writer in opened:
                writer.close()

    go(work)


async def said(to: Endpoint, data: bytes, end: bool = False) -> bytes:
    """Everything that comes back before the server closes."""
    reader, writer = await asyncio.open_connection(*to)
    writer.write(data)
    if end:
        writer.write_eof()
    try:
        return await closed(reader)
    finally:
        writer.close()


async def closed(reader: asyncio.StreamReader) -> bytes:
    """Everything up to the end, which a reset may be where bytes were left unread."""
    found = b""
    with contextlib.suppress(ConnectionResetError):
        while data := await asyncio.wait_for(reader.read(65536), 3):
            found += data
    return found


def test_rate_limit_over_udp() -> None:
    async def work() -> None:
        async with server("127.0.0.1") as listening:
            loop = asyncio.get_running_loop()
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
                client.setblocking(False)
                client.connect(listening.udp[0])
                for _ in range(300):
                    client.send(stun.binding_request(ID))
                answers = 0
                with contextlib.suppress(TimeoutError):
                    while True:
                        await asyncio.wait_for(loop.sock_recv(client, 2000), 0.3)
                        answers += 1
            assert 100 <= answers <= 130

    go(work)


def test_garbage_does_not_end_the_service() -> None:
    async def work() -> None:
        async with server("127.0.0.1") as listening:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
                for data in (b"", b"\0" * 20, b"\x16\xfe\xfd" * 99, os.urandom(9000)):
                    client.sendto(data, listening.udp[0])
            outcome, _ = await ask(stun.binding_request(ID), listening.udp[0])
            assert outcome.failure is None

    go(work)


def test_reports_what_it_listens_on_then_each_peer_once_and_ends_in_time() -> None:
    async def work() -> None:
        events: asyncio.Queue[Listening | Contact] = asyncio.Queue()
        once = config("127.0.0.1", for_seconds=0.5)
        task = asyncio.create_task(serve(once, SystemNet(), SystemHost(), events.put_nowait))
        listening = await events.get()
        assert isinstance(listening, Listening)
        for request in (stun.binding_request(ID), check(), check()):
            await ask(request, listening.udp[0])
        await task
        assert [events.get_nowait() for _ in range(events.qsize())] == [
            Contact(proto="UDP", address="127.0.0.1", verified=False),
            Contact(proto="UDP", address="127.0.0.1", verified=True),
        ]

    go(work)


def test_leaves_nothing() -> None:
    async def work() -> None:
        before, tasks = set(os.listdir("/proc/self/fd")), asyncio.all_tasks()
        async with server("127.0.0.1", "127.0.0.2", "::1") as listening:
            _, writer = await asyncio.open_connection(*listening.tcp[0])
            await asyncio.sleep(0.05)
        writer.close()
        await asyncio.sleep(0.05)
        assert set(os.listdir("/proc/self/fd")) == before
        assert asyncio.all_tasks() == tasks
        async with server(*(each[0] for each in listening.udp[:3]), udp=(listening.udp[0][1],)):
            pass  # the port can be had again at once

    if os.path.isdir("/proc/self/fd"):
        go(work)


@pytest.mark.parametrize(("proto", "kind"), [("udp", socket.SOCK_DGRAM), ("tcp", socket.SOCK_STREAM)])
def test_port_in_use(proto: str, kind: socket.SocketKind) -> None:
    async def work() -> None:
        with taken(kind, "127.0.0.1") as port:
            words = f"{proto.upper()} port {port} is in use by another program on 127.0.0.1"
            with pytest.raises(CannotListen, match=f"^{words}$"):
                async with server("127.0.0.1", **{proto: (port,)}):
                    pass
            async with server("127.0.0.1", "::1", **{proto: (port,)}) as listening:
                assert [each.sentence() for each in listening.refused] == [words]
                assert getattr(listening, proto) == (("::1", port),)

    go(work)


def test_address_that_is_not_local() -> None:
    async def work() -> None:
        with pytest.raises(CannotListen, match=r"no address of this machine: 203\.0\.113\.7$"):
            async with server("203.0.113.7"):
                pass

    go(work)


def test_privileges_missing() -> None:
    refused = Refused(proto="UDP", port=443, addresses=("::1",), failure=Failure.PERMISSION_DENIED, detail="")
    assert "needs privileges" in refused.sentence()


class OpenOnce:
    """A port that is free on the first address only, the first two times."""

    made: ClassVar[list[OpenOnce]] = []

    def __init__(self, address: str, port: int) -> None:
        tries = sum(each.local[0] == "a" for each in self.made)
        if address == "b" and tries < 3:
            raise OSError(98, "in use")
        self.local: Endpoint = (address, port or 5000 + tries)
        self.open = True
        self.made.append(self)

    def close(self) -> None:
        self.open = False


def test_any_free_port_is_one_that_is_free_everywhere() -> None:
    sockets = Sockets("UDP", OpenOnce)
    assert sockets.open(0, ["a", "b"]) == 5002
    assert sockets.locals() == (("a", 5002), ("b", 5002))
    assert [each.open for each in OpenOnce.made] == [False, False, True, True]
    assert sockets.refused == []


def test_pairs() -> None:
    assert pairs(["192.0.2.1", "192.0.2.2", "::1"]) == [("192.0.2.1", "192.0.2.2")]
    assert pairs(["192.0.2.1", "192.0.2.2", "192.0.2.3"]) == []


class FakeHost(SystemHost):
    def addresses(self) -> list[InterfaceAddress]:
        found = [
            ("127.0.0.1", True),
            ("fe80::1%eth0", True),
            ("192.0.2.1", True),
            ("192.0.2.1", True),
            ("192.0.2.9", False),
        ]
        return [InterfaceAddress(address, 24, "eth0", up, False, False) for address, up in found]


def test_own_addresses_are_those_that_are_up_and_mean_something_elsewhere() -> None:
    assert own_addresses(FakeHost()) == ("127.0.0.1", "192.0.2.1")


def test_a_listener_that_never_started_closes() -> None:
    async def work() -> None:
        listener = TcpListener("127.0.0.1", 0)
        listener.close()
        listener.close()
        await listener.closed()
        with pytest.raises(ConnectionRefusedError):
            await SystemNet().tcp(listener.local)

    go(work)
