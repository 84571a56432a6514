"""SOCKS to the byte: RFC 1928's forms, 4a, and whatever else may come."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from natprobe.wire import socks
from natprobe.wire.socks import Reply, SocksError, Wrapped

PORTS = st.integers(0, 65535)
ADDRESSES = st.ip_addresses().map(str)
NAMES = st.from_regex(r"[a-z0-9][a-z0-9.-]{0,100}[a-z]", fullmatch=True)


def test_greetings() -> None:
    assert bytes.fromhex("050100") == socks.GREETING


@pytest.mark.parametrize(
    ("host", "packed"),
    [
        ("192.0.2.7", "01c0000207"),
        ("2001:db8::7", "0420010db8000000000000000000000007"),
        ("fe80::1%eth0", "04fe800000000000000000000000000001"),  # a zone is ours alone
        ("meet.test", "03096d6565742e74657374"),
    ],
)
def test_a_request_carries_names_as_names(host: str, packed: str) -> None:
    assert socks.request(socks.CONNECT, host, 443) == bytes.fromhex("050100" + packed + "01bb")


@pytest.mark.parametrize("host", ["", "x" * 256, "mäet.test", "a\x00b"])
def test_a_name_that_has_no_form(host: str) -> None:
    with pytest.raises(SocksError):
        socks.request(socks.CONNECT, host, 443)


def test_version_4_and_4a() -> None:
    assert socks.request4("192.0.2.7", 443) == bytes.fromhex("040101bbc000020700")
    assert socks.request4("meet.test", 443) == bytes.fromhex("040101bb0000000100") + b"meet.test\x00"
    assert socks.request4("2001:db8::7", 443).endswith(b"2001:db8::7\x00")  # no form of its own: 4a may know it
    assert socks.reply4(bytes.fromhex("005a1f90c0000207")) == Reply(90, "192.0.2.7", 8080, 8)
    assert socks.reply4(bytes.fromhex("005b1f90c00002")) is None
    with pytest.raises(SocksError):
        socks.reply4(b"\x05")


@pytest.mark.parametrize(("data", "method"), [("", None), ("05", None), ("0500", 0), ("05ff", 255)])
def test_the_chosen_method(data: str, method: int | None) -> None:
    assert socks.chosen(bytes.fromhex(data)) == method


@pytest.mark.parametrize("data", ["0501", "0502", "0400", "48", "0503"])
def test_a_method_that_was_not_offered(data: str) -> None:
    with pytest.raises(SocksError):
        socks.chosen(bytes.fromhex(data))


@pytest.mark.parametrize(
    ("data", "reply"),
    [
        ("05000001c00002071f90", Reply(0, "192.0.2.7", 8080, 10)),
        ("05000001c00002071f90ffff", Reply(0, "192.0.2.7", 8080, 10)),  # what follows is the tunnel's
        ("0502000100000000 0000", Reply(2, "0.0.0.0", 0, 10)),
        ("05050003 04 74657374 0050", Reply(5, "test", 80, 11)),
        ("0500000420010db8000000000000000000000007 0050", Reply(0, "2001:db8::7", 80, 22)),
        ("05000001c0000207", None),
        ("05000003", None),
        ("050000", None),
        ("", None),
    ],
)
def test_replies(data: str, reply: Reply | None) -> None:
    assert socks.reply(bytes.fromhex(data)) == reply


@pytest.mark.parametrize("data", ["04", "48545450", "050001", "05000002ffff", "05000000"])
def test_no_replies(data: str) -> None:
    with pytest.raises(SocksError):
        socks.reply(bytes.fromhex(data))


@given(ADDRESSES | NAMES, PORTS, st.binary(max_size=2000))
def test_datagrams_come_out_as_they_went_in(host: str, port: int, data: bytes) -> None:
    assert socks.unwrap(socks.wrap(host, port, data)) == Wrapped(host, port, data)


@pytest.mark.parametrize("data", ["", "000000", "00000101c00002070050", "00010001c00002070050", "00000002c0000207"])
def test_fragments_and_other_things_are_no_datagrams(data: str) -> None:
    assert socks.unwrap(bytes.fromhex(data)) is None


@given(st.binary(max_size=600))
def test_whatever_comes_is_bounded(data: bytes) -> None:
    """An answer is understood within 262 bytes, or it never is."""
    socks.unwrap(data)
    for read in (socks.reply, socks.reply4):
        for form in (data, b"\x05\x00\x00" + data, b"\x00" + data):
            try:
                found = read(form)
            except SocksError:
                continue
            assert found is None or found.size <= len(form)
            assert found is not None or len(form) < 262


@given(st.binary(min_size=1, max_size=300), st.data())
def test_pieces_make_the_same_reply(tail: bytes, data: st.DataObject) -> None:
    whole = bytes.fromhex("05000003") + bytes([min(len(tail), 255)]) + tail[:255] + b"\x00\x50"
    assert all(socks.reply(whole[:end]) is None for end in range(len(whole)))
    assert (found := socks.reply(whole)) is not None
    assert found.size == len(whole)
