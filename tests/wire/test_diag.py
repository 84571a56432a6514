"""The kernel's list of sockets as bytes: what a real kernel sent once, and what none sends."""

from __future__ import annotations

import struct

from hypothesis import given
from hypothesis import strategies as st

from natprobe.wire import diag


def message(kind: int, body: bytes) -> bytes:
    padding = bytes(-len(body) % 4)
    return struct.pack("=IHHII", 16 + len(body), kind, 2, 1, 99) + body + padding


def entry(address: bytes, port: int, *, attributes: bytes = b"", interface: int = 0, inode: int = 7) -> bytes:
    family = 2 if len(address) == 4 else 10
    place = struct.pack("!HH", port, 0) + address.ljust(16, b"\0") + bytes(16)
    numbers = struct.pack("=I8xIIIII", interface, 0, 0, 128, 1000, inode)
    return message(20, struct.pack("=BBBB", family, 10, 0, 0) + place + numbers + attributes)


V6ONLY = struct.pack("=HHB3x", 5, 11, 1)
DUAL = struct.pack("=HHB3x", 5, 8, 0) + struct.pack("=HHB3x", 5, 11, 0)
ANY6 = bytes(16)
MAPPED = bytes(10) + b"\xff\xff\x0a\x63\x00\x02"


def test_a_request_asks_for_those_that_wait_alone() -> None:
    """struct inet_diag_req_v2 of linux/inet_diag.h: LISTEN is state 10, an unconnected UDP socket is in CLOSE, 7."""
    tcp, udp = diag.request("tcp", 4), diag.request("udp", 6)
    assert (len(tcp), len(udp)) == (72, 72)
    assert struct.unpack_from("=IHH", tcp) == (72, 20, 0x301)
    assert struct.unpack_from("=BBBBI", tcp, 16) == (2, 6, 0, 0, 1 << 10)
    assert struct.unpack_from("=BBBBI", udp, 16) == (10, 17, 0, 0, 1 << 7)
    assert not any(tcp[24:])


def test_sockets_are_read_with_what_psutil_does_not_tell() -> None:
    data = entry(bytes(4), 443) + entry(ANY6, 80, attributes=V6ONLY, interface=3) + entry(ANY6, 81, attributes=DUAL)
    said = diag.answer(data + entry(MAPPED, 82, attributes=DUAL) + message(3, bytes(4)), "tcp")
    assert said.done
    assert [(each.address, each.port, each.v6only, each.interface) for each in said.sockets] == [
        ("0.0.0.0", 443, None, 0),
        ("::", 80, True, 3),
        ("::", 81, False, 0),
        ("::ffff:10.99.0.2", 82, False, 0),
    ]
    assert {(each.proto, each.uid, each.inode) for each in said.sockets} == {("tcp", 1000, 7)}


def test_a_refusal_has_its_errno_and_what_is_cut_short_is_left_out() -> None:
    assert diag.answer(message(2, struct.pack("=i", -2) + bytes(16)), "udp") == diag.Said([], True, 2)
    whole = entry(bytes(4), 443)
    assert diag.answer(whole[:-1], "tcp").sockets == []
    assert len(diag.answer(whole + whole[:30], "tcp").sockets) == 1
    assert diag.answer(message(20, bytes(20)), "tcp") == diag.Said([], False)
    assert diag.answer(entry(ANY6, 1, attributes=bytes(8)), "tcp").sockets[0].v6only is None


@given(st.binary(max_size=400), st.integers(0, 3))
def test_no_bytes_are_too_strange(data: bytes, whole: int) -> None:
    diag.answer(entry(ANY6, 80, attributes=data) * whole + data, "udp")
