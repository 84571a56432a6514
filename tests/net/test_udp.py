"""UDP sockets on this machine's loopback: ICMP errors to whom they belong, floods, and no work for nothing."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager

import pytest

from natprobe.model import Failure, Family
from natprobe.net.api import DATAGRAM_MAX, Datagram, IcmpError, NoRoute, Udp
from natprobe.net.failure import failure_of
from natprobe.net.stun import StunSocket
from natprobe.net.system import SystemNet, bound, socket_address
from natprobe.net.udp import BoundUdp, CompanionUdp, RecvErrUdp
from natprobe.wire import stun

LINUX = sys.platform == "linux"
pytestmark = pytest.mark.skipif(not LINUX, reason="the error queue is Linux's")
LOOPBACK: dict[Family, str] = {4: "127.0.0.1", 6: "::1"}
Kind = Callable[[socket.socket, Family], BoundUdp]


def opened(kind: Kind, family: Family = 4) -> BoundUdp:
    return kind(bound(socket.SOCK_DGRAM, family, LOOPBACK[family], 0), family)


def dead_port(family: Family = 4) -> tuple[str, int]:
    """Where nobody listens."""
    with bound(socket.SOCK_DGRAM, family, LOOPBACK[family], 0) as sock:
        return LOOPBACK[family], sock.getsockname()[1]


@contextmanager
def listener(family: Family = 4) -> Iterator[socket.socket]:
    with bound(socket.SOCK_DGRAM, family, LOOPBACK[family], 0) as sock:
        sock.settimeout(2)
        yield sock


async def next_event(udp: Udp, seconds: float = 2.0) -> Datagram | IcmpError:
    async with asyncio.timeout(seconds):
        return await udp.receive()


async def until_quiet(udp: Udp) -> AsyncIterator[Datagram | IcmpError]:
    with contextlib.suppress(TimeoutError):
        while True:
            yield await next_event(udp, 0.1)


@pytest.mark.parametrize(("family", "icmp"), [(4, "3/3"), (6, "1/4")])
async def test_a_refusal_names_the_packet_and_who_sent_it(family: Family, icmp: str) -> None:
    udp, dead = opened(RecvErrUdp, family), dead_port(family)
    udp.send(b"x", dead)
    event = await next_event(udp)
    assert isinstance(event, IcmpError)
    assert event[:4] == (dead, Failure.PORT_UNREACHABLE, icmp, LOOPBACK[family])
    udp.close()


async def test_many_refusals_are_all_told_and_then_there_is_silence() -> None:
    udp, dead = opened(RecvErrUdp), [dead_port() for _ in range(20)]
    for each in dead:
        udp.send(b"x", each)
    events = [await next_event(udp) for _ in dead]
    assert {each.destination for each in events if isinstance(each, IcmpError)} == set(dead)
    before = time.process_time()
    with pytest.raises(TimeoutError):
        await next_event(udp, 0.3)
    assert time.process_time() - before < 0.1  # a queue that is not empty would keep the loop running
    udp.close()


@pytest.mark.parametrize("kind", [RecvErrUdp, CompanionUdp, BoundUdp])
async def test_a_pending_error_is_not_the_next_packets(kind: Kind) -> None:
    with listener() as server:
        udp = opened(kind)
        for number in range(5):
            udp.send(b"x", dead_port())
            time.sleep(0.01)  # noqa: ASYNC251  # the loop must not have read the error yet
            udp.send(b"%d" % number, server.getsockname())
            assert b"%d" % number in (server.recv(10), server.recv(10) if kind is CompanionUdp and number == 1 else b"")
        udp.close()


@pytest.mark.parametrize("kind", [RecvErrUdp, CompanionUdp, BoundUdp])
@pytest.mark.parametrize(("family", "other"), [(4, "::1"), (6, "127.0.0.1")])
async def test_the_other_family_is_an_oserror(kind: Kind, family: Family, other: str) -> None:
    udp = opened(kind, family)
    with pytest.raises(OSError, match="family"):
        udp.send(b"x", (other, 9))
    udp.close()


@pytest.mark.parametrize("kind", [RecvErrUdp, CompanionUdp, BoundUdp])
@pytest.mark.parametrize("family", [4, 6])
async def test_answers_arrive_with_their_sender(kind: Kind, family: Family) -> None:
    with listener(family) as server:
        udp = opened(kind, family)
        udp.send(b"ask", server.getsockname()[:2])
        _, asker = server.recvfrom(10)
        assert asker[:2] == udp.local
        server.sendto(b"answer", asker)
        event = await next_event(udp)
        assert isinstance(event, Datagram)
        assert (event.data, event.source) == (b"answer", server.getsockname()[:2])
        assert abs(event.at - time.monotonic()) < 1
        udp.close()


async def test_the_companion_hears_refusals_too() -> None:
    udp, dead = opened(CompanionUdp), dead_port()
    udp.send(b"x", dead)
    event = await next_event(udp)
    assert isinstance(event, IcmpError)
    assert event[:4] == (dead, Failure.PORT_UNREACHABLE, "", None)
    before = time.process_time()
    with pytest.raises(TimeoutError):
        await next_event(udp, 0.2)
    assert time.process_time() - before < 0.1
    udp.send(b"again", dead)
    udp.close()
    udp.close()


async def test_the_companion_sends_one_copy_for_each_peer() -> None:
    with listener() as server:
        udp = opened(CompanionUdp)
        for _ in range(3):
            udp.send(b"x", server.getsockname())
        senders = [server.recvfrom(10)[1] for _ in range(4)]
        server.sendto(b"to the copy's sender", next(each for each in senders if each != udp.local))
        with pytest.raises(TimeoutError):
            await next_event(udp, 0.1)
        server.settimeout(0.05)
        with pytest.raises(TimeoutError):
            server.recv(10)
        udp.close()


async def test_a_transaction_over_the_companion() -> None:
    net = SystemNet()
    async with StunSocket(net, opened(CompanionUdp)) as asker:
        outcome = await asker.ask(stun.binding_request(bytes(12)), dead_port())
        assert (outcome.failure, outcome.tries) == (Failure.PORT_UNREACHABLE, 1)


@pytest.mark.parametrize("size", [0, 1, DATAGRAM_MAX, DATAGRAM_MAX + 1, 60_000])
async def test_large_datagrams_are_cut_where_it_can_be_seen(size: int) -> None:
    with listener() as server:
        udp = opened(RecvErrUdp)
        server.sendto(bytes(size), udp.local)
        event = await next_event(udp)
        assert isinstance(event, Datagram)
        assert len(event.data) == min(size, DATAGRAM_MAX + 1)
        udp.close()


async def test_too_large_to_send() -> None:
    udp = opened(RecvErrUdp)
    with pytest.raises(OSError) as caught:  # noqa: PT011  # what matters is its meaning
        udp.send(bytes(70_000), dead_port())
    assert failure_of(caught.value)[0] is Failure.TOO_BIG
    udp.close()


async def test_a_flood_is_bounded() -> None:
    with listener() as server:
        udp = opened(RecvErrUdp)
        for _ in range(20):
            for _ in range(100):
                server.sendto(bytes(100), udp.local)
            await asyncio.sleep(0)
        assert 0 < len([each async for each in until_quiet(udp)]) <= 512
        udp.close()


async def test_zones() -> None:
    assert socket_address("fe80::1%7", 9) == ("fe80::1", 9, 0, 7)
    assert socket_address("fe80::1", 9) == ("fe80::1", 9, 0, 0)
    assert socket_address("::1%lo", 9) == ("::1", 9, 0, socket.if_nametoindex("lo"))
    with pytest.raises(NoRoute) as caught:
        socket_address("fe80::1%nosuch0", 9)
    assert failure_of(caught.value)[0] is Failure.NO_ROUTE


async def test_wrong_addresses_to_send_from() -> None:
    net = SystemNet()
    for local, family, failure in (
        ("192.0.2.1", 4, Failure.ADDRESS_NOT_LOCAL),
        ("2001:db8::1", 6, Failure.ADDRESS_NOT_LOCAL),
    ):
        with pytest.raises(OSError) as caught:  # noqa: PT011
            net.udp(family, local)  # type: ignore[arg-type]  # 4 or 6
        assert failure_of(caught.value)[0] is failure
    first = net.udp(4, "127.0.0.1")
    with pytest.raises(OSError) as caught:  # noqa: PT011
        net.udp(4, "127.0.0.1", first.local[1])
    assert failure_of(caught.value)[0] is Failure.ADDRESS_IN_USE
    first.close()
    first.close()


@pytest.mark.parametrize(("family", "level", "option"), [(4, socket.IPPROTO_IP, 10), (6, socket.IPPROTO_IPV6, 23)])
async def test_what_is_never_cut_into_fragments(family: Family, level: int, option: int) -> None:
    """IP_MTU_DISCOVER and IPV6_MTU_DISCOVER, IP_PMTUDISC_PROBE: what the lab of routers shows of them."""
    whole, usual = (SystemNet().udp(family, LOOPBACK[family], whole=each) for each in (True, False))
    assert [each._sock.getsockopt(level, option) for each in (whole, usual)] == [3, 1]  # type: ignore[attr-defined]
    whole.close()
    usual.close()


async def test_elsewhere_than_on_linux_it_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    with pytest.raises(OSError, match="on Linux only") as caught:
        SystemNet().udp(4, "127.0.0.1", whole=True)
    assert failure_of(caught.value)[0] is Failure.UNSUPPORTED
