"""A STUN server as many public ones are: it names another address and then ignores CHANGE-REQUEST (RFC 5780, RFC 3489).

python -m tests.netns.ignoring ADDRESS PORT OTHER-ADDRESS
"""

from __future__ import annotations

import socket
import struct
import sys

_COOKIE = b"\x21\x12\xa4\x42"
_MAPPED, _SOURCE, _CHANGED, _XOR_MAPPED, _OTHER = 0x0001, 0x0004, 0x0005, 0x0020, 0x802C


def answer(request: bytes, client: tuple[str, int], here: tuple[str, int], other: tuple[str, int]) -> bytes:
    """The success answer; a request without the magic cookie gets the attributes of RFC 3489."""
    if request[4:8] != _COOKIE:
        attributes = [(_MAPPED, client), (_SOURCE, here), (_CHANGED, other)]
    else:
        attributes = [(_MAPPED, client), (_XOR_MAPPED, client), (_OTHER, other)]
    body = b"".join(_attribute(kind, endpoint) for kind, endpoint in attributes)
    return struct.pack("!HH", 0x0101, len(body)) + request[4:20] + body


def _attribute(kind: int, endpoint: tuple[str, int]) -> bytes:
    address, port = socket.inet_aton(endpoint[0]), endpoint[1]
    if kind == _XOR_MAPPED:
        address = bytes(one ^ two for one, two in zip(address, _COOKIE, strict=True))
        port ^= 0x2112
    return struct.pack("!HHBBH", kind, 8, 0, 1, port) + address


def main() -> None:
    address, port, other = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind((address, port))
        while True:
            request, client = sock.recvfrom(2048)
            if len(request) >= 20 and request[:2] == b"\x00\x01":
                sock.sendto(answer(request, client, (address, port), (other, port + 1)), client)


if __name__ == "__main__":
    main()
