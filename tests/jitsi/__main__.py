"""The focus and the bridge in one process: `python -m tests.jitsi SETTINGS.json` (tests/jitsi/settings.py)."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from pathlib import Path
from urllib.parse import urlsplit
from xml.etree.ElementTree import Element

import msgspec

from tests.jitsi import api
from tests.jitsi.bridge import Bridge
from tests.jitsi.component import Component
from tests.jitsi.focus import Focus, Stanza
from tests.jitsi.http import DOMAIN, Requests
from tests.jitsi.settings import Settings
from tests.jitsi.sockets import Sockets

CHANNEL = 9090  # the bridge's public HTTP port
READY = "the focus and the bridge are ready"


class Server:
    """Two components' streams, the bridge's sockets and one timer."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        bridge = Bridge(tuple((address, settings.udp) for address in settings.addresses))
        self._bridge = bridge
        self._sockets = Sockets(bridge, settings.addresses, settings.udp, settings.tcp)
        self._focus = Focus(settings, bridge, self._write)
        self._written: dict[str, int] = {}
        self._streams: dict[str, Component] = {}
        self._requests = Requests(self._take)
        self._timer: asyncio.TimerHandle | None = None
        self._private: asyncio.Server | None = None

    async def run(self) -> None:
        if self._settings.bridge != "down":
            await self._sockets.open()
            self._private = await api.serve(self._settings.private) if self._settings.private else None
            await self._channel()
        self._write(self._focus.status())
        if self._settings.focus != "down":
            await self._connect()
        if self._settings.http:
            await self._requests.open(self._settings.http)
        print(READY, flush=True)
        async with asyncio.TaskGroup() as tasks:
            for stream in self._streams.values():
                tasks.create_task(self._listen(stream))
            tasks.create_task(_stopped())

    async def _channel(self) -> None:
        """Where nginx looks for it, whatever it leads there."""
        if self._settings.channel:
            from tests.jitsi.channel import Channel

            await Channel(self._bridge, urlsplit(self._settings.channel).path).open(CHANNEL)

    async def _connect(self) -> None:
        user = self._settings.user.partition("@")[2].partition("/")[0]
        for domain in (self._settings.service, user):
            stream = self._streams[domain] = Component(domain, self._settings.secret, self._settings.port)
            await stream.open()

    async def _listen(self, stream: Component) -> None:
        async for element in stream.stanzas():
            self._take(element)

    def _take(self, element: Element) -> None:
        self._send(self._focus.stanza(element, asyncio.get_running_loop().time()))
        self._wake()

    def _wake(self) -> None:
        """What is due now, at the focus and at the bridge, and the timer for the rest."""
        loop = asyncio.get_running_loop()
        self._send(self._focus.tick(loop.time()))
        self._sockets.wake()
        if self._timer:
            self._timer.cancel()
        due = self._focus.due()
        self._timer = loop.call_at(max(due, loop.time() + 0.001), self._wake) if due is not None else None

    def _send(self, stanzas: list[Stanza]) -> None:
        for stanza in stanzas:
            send = self._requests.answered if stanza.domain == DOMAIN else self._streams[stanza.domain].send
            send(stanza.text)

    def _write(self, status: dict[str, int]) -> None:
        if status != self._written:
            self._written, path = status, Path(self._settings.status)
            (new := path.with_suffix(".new")).write_text(json.dumps(status))
            os.replace(new, path)


async def _stopped() -> None:
    """Until SIGTERM, which ends the process as it stands: Prosody sees its streams close."""
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    await stop.wait()
    raise SystemExit(0)


if __name__ == "__main__":
    asyncio.run(Server(msgspec.json.decode(Path(sys.argv[1]).read_bytes(), type=Settings, strict=True)).run())
