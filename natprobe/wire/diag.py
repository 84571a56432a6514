"""The kernel's own list of sockets by netlink (linux/netlink.h, sock_diag.h, inet_diag.h): requests and answers.

psutil and /proc/net tell everything but IPV6_V6ONLY, which decides whether a `::` takes IPv4 too.
"""

from __future__ import annotations

import ipaddress
import struct
from collections.abc import Iterator
from typing import Literal, NamedTuple

from natprobe.model import Family

NETLINK_SOCK_DIAG = 4
_BY_FAMILY, _ERROR, _DONE = 20, 2, 3
_REQUEST_DUMP = 0x301
_AF: dict[Family, int] = {4: 2, 6: 10}
# Of each protocol: its number, and the state of what waits for others (net/tcp_states.h): TCP in LISTEN; a UDP socket
# without a peer counts as CLOSE.
_WAITING = {"tcp": (6, 10), "udp": (17, 7)}
_SKV6ONLY = 11

_HEADER = struct.Struct("=IHHII")
_REQUEST = struct.Struct("=BBBBI48x")
_MESSAGE = struct.Struct("=BBBB2s2s16s16sI8xIIIII")
_ATTRIBUTE = struct.Struct("=HH")
_ERRNO = struct.Struct("=i")


class KernelSocket(NamedTuple):
    """One socket. `interface`: the index of the one that it is bound to, 0: none. `inode`: what its owner holds."""

    proto: Literal["udp", "tcp"]
    address: str
    port: int
    v6only: bool | None
    interface: int
    uid: int
    inode: int


class Said(NamedTuple):
    """What one datagram of the answer has; `done`: it was the last. `errno`: the kernel refuses."""

    sockets: list[KernelSocket]
    done: bool
    errno: int = 0


def request(proto: Literal["udp", "tcp"], family: Family) -> bytes:
    """Asks for all that waits for others. What follows the states, the identity of one socket, is empty."""
    number, state = _WAITING[proto]
    body = _REQUEST.pack(_AF[family], number, 0, 0, 1 << state)
    return _HEADER.pack(_HEADER.size + len(body), _BY_FAMILY, _REQUEST_DUMP, 1, 0) + body


def answer(data: bytes, proto: Literal["udp", "tcp"]) -> Said:
    """Reads what came to `request`. What is cut short, or no answer at all, has no sockets."""
    found: list[KernelSocket] = []
    for kind, body in _messages(data):
        if kind == _DONE:
            return Said(found, True)
        if kind == _ERROR:
            return Said(found, True, -_ERRNO.unpack_from(body)[0] if len(body) >= _ERRNO.size else 0)
        if kind == _BY_FAMILY and len(body) >= _MESSAGE.size:
            found.append(_socket(body, proto))
    return Said(found, False)


def _messages(data: bytes) -> Iterator[tuple[int, bytes]]:
    offset = 0
    while offset + _HEADER.size <= len(data):
        length, kind, *_ = _HEADER.unpack_from(data, offset)
        if length < _HEADER.size or offset + length > len(data):
            return
        yield kind, data[offset + _HEADER.size : offset + length]
        offset += _aligned(length)


def _socket(body: bytes, proto: Literal["udp", "tcp"]) -> KernelSocket:
    family, _, _, _, port, _, address, _, interface, _, _, _, uid, inode = _MESSAGE.unpack_from(body)
    v6 = family == _AF[6]
    return KernelSocket(
        proto=proto,
        address=_address(address, v6),
        port=int.from_bytes(port, "big"),
        v6only=_v6only(body[_MESSAGE.size :]) if v6 else None,
        interface=interface,
        uid=uid,
        inode=inode,
    )


def _address(packed: bytes, v6: bool) -> str:
    """An IPv4 address mapped into IPv6 as `ss` writes it."""
    if not v6:
        return str(ipaddress.IPv4Address(packed[:4]))
    found = ipaddress.IPv6Address(packed)
    return f"::ffff:{found.ipv4_mapped}" if found.ipv4_mapped is not None else str(found)


def _v6only(attributes: bytes) -> bool | None:
    offset = 0
    while offset + _ATTRIBUTE.size < len(attributes):
        length, kind = _ATTRIBUTE.unpack_from(attributes, offset)
        if length < _ATTRIBUTE.size:
            return None
        if kind == _SKV6ONLY and length > _ATTRIBUTE.size:
            return attributes[offset + _ATTRIBUTE.size] != 0
        offset += _aligned(length)
    return None


def _aligned(length: int) -> int:
    return (length + 3) & ~3
