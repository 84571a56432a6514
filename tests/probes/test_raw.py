"""The probe with raw sockets that are a script: what it asks, how much, and when it asks nothing."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Iterable
from types import SimpleNamespace
from typing import Any

import pytest

from natprobe.asking.crafting import hops
from natprobe.asking.tracing import FOLLOWED_SINCE
from natprobe.context import Context, Options
from natprobe.facts import Answerer, Facts, IceCheck, Quote, RawAccess, Trail, TrailHop
from natprobe.model import Failure, Observation
from natprobe.net.crafted import MARKED, Crafted, Heard, NotHere, Proto, Quoted
from natprobe.probes import raw as probe
from tests.made import MEDIA, PEER, UNREACHABLE, WEB, WEB6, checked, connected, named
from tests.made_jitsi import JITSI

LOCAL = "192.168.1.2"
LOCALS = {4: LOCAL, 6: "2001:db8:1::2"}
Answers = Callable[["Scripted", Crafted], Iterable[Heard]]


class Scripted:
    """Raw sockets, and a network that answers as told."""

    def __init__(self, local: str, answers: Answers) -> None:
        self.local, self.sent, self.closed = local, [], False  # type: tuple[str, list[Crafted], bool]
        self._answers = answers
        self._heard: asyncio.Queue[Heard] = asyncio.Queue()

    def port(self, proto: Proto) -> int:
        return 4000 if proto == "udp" else 4001

    def send(self, packet: Crafted) -> int:
        self.sent.append(packet)
        for each in self._answers(self, packet):
            self._heard.put_nowait(each)
        return 52

    async def receive(self) -> Heard:
        return await self._heard.get()

    def close(self) -> None:
        self.closed = True


def silence(raw: Scripted, packet: Crafted) -> Iterable[Heard]:
    return ()


def quoted(raw: Scripted, packet: Crafted, by: str, icmp: str = "11/0", **more: Any) -> Heard:
    source = (raw.local, raw.port(packet.proto))
    quote = Quoted(packet.proto, source, packet.to, 1, packet.tos, 52, MARKED + packet.mark, packet.mark)
    return Heard(by, 0, 60, "icmp", icmp=icmp, quoted=quote._replace(**more))


def chain(raw: Scripted, packet: Crafted) -> Iterable[Heard]:
    """Three routers, then the server: 443 is open, all else shut."""
    if packet.acknowledged is not None:
        return
    if packet.ttl is not None and packet.ttl <= 3:
        yield quoted(raw, packet, f"198.51.100.{packet.ttl}")
    elif packet.proto == "udp":
        yield quoted(raw, packet, packet.to[0], "3/3")
    else:
        says = "syn-ack" if packet.to[1] == 443 else "rst"
        yield Heard(*packet.to, 61, "tcp", says=says, acknowledged=77)  # type: ignore[arg-type]  # a word of Heard's


def asked(
    *observations: Observation, answers: Any = silence, system: str = "linux", spent: float = 0.0, **options: Any
) -> Any:
    """What the probe yields, and its sockets; `spent`: so long (seconds) the way has been followed."""
    opened: list[Scripted] = []

    async def opens(local: str, number: int, udp_port: int = 0) -> Scripted:
        if isinstance(answers, BaseException):
            raise answers
        opened.append(Scripted(local, answers))
        return opened[-1]

    async def go() -> list[Observation]:
        loop = asyncio.get_running_loop()
        net: Any = SimpleNamespace(
            now=loop.time, sleep=asyncio.sleep, raw=opens, source_address=lambda to: LOCALS[4 + 2 * (":" in to)]
        )
        host: Any = SimpleNamespace(system=lambda: system)
        ctx = Context(
            target=PEER,
            options=Options(**options),
            net=net,
            host=host,
            random=random.Random(1),
            unix_time=0.0,
        )
        ctx.keep.put(FOLLOWED_SINCE, loop.time() - spent)
        return [each async for each in probe.probe(ctx, Facts(JITSI, observations))]

    found = asyncio.run(go())
    assert all(each.closed for each in opened)
    return found, opened


def trail(*addresses: str | None, subject: str = MEDIA, **more: Any) -> Trail:
    heard = tuple(TrailHop(ttl=n, sent=3, answered=3 if a else 0, address=a) for n, a in enumerate(addresses, 1))
    fields: dict[str, Any] = {"payload": "check", "towards": subject, "local": f"{LOCAL}:40009", "hops": heard} | more
    return Trail(subject=subject, **fields)


THREE = trail("198.51.100.1", "198.51.100.2", "198.51.100.3", None)


def test_nothing_is_asked_where_nothing_is_open() -> None:
    assert asked(checked(), named(WEB), connected()) == ([], [])


def test_what_followed_the_way_all_the_time_there_is_leaves_none() -> None:
    ((word,), opened) = asked(THREE, answers=chain, spent=2.0)
    assert (word.failure, word.sent, opened) == (Failure.TIMEOUT, 0, [])
    found, (raw,) = asked(THREE, answers=chain, spent=1.5)
    assert found[-1] == RawAccess(sent=len(raw.sent))


def test_on_the_way_to_where_media_failed() -> None:
    found, (raw,) = asked(THREE, answers=chain)
    quotes = [each for each in found if isinstance(each, Quote)]
    assert {(each.transport, each.ttl, each.address, each.tos) for each in quotes if each.ttl < 64} == {
        (proto, ttl, f"198.51.100.{ttl}", tos) for ttl in (1, 2, 3) for proto, tos in (("tcp", 0), ("udp", 184))
    }
    said = [(each.endpoint, each.transport, each.what, each.hops) for each in found if isinstance(each, Answerer)]
    assert sorted(said) == [
        (f"{WEB}:10000", "tcp", "rst", 3),
        (f"{WEB}:10000", "udp", "port-unreachable", 4),
        (f"{WEB}:443", "tcp", "syn-ack", 3),
        (f"{WEB}:443", "udp", "port-unreachable", 4),
    ]
    resets = [each for each in raw.sent if each.acknowledged is not None]
    assert [(each.to, each.acknowledged) for each in resets] == [((WEB, 443), 77)]
    assert found[-1] == RawAccess(sent=len(raw.sent))
    assert len({each.mark for each in raw.sent}) == len(raw.sent)


def test_silence_is_asked_twice_and_no_more() -> None:
    _, (raw,) = asked(trail(None, None))
    kinds = [(each.proto, each.to, each.ttl) for each in raw.sent]
    assert {kinds.count(each) for each in kinds} == {2}
    assert len(kinds) <= probe.PACKETS_MAX


@pytest.mark.parametrize("hosts", [1, 2, 3])
def test_few_packets_whatever_is_asked(hosts: int) -> None:
    trails = [trail(*["198.51.100.9"] * 20, subject=f"203.0.113.{n}:10000") for n in range(1, hosts + 1)]
    found, opened = asked(*trails)
    assert len(opened) == min(hosts, 2)
    assert sum(len(each.sent) for each in opened) == found[-1].sent <= 40


def test_what_refuses_is_asked_first() -> None:
    shut = checked(failure=UNREACHABLE, verified=False, reported_by=WEB, icmp="3/3", tries=1)
    page = connected(f"[{WEB6}]:443", Failure.REFUSED)
    _, opened = asked(shut, page, named(WEB, WEB6), answers=chain)
    assert [each.local for each in opened] == [LOCALS[4], LOCALS[6]]
    first = [(each.proto, each.to) for each in opened[0].sent if each.ttl is not None and each.ttl < 64]
    assert set(first) == {("udp", (WEB, 10000)), ("tcp", (WEB, 443))}
    assert isinstance(shut, IceCheck)
    only4 = asked(shut, page, named(WEB, WEB6), answers=chain, families=(4,))[1]
    assert [each.local for each in only4] == [LOCALS[4]]


@pytest.mark.parametrize(
    ("failing", "system", "told"),
    [
        (
            PermissionError(1, "Operation not permitted"),
            "linux",
            (Failure.PERMISSION_DENIED, "Operation not permitted"),
        ),
        (NotHere("not in here"), "linux", (Failure.UNSUPPORTED, "not in here")),
        (None, "darwin", (Failure.UNSUPPORTED, "natprobe knows raw sockets of Linux only")),
        (None, "windows", (Failure.UNSUPPORTED, "natprobe knows raw sockets of Linux only")),
    ],
)
def test_without_raw_sockets_there_is_one_word(failing: Any, system: str, told: tuple[Failure, str]) -> None:
    found, opened = asked(THREE, answers=failing, system=system)
    assert [(each.failure, each.detail, each.sent) for each in found] == [(*told, 0)]
    assert opened == []


def test_an_address_that_is_written_at_length() -> None:
    long = "2001:db8:0f:0:0:0:0:10"

    def short(raw: Scripted, packet: Crafted) -> Iterable[Heard]:
        yield quoted(raw, packet, WEB6, "1/4") if packet.proto == "udp" else Heard(WEB6, packet.to[1], 61, "tcp", "rst")

    found, _ = asked(trail(None, subject=f"[{long}]:10000", local=None), answers=short)
    assert {each.endpoint.rpartition(":")[0] for each in found if isinstance(each, Answerer)} == {f"[{long}]"}


def lies(raw: Scripted, packet: Crafted) -> Iterable[Heard]:
    """Marks that were never sent, the other protocol's, others' ports, others' names."""
    yield quoted(raw, packet, "198.51.100.66", mark=200)
    yield quoted(raw, packet, "198.51.100.66", proto="tcp" if packet.proto == "udp" else "udp")
    yield Heard("198.51.100.66", 443, 60, "tcp", says="rst")
    yield Heard(WEB, 444, 60, "tcp", says="rst")
    yield Heard(WEB, 53, 60, "udp")


def test_lies_are_nobodys_answers() -> None:
    found, _ = asked(THREE, answers=lies)
    assert [type(each) for each in found] == [RawAccess]


def test_a_flood_ends_in_time() -> None:
    """More answers than questions, each another: as many facts as packets at most, and no longer than planned."""

    def flood(raw: Scripted, packet: Crafted) -> Iterable[Heard]:
        return (quoted(raw, packet, f"198.51.{n // 250}.{n % 250}") for n in range(2000))

    found, _ = asked(trail("198.51.100.1"), answers=flood)
    assert len(found) <= probe.PACKETS_MAX + 1


@pytest.mark.parametrize(
    ("ttl", "passed"),
    [
        (64, 0),
        (60, 4),
        (24, 40),
        (128, 0),
        (110, 18),
        (88, 40),
        (87, None),
        (65, None),
        (255, 0),
        (215, 40),
        (129, None),
        (1, None),
        (0, None),
    ],
)
def test_how_far_something_came(ttl: int, passed: int | None) -> None:
    assert hops(ttl) == passed
