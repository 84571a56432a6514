"""NAT-PMP: the one question that changes nothing, what the router's outside address is (RFC 6886 section 3.2)."""

from __future__ import annotations

import ipaddress
import struct
from typing import NamedTuple

PORT = 5351
REQUEST = b"\x00\x00"  # version 0, opcode 0
_ANSWER = struct.Struct("!BBHI4s")
_OPCODE = 128


class Answer(NamedTuple):
    """`result` is 0 for success (section 3.5); only then is there an address."""

    result: int
    address: str | None


def decode(data: bytes) -> Answer | None:
    """The answer in these bytes, None where they are none; a router that knows no version 0 says so in four bytes."""
    if len(data) < 4 or data[1] != _OPCODE:
        return None
    version, _, result = struct.unpack_from("!BBH", data)
    if result:
        return Answer(result, None)
    if version or len(data) != _ANSWER.size:
        return None
    return Answer(0, str(ipaddress.IPv4Address(_ANSWER.unpack(data)[4])))


def encode(address: str | None, seconds: int = 0) -> bytes:
    """A router's answer, `seconds` after it forgot what it knew; None: network failure, it has no address."""
    result, packed = (3, bytes(4)) if address is None else (0, ipaddress.IPv4Address(address).packed)
    return _ANSWER.pack(0, _OPCODE, result, seconds, packed)
