"""Packets with rising time to live, all from one socket, sent by hand: who answers each of them.

It knows nothing of natprobe. `climber.py ADDRESS PORT TTLS [stun|text|large] [SOURCE-PORT] [TIMES]` prints for each of
them [who, ICMP type/code or "answer"], or null.
"""

from __future__ import annotations

import json
import os
import select
import socket
import struct
import sys
import time

WAITS = 0.25
_LEVELS = {socket.AF_INET: socket.IPPROTO_IP, socket.AF_INET6: socket.IPPROTO_IPV6}
_RECVERR = {socket.AF_INET: 11, socket.AF_INET6: 25}
_TTL = {socket.AF_INET: socket.IP_TTL, socket.AF_INET6: socket.IPV6_UNICAST_HOPS}
_WHOLE = {socket.AF_INET: 10, socket.AF_INET6: 23}  # IP_MTU_DISCOVER, IPV6_MTU_DISCOVER
_AS_IT_IS = 3  # IP_PMTUDISC_PROBE: in one piece, whatever the kernel knows of the way
_ERROR_QUEUE = 0x2000
# A STUN request without attributes; the others are as good as nothing.
_BEFORE = {"stun": b"\x00\x01\x00\x00\x21\x12\xa4\x42", "text": bytes(8), "large": bytes(8)}
_BEHIND = {"stun": b"", "text": b"", "large": bytes(1300)}
_ID = slice(8, 20)

Told = dict[bytes, tuple[str, str]]


def climbed(address: str, port: int, ttls: int, payload: str, source: int, times: int) -> list[tuple[str, str] | None]:
    """Raises OSError where this machine refuses to send."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    ids = [os.urandom(12) for _ in range(ttls * times)]
    with socket.socket(family, socket.SOCK_DGRAM) as sock:
        sock.bind(("", source))
        sock.setsockopt(_LEVELS[family], _RECVERR[family], 1)
        sock.setsockopt(_LEVELS[family], _WHOLE[family], _AS_IT_IS)
        told: Told = {}
        for number, own in enumerate(ids):
            sock.setsockopt(_LEVELS[family], _TTL[family], number % ttls + 1)
            sock.sendto(_BEFORE[payload] + own + _BEHIND[payload], (address, port))
            told |= _read(sock)
        end = time.monotonic() + WAITS
        while len(told) < len(ids) and select.select([sock], [], [], max(0.0, end - time.monotonic()))[0]:
            told |= _read(sock)
    return [told.get(own) for own in ids]


def _read(sock: socket.socket) -> Told:
    """What has come of packets, by their numbers: ICMP errors quote them, answers repeat them."""
    told: Told = {}
    while select.select([sock], [], [], 0)[0]:
        try:
            quoted, ancillary, _, _ = sock.recvmsg(2048, 512, _ERROR_QUEUE)
            told[quoted[_ID]] = _error(sock, ancillary[0][2])
        except BlockingIOError:
            answer, sender = sock.recvfrom(2048)
            told[answer[_ID]] = (sender[0], "answer")
    return told


def _error(sock: socket.socket, data: bytes) -> tuple[str, str]:
    _, _, kind, code, *_ = struct.unpack_from("=IBBBBII", data)
    end = data[16:]
    raw = end[8:24] if sock.family == socket.AF_INET6 else end[4:8]
    return socket.inet_ntop(sock.family, raw), f"{kind}/{code}"


if __name__ == "__main__":
    words = [*sys.argv[1:], *("stun", "0", "1")[len(sys.argv) - 4 :]]
    print(json.dumps(climbed(words[0], int(words[1]), int(words[2]), words[3], int(words[4]), int(words[5]))))
