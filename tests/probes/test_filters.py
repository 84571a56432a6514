"""Which ports are looked at in the packet filter's rules, and at which addresses."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path
from typing import Any

from natprobe.addresses import address_class
from natprobe.context import Context, Options
from natprobe.facts import DefaultRoute, Facts, Listening, LocalAddress, PacketFilter, Passage, Published
from natprobe.host.machine import FilterText
from natprobe.model import Failure, Observation
from natprobe.probes import filters, rulesets
from tests.lab.machine import FakeMachine
from tests.made import numbered
from tests.made_server import SERVER, expected, listening, published

HERE = Path(__file__).parents[1] / "servers" / "filters"
PUBLIC, INNER = "203.0.113.9", "192.168.7.9"
UFW = [
    FilterText("nft-json", '{"nftables": []}'),
    FilterText("iptables", (HERE / "ufw-and-docker.v4").read_text()),
    FilterText("ip6tables", (HERE / "ufw-and-docker.v6").read_text()),
    FilterText("ufw", "active"),
]


def local(address: str, interface: str = "eth0", prefix: int = 24, **more: Any) -> LocalAddress:
    scope = more.pop("scope", address_class(address))
    return LocalAddress(address=address, interface=interface, prefix=prefix, scope=scope, **more)


BRIDGE = local("172.17.0.1", "docker0", 16, scope="container")
HOST = (local(PUBLIC), BRIDGE, DefaultRoute(family=4, interface="eth0", gateway="203.0.113.1"))


def seen(*facts: Observation, said: list[FilterText] | None = None) -> list[Observation]:
    machine = FakeMachine(filters=UFW if said is None else said)
    context = Context(
        target=SERVER,
        options=Options(),
        net=None,  # type: ignore[arg-type]  # nothing is sent
        host=None,  # type: ignore[arg-type]
        random=random.Random(7),
        unix_time=0.0,
        machine=machine,
    )

    async def run() -> list[Observation]:
        known = Facts(SERVER, numbered(*facts))
        return [each for probe in (rulesets, filters) async for each in probe.probe(context, known)]

    return asyncio.run(run())


def passages(*facts: Observation, **more: Any) -> list[tuple[str, int, str | None, str]]:
    found = [each for each in seen(*facts, **more) if isinstance(each, Passage)]
    return [(each.proto, each.port, each.address, each.outcome) for each in found]


def test_the_filters_come_first_with_their_managers() -> None:
    found = [each for each in seen(*HOST) if isinstance(each, PacketFilter)]
    assert {each.manager: each.active for each in found} == {
        "nftables": False,
        "iptables": True,
        "ufw": True,
        "docker": True,
    }


def test_what_is_expected_and_what_docker_leads_on() -> None:
    assert passages(*HOST, expected("tcp", port=5349)) == [
        ("tcp", 5349, PUBLIC, "drop"),
        ("tcp", 8080, PUBLIC, "accept"),
        ("udp", 10000, PUBLIC, "accept"),
        ("tcp", 2222, PUBLIC, "drop"),
    ]


def test_the_usual_ports_where_nothing_is_expected_and_stun_where_it_is_held() -> None:
    usual = [("tcp", 443, PUBLIC, "accept"), ("udp", 10000, PUBLIC, "accept")]
    assert passages(*HOST)[:2] == usual
    assert ("udp", 3478, PUBLIC, "drop") in passages(*HOST, listening(port=3478))


def test_public_addresses_and_where_the_default_route_leads() -> None:
    here = (local(INNER, "eth1"), *HOST)
    wanted = expected("tcp", port=443)
    assert [each[2] for each in passages(*here, wanted) if each[1] == 443] == [PUBLIC]
    inner = (local(INNER, "eth1"), DefaultRoute(family=4, interface="eth1"))
    assert [each[2] for each in passages(*inner, wanted) if each[1] == 443] == [INNER]
    named = expected("tcp", INNER, 443)
    assert [each[2] for each in passages(*here, named) if each[1] == 443] == [INNER]


def test_an_address_of_a_router_in_front_is_looked_at_where_packets_come_in() -> None:
    wanted = expected("tcp", "198.51.100.50", 443)
    assert [each[2] for each in passages(*HOST, wanted) if each[1] == 443] == [PUBLIC]


def test_published_ports_but_not_on_loopback() -> None:
    assert ("tcp", 9090, PUBLIC, "drop") in passages(*HOST, published("tcp", 9090, "172.17.0.2:9090"))
    inside = published("tcp", 9090, "172.17.0.2:9090", address="127.0.0.1")
    assert 9090 not in [each[1] for each in passages(*HOST, inside)]


def test_hidden_rules_have_no_passages() -> None:
    found = seen(*HOST, said=[FilterText("nft-json", "", "EPERM"), FilterText("ufw", "active")])
    assert [(each.manager, each.active, each.failure) for each in found if isinstance(each, PacketFilter)] == [
        ("nftables", None, Failure.PERMISSION_DENIED),
        ("ufw", True, None),
    ]
    assert [each for each in found if isinstance(each, Passage)] == []


def test_without_any_filter_program_nothing_is_said() -> None:
    assert seen(*HOST, said=[]) == []


def test_no_more_than_a_bound_of_ports() -> None:
    many = [expected("tcp", port=port) for port in range(1, 400)]
    assert len(passages(*HOST, *many)) <= 64


def test_kinds() -> None:
    assert {Listening, Published} <= set(filters.TAKES)
