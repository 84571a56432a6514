"""What `--source` names is what UDP and TCP send from, whatever class of address it is."""

from __future__ import annotations

import asyncio
import random
from typing import Any, cast

import pytest

from natprobe.context import Context, Options
from natprobe.facts import LocalAddress
from natprobe.host.api import Host, InterfaceAddress
from natprobe.net.api import Net
from natprobe.probes.interfaces import _local
from natprobe.target import parse


class Dialled:
    """A net that only notes where from."""

    def __init__(self) -> None:
        self.sources: list[str | None] = []

    async def tcp(
        self, remote: tuple[str, int], local: str | None = None, ttl: int | None = None, segment: int | None = None
    ) -> Any:
        self.sources.append(local)


def context(*sources: str) -> tuple[Context, Dialled]:
    net = Dialled()
    options, target = Options(sources=sources), parse("h.test").target
    made = Context(
        target=target,
        options=options,
        net=cast("Net", net),
        host=cast("Host", None),
        random=random.Random(0),
        unix_time=0.0,
    )
    return made, net


def entry(address: str, *, up: bool = True, container: bool = False) -> InterfaceAddress:
    return InterfaceAddress(address, 24, "x0", up, False, container)


@pytest.mark.parametrize(
    ("chosen", "here", "usable"),
    [
        ((), entry("192.0.2.1"), True),
        ((), entry("127.0.0.1"), False),
        ((), entry("169.254.0.1"), False),
        ((), entry("172.17.0.1", container=True), False),
        (("127.0.0.1",), entry("127.0.0.1"), True),
        (("fe80::1%x0",), entry("fe80::1%x0"), True),
        (("172.17.0.1",), entry("172.17.0.1", container=True), True),
        (("172.17.0.1",), entry("172.17.0.1", container=True, up=False), False),
        (("127.0.0.1",), entry("192.0.2.1"), False),
    ],
)
def test_what_is_named_is_used(chosen: tuple[str, ...], here: InterfaceAddress, usable: bool) -> None:
    ctx, _ = context(*chosen)
    seen = _local(ctx, here)
    assert isinstance(seen, LocalAddress)
    assert seen.usable is usable


@pytest.mark.parametrize(
    ("sources", "remote", "source"),
    [
        ((), "192.0.2.9", None),
        (("169.254.0.1", "192.0.2.1"), "192.0.2.9", "192.0.2.1"),
        (("fe80::1%x0", "2001:db8::1", "2001:db8::2"), "2001:db8::9", "2001:db8::1"),
        (("2001:db8::1", "fe80::1%x0"), "fe80::9%x0", "fe80::1%x0"),
        (("192.0.2.1",), "2001:db8::9", None),
        (("fe80::1%x0",), "2001:db8::9", "fe80::1%x0"),
    ],
)
def test_tcp_goes_from_the_source_that_fits(sources: tuple[str, ...], remote: str, source: str | None) -> None:
    ctx, net = context(*sources)
    asyncio.run(ctx.tcp((remote, 443)))
    assert net.sources == [source]
