"""A way in that is shut at one of the host's addresses: the same port is asked at the others, and nowhere else."""

from __future__ import annotations

import errno
import random
from collections.abc import Sequence
from typing import cast

import pytest

from natprobe.context import Context, Options
from natprobe.facts import Candidate, Facts, JanusDoor, JanusInfo, Resolved
from natprobe.host.system import SystemHost
from natprobe.model import Failure, Observation
from natprobe.net.api import Net, Stream
from natprobe.net.system import SystemNet
from natprobe.probes import siblings
from natprobe.target import parse
from tests.scripted_janus import ScriptedJanus
from tests.signing import listening

NAME = "janus.test"
REFUSED, TIMEOUT = Failure.REFUSED, Failure.TIMEOUT


class Noted:
    """A net that connects nowhere, and says what it was asked for; `through`: where it leads to on loopback."""

    def __init__(self, through: dict[tuple[str, int], int] | None = None) -> None:
        self.asked: list[tuple[str, int]] = []
        self._through, self._real = through or {}, SystemNet()

    def now(self) -> float:
        return self._real.now()

    async def tcp(
        self, remote: tuple[str, int], local: str | None = None, ttl: int | None = None, segment: int | None = None
    ) -> Stream:
        self.asked.append(remote)
        if remote in self._through:
            return await self._real.tcp(("127.0.0.1", self._through[remote]), local)
        raise ConnectionRefusedError(errno.ECONNREFUSED, "refused")


def door(url: str, address: str, failure: Failure | None = REFUSED, **told: object) -> JanusDoor:
    transport = "websocket" if url.startswith("ws") else "http"
    port = url.split(":")[2].partition("/")[0] if url.count(":") > 1 else "443"
    return JanusDoor(
        url=url,
        transport=transport,  # type: ignore[arg-type]  # of two words
        endpoint=f"[{address}]:{port}" if ":" in address else f"{address}:{port}",
        failure=failure,
        reached="nothing" if failure else "answer",
        **told,  # type: ignore[arg-type]  # its own
    )


INFO = JanusInfo(
    url=f"http://{NAME}:8088/janus",
    endpoint="203.0.113.11:8088",
    local_ip="203.0.113.10",
    transports=("http", "websockets"),
)
OPEN = door(f"http://{NAME}:8088/janus", "203.0.113.11", None)
SHUT = door(f"ws://{NAME}:8188/", "203.0.113.11")


async def asked(
    *seen: Observation, names: Sequence[str] = ("203.0.113.11",), net: Noted | None = None, **options: object
) -> tuple[Noted, list[JanusDoor]]:
    net = net or Noted()
    context = Context(
        target=parse(NAME, "janus").target,
        options=Options(**options),  # type: ignore[arg-type]  # its own
        net=cast(Net, net),
        host=SystemHost(),
        random=random.Random(1),
        unix_time=0.0,
    )
    told = Resolved(name=NAME, family=4, by="system", addresses=tuple(names))
    facts = Facts(context.target, [told, *seen])
    return net, [each async for each in siblings.probe(context, facts) if isinstance(each, JanusDoor)]


async def test_the_websocket_of_the_other_address() -> None:
    async with listening(ScriptedJanus()) as port:
        net = Noted({("203.0.113.10", 8188): port})
        _, (found,) = await asked(INFO, OPEN, SHUT, net=net)
    assert (found.failure, found.reached, found.why, found.url) == (None, "answer", "sibling", SHUT.url)
    assert net.asked == [("203.0.113.10", 8188)]


@pytest.mark.parametrize("failure", [REFUSED, TIMEOUT, Failure.PROHIBITED, Failure.UNREACHABLE_HOST])
async def test_whatever_shuts_it(failure: Failure) -> None:
    net, (found,) = await asked(INFO, OPEN, door(SHUT.url, "203.0.113.11", failure))
    assert net.asked == [("203.0.113.10", 8188)]
    assert found.failure is REFUSED


@pytest.mark.parametrize(
    "seen",
    [
        (INFO, OPEN),
        (INFO, OPEN, door(f"wss://{NAME}/janus-ws", "203.0.113.11")),  # a page's port
        (INFO, OPEN, door(f"ws://{NAME}:8188/", "203.0.113.10"), SHUT),  # that address has said no itself
        (INFO, OPEN, SHUT, door(SHUT.url, "203.0.113.12", None)),  # it is open somewhere already
        (INFO, OPEN, door(SHUT.url, "203.0.113.11", Failure.HTTP_STATUS)),
        (JanusInfo(url=INFO.url, endpoint=INFO.endpoint, local_ip="203.0.113.10", transports=("http",)), OPEN, SHUT),
        (JanusInfo(url=INFO.url, endpoint=INFO.endpoint, local_ip="127.0.0.1"), OPEN, SHUT),
        (JanusInfo(url=INFO.url, endpoint=INFO.endpoint, local_ip="10.0.0.4"), OPEN, SHUT),
        (JanusInfo(url=INFO.url, endpoint=INFO.endpoint, local_ip="172.18.0.4"), OPEN, SHUT),
        (JanusInfo(url=INFO.url, endpoint=INFO.endpoint), OPEN, SHUT),
    ],
)
async def test_where_there_is_nothing_to_ask(seen: tuple[Observation, ...]) -> None:
    net, found = await asked(*seen)
    assert (net.asked, found) == ([], [])


async def test_inner_addresses_where_the_name_leads_inside() -> None:
    info = JanusInfo(url=INFO.url, endpoint="10.0.0.3:8088", local_ip="10.0.0.4", public_ips=("172.18.0.4",))
    shut = door(SHUT.url, "10.0.0.3")
    net, _ = await asked(info, door(OPEN.url, "10.0.0.3", None), shut, names=("10.0.0.3",))
    assert net.asked == [("10.0.0.4", 8188)]


async def test_its_candidates_and_its_name_tell_of_more() -> None:
    other = Candidate(endpoint="203.0.113.12:20000", transport="udp", session="janus/1")
    forced = Candidate(endpoint="203.0.113.99:20000", transport="udp", advertised=False)
    six = Candidate(endpoint="[2001:db8::9]:20000", transport="udp")
    net, _ = await asked(INFO, OPEN, SHUT, other, forced, six, names=("203.0.113.11", "203.0.113.13"))
    assert sorted({each[0] for each in net.asked}) == ["2001:db8::9", "203.0.113.10", "203.0.113.12", "203.0.113.13"]
    net, _ = await asked(INFO, OPEN, SHUT, six, families=(4,))
    assert net.asked == [("203.0.113.10", 8188)]


async def test_there_are_bounds() -> None:
    many = [Candidate(endpoint=f"203.0.113.{each}:20000", transport="udp") for each in range(20, 60)]
    doors = [door(f"ws://{NAME}:{port}/", "203.0.113.11") for port in range(9000, 9009)]
    net, found = await asked(INFO, OPEN, *many, *doors)
    assert len(net.asked) == len(found) == siblings.ADDRESSES_MAX * siblings.GATES_MAX


async def test_what_the_target_names_comes_first() -> None:
    own = door(f"https://{NAME}/api", "203.0.113.11", why="target")
    usual = [door(f"ws://{NAME}:{port}/", "203.0.113.11") for port in (8188, 8989, 8990)]
    net, _ = await asked(INFO, OPEN, *usual, own)
    assert {each[1] for each in net.asked} == {443, 8188, 8989}
