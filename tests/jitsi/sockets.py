"""The bridge on real sockets: one UDP port on each of its addresses, and TCP where it is an old one."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from typing import Any

from tests.jitsi.agent import Packet
from tests.jitsi.bridge import Bridge
from tests.jitsi.harvester import Framing, frame
from tests.jitsi.stun import Address


class Sockets:
    """`open`, then everything happens by itself; after calls of Bridge's methods, `wake`."""

    def __init__(self, bridge: Bridge, addresses: Sequence[str], port: int, tcp: int = 0) -> None:
        self._bridge, self._addresses, self._port, self._tcp = bridge, addresses, port, tcp
        self._udp: dict[Address, asyncio.DatagramTransport] = {}
        self._streams: dict[tuple[Address, Address], asyncio.StreamWriter] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._servers: list[asyncio.Server] = []

    async def open(self) -> None:
        loop = asyncio.get_running_loop()
        for address in self._addresses:
            local = (address, self._port)
            transport, _ = await loop.create_datagram_endpoint(partial(_Udp, self, local), local_addr=local)
            self._udp[local] = transport
            if self._tcp:
                self._servers.append(await asyncio.start_server(self._connected, address, self._tcp))

    async def close(self) -> None:
        for transport in self._udp.values():
            transport.close()
        for server in self._servers:
            server.close()
        if self._timer:
            self._timer.cancel()
        writers = list(self._streams.values())
        for writer in writers:
            writer.close()
        await asyncio.gather(*(writer.wait_closed() for writer in writers), return_exceptions=True)

    def wake(self) -> None:
        """Does what is due, and comes back for the rest."""
        loop = asyncio.get_running_loop()
        self.send(self._bridge.tick(loop.time()))
        if self._timer:
            self._timer.cancel()
        due = self._bridge.due()
        self._timer = loop.call_at(max(due, loop.time() + 0.001), self.wake) if due is not None else None

    def received(self, data: bytes, local: Address, remote: Address) -> None:
        self.send(self._bridge.datagram(data, local, remote, asyncio.get_running_loop().time()))
        self.wake()

    def send(self, packets: list[Packet]) -> None:
        for packet in packets:
            if writer := self._streams.get((packet.local, packet.remote)):
                writer.write(frame(packet.data))
            elif transport := self._udp.get(packet.local):
                transport.sendto(packet.data, packet.remote)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        local, remote = writer.get_extra_info("sockname")[:2], writer.get_extra_info("peername")[:2]
        self._streams[local, remote] = writer
        framing = Framing()
        with suppress(OSError):
            while data := await reader.read(65536):
                back, messages = framing.feed(data)
                writer.write(back)
                for message in messages:
                    self.received(message, local, remote)
                if messages and not self._bridge.knows(local, remote):
                    break
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()
        self._streams.pop((local, remote))


class _Udp(asyncio.DatagramProtocol):
    def __init__(self, sockets: Sockets, local: Address) -> None:
        self._sockets, self._local = sockets, local

    def datagram_received(self, data: bytes, addr: tuple[Any, ...]) -> None:
        self._sockets.received(data, self._local, (addr[0], addr[1]))
