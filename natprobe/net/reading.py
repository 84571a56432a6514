"""A UDP socket with a task of its own that hands on whatever arrives."""

from __future__ import annotations

import asyncio
import contextlib
from abc import ABC, abstractmethod
from typing import Self

from natprobe.net.api import Datagram, IcmpError, Udp


class UdpReader(ABC):
    """Reads for as long as it is entered. Use as an async context manager; it owns the socket."""

    def __init__(self, udp: Udp) -> None:
        self._udp = udp

    @property
    def local(self) -> tuple[str, int]:
        """The bound address and port."""
        return self._udp.local

    async def __aenter__(self) -> Self:
        self._reader = asyncio.create_task(self._read())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._reader.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._reader
        self._udp.close()

    async def _read(self) -> None:
        while True:
            event = await self._udp.receive()
            if isinstance(event, IcmpError):
                self._icmp(event)
            else:
                self._datagram(event)

    @abstractmethod
    def _datagram(self, datagram: Datagram) -> None:
        """Something came."""

    @abstractmethod
    def _icmp(self, error: IcmpError) -> None:
        """Something came to nothing."""
