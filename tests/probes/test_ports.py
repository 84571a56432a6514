"""The probes of the server's sockets and ports, on loopback: bounded, and whatever processes call themselves."""

from __future__ import annotations

import asyncio
import random
import socket
from collections.abc import Sequence

import pytest

from natprobe.context import Context, Options
from natprobe.diagnose import diagnose
from natprobe.expecting import expected
from natprobe.facts import Expected, Facts, Listening, OwnExchange, PortTry, Published, Sockets
from natprobe.host.machine import Forwarding, Socket, SocketTable
from natprobe.host.system import SystemHost
from natprobe.model import Failure, Observation
from natprobe.net.system import SystemNet
from natprobe.probes import ports
from natprobe.render._manner import Manner
from natprobe.render.text import lines
from natprobe.run import Session
from tests.lab.machine import FakeMachine
from tests.made_server import SERVER, own

PROBES = ("interfaces", "listening", "ports")


class Refusing(FakeMachine):
    def sockets(self) -> SocketTable:
        raise PermissionError(1, "Operation not permitted")


def seen(machine: FakeMachine, *expect: str) -> Sequence[Observation]:
    """A run of the three probes; the report can be made, written and shown."""
    options = Options(timeout=5.0, stun=(), expected=tuple(map(expected, expect)))
    context = Context(
        target=SERVER,
        options=options,
        net=SystemNet(),
        host=SystemHost(),
        machine=machine,
        random=random.Random(1),
        unix_time=0.0,
    )

    async def run() -> Session:
        session = Session(context)
        await session.go(PROBES)
        return session

    session = asyncio.run(run())
    assert list(lines(diagnose(SERVER, session.observations, [session.source]), Manner(verbose=True)))
    return session.observations


def of(observations: Sequence[Observation], *kinds: type[Observation]) -> list[Observation]:
    return [each for each in observations if isinstance(each, kinds)]


def test_names_of_processes_are_made_fit_for_a_report() -> None:
    name = "a\x1b[31m\u202eb\ud800c\n" * 40
    found = of(seen(FakeMachine(sockets=[Socket("udp", "0.0.0.0", 9, None, name, 7, user=name)])), Listening)
    (each,) = found
    assert isinstance(each, Listening)
    assert each.process is not None
    assert each.process.isprintable()
    assert len(each.process) <= 60
    assert each.user.isprintable()


def test_sockets_that_nobody_tells_are_a_fact() -> None:
    found = seen(Refusing(), ":443/tcp")
    (sockets,) = of(found, Sockets)
    assert sockets.failure is Failure.PERMISSION_DENIED
    assert len(of(found, Expected)) == 1
    assert of(found, PortTry, OwnExchange) == []


def test_more_sockets_than_a_report_can_hold() -> None:
    many = [Socket("udp", f"127.0.{each // 250}.{each % 250}", 53, None, "x", 1) for each in range(5200)]
    found = seen(FakeMachine(sockets=many), ":443/tcp")
    (sockets,) = of(found, Sockets)
    assert isinstance(sockets, Sockets)
    assert (sockets.listening, sockets.failure) == (5200, Failure.LIMIT)
    assert len(of(found, Listening)) == 5000


def test_at_most_so_many_endpoints_are_tried_and_none_of_others() -> None:
    addresses = [f"127.0.0.{each}" for each in range(1, 100)]
    found = seen(FakeMachine(), *(f"{each}:1/tcp" for each in addresses))
    assert len(of(found, PortTry)) == ports.ENDPOINTS_MAX
    held = [Socket("tcp", "0.0.0.0", 443, None, "nginx", 1)]
    assert of(seen(FakeMachine(sockets=held), "198.51.100.9:443/tcp"), OwnExchange) == []


def test_a_docker_proxy_without_a_container_behind_it() -> None:
    """One that says nothing until it is asked is alive. (The real one takes every connection: tests/netns.)"""
    with socket.create_server(("127.0.0.1", 0)) as live, socket.create_server(("127.0.0.1", 0)) as dead:
        there = [each.getsockname()[1] for each in (live, dead)]
        table = [Forwarding("tcp", "127.0.0.1", port, ("172.18.0.5", 80)) for port in there]
        table += [Forwarding("udp", "0.0.0.0", 10000, ("172.18.0.5", 10000))]
        dead.close()
        found = of(seen(FakeMachine(forwardings=table)), Published)
    assert [each.answers for each in found if isinstance(each, Published)] == [True, False, None]


@pytest.mark.parametrize("proto", ["udp", "tcp"])
def test_a_port_that_is_taken_though_nobody_was_told_of(proto: str) -> None:
    kind = socket.SOCK_STREAM if proto == "tcp" else socket.SOCK_DGRAM
    with socket.socket(type=kind) as sock:
        sock.bind(("127.0.0.1", 0))
        if proto == "tcp":
            sock.listen()
        port = sock.getsockname()[1]
        (tried,) = of(seen(FakeMachine(), f"127.0.0.1:{port}/{proto}"), PortTry)
    assert tried.failure is Failure.ADDRESS_IN_USE


def test_nothing_is_tried_where_sockets_are_not_known() -> None:
    """And nothing is left bound."""
    facts = Facts(SERVER, [own("127.0.0.1", "lo")])
    assert ports._plan(facts) == ports._Plan([], [])
