"""What a packet is by its first bytes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from natprobe.wire import classic, stun
from natprobe.wire.payloads import Payload, of_datagram, of_stream

ID = b"transaction1"
CHECK = stun.ice_check(ID, user="theirs:ours", password="secret", tie_breaker=7)
ALLOCATE = b"\x00\x03\x00\x00\x21\x12\xa4\x42" + ID


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (CHECK, Payload("check", "ours")),
        (CHECK[:60], Payload("check", "ours")),
        (stun.ice_check(ID, user="theirs:\x1b[31m", password="secret", tie_breaker=7), Payload("check")),
        (stun.ice_check(ID, user="theirs", password="secret", tie_breaker=7), Payload("check")),
        (stun.binding_request(ID), Payload("stun")),
        (stun.response(stun.decode(CHECK).message), Payload("stun")),
        (classic.request(b"sixteen bytes!!!"), Payload("stun")),
        (ALLOCATE, Payload("turn")),
        (b"\x40\x00\x00\x04data", Payload("turn")),
        (b"\x16\xfe\xfd" + bytes(20), Payload("dtls")),
        (b"\x16\x03\x01" + bytes(20), Payload("other")),
        (b"\x80\x60" + bytes(10), Payload("rtp")),
        (b"\x80\xc8\x00\x01", Payload("other")),
        (b"", Payload("other")),
        (bytes(20), Payload("other")),
    ],
)
def test_datagrams(data: bytes, expected: Payload) -> None:
    assert of_datagram(data) == expected


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", "connection"),
        (b"\x16\x03\x01\x02\x00", "tls"),
        (b"GET / HTTP/1.1\r\n", "http"),
        (b"GETTING", "other"),
        (stun.frame(CHECK), "check"),
        (CHECK, "check"),
        (stun.frame(stun.binding_request(ID)), "stun"),
        (ALLOCATE, "turn"),
        (b"SSH-2.0", "other"),
    ],
)
def test_streams(data: bytes, expected: str) -> None:
    assert of_stream(data).what == expected


@given(st.binary(max_size=200) | st.binary(max_size=100).map(lambda tail: CHECK[:30] + tail))
def test_any_bytes(data: bytes) -> None:
    for payload in (of_datagram(data), of_stream(data)):
        assert payload.what
        assert payload.fragment.isascii()
