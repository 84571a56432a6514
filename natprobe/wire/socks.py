"""SOCKS as browsers speak it, without I/O: version 5 (RFC 1928) and 4a. Strict; every message is bounded.

Browsers have no name and password for a SOCKS proxy (RFC 1929; measured with Chromium 156), so none is offered.
"""

from __future__ import annotations

import ipaddress
import struct
from typing import NamedTuple

# RFC 1928 section 3.
NO_AUTHENTICATION, NOT_ACCEPTABLE = 0x00, 0xFF
CONNECT, UDP_ASSOCIATE = 0x01, 0x03
SUCCEEDED = 0x00
# What version 4 says instead of 0.
GRANTED = 90
_IPV4, _NAME, _IPV6 = 0x01, 0x03, 0x04
_SIZES = {_IPV4: 4, _IPV6: 16}


class SocksError(Exception):
    """These bytes are no SOCKS, or what is asked for has no form in it."""


class Reply(NamedTuple):
    """What came of a request. `host` and `port`: BND of RFC 1928 section 6. `size` in bytes."""

    code: int
    host: str
    port: int
    size: int


class Wrapped(NamedTuple):
    """A datagram on its way through a relay of UDP (RFC 1928 section 7). `host`: the other end."""

    host: str
    port: int
    data: bytes


GREETING = bytes([5, 1, NO_AUTHENTICATION])


def chosen(data: bytes) -> int | None:
    """The method that the proxy takes, or NOT_ACCEPTABLE; None: more bytes are needed. Raises SocksError."""
    if data and data[0] != 5:
        raise SocksError("no SOCKS5 answer")
    if len(data) < 2:
        return None
    if data[1] not in (NO_AUTHENTICATION, NOT_ACCEPTABLE):
        raise SocksError("the proxy chose an authentication that was not offered")
    return data[1]


def request(command: int, host: str, port: int) -> bytes:
    """Of version 5: a name goes as it is, for the proxy to look up. Raises SocksError."""
    return bytes([5, command, 0]) + _address(host, port)


def reply(data: bytes) -> Reply | None:
    """The answer at the beginning of these bytes; None: more are needed. Raises SocksError."""
    if (data and data[0] != 5) or (len(data) > 2 and data[2] != 0):
        raise SocksError("no SOCKS5 answer")
    if len(data) < 4:
        return None
    place = _place(data, 3)
    return None if place is None else Reply(data[1], *place)


def request4(host: str, port: int) -> bytes:
    """A connection by version 4, and by 4a where the host is a name. No user is named, as browsers have it."""
    try:
        return struct.pack("!BBH4sx", 4, CONNECT, port, ipaddress.IPv4Address(host).packed)
    except ipaddress.AddressValueError:
        return struct.pack("!BBH4sx", 4, CONNECT, port, b"\x00\x00\x00\x01") + _name(host) + b"\x00"


def reply4(data: bytes) -> Reply | None:
    """As `reply` of version 4, where 90 means granted."""
    if data and data[0] != 0:
        raise SocksError("no SOCKS4 answer")
    if len(data) < 8:
        return None
    _, code, port, address = struct.unpack_from("!BBH4s", data)
    return Reply(code, str(ipaddress.IPv4Address(address)), port, 8)


def wrap(host: str, port: int, data: bytes) -> bytes:
    """A datagram for the relay (RFC 1928 section 7). Raises SocksError."""
    return b"\x00\x00\x00" + _address(host, port) + data


def unwrap(data: bytes) -> Wrapped | None:
    """What came through the relay; None: it is nothing of the kind, or a fragment, which may be dropped."""
    if len(data) < 4 or data[:3] != b"\x00\x00\x00":
        return None
    try:
        place = _place(data, 3)
    except SocksError:
        return None
    return None if place is None else Wrapped(place[0], place[1], data[place[2] :])


def _address(host: str, port: int) -> bytes:
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        name = _name(host)
        return bytes([_NAME, len(name)]) + name + struct.pack("!H", port)
    return bytes([_IPV6 if address.version == 6 else _IPV4]) + address.packed + struct.pack("!H", port)


def _name(host: str) -> bytes:
    try:
        name = host.encode("ascii")
    except UnicodeEncodeError:
        raise SocksError("a host name has no letters beyond ASCII") from None
    if not 1 <= len(name) <= 255 or b"\x00" in name:
        raise SocksError("a host name has 1 to 255 letters")
    return name


def _place(data: bytes, at: int) -> tuple[str, int, int] | None:
    """The address, the port, and where they end; None: more bytes are needed."""
    kind, start = data[at], at + 1
    if kind == _NAME:
        if len(data) <= start:
            return None
        start, size = start + 1, data[start]
    elif kind in _SIZES:
        size = _SIZES[kind]
    else:
        raise SocksError("an address of no known type")
    end = start + size + 2
    if len(data) < end:
        return None
    raw = data[start : start + size]
    host = raw.decode("ascii", "replace") if kind == _NAME else str(ipaddress.ip_address(raw))
    return host, int.from_bytes(data[end - 2 : end], "big"), end
