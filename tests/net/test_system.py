"""TCP and the resolver of this machine, on loopback only."""

from __future__ import annotations

import asyncio
import socket
import sys
import threading
import time

import pytest

from natprobe.model import Failure
from natprobe.net.failure import failure_of
from natprobe.net.system import SystemNet


def listening() -> socket.socket:
    sock = socket.create_server(("127.0.0.1", 0))
    sock.settimeout(2)
    return sock


async def test_a_refused_connection() -> None:
    with listening() as sock:
        port = sock.getsockname()[1]
    with pytest.raises(ConnectionRefusedError):
        await SystemNet().tcp(("127.0.0.1", port))


async def test_a_connection_that_never_comes_can_be_given_up() -> None:
    """A full backlog drops further SYNs, as a firewall would."""
    full = socket.socket()
    full.bind(("127.0.0.1", 0))
    full.listen(0)
    crowd = [socket.socket() for _ in range(4)]
    for each in crowd:
        each.setblocking(False)
        each.connect_ex(full.getsockname())
    began = time.monotonic()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2):
            await SystemNet().tcp(full.getsockname())
    assert time.monotonic() - began < 1
    for each in (full, *crowd):
        each.close()


async def test_what_a_stream_says_of_itself() -> None:
    with listening() as sock:
        stream = await SystemNet().tcp(sock.getsockname(), "127.0.0.2")
        peer, address = sock.accept()
        assert stream.local == address
        assert address[0] == "127.0.0.2"
        assert stream.remote == sock.getsockname()
        await stream.write(b"hello")
        assert peer.recv(9) == b"hello"
        peer.sendall(b"x" * 100)
        assert await stream.read(7) == b"x" * 7
        peer.close()
        assert len(await stream.read(1000)) == 93
        assert await stream.read() == b""
        stream.close()
        stream.close()


@pytest.mark.skipif(sys.platform != "linux", reason="set before the connection on Linux only")
async def test_a_connection_of_small_segments() -> None:
    """Both ends keep to them: what is told in the SYN, and what we send ourselves."""
    with listening() as sock:
        stream = await SystemNet().tcp(sock.getsockname(), segment=536)
        peer, _ = sock.accept()
        theirs = peer.getsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG)
        ours = stream._writer.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG)  # type: ignore[attr-defined]
        assert 400 < theirs <= 536
        assert 400 < ours <= 536
        peer.close()
        stream.close()


async def test_segments_elsewhere_than_on_linux(monkeypatch: pytest.MonkeyPatch) -> None:
    with listening() as sock:
        monkeypatch.setattr(sys, "platform", "darwin")
        with pytest.raises(OSError, match="on Linux only") as caught:
            await SystemNet().tcp(sock.getsockname(), segment=536)
        assert failure_of(caught.value)[0] is Failure.UNSUPPORTED


async def test_a_reset() -> None:
    with listening() as sock:
        stream = await SystemNet().tcp(sock.getsockname())
        peer, _ = sock.accept()
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        peer.close()
        with pytest.raises(ConnectionResetError) as caught:
            await stream.read()
        assert failure_of(caught.value)[0] is Failure.RESET
        stream.close()


async def test_the_source_address_and_its_absence() -> None:
    net = SystemNet()
    assert net.source_address("127.0.0.1") == "127.0.0.1"
    assert net.source_address("::1") == "::1"
    with pytest.raises(OSError, match=r".") as caught:
        net.source_address("fe80::1%nosuch0")
    assert failure_of(caught.value)[0] is Failure.NO_ROUTE


@pytest.mark.parametrize("name", ["x" * 64, "a..b", "\udcff", ".x"])
async def test_names_that_the_system_refuses(name: str) -> None:
    """Whatever its codec thinks of them; the network is not asked."""
    with pytest.raises(OSError, match=r".") as caught:
        await SystemNet().system_addresses(name, 4)
    assert failure_of(caught.value)[0] is Failure.NXDOMAIN


async def test_a_slow_resolver_holds_up_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    release = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_: release.wait(10) and [])
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await SystemNet().system_addresses("slow.test", 4)
    assert all(thread.daemon for thread in threading.enumerate() if thread.name == "resolver")
    release.set()
