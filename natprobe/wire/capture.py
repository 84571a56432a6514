"""Packets as the network hands them to a host: the filter that picks some by their ports, and their headers read.

The filter is a classic BPF program (Linux' Documentation/networking/filter.rst) over packets that begin with the IP
header. Only first fragments have ports; IPv6 extension headers are not followed, since media has none.
"""

from __future__ import annotations

import ipaddress
import struct
from collections.abc import Collection, Sequence
from typing import NamedTuple

from natprobe.wire.counts import Endpoint, Proto

# So much of each packet is looked at: more than the headers, and the attributes of a check.
SNAPPED = 600
# A jump of the filter goes over 255 instructions at most.
PORTS_MAX = 64

_LD_WORD, _LD_HALF, _LD_BYTE, _LD_HALF_FROM_X = 0x20, 0x28, 0x30, 0x48
_LDX, _LDX_LENGTH = 0x01, 0xB1  # a constant; an IPv4 header's length
_JEQ, _JSET, _JUMP, _RETURN = 0x15, 0x45, 0x05, 0x06
_PROTOCOL = 0xFFFFF000  # SKF_AD_OFF + SKF_AD_PROTOCOL
_IPV4, _IPV6 = 0x0800, 0x86DD
_TCP, _UDP, _ICMP, _ICMP6 = 6, 17, 1, 58
_NAMES: dict[int, Proto] = {_TCP: "tcp", _UDP: "udp"}


class _Step(NamedTuple):
    """One instruction, before jumps are counted: where to when it is true, and when not; empty: the next one."""

    code: int
    value: int = 0
    yes: str = ""
    no: str = ""
    label: str = ""


class Seen(NamedTuple):
    """A packet's ends and what it carries, as far as it was looked at. `size`: of its whole payload. `opens`: TCP's SYN
    alone, `takes`: SYN with ACK (RFC 9293 section 3.5).
    """

    proto: Proto
    source: Endpoint
    to: Endpoint
    payload: bytes
    size: int
    opens: bool = False
    takes: bool = False


def program(ports: Collection[int], *, icmp: bool = False) -> bytes:
    """Takes UDP and TCP over IPv4 and IPv6 from or to any of these ports, and with `icmp` all of that; as an array of
    struct sock_filter (linux/filter.h). Raises ValueError for too many.
    """
    if not 0 < len(ports) <= PORTS_MAX:
        raise ValueError(f"1 to {PORTS_MAX} ports can be watched")
    matches = [_Step(_JEQ, port, "take") for port in sorted(ports)]
    steps = [
        _Step(_LD_WORD, _PROTOCOL),
        _Step(_JEQ, _IPV4, "four"),
        _Step(_JEQ, _IPV6, "six", "drop"),
        _Step(_LD_HALF, 6, label="four"),
        _Step(_JSET, 0x1FFF, "drop"),  # a later fragment
        _Step(_LD_BYTE, 9),
        *([_Step(_JEQ, _ICMP, "take")] if icmp else []),
        _Step(_JEQ, _UDP, "four-length"),
        _Step(_JEQ, _TCP, "", "drop"),
        _Step(_LDX_LENGTH, 0, label="four-length"),
        _Step(_JUMP, 0, "ports"),
        _Step(_LD_BYTE, 6, label="six"),
        *([_Step(_JEQ, _ICMP6, "take")] if icmp else []),
        _Step(_JEQ, _UDP, "six-length"),
        _Step(_JEQ, _TCP, "", "drop"),
        _Step(_LDX, 40, label="six-length"),
        _Step(_LD_HALF_FROM_X, 0, label="ports"),
        *matches,
        _Step(_LD_HALF_FROM_X, 2),
        *matches,
        _Step(_RETURN, 0, label="drop"),
        _Step(_RETURN, SNAPPED, label="take"),
    ]
    return _assembled(steps)


def _assembled(steps: Sequence[_Step]) -> bytes:
    """Jumps count the instructions that they leave out."""
    places = {each.label: number for number, each in enumerate(steps) if each.label}
    packed = []
    for number, each in enumerate(steps):
        yes, no = (places.get(label, number + 1) - number - 1 for label in (each.yes, each.no))
        parts = (each.code, 0, 0, yes) if each.code == _JUMP else (each.code, yes, no, each.value)
        packed.append(struct.pack("=HBBI", *parts))
    return b"".join(packed)


def read(data: bytes) -> Seen | None:
    """The packet, be it cut short; None: it is none that the filter takes."""
    if not data:
        return None
    if data[0] >> 4 == 4 and len(data) >= 20:
        header, number = (data[0] & 15) * 4, data[9]
        total, ends = int.from_bytes(data[2:4], "big"), (data[12:16], data[16:20])
        fragment = int.from_bytes(data[6:8], "big") & 0x1FFF
    elif data[0] >> 4 == 6 and len(data) >= 40:
        header, number = 40, data[6]
        total, ends = 40 + int.from_bytes(data[4:6], "big"), (data[8:24], data[24:40])
        fragment = 0
    else:
        return None
    if fragment or number not in _NAMES or header < 20 or len(data) < header + 8:
        return None
    source, to = (str(ipaddress.ip_address(each)) for each in ends)
    return _transported(_NAMES[number], source, to, data[header:], total - header)


def _transported(proto: Proto, source: str, to: str, segment: bytes, total: int) -> Seen | None:
    """UDP tells its own length, which is the whole datagram's where the packet is its first fragment."""
    here, there = struct.unpack_from("!HH", segment)
    if proto == "udp":
        size = max(int.from_bytes(segment[4:6], "big") - 8, 0)
        return Seen(proto, (source, here), (to, there), segment[8:], size)
    if len(segment) < 20:
        return None
    offset, flags = (segment[12] >> 4) * 4, segment[13]
    size, opening = max(total - offset, 0), flags & 0x12
    return Seen(proto, (source, here), (to, there), segment[offset:][:size], size, opening == 0x02, opening == 0x12)
