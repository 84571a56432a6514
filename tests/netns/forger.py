"""A STUN server whose neighbours lie, run inside a namespace.

forger.py OWN_ADDRESS  answers on port 3478, after these: the same answer from another address and from another port,
answers to requests that were never made, garbage, the same answer cut short; and the true answer a second time.
"""

from __future__ import annotations

import socket
import sys

from scapy.layers.inet import IP, UDP

from natprobe.wire import stun

UNASKED = stun.decode(stun.binding_request(bytes(12))).message
OTHER, LIE = "203.0.113.66", ("6.6.6.6", 666)


def main(own: str) -> None:
    raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind((own, 3478))
    print("ready", flush=True)
    while True:
        data, client = server.recvfrom(2048)
        request = stun.decode(data).message
        lie = stun.response(request, XOR_MAPPED_ADDRESS=LIE, SOFTWARE="forged")

        def forge(source: str, port: int, payload: bytes, to: tuple[str, int] = client) -> None:
            packet = IP(src=source, dst=to[0]) / UDP(sport=port, dport=to[1]) / payload
            raw.sendto(bytes(packet), (to[0], 0))

        forge(OTHER, 3478, lie)
        forge(own, 3479, lie)
        forge(own, 3478, stun.response(UNASKED, XOR_MAPPED_ADDRESS=LIE))
        for port in range(1, 4):
            forge(OTHER, port, b"\xff" * 100)
        forge(own, 3478, lie[:-4])
        forge(own, 3478, data)
        answer = stun.response(request, XOR_MAPPED_ADDRESS=client)
        server.sendto(answer, client)
        server.sendto(answer, client)


if __name__ == "__main__":
    main(sys.argv[1])
