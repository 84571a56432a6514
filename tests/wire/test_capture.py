"""The filter for packet sockets, carried out as a kernel does it, and what is read of packets."""

from __future__ import annotations

import ipaddress
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from natprobe.wire.capture import PORTS_MAX, SNAPPED, Seen, program, read

PORTS = (443, 10000)


def udp(source: int, to: int, payload: bytes = b"hello") -> bytes:
    return struct.pack("!4H", source, to, 8 + len(payload), 0) + payload


def tcp(source: int, to: int, payload: bytes = b"", flags: int = 0x10, options: bytes = b"") -> bytes:
    offset = (5 + len(options) // 4) << 4
    return struct.pack("!HHIIBBHHH", source, to, 1, 1, offset, flags, 1000, 0, 0) + options + payload


def four(segment: bytes, number: int = 17, fragment: int = 0, options: bytes = b"") -> bytes:
    size = 20 + len(options)
    ends = ipaddress.IPv4Address("198.51.100.7").packed + ipaddress.IPv4Address("203.0.113.5").packed
    head = struct.pack("!BBHHHBBH", 0x40 | size // 4, 0, size + len(segment), 7, fragment, 64, number, 0)
    return head + ends + options + segment


def six(segment: bytes, number: int = 17) -> bytes:
    ends = ipaddress.IPv6Address("2001:db8::7").packed + ipaddress.IPv6Address("2001:db8::5").packed
    return struct.pack("!IHBB", 6 << 28, len(segment), number, 64) + ends + segment


def taken(ports: tuple[int, ...], data: bytes, protocol: int, *, icmp: bool = False) -> int:
    """How many bytes the kernel would hand over: the few instructions that the filter is made of."""
    code = list(struct.iter_unpack("=HBBI", program(ports, icmp=icmp)))
    a = x = at = 0
    while True:
        operation, yes, no, value = code[at]
        at += 1
        if operation == 0x06:
            return int(value)
        if operation in (0x15, 0x45):
            at += yes if (a == value if operation == 0x15 else a & value) else no
        elif operation == 0x05:
            at += value
        elif operation == 0x01:
            x = value
        elif value == 0xFFFFF000:
            a = protocol
        else:
            start, size = {0x28: (value, 2), 0x30: (value, 1), 0x48: (x + value, 2), 0xB1: (value, 1)}[operation]
            if start + size > len(data):
                return 0  # beyond the packet
            got = int.from_bytes(data[start : start + size], "big")
            a, x = (a, (got & 15) * 4) if operation == 0xB1 else (got, x)


@pytest.mark.parametrize(
    ("data", "protocol", "wanted"),
    [
        (four(udp(5000, 10000)), 0x0800, True),
        (four(udp(10000, 5000)), 0x0800, True),
        (four(udp(5000, 10001)), 0x0800, False),
        (four(tcp(5000, 443), 6), 0x0800, True),
        (four(tcp(5000, 443), 6, options=bytes(8)), 0x0800, True),
        (four(udp(5000, 10000), fragment=0x2000), 0x0800, True),
        (four(udp(5000, 10000), fragment=185), 0x0800, False),
        (four(udp(5000, 10000), number=1), 0x0800, False),
        (six(udp(5000, 10000)), 0x86DD, True),
        (six(tcp(443, 5000), 6), 0x86DD, True),
        (six(udp(5000, 10001)), 0x86DD, False),
        (six(udp(5000, 10000), 58), 0x86DD, False),
        (four(udp(5000, 10000)), 0x0806, False),
        (b"\x45", 0x0800, False),
    ],
)
def test_filter(data: bytes, protocol: int, wanted: bool) -> None:
    assert taken(PORTS, data, protocol) == (SNAPPED if wanted else 0)


@pytest.mark.parametrize(
    ("data", "protocol", "wanted"),
    [
        (four(bytes(8), number=1), 0x0800, True),
        (six(bytes(8), number=58), 0x86DD, True),
        (four(bytes(8), number=58), 0x0800, False),
        (six(bytes(8), number=1), 0x86DD, False),
        (four(udp(5000, 10000)), 0x0800, True),
        (six(tcp(443, 5000), 6), 0x86DD, True),
        (four(udp(5000, 10001)), 0x0800, False),
    ],
)
def test_filter_with_icmp(data: bytes, protocol: int, wanted: bool) -> None:
    assert bool(taken(PORTS, data, protocol, icmp=True)) is wanted


@given(st.sets(st.integers(1, 65535), min_size=1, max_size=PORTS_MAX), st.data())
def test_filter_of_many_ports(ports: set[int], data: st.DataObject) -> None:
    port = data.draw(st.sampled_from(sorted(ports)) | st.integers(1, 65535))
    other = data.draw(st.sampled_from(sorted(ports)) | st.just(65000))
    wanted = port in ports or other in ports
    for packet, protocol in ((four(udp(other, port)), 0x0800), (six(udp(other, port)), 0x86DD)):
        assert bool(taken(tuple(ports), packet, protocol)) is wanted


def test_filter_of_too_many() -> None:
    for ports in ((), tuple(range(1, PORTS_MAX + 2))):
        with pytest.raises(ValueError, match="ports can be watched"):
            program(ports)


def test_read() -> None:
    here, there = ("198.51.100.7", 5000), ("203.0.113.5", 10000)
    assert read(four(udp(5000, 10000))) == Seen("udp", here, there, b"hello", 5)
    # Cut short by the filter, or the first of several fragments: the datagram's own length counts.
    assert read(four(udp(5000, 10000, bytes(1300)))[:SNAPPED]) == Seen("udp", here, there, bytes(SNAPPED - 28), 1300)
    assert read(four(tcp(5000, 10000, b"x" * 30, options=bytes(12)), 6)) == Seen("tcp", here, there, b"x" * 30, 30)
    assert read(four(tcp(5000, 10000, flags=0x02), 6)) == Seen("tcp", here, there, b"", 0, opens=True)
    assert read(four(tcp(5000, 10000, flags=0x12), 6)) == Seen("tcp", here, there, b"", 0, takes=True)
    # Ethernet fills up short packets.
    assert read(four(tcp(5000, 10000), 6) + bytes(6)) == Seen("tcp", here, there, b"", 0)
    assert read(six(udp(5000, 10000))) == Seen("udp", ("2001:db8::7", 5000), ("2001:db8::5", 10000), b"hello", 5)


@given(st.binary(max_size=100) | st.binary(max_size=80).map(lambda tail: four(udp(5000, 10000))[:12] + tail))
def test_any_bytes_are_read_or_not(data: bytes) -> None:
    seen = read(data)
    assert seen is None or (seen.size >= 0 and len(seen.payload) <= len(data))
