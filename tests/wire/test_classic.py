"""STUN without the magic cookie: strict about what comes, and nothing but StunError."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from natprobe.wire import classic, stun
from natprobe.wire.stun import StunError

ID = bytes(range(16))
SEEN = ("198.51.100.7", 40000)
SEEN6 = ("2001:db8::7", 40000)
# What coturn 4.6.1 answers (measured): MAPPED-ADDRESS, SOURCE-ADDRESS, CHANGED-ADDRESS, and SOFTWARE with NULs in it.
COTURN = (
    b"\x01\x01\x00\x40"
    + ID
    + bytes.fromhex("0001000800019c40c63364070004000800010d96cb0071140005000800010d97cb007115")
    + b"\x80\x22\x00\x18"
    + b"Coturn-4.6.1 'Gorst'".ljust(24, b"\0")
)


def body(*parts: tuple[int, bytes], kind: int = 0x0101, more: bytes = b"") -> bytes:
    packed = b"".join(struct.pack("!HH", number, len(value)) + value for number, value in parts)
    return struct.pack("!HH", kind, len(packed)) + ID + packed + more


@pytest.mark.parametrize("seen", [SEEN, SEEN6])
def test_there_and_back(seen: tuple[str, int]) -> None:
    asked = classic.request(ID)
    assert classic.is_request(asked)
    assert classic.decode(classic.response(asked, seen)) == (ID, seen)


def test_coturn() -> None:
    assert classic.decode(COTURN) == (ID, SEEN)


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "cookie"),
        (COTURN[:-1], "length"),
        (COTURN + b"\0", "length"),
        (COTURN[:4] + b"\x21\x12\xa4\x42" + COTURN[8:], "cookie"),
        (body((0x0001, b"\0\1\x9c\x40\xc6\x33\x64\x07"), kind=0x0111), "cookie"),
        (body((0x0001, b"\0\1\x9c\x40\xc6\x33\x64\x07"), kind=0x0001), "cookie"),
        (body((0x0004, b"\0\1\x9c\x40\xc6\x33\x64\x07")), "MAPPED-ADDRESS"),
        (body((0x0001, b"\0\3\x9c\x40\xc6\x33\x64\x07")), "protocol"),
        (body((0x0001, b"\0\2\x9c\x40\xc6\x33\x64\x07")), "IPv6"),
        (body((0x0001, b"")), "address length"),
        (b"\x01\x01\x00\x04" + ID + b"\0\1\0\x08", "beyond"),
    ],
)
def test_what_is_no_answer(data: bytes, why: str) -> None:
    with pytest.raises(StunError, match=why):
        classic.decode(data)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        classic.request(ID)[:-1],
        classic.request(ID) + b"\0",
        body((0x0003, b"\0\0\0\6"), kind=0x0001),
        stun.binding_request(bytes(12)),
        b"\x01\x01\x00\x00" + ID,
    ],
)
def test_what_is_no_request(data: bytes) -> None:
    assert not classic.is_request(data)


@given(st.binary(max_size=80) | st.binary(max_size=60).map(lambda rest: b"\x01\x01" + rest))
def test_any_bytes(data: bytes) -> None:
    try:
        answer = classic.decode(data)
    except StunError:
        return
    assert answer.transaction_id == data[4:20]


@given(st.binary(max_size=40), st.sampled_from(["request", "response", "error", "indication"]))
def test_which_answer_a_broken_one_was(rest: bytes, kind: str) -> None:
    first = {"request": 0x0001, "indication": 0x0011, "response": 0x0101, "error": 0x0111}[kind]
    data = struct.pack("!HHI", first, 4, 0x2112A442) + ID[:12] + rest
    assert stun.answered_id(data) == (ID[:12] if kind in ("response", "error") else None)
    assert stun.answered_id(data[:19]) is None


def test_a_request_with_fingerprint() -> None:
    message = stun.decode(stun.binding_request(ID[:12], fingerprint=True)).message
    assert list(message.attributes) == ["FINGERPRINT"]
