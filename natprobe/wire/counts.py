"""How `natprobe serve` tells a check that has the token what it saw of it: one attribute of a signed Binding answer.

Version, number of ports, number of counts (8 bits each), milliseconds of the watch (32). Each port: 0 for UDP or 1 for
TCP (8), its number (16). Each count: flags (8); the local address and port, the sender's; packets, of full size,
answered, repeated, when the first came and the last, in milliseconds (32 each).
"""

from __future__ import annotations

import ipaddress
import struct
from collections.abc import Iterable
from typing import Literal, NamedTuple, get_args

from natprobe.wire.payloads import What

Proto = Literal["udp", "tcp"]
Endpoint = tuple[str, int]

# The attribute's value is kept below this: its message is to pass where only small packets do.
SIZE_MAX = 1000
_VERSION = 2
_WHATS: tuple[What, ...] = get_args(What)
_PROTOS: tuple[Proto, ...] = get_args(Proto)
_HEAD, _PORT, _NUMBERS = struct.Struct("!BBBI"), struct.Struct("!BH"), struct.Struct("!6I")
_PORTS_MAX = 64
_V6, _VERIFIED = 0x02, 0x04


class Count(NamedTuple):
    """Packets of one kind from one sender. `first`, `last`: seconds since the watch began. `repeated`: those of a train
    (wire/seen.py) that came again.
    """

    proto: Proto
    local: Endpoint
    sender: Endpoint
    what: What
    verified: bool
    packets: int
    full_size: int
    answered: int
    first: float
    last: float
    repeated: int = 0


class Told(NamedTuple):
    """What was watched for how long (seconds), and what came."""

    seconds: float
    ports: tuple[tuple[Proto, int], ...]
    counts: tuple[Count, ...]


def pack(told: Told) -> bytes:
    """As many counts as there is room for, the first ones."""
    ports = b"".join(_PORT.pack(_PROTOS.index(proto), port) for proto, port in told.ports[:_PORTS_MAX])
    room, packed = SIZE_MAX - _HEAD.size - len(ports), list[bytes]()
    for each in map(_packed, told.counts):
        room -= len(each)
        if room < 0 or len(packed) == 255:
            break
        packed.append(each)
    head = _HEAD.pack(_VERSION, len(told.ports[:_PORTS_MAX]), len(packed), _milliseconds(told.seconds))
    return head + ports + b"".join(packed)


def unpack(data: bytes) -> Told:
    """Raises ValueError, and nothing else."""
    try:
        version, ports, counts, elapsed = _HEAD.unpack_from(data)
        if version != _VERSION:
            raise ValueError("counts of another version")
        at = _HEAD.size
        found = [_PORT.unpack_from(data, at + number * _PORT.size) for number in range(ports)]
        at += ports * _PORT.size
        several = []
        for _ in range(counts):
            count, at = _unpacked(data, at)
            several.append(count)
        return Told(elapsed / 1000, tuple((_PROTOS[proto], port) for proto, port in found), tuple(several))
    except (struct.error, IndexError) as exc:
        raise ValueError(f"no counts: {exc}") from None


def _packed(count: Count) -> bytes:
    six = ":" in count.local[0]
    flags = _PROTOS.index(count.proto) | six * _V6 | count.verified * _VERIFIED | _WHATS.index(count.what) << 3
    numbers = (count.packets, count.full_size, count.answered, count.repeated)
    times = (_milliseconds(count.first), _milliseconds(count.last))
    return bytes([flags]) + _endpoint(count.local) + _endpoint(count.sender) + _NUMBERS.pack(*_capped(numbers), *times)


def _capped(numbers: Iterable[int]) -> list[int]:
    return [min(each, 0xFFFFFFFF) for each in numbers]


def _milliseconds(seconds: float) -> int:
    return min(max(round(seconds * 1000), 0), 0xFFFFFFFF)


def _endpoint(endpoint: Endpoint) -> bytes:
    """A zone means nothing elsewhere."""
    return ipaddress.ip_address(endpoint[0].partition("%")[0]).packed + endpoint[1].to_bytes(2, "big")


def _unpacked(data: bytes, at: int) -> tuple[Count, int]:
    flags = data[at]
    size = 16 if flags & _V6 else 4
    local, sender = (_endpoint_in(data, at + 1 + number * (size + 2), size) for number in range(2))
    at += 1 + 2 * (size + 2)
    *numbers, first, last = _NUMBERS.unpack_from(data, at)
    what, verified = _WHATS[flags >> 3], bool(flags & _VERIFIED)
    packets, full, answered, repeated = numbers
    kind = (_PROTOS[flags & 1], local, sender, what, verified)
    count = Count(*kind, packets, full, answered, first / 1000, last / 1000, repeated)
    return count, at + _NUMBERS.size


def _endpoint_in(data: bytes, at: int, size: int) -> Endpoint:
    packed = data[at : at + size]
    if len(packed) < size or len(data) < at + size + 2:
        raise IndexError("an address is cut short")
    return str(ipaddress.ip_address(packed)), int.from_bytes(data[at + size : at + size + 2], "big")
