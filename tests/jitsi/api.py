"""The bridge's private HTTP interface, as much of it as tells whose it is: health and version."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress

PORT = 8080
VERSION = json.dumps({"name": "JVB", "version": "2.3-lab", "os": "Linux"}).encode()
# Healthy: 200 and no content. Bridges of today name no server.
ANSWERS = {"/about/health": b"", "/about/version": VERSION}
HEAD_MAX = 8192


async def serve(host: str) -> asyncio.Server:
    """Until it is closed; `host` is the address that it is published on."""
    return await asyncio.start_server(_connected, host, PORT, limit=HEAD_MAX)


async def _connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError, EOFError, asyncio.LimitOverrunError):
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            writer.write(answer(head))
            await writer.drain()
    writer.close()
    with suppress(OSError):
        await writer.wait_closed()


def answer(head: bytes) -> bytes:
    """To one request."""
    path = [*head.split(b" ", 2), b""][1].decode("latin-1")
    body = ANSWERS.get(path)
    if body is None:
        return b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"
    kind = b"Content-Type: application/json\r\n" if body else b""
    return b"HTTP/1.1 200 OK\r\n" + kind + b"Content-Length: %d\r\n\r\n" % len(body) + body
