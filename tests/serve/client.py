"""A client of the responder on loopback, for the tests of the server and of its command."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

from natprobe.model import family
from natprobe.net.stun import Outcome, StunSocket, ask_stream
from natprobe.net.system import SystemNet
from natprobe.pairing import credentials
from natprobe.wire import stun

TOKEN = "abcdefghijklmnopqrstuv"
OURS = credentials(TOKEN)
USER = f"{OURS.ufrag}:abcd"
ID = b"transaction1"
Endpoint = tuple[str, int]


def go(work: Callable[[], Coroutine[None, None, None]]) -> None:
    asyncio.run(asyncio.wait_for(work(), 20))


async def ask(request: bytes, to: Endpoint, give_up: float = 1.0) -> tuple[Outcome, StunSocket]:
    net = SystemNet()
    async with StunSocket(net, net.udp(family(to[0]), to[0])) as asker:
        return await asker.ask(request, to, send_times=(0,), give_up=give_up), asker


async def ask_tcp(request: bytes, to: Endpoint, framed: bool) -> Outcome:
    net = SystemNet()
    stream = await net.tcp(to, to[0])
    try:
        return await ask_stream(net, stream, request, framed=framed)
    finally:
        stream.close()


def check(**changed: Any) -> bytes:
    given: dict[str, Any] = {"user": USER, "password": OURS.password, "tie_breaker": 7}
    return stun.ice_check(ID, **given | changed)


def verifies(outcome: Outcome) -> bool:
    return outcome.packet is not None and outcome.packet.message.check_message_integrity(OURS.password.encode())


@contextlib.contextmanager
def taken(kind: socket.SocketKind, address: str, port: int = 0) -> Iterator[int]:
    with socket.socket(socket.AF_INET, kind) as sock:
        sock.bind((address, port))
        if kind is socket.SOCK_STREAM:
            sock.listen()
        yield sock.getsockname()[1]


def free_ports(count: int) -> int:
    """The first of so many UDP ports in a row that are free on loopback."""
    for first in range(20000 + os.getpid() % 10000, 60000, count):
        with contextlib.suppress(OSError), contextlib.ExitStack() as stack:
            for port in range(first, first + count):
                for address in ("127.0.0.1", "127.0.0.2"):
                    stack.enter_context(taken(socket.SOCK_DGRAM, address, port))
            return first
    raise AssertionError("no free ports")
