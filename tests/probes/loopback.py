"""What tests of media on loopback share: a context on real sockets, and a socket on a way that spoils some packets."""

from __future__ import annotations

import random
from collections.abc import Callable

from natprobe.context import Context, Options
from natprobe.host.system import SystemHost
from natprobe.model import Target
from natprobe.net.api import Udp
from natprobe.net.system import SystemNet

LOOPBACK = "127.0.0.1"
NOW = 1_800_000_000.0
Spoil = Callable[[bytes], bool]


class Spoiled:
    """A socket on a way that drops what `spoil` says, both ways."""

    def __init__(self, udp: Udp, spoil: Spoil) -> None:
        self._udp, self._spoil, self.local = udp, spoil, udp.local

    def send(self, data: bytes, to: tuple[str, int], ttl: int | None = None) -> None:
        if not self._spoil(data):
            self._udp.send(data, to, ttl)

    async def receive(self) -> object:
        while True:
            event = await self._udp.receive()
            if not self._spoil(getattr(event, "data", b"")):
                return event

    def close(self) -> None:
        self._udp.close()


def context() -> Context:
    return Context(
        target=Target(input="x", host="x", port=443),
        options=Options(),
        net=SystemNet(),
        host=SystemHost(),
        random=random.SystemRandom(),
        unix_time=NOW,
    )
