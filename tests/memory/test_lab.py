"""The lab proves itself: time, NATs, loss, ICMP, routes. (tests/lab/test_servers.py: TCP and the servers.)"""

from __future__ import annotations

import asyncio
import errno
import itertools
import os
import time
from typing import Any

import pytest

from natprobe.model import Failure
from natprobe.net.api import IcmpError, NoRoute
from natprobe.wire import stun
from tests.case import Dns, Network, Peer, Web
from tests.lab.client import (
    BEHAVIOURS,
    SERVER,
    asked,
    heard,
    lab_of,
    mapped,
    measured_filtering,
    measured_mapping,
    within,
)
from tests.lab.clock import START, Clock, Stalled, run
from tests.lab.nat import trim
from tests.netns import addresses as at

MAPPINGS = ("none", *BEHAVIOURS)


# --- virtual time


def test_an_hour_costs_milliseconds() -> None:
    began, clock = time.monotonic(), Clock()
    clock.run(asyncio.sleep(3600))
    assert clock.now == pytest.approx(START + 3600)
    assert time.monotonic() - began < 0.5


def test_the_loop_and_the_net_have_one_clock() -> None:
    lab = lab_of()

    async def main() -> tuple[float, float]:
        await lab.client.sleep(2.5)
        return lab.client.now(), asyncio.get_running_loop().time()

    ours, loops = within(lab, main())
    assert ours == loops == pytest.approx(START + 2.5)


def test_waiting_for_ever_is_an_error_that_says_where() -> None:
    async def waits_in_vain() -> None:
        await asyncio.Event().wait()

    with pytest.raises(Stalled, match="waits_in_vain"):
        run(waits_in_vain())


def test_a_fault_in_a_callback_is_not_swallowed() -> None:
    async def main() -> None:
        asyncio.get_running_loop().call_soon(lambda: 1 / 0)
        await asyncio.sleep(1)

    with pytest.raises(ZeroDivisionError):
        run(main())


# --- NAT


@pytest.mark.parametrize("carrier", [False, True])
@pytest.mark.parametrize(("mapping", "filtering"), [*itertools.product(MAPPINGS, BEHAVIOURS)])
def test_each_nat_measures_as_what_it_is(mapping: str, filtering: str, carrier: bool) -> None:
    lab = lab_of(network=Network(mapping=mapping, filtering=filtering, carrier=carrier))  # type: ignore[arg-type]

    async def main() -> None:
        assert await measured_mapping(lab.client) == ("endpoint-independent" if mapping == "none" else mapping)
        assert await measured_filtering(lab.client) == filtering

    within(lab, main())


@pytest.mark.parametrize(
    ("network", "outside"),
    [
        (Network(), "198.51.100.7"),
        (Network(mapping="none"), "198.51.100.7"),
        (Network(carrier=True), "198.51.100.1"),
        (Network(carrier=True, mapping="none"), "198.51.100.1"),
    ],
)
def test_the_outside_address_is_the_plans(network: Network, outside: str) -> None:
    lab = lab_of(network=network)
    assert within(lab, mapped(lab.client.udp(4), SERVER))[0] == outside


def test_ports_are_preserved_where_mapping_is_endpoint_independent() -> None:
    for mapping, preserved in (("endpoint-independent", True), ("address-and-port-dependent", False)):
        lab = lab_of(network=Network(mapping=mapping))  # type: ignore[arg-type]
        udp = lab.client.udp(4)
        assert (within(lab, mapped(udp, SERVER))[1] == udp.local[1]) is preserved


def test_trimming_keeps_what_the_words_say() -> None:
    assert [trim(("a", 1), each) for each in BEHAVIOURS] == [(), ("a",), ("a", 1)]  # type: ignore[arg-type]


def test_strangers_are_stopped_before_they_reach_the_client() -> None:
    lab = lab_of()
    udp = lab.client.udp(4)

    async def main() -> None:
        outside = await mapped(udp, SERVER)
        lab.servers["stun2"].udp(4).send(b"hello", outside)
        assert await heard(udp) is None

    within(lab, main())
    assert [event.node for event in lab.network.log if event.fate == "filtered"] == ["home"]


@pytest.mark.parametrize("rewrite", ["plain", "broken"])
def test_an_alg_changes_mapped_address_and_nothing_else(rewrite: Any) -> None:
    lab = lab_of(network=Network(rewrite=rewrite))
    udp = lab.client.udp(4, at.LAN_CLIENT)
    attributes = within(lab, asked(udp, SERVER))
    assert isinstance(attributes, dict)
    assert attributes["MAPPED-ADDRESS"] == udp.local
    assert attributes["XOR-MAPPED-ADDRESS"][0] == "198.51.100.7"


# --- names


@pytest.mark.parametrize(
    ("dns", "heard_of"),
    [
        (Dns(answer="nxdomain", second="works"), "NXDOMAIN"),
        (Dns(answer="silent", second="works"), [at.WEB]),
        (Dns(answer="servfail", second="works"), [at.WEB]),
        (Dns(answer="nxdomain", hosts=True), [at.WEB]),
        (Dns(answer="sinkhole", hosts=True), [at.WEB]),
    ],
)
def test_resolvers_are_asked_in_turn_and_the_hosts_file_before_them(dns: Dns, heard_of: object) -> None:
    """As glibc does: the next one only after silence or SERVFAIL."""
    lab = lab_of(dns=dns)

    async def main() -> object:
        try:
            return await lab.client.system_addresses(at.TARGET, 4)
        except OSError:
            return "NXDOMAIN"

    assert within(lab, main()) == heard_of


@pytest.mark.parametrize("state", ["works", "down", "refused"])
@pytest.mark.parametrize("address", [at.WEB_OTHER, at.WEB6])
def test_the_fronts_at_the_names_other_addresses(address: str, state: Any) -> None:
    front = Web(other=state) if address == at.WEB_OTHER else Web(other="works", ipv6=state)
    lab = lab_of(network=Network(ipv6="works"), web=front)

    async def opened(at_address: str) -> str:
        try:
            async with asyncio.timeout(1):
                (await lab.client.tcp((at_address, 443))).close()
        except TimeoutError:
            return "down"
        except ConnectionRefusedError:
            return "refused"
        return "works"

    assert within(lab, opened(address)) == state
    assert within(lab, opened(at.WEB)) == "works"


# --- UDP that fails


@pytest.mark.parametrize(
    ("parts", "to", "expected"),
    [
        ({"network": Network(udp="reject")}, SERVER, (Failure.PROHIBITED, "3/13", at.LAN_ROUTER)),
        ({"peer": Peer(runs=True, udp="reject")}, (at.WEB, 10000), (Failure.PROHIBITED, "3/13", at.WEB)),
        (
            {"peer": Peer(runs=True, udp="refused")},
            (at.WEB, 10000),
            (Failure.PORT_UNREACHABLE, "3/3", at.WEB),
        ),
        ({}, (at.WEB, 10000), (Failure.PORT_UNREACHABLE, "3/3", at.WEB)),
        ({}, ("192.0.2.1", 9), (Failure.UNREACHABLE_NET, "3/0", "203.0.113.1")),
        (
            {"network": Network(ipv6="works", udp="reject")},
            (at.STUN1_6, 3478),
            (Failure.PROHIBITED, "1/1", at.ROUTER6),
        ),
        ({"network": Network(ipv6="works")}, (at.WEB6, 10000), (Failure.PORT_UNREACHABLE, "1/4", at.WEB6)),
    ],
)
def test_icmp_names_its_kind_reporter_and_destination(
    parts: dict[str, Any], to: tuple[str, int], expected: tuple[Failure, str, str]
) -> None:
    lab = lab_of(**parts)
    event = within(lab, asked(lab.client.udp(6 if ":" in to[0] else 4), to))
    assert isinstance(event, IcmpError)
    assert (event.failure, event.icmp, event.reported_by) == expected
    assert event.destination == to


def test_dropped_udp_is_silence_and_open_ports_pass() -> None:
    lab = lab_of(network=Network(udp="drop", udp_open=(3479,)))

    async def main() -> None:
        assert await asked(lab.client.udp(4), SERVER) is None
        assert isinstance(await asked(lab.client.udp(4), (at.STUN1, 3479)), dict)

    within(lab, main())


def test_a_local_firewall_refuses_to_send_but_not_to_resolve() -> None:
    lab = lab_of(network=Network(local="udp-refused"))
    with pytest.raises(PermissionError) as caught:
        lab.client.udp(4).send(b"", SERVER)
    assert caught.value.errno == errno.EPERM
    assert within(lab, lab.client.system_addresses(at.TARGET, 4)) == [at.WEB]


def test_what_the_machine_itself_refuses() -> None:
    client = lab_of().client
    with pytest.raises(NoRoute):
        client.udp(6).send(b"", (at.STUN1_6, 3478))
    with pytest.raises(NoRoute):
        client.source_address(at.STUN1_6)
    for local, port, number in (
        (at.WEB, 0, errno.EADDRNOTAVAIL),
        (None, client.udp(4).local[1], errno.EADDRINUSE),
    ):
        with pytest.raises(OSError, match=os.strerror(number)) as caught:
            client.udp(4, local, port)
        assert caught.value.errno == number
    with pytest.raises(OSError, match=os.strerror(errno.EMSGSIZE)):
        client.udp(4).send(bytes(65508), SERVER)


def test_a_closed_port_is_free_again() -> None:
    client = lab_of().client
    first = client.udp(4)
    first.close()
    first.close()
    assert client.udp(4, port=first.local[1]).local[1] == first.local[1]


# --- IPv6 and tunnels


@pytest.mark.parametrize(("ipv6", "answered"), [("works", True), ("broken", False)])
def test_ipv6(ipv6: str, answered: bool) -> None:
    lab = lab_of(network=Network(ipv6=ipv6))  # type: ignore[arg-type]
    assert {route.family for route in lab.client.default_routes()} == {4, 6}
    attributes = within(lab, asked(lab.client.udp(6), (at.STUN1_6, 3478)))
    assert isinstance(attributes, dict) is answered
    if isinstance(attributes, dict):
        assert attributes["XOR-MAPPED-ADDRESS"][0] == at.CLIENT6


@pytest.mark.parametrize(
    ("tunnel", "udp_out", "tcp_out", "route"),
    [
        ("none", "198.51.100.7", "198.51.100.7", "eth0"),
        ("udp", "198.51.100.99", "198.51.100.7", "eth0"),
        ("all", "198.51.100.99", "198.51.100.99", "tun0"),
    ],
)
def test_tunnels(tunnel: str, udp_out: str, tcp_out: str, route: str) -> None:
    lab = lab_of(network=Network(tunnel=tunnel))  # type: ignore[arg-type]

    async def over_tcp() -> str:
        stream = await lab.client.tcp(SERVER)
        await stream.write(stun.binding_request(bytes(12)))
        return str(stun.decode(await stream.read()).message.attributes["XOR-MAPPED-ADDRESS"][0])

    assert within(lab, mapped(lab.client.udp(4), SERVER))[0] == udp_out
    assert within(lab, over_tcp()) == tcp_out
    assert [each.interface for each in lab.client.default_routes()] == [route]
    assert {each.interface for each in lab.client.addresses() if each.tunnel} == (
        {"tun0"} if tunnel != "none" else set()
    )


def test_a_tunnel_for_udp_takes_what_is_bound_to_the_other_interface_too() -> None:
    lab = lab_of(network=Network(tunnel="udp"))
    assert lab.client.source_address(at.WEB) == at.TUNNEL_CLIENT
    assert within(lab, mapped(lab.client.udp(4, at.LAN_CLIENT), SERVER))[0] == at.TUNNEL_OUTSIDE


# --- determinism


def _packets(seed: int) -> list[Any]:
    """The log of a lossy run behind a NAT with random ports; nothing in it comes from outside the seed."""
    lab = lab_of(seed, network=Network(mapping="address-and-port-dependent", loss=0.3))

    async def main() -> None:
        udp = lab.client.udp(4)
        for number in range(50):
            udp.send(stun.binding_request(number.to_bytes(12, "big")), SERVER)
            await asyncio.sleep(0.013)
        await lab.client.system_addresses(at.TARGET, 4)

    within(lab, main())
    return list(lab.network.log)


def test_same_seed_same_packets() -> None:
    assert _packets(1) == _packets(1)
    assert _packets(1) != _packets(2)
