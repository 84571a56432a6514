"""What the kernel says beside a datagram, on loopback: how it was marked, and when it came, however late it is read."""

from __future__ import annotations

import socket
import struct
import sys
import time

import pytest

from natprobe.net import beside, listen
from natprobe.net.api import Datagram, Markable
from natprobe.net.system import SystemNet

LOOPBACK = {4: "127.0.0.1", 6: "::1"}
EF = 46 << 2
LINUX = pytest.mark.skipif(sys.platform != "linux", reason="as Linux tells it")


async def arrived(version: int, *tos: int) -> list[Datagram]:
    """One packet for each mark, and then one that is read late."""
    address = LOOPBACK[version]
    here = listen.udp(address, 0)
    there = SystemNet().udp(version, address)  # type: ignore[arg-type]  # 4 or 6
    try:
        assert isinstance(there, Markable)
        for each in tos:
            there.mark(each)
            there.send(b"marked", here.local)
        time.sleep(0.3)  # noqa: ASYNC251  # the process is busy elsewhere
        found = [await here.receive() for _ in tos]
    finally:
        here.close()
        there.close()
    return [each for each in found if isinstance(each, Datagram)]


@LINUX
@pytest.mark.parametrize("version", [4, 6])
async def test_each_mark_is_told(version: int) -> None:
    found = await arrived(version, EF, 0, EF | 1)
    assert [each.tos for each in found] == [EF, 0, EF | 1]


@LINUX
@pytest.mark.parametrize("version", [4, 6])
async def test_a_packet_that_is_read_late_came_when_it_came(version: int) -> None:
    (one,) = await arrived(version, 0)
    assert time.monotonic() - one.at >= 0.25


async def test_a_socket_that_was_not_asked_tells_no_mark() -> None:
    net = SystemNet()
    one, other = (net.udp(4, LOOPBACK[4]) for _ in range(2))
    try:
        one.send(b"plain", other.local)
        event = await other.receive()
    finally:
        one.close()
        other.close()
    assert isinstance(event, Datagram)
    assert (event.data, event.tos) == (b"plain", None)


@pytest.mark.parametrize("ahead", [True, False])
def test_a_clock_that_was_set_is_not_believed(ahead: bool) -> None:
    seconds = int(time.time()) + 3600 if ahead else 0
    stamp = (socket.SOL_SOCKET, 35, struct.pack("@ll", seconds, 0))
    before = time.monotonic()
    at, tos = beside.came([stamp])
    assert before <= at <= time.monotonic()
    assert tos is None


def test_garbage_beside_is_nothing() -> None:
    at, tos = beside.came([(socket.SOL_SOCKET, 35, b"short"), (77, 1, b"")])
    assert at <= time.monotonic()
    assert tos is None
