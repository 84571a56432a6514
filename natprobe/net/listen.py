"""Sockets that answer strangers: UDP and TCP, each bound to one address of this machine.

One address each, so that an answer leaves from the address that was asked: a socket on 0.0.0.0 of a host with
two addresses answers from the wrong one (measured).
"""

from __future__ import annotations

import asyncio
import socket
import sys
from collections.abc import Callable, Coroutine

from natprobe.model import family
from natprobe.net import beside
from natprobe.net.api import Stream, Udp
from natprobe.net.system import TcpStream, bound
from natprobe.net.udp import BoundUdp

_BACKLOG = 100
# Bytes that wait for a peer that doesn't read, in each connection, before its writer has to wait too.
_WRITE_BUFFER = 8192


def udp(address: str, port: int) -> Udp:
    """A UDP socket. Raises OSError. It hears of no ICMP errors: lost answers are the asker's matter."""
    sock = bound(socket.SOCK_DGRAM, family(address), address, port)
    beside.tell_marks(sock, family(address))
    return BoundUdp(sock, family(address))


class TcpListener:
    """A listening TCP socket; accepts nobody before `start`. Raises OSError."""

    def __init__(self, address: str, port: int) -> None:
        self._sock = _listening(address, port)
        self.local: tuple[str, int] = self._sock.getsockname()[:2]
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self, serve: Callable[[Stream], Coroutine[None, None, None]]) -> None:
        """Hands every connection to `serve`, in a task of its own."""

        def accepted(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            if writer.get_extra_info("peername") is None:  # gone before it was accepted
                writer.transport.abort()
                return
            writer.transport.set_write_buffer_limits(high=_WRITE_BUFFER)
            task = asyncio.create_task(serve(TcpStream(reader, writer)))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

        self._server = await asyncio.start_server(accepted, sock=self._sock, limit=_WRITE_BUFFER)

    def close(self) -> None:
        """Stops listening and ends what is being served. Idempotent."""
        if self._server is not None:
            self._server.close()
        self._sock.close()
        for task in self._tasks:
            task.cancel()

    async def closed(self) -> None:
        """Waits until nothing is left of it."""
        await asyncio.gather(*self._tasks, return_exceptions=True)


def _listening(address: str, port: int) -> socket.socket:
    # A restarted server gets its port back at once; on Windows two servers would get the same one.
    sock = bound(socket.SOCK_STREAM, family(address), address, port, reuse=sys.platform != "win32")
    try:
        sock.listen(_BACKLOG)  # on Linux, the place where a second listener of the same port may be refused
        sock.setblocking(False)
    except OSError:
        sock.close()
        raise
    return sock
