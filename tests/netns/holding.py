"""Holds sockets of every sort until it is ended: `python -m tests.netns.holding NAME '[{"proto": …}, …]'`.

NAME is what the kernel calls the process. `stun`: answers Binding requests as a program does that leaves the address to
the system. Says `ready` once all are bound.
"""

from __future__ import annotations

import json
import selectors
import socket
import sys
from pathlib import Path
from typing import Any

# linux/if_packet.h's neighbours in sys/socket.h; the socket module has it where Python was built with it.
_BINDTODEVICE = 25


def held(
    proto: str,
    address: str,
    port: int,
    *,
    v6only: bool | None = None,
    reuse: bool = False,
    device: str = "",
    count: int = 1,
) -> list[socket.socket]:
    kind = socket.SOCK_STREAM if proto == "tcp" else socket.SOCK_DGRAM
    sockets = []
    for _ in range(count):
        sock = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, kind)
        if v6only is not None:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, int(v6only))
        if reuse:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if device:
            sock.setsockopt(socket.SOL_SOCKET, _BINDTODEVICE, device.encode())
        sock.bind((address, port))
        if proto == "tcp":
            sock.listen()
        sockets.append(sock)
    return sockets


def answer(sock: socket.socket) -> None:
    from natprobe.wire import stun

    data, source = sock.recvfrom(2048)
    if stun.is_stun(data):
        request = stun.decode(data).message
        sock.sendto(stun.response(request, XOR_MAPPED_ADDRESS=source[:2]), source)


def main(name: str, wanted: list[dict[str, Any]]) -> None:
    Path("/proc/self/comm").write_text(name)
    ready = selectors.DefaultSelector()
    kept = []
    for each in wanted:
        answers = each.pop("stun", False)
        sockets = held(**each)
        kept += sockets
        if answers:
            ready.register(sockets[0], selectors.EVENT_READ)
    print("ready", flush=True)
    while True:
        for key, _ in ready.select():
            answer(key.fileobj)  # type: ignore[arg-type]  # a socket, by `register`


if __name__ == "__main__":
    main(sys.argv[1], json.loads(sys.argv[2]))
