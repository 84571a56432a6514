"""A component's stream to Prosody (XEP-0114)."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Iterator
from typing import cast
from xml.etree.ElementTree import Element, XMLPullParser

NAMESPACE = "jabber:component:accept"


class Component:
    """Connected and authenticated after `open`; then `stanzas` until the stream ends. Raises OSError, EOFError."""

    def __init__(self, domain: str, secret: str, port: int) -> None:
        self._domain, self._secret, self._port = domain, secret, port
        self._parser: XMLPullParser[Element] = XMLPullParser(("start", "end"))
        self._depth, self._root = 0, Element("none")

    async def open(self) -> None:
        self._reader, self._writer = await _connected(self._port)
        self.send(
            f"<stream:stream xmlns='{NAMESPACE}' xmlns:stream='http://etherx.jabber.org/streams' to='{self._domain}'>"
        )
        events = self._events()
        header = await anext(events)
        digest = hashlib.sha1((header.get("id", "") + self._secret).encode(), usedforsecurity=False).hexdigest()
        self.send(f"<handshake>{digest}</handshake>")
        answer = await anext(events)
        if answer.tag != f"{{{NAMESPACE}}}handshake":
            raise ConnectionRefusedError(f"{self._domain}: {answer.tag}")
        self._rest = events

    def send(self, text: str) -> None:
        self._writer.write(text.encode())

    def stanzas(self) -> AsyncIterator[Element]:
        return self._rest

    async def close(self) -> None:
        self._writer.close()
        await self._writer.wait_closed()

    async def _events(self) -> AsyncIterator[Element]:
        """The stream's header, then each of its children; none is kept."""
        while data := await self._reader.read(65536):
            self._parser.feed(data)
            for event, element in cast("Iterator[tuple[str, Element]]", self._parser.read_events()):
                self._depth += 1 if event == "start" else -1
                if event == "start" and self._depth == 1:
                    self._root = element
                    yield element
                elif event == "end" and self._depth == 1:
                    self._root.remove(element)
                    yield element
        raise EOFError(f"the stream of {self._domain} has ended")


async def _connected(port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Prosody may be starting at the same time."""
    for _ in range(500):
        try:
            return await asyncio.open_connection("127.0.0.1", port)
        except ConnectionRefusedError:
            await asyncio.sleep(0.01)
    raise ConnectionRefusedError(f"nobody listens on port {port}")
