"""When each packet of a UDP port passed an interface, by the kernel's own stamps:

    python -m tests.netns.stamping PORT FILE

A line for each: `in` or `out`, seconds of the day's clock, STUN's transaction id. All namespaces have one clock.
"""

from __future__ import annotations

import socket
import struct
import sys
from pathlib import Path

_ALL, _OUTGOING, _UDP = 0x0003, 4, 17  # linux/if_ether.h, linux/if_packet.h
_TIMESTAMPNS, _TIMESPEC = 35, struct.Struct("@ll")
READY = "sees packets"


def main(port: int, path: Path) -> None:
    with socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(_ALL)) as sock, path.open("wb", 0) as seen:
        sock.setsockopt(socket.SOL_SOCKET, _TIMESTAMPNS, 1)
        print(READY, flush=True)
        while True:
            data, ancillary, _, source = sock.recvmsg(2048, 64)
            head = (data[0] & 15) * 4
            if data[0] >> 4 != 4 or data[9] != _UDP or port not in struct.unpack_from("!HH", data, head):
                continue
            seconds, nanoseconds = _TIMESPEC.unpack(ancillary[0][2])
            way = "out" if source[2] == _OUTGOING else "in"
            seen.write(f"{way} {seconds + nanoseconds / 1e9:.6f} {data[head + 16 : head + 28].hex()}\n".encode())


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]))
