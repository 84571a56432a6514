"""The lab's wires prove themselves: delay, jitter, reordering, loss, and a path-MTU black hole."""

from __future__ import annotations

import asyncio
import itertools

import pytest

from natprobe.net.api import Datagram, Udp
from natprobe.wire import stun
from tests.case import Network, Peer
from tests.lab.client import (
    SERVER,
    asked,
    heard,
    lab_of,
    within,
)
from tests.netns import addresses as at

# --- the wire


def test_delay_is_for_everything_and_jitter_for_udp() -> None:
    lab = lab_of(network=Network(delay=0.1, jitter=0.05, carrier=True, ipv6="works"))

    async def took(address: str) -> float:
        began = lab.client.now()
        await asked(lab.client.udp(6 if ":" in address else 4), (address, at.STUN_PORT))
        return lab.client.now() - began

    async def connected() -> float:
        began = lab.client.now()
        await lab.client.tcp((at.WEB, 443))
        return lab.client.now() - began

    assert within(lab, connected()) == pytest.approx(0.24)
    for address in (at.STUN1, at.STUN1_6):
        times = [within(lab, took(address)) for _ in range(100)]
        assert 0.24 < min(times) < 0.26 < 0.32 < max(times) < 0.34


def test_reordered_packets_overtake_the_others() -> None:
    lab, count = lab_of(network=Network(delay=0.1, reorder=0.2)), 400

    async def main() -> list[int]:
        udp = lab.client.udp(4)
        for number in range(count):
            udp.send(stun.binding_request(number.to_bytes(12)), SERVER)
            await lab.client.sleep(0.001)
        return [await order(udp) for _ in range(count)]

    async def order(udp: Udp) -> int:
        event = await heard(udp)
        assert isinstance(event, Datagram)
        return int.from_bytes(event.data[8:20])

    came = within(lab, main())
    early = sum(number > later for number, later in itertools.pairwise(came))
    assert sorted(came) == list(range(count)) != came
    assert early > 50


# --- loss


@pytest.mark.parametrize("loss", [0.0, 0.1, 0.3])
def test_loss_is_what_it_says_each_way(loss: float) -> None:
    lab, count = lab_of(network=Network(loss=loss)), 4000

    async def main() -> None:
        udp = lab.client.udp(4)
        for number in range(count):
            udp.send(stun.binding_request(number.to_bytes(12, "big")), SERVER)
        await asyncio.sleep(1)

    within(lab, main())
    log = lab.network.log
    reached = sum(event.node == "stun1" and event.fate == "delivered" for event in log)
    returned = sum(event.node == "client" and event.fate == "delivered" for event in log)
    assert reached / count == pytest.approx(1 - loss, abs=0.03)
    assert returned / reached == pytest.approx(1 - loss, abs=0.03)


def test_the_resolver_and_tcp_are_spared() -> None:
    lab = lab_of(network=Network(loss=0.9))

    async def main() -> None:
        for _ in range(20):
            assert await lab.client.system_addresses(at.TARGET, 4) == [at.WEB]
            (await lab.client.tcp((at.WEB, 443))).close()

    within(lab, main())


# --- a path-MTU black hole


def test_large_packets_vanish_without_a_word() -> None:
    lab = lab_of(network=Network(mtu=1000), peer=Peer(runs=True))

    async def main() -> None:
        udp = lab.client.udp(4)
        udp.send(stun.binding_request(bytes(12), PADDING=bytes(900)), SERVER)
        assert isinstance(await heard(udp), Datagram)
        udp.send(stun.binding_request(bytes(12), PADDING=bytes(1000)), SERVER)
        assert await heard(udp) is None

    within(lab, main())
    assert {event.node for event in lab.network.log if event.fate == "lost"} == {"home"}


def test_a_hole_for_udp_alone_lets_streams_pass() -> None:
    lab = lab_of(network=Network(mtu=1000, mtu_of="udp"), peer=Peer(runs=True))

    async def main() -> None:
        udp = lab.client.udp(4)
        udp.send(stun.binding_request(bytes(12), PADDING=bytes(1000)), SERVER)
        assert await heard(udp) is None
        stream = await lab.client.tcp(SERVER)
        await stream.write(stun.binding_request(bytes(12), PADDING=bytes(1000)))
        assert await stream.read()

    within(lab, main())


def test_a_stream_waits_for_ever_for_what_vanished() -> None:
    lab = lab_of(network=Network(mtu=1000))

    async def main() -> None:
        stream = await lab.client.tcp(SERVER)
        await stream.write(stun.binding_request(bytes(12)))
        assert await stream.read()
        await stream.write(bytes(2000))
        await stream.write(stun.binding_request(bytes(12)))
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(60):
                await stream.read()

    within(lab, main())
