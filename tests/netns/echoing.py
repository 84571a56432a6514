"""Run on a server: takes connections and sends datagrams back, at each port that is named, of both families."""

from __future__ import annotations

import selectors
import socket
import sys


def main(*ports: str) -> None:
    """Until it is killed."""
    waiting = selectors.DefaultSelector()
    for port in map(int, ports):
        for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
            for family, every in ((socket.AF_INET, "0.0.0.0"), (socket.AF_INET6, "::")):
                one = socket.socket(family, kind)
                one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                if family == socket.AF_INET6:
                    one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                one.bind((every, port))
                if kind == socket.SOCK_STREAM:
                    one.listen(64)
                waiting.register(one, selectors.EVENT_READ, one)
    while True:
        for key, _ in waiting.select():
            ready: socket.socket = key.data
            if ready.type == socket.SOCK_STREAM:
                ready.accept()[0].close()
            else:
                ready.sendto(*ready.recvfrom(100))


if __name__ == "__main__":
    main(*sys.argv[1:])
