"""A router that tells its outside address: `python -m tests.netns.natpmp INSIDE OUTSIDE` (RFC 6886 section 3.2)."""

from __future__ import annotations

import socket
import sys

from natprobe.wire import natpmp


def main(inside: str, outside: str) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind((inside, natpmp.PORT))
        while True:
            data, asker = sock.recvfrom(64)
            if data == natpmp.REQUEST:
                sock.sendto(natpmp.encode(outside), asker)


if __name__ == "__main__":
    main(*sys.argv[1:])
