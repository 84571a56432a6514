"""Jitsi's bridge (tests/jitsi/bridge.py) on a host in memory, in virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from natprobe.net.api import Datagram
from tests.jitsi.agent import Packet
from tests.jitsi.bridge import Bridge
from tests.lab.host import LabHost
from tests.lab.sockets import LabUdp


class BridgeHost:
    """Its one port on each of these addresses; after calls of the bridge's own methods, `wake`."""

    def __init__(self, host: LabHost, addresses: Sequence[str], port: int = 10000) -> None:
        self._host = host
        self.bridge = Bridge([(address, port) for address in addresses], host.chance)
        self._sockets = {(address, port): host.serve_udp(address, port, self._received) for address in addresses}
        self._timer: asyncio.TimerHandle | None = None

    def wake(self) -> None:
        """Does what is due, and comes back for the rest."""
        self._send(self.bridge.tick(self._host.now()))
        if self._timer:
            self._timer.cancel()
        due, now = self.bridge.due(), self._host.now()
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(max(due - now, 0.001), self.wake) if due is not None else None

    def _received(self, udp: LabUdp, datagram: Datagram) -> None:
        self._send(self.bridge.datagram(datagram.data, udp.local, datagram.source, self._host.now()))
        self.wake()

    def _send(self, packets: list[Packet]) -> None:
        for packet in packets:
            self._sockets[packet.local].send(packet.data, packet.remote)
