"""A raw STUN client (RFC 8489, RFC 5780), small enough to be believed. It runs inside a namespace.

stun_client.py QUESTION HOST…  prints one word.
"""

import errno
import os
import socket
import struct
import sys
from collections.abc import Callable
from contextlib import suppress

PORT, ALTERNATE = 3478, 3479
COOKIE = 0x2112A442
CHANGE_ADDRESS, CHANGE_PORT = 0x4, 0x2
Endpoint = tuple[str, int]


def opened(host: str, kind: int = socket.SOCK_DGRAM) -> socket.socket:
    made = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, kind)
    made.settimeout(0.4)
    return made


def request(change: int = 0) -> bytes:
    attribute = struct.pack("!HHI", 0x0003, 4, change) if change else b""  # CHANGE-REQUEST
    return struct.pack("!HHI", 0x0001, len(attribute), COOKIE) + os.urandom(12) + attribute


def mapped(message: bytes) -> str:
    """XOR-MAPPED-ADDRESS."""
    rest = message[20:]
    while rest:
        kind, length = struct.unpack("!HH", rest[:4])
        if kind == 0x0020:
            host = bytes(a ^ b for a, b in zip(rest[8 : 4 + length], message[4:20], strict=False))
            family = socket.AF_INET if length == 8 else socket.AF_INET6
            return f"{socket.inet_ntop(family, host)} {struct.unpack('!H', rest[6:8])[0] ^ COOKIE >> 16}"
        rest = rest[4 + (length + 3) // 4 * 4 :]
    return "unmapped"


def asked(client: socket.socket, server: Endpoint, change: int = 0) -> str | None:
    client.sendto(request(change), server)
    try:
        return mapped(client.recv(2048))
    except TimeoutError:
        return None


def mapping(first: str, other: str) -> str:
    """RFC 5780, section 4.3: one socket, three destinations."""
    client = opened(first)
    start, port, address = (asked(client, server) for server in ((first, PORT), (first, ALTERNATE), (other, PORT)))
    if start == port == address:
        return "endpoint-independent"
    return "address-dependent" if start == port else "address-and-port-dependent"


def filtering(server: str) -> str:
    """RFC 5780, section 4.4: who may answer a socket that has met nobody else."""
    client = opened(server)
    if not asked(client, (server, PORT)):
        return "silent"
    if asked(client, (server, PORT), CHANGE_ADDRESS | CHANGE_PORT):
        return "endpoint-independent"
    return "address-dependent" if asked(client, (server, PORT), CHANGE_PORT) else "address-and-port-dependent"


def binding(host: str, kind: int, port: int = PORT) -> str:
    """The mapped address and port, `silent`, or the error's name."""
    client = opened(host, kind)
    try:
        client.connect((host, port))
        client.send(request())
        return mapped(client.recv(2048))
    except TimeoutError:
        return "silent"
    except OSError as error:
        return errno.errorcode[error.errno or 0]


def large(host: str, size: str) -> str:
    """The mapped address of a request with so many bytes in an attribute that nobody need know, or `silent`."""
    client, count = opened(host), int(size)
    attribute = struct.pack("!HH", 0xC0FF, count) + bytes(count)
    client.sendto(struct.pack("!HHI", 0x0001, len(attribute), COOKIE) + os.urandom(12) + attribute, (host, PORT))
    try:
        return mapped(client.recv(2048))
    except TimeoutError:
        return "silent"


def lost(host: str, count: str) -> str:
    """How many of so many requests have no answer."""
    client = opened(host)
    for _ in range(int(count)):
        client.sendto(request(), (host, PORT))
    missing = int(count)
    with suppress(TimeoutError):
        while missing and client.recv(2048):
            missing -= 1
    return str(missing)


QUESTIONS: dict[str, Callable[..., str]] = {
    "mapping": mapping,
    "filtering": filtering,
    "large": large,
    "lost": lost,
    "udp": lambda host, port=PORT: binding(host, socket.SOCK_DGRAM, int(port)),
    "tcp": lambda host, port=PORT: binding(host, socket.SOCK_STREAM, int(port)),
}

if __name__ == "__main__":
    print(QUESTIONS[sys.argv[1]](*sys.argv[2:]))
