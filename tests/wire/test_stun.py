"""The STUN codec: the RFC's own vectors, what is forbidden, byte streams cut anywhere, and any bytes at all."""

from __future__ import annotations

import hashlib
import random
import struct

import pytest
from aioice.stun import COOKIE, Class, Message, message_fingerprint
from hypothesis import given, settings
from hypothesis import strategies as st

from natprobe.wire import stun
from natprobe.wire.stun import Packet, Splitter, StunError

ID = bytes(range(12))
PEER = ("192.0.2.7", 40000)

# RFC 5769 sections 2.1 to 2.4.
PASSWORD = b"VOkJxbRl1RmTxUk/WvJxBt"
REQUEST = bytes.fromhex(
    "000100582112a442b7e7a701bc34d686fa87dfae802200105354554e207465737420636c69656e74002400046e0001ff80290008932ff9b1"
    "51263b36000600096576746a3a68367659202020000800149aeaa70cbfd8cb56781ef2b5b2d3f249c1b571a280280004e57a3bcf"
)
ANSWER_4 = bytes.fromhex(
    "0101003c2112a442b7e7a701bc34d686fa87dfae8022000b7465737420766563746f7220002000080001a147e112a643000800142b91f599"
    "fd9e90c38c7489f92af9ba53f06be7d780280004c07d4c96"
)
ANSWER_6 = bytes.fromhex(
    "010100482112a442b7e7a701bc34d686fa87dfae8022000b7465737420766563746f7220002000140002a1470113a9faa5d3f179bc25f4b5"
    "bed2b9d900080014a382954e4be67bf11784c97c8292c275bfe3ed4180280004c8fb0b4c"
)
LONG_TERM = bytes.fromhex(
    "000100602112a44278ad3433c6ad72c029da412e00060012e3839ee38388e383aae38383e382afe382b900000015001c662f2f3439396b39"
    "3534643e4f4c33346f4c394653547679363473410014000b6578616d706c652e6f72670000080014f67024656dd64a3e02b8e0712e85c9a2"
    "8ca89666".replace("643e4f", "64364f")
)


def message(attributes: bytes, kind: int = 0x0101, transaction_id: bytes = ID) -> bytes:
    return struct.pack("!HHI", kind, len(attributes), COOKIE) + transaction_id + attributes


def attribute(kind: int, value: bytes, length: int | None = None) -> bytes:
    padding = bytes(-len(value) % 4)
    return struct.pack("!HH", kind, len(value) if length is None else length) + value + padding


def mapped(port: int) -> bytes:
    return attribute(0x0020, struct.pack("!BBHI", 0, 1, port ^ (COOKIE >> 16), 0xC0000201 ^ COOKIE))


# --- the RFC's vectors


@pytest.mark.parametrize(
    ("data", "kind", "attributes"),
    [
        (REQUEST, Class.REQUEST, {"SOFTWARE": "STUN test client", "USERNAME": "evtj:h6vY", "PRIORITY": 0x6E0001FF}),
        (ANSWER_4, Class.RESPONSE, {"SOFTWARE": "test vector", "XOR-MAPPED-ADDRESS": ("192.0.2.1", 32853)}),
        (ANSWER_6, Class.RESPONSE, {"XOR-MAPPED-ADDRESS": ("2001:db8:1234:5678:11:2233:4455:6677", 32853)}),
    ],
)
def test_vectors(data: bytes, kind: Class, attributes: dict[str, object]) -> None:
    packet = stun.decode(data)
    assert packet.unknown == ()
    assert packet.message.message_class is kind
    assert packet.message.attributes.items() >= attributes.items()
    assert packet.message.check_message_integrity(PASSWORD)
    assert not packet.message.check_message_integrity(PASSWORD + b"x")
    assert stun.is_stun(data)


def test_vector_with_long_term_credentials() -> None:
    found = stun.decode(LONG_TERM).message
    user, realm = "\u30de\u30c8\u30ea\u30c3\u30af\u30b9", "example.org"
    assert (found.attributes["USERNAME"], found.attributes["REALM"]) == (user, realm)
    assert found.attributes["NONCE"] == b"f//499k954d6OL34oL9FSTvy64sA"
    assert found.check_message_integrity(hashlib.md5(f"{user}:{realm}:TheMatrIX".encode()).digest())


# --- what a diagnosis depends on


def test_the_first_of_two_attributes_counts() -> None:
    packet = stun.decode(message(mapped(1) + mapped(2) + mapped(3)))
    assert packet.message.attributes["XOR-MAPPED-ADDRESS"] == ("192.0.2.1", 1)
    software = stun.decode(message(attribute(0x8022, b"one") + attribute(0x8022, b"two")))
    assert software.message.attributes["SOFTWARE"] == "one"


def test_nothing_after_the_signature_counts() -> None:
    signed = Message(1, Class.RESPONSE, ID, {"XOR-MAPPED-ADDRESS": ("192.0.2.1", 1)})  # type: ignore[arg-type]
    signed.add_message_integrity(b"key")
    body = bytes(signed)[20:-8] + mapped(2) + attribute(0x7F00, b"") + attribute(0x0008, bytes(20))
    packet = stun.decode(message(body))
    assert packet.message.attributes["XOR-MAPPED-ADDRESS"] == ("192.0.2.1", 1)
    assert packet.unknown == ()


@pytest.mark.parametrize(
    ("kinds", "unknown"),
    [((0x7F00,), (0x7F00,)), ((0xFF00,), ()), ((0x7F01, 0x7F00, 0x7F01), (0x7F00, 0x7F01)), ((0x0002,), (0x0002,))],
)
def test_unknown_attributes(kinds: tuple[int, ...], unknown: tuple[int, ...]) -> None:
    assert stun.decode(message(b"".join(attribute(kind, b"x") for kind in kinds))).unknown == unknown


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "shorter"),
        (bytes(19), "shorter"),
        (b"\x80" + REQUEST[1:], "no STUN header"),
        (b"\x40" + REQUEST[1:], "no STUN header"),
        (REQUEST[:4] + bytes(4) + REQUEST[8:], "magic cookie"),
        (REQUEST[:-1], "length"),
        (REQUEST + b"\0", "length"),
        (REQUEST + bytes(4), "length"),
        (message(b"")[:2] + b"\0\1" + message(b"")[4:] + b"x", "length"),
        (message(attribute(0x8022, b"abcd", length=5)), "beyond"),
        (message(attribute(0x8022, b"", length=0xFFFF)), "beyond"),
        (message(b"\x80\x22")[:20] + b"\x80\x22", "length"),
        (message(b"", kind=0x0FFF), "Method"),
        (message(attribute(0x0020, b"")), "address"),
        (message(attribute(0x0020, b"\0\1abcde")), "IPv4"),
        (message(attribute(0x0020, b"\0\2" + bytes(17))), "IPv6"),
        (message(attribute(0x0020, b"\0\3" + bytes(6))), "protocol"),
        (message(attribute(0x0009, b"abc")), "ERROR-CODE"),
        (message(attribute(0x0024, b"abc")), "4 bytes"),
        (message(attribute(0x8028, b"abcd")), "fingerprint"),
        (message(attribute(0x0006, b"\xff")), "utf-8"),
        (message(mapped(1) + attribute(0x0020, b"x")), "address"),
    ],
)
def test_what_is_no_stun(data: bytes, words: str) -> None:
    with pytest.raises(StunError, match=words):
        stun.decode(data)


@pytest.mark.parametrize("position", range(len(ANSWER_4) - 8))
def test_a_fingerprint_finds_every_changed_byte(position: int) -> None:
    changed = bytearray(ANSWER_4)
    changed[position] ^= 0x01
    try:
        assert not stun.decode(bytes(changed)).message.check_message_integrity(PASSWORD)
    except StunError:
        return
    pytest.fail("the fingerprint was not looked at")


@pytest.mark.parametrize(
    ("reason", "shown"),
    [
        (b"Unauthorized\0\0\0\0", "Unauthorized"),
        (b"", ""),
        (b"\xff\xfe", "\ufffd\ufffd"),
        (b"\x1b[31mred\r\nnext", "[31mred  next"),
        ("a\u202eb\u2028c\ud7ffd\ue000".encode(), "a b c d"),
        (b"x" * 763, "x" * 199 + "…"),
    ],
)
def test_reasons_are_fit_for_a_report(reason: bytes, shown: str) -> None:
    for kind, name in ((0x8022, "SOFTWARE"), (0x0014, "REALM")):
        assert stun.decode(message(attribute(kind, reason))).message.attributes[name] == shown
    found = stun.decode(message(attribute(0x0009, b"\0\0\4\1" + reason), kind=0x0111)).message
    assert found.attributes["ERROR-CODE"] == (401, shown)


# --- what natprobe sends


@pytest.mark.parametrize("size", [0, 1, 100, 101, 102, 103, 104, 500, 1199, 1200])
def test_checks_have_the_size_that_was_asked_for(size: int) -> None:
    data = stun.ice_check(ID, user="them:us", password="secret", tie_breaker=7, size=size)
    assert len(data) == max(len(stun.ice_check(ID, user="them:us", password="secret", tie_breaker=7)), size // 4 * 4)
    packet = stun.decode(data)
    assert packet.message.check_message_integrity(b"secret")
    assert packet.unknown == ()
    assert b"secret" not in data


def test_answers() -> None:
    request = stun.decode(stun.binding_request(ID)).message
    good = stun.decode(stun.response(request, XOR_MAPPED_ADDRESS=PEER))
    bad = stun.decode(stun.error(request, 500, "Server Error"))
    assert stun.answers(good, ID)
    assert stun.answers(bad, ID)
    assert not stun.answers(good, bytes(12))
    assert not stun.answers(Packet(request, ()), ID)
    assert bad.message.attributes["ERROR-CODE"] == (500, "Server Error")


@pytest.mark.parametrize("data", [b"", bytes(20), b"\x16" + REQUEST[1:], b"\x80" + REQUEST[1:], REQUEST[:19]])
def test_is_stun_says_no(data: bytes) -> None:
    assert not stun.is_stun(data)


# --- streams


MESSAGES = [REQUEST, ANSWER_4, message(b""), ANSWER_6, LONG_TERM]


@pytest.mark.parametrize("framed", [False, True])
@pytest.mark.parametrize("step", [1, 2, 3, 9, 10, 11, 1000])
def test_a_stream_cut_anywhere(framed: bool, step: int) -> None:
    stream = b"".join(stun.frame(each) if framed else each for each in MESSAGES)
    splitter, found = Splitter(), []
    for start in range(0, len(stream), step):
        found += splitter.feed(stream[start : start + step])
    assert found == MESSAGES
    assert splitter.framed is framed
    assert splitter.waiting == 0


@pytest.mark.parametrize("step", [1, 3, 1000])
def test_frames_may_have_anything_in_them_where_it_is_known_that_they_are_frames(step: int) -> None:
    packets = [b"\x16\xfe\xfd and a handshake", b"\x80\x6f and media", REQUEST]
    stream = b"".join(map(stun.frame, packets))
    splitter = Splitter(framed=True)
    assert [each for at in range(0, len(stream), step) for each in splitter.feed(stream[at : at + step])] == packets


def test_a_stream_that_is_neither() -> None:
    splitter = Splitter()
    assert splitter.feed(b"HTTP/1.1 ") == []
    with pytest.raises(StunError, match="neither"):
        splitter.feed(b"4")


@pytest.mark.parametrize("framed", [False, True])
def test_a_length_is_believed_and_so_bounded(framed: bool) -> None:
    start = (b"\xff\xff" if framed else b"") + message(b"")[:2] + b"\xff\xfc" + message(b"")[4:]
    splitter = Splitter()
    found = [each for _ in range(5) for each in splitter.feed(start.ljust(20, b"\0") + bytes(65536))]
    assert max(map(len, found)) <= 65535 + 20
    assert splitter.waiting < 2 * 65536


@settings(max_examples=500, deadline=None)
@given(st.lists(st.binary(max_size=40), max_size=10), st.sampled_from([b"", REQUEST[:10], stun.frame(REQUEST)[:10]]))
def test_any_stream_splits_or_is_told_to_be_none(chunks: list[bytes], start: bytes) -> None:
    splitter, total = Splitter(), len(start)
    try:
        found = splitter.feed(start)
        for chunk in chunks:
            found += splitter.feed(chunk)
            total += len(chunk)
    except StunError:
        return
    assert sum(map(len, found)) + splitter.waiting <= total


# --- any bytes


def mutated(chance: random.Random) -> bytes:
    """A real message with something wrong in it, its length and fingerprint right more often than not."""
    data = bytearray(chance.choice(MESSAGES))
    for _ in range(chance.randint(1, 4)):
        position = chance.randrange(len(data))
        match chance.randrange(5):
            case 0:
                data[position] = chance.randrange(256)
            case 1:
                data[position:position] = chance.randbytes(chance.choice((1, 4, 8)))
            case 2:
                del data[position : position + chance.choice((1, 4, 20))]
            case 3:
                data[position : position + 4] = struct.pack(
                    "!HH", chance.choice(KINDS), chance.choice((0, 1, 4, 8, 20))
                )
            case 4:
                data += attribute(chance.choice(KINDS), chance.randbytes(chance.choice((0, 1, 4, 8, 20))))
        data = data or bytearray(1)
    if len(data) >= 20 and chance.random() < 0.9:
        data[2:4] = (len(data) - 20).to_bytes(2, "big")
        data[4:8] = COOKIE.to_bytes(4, "big")
    if len(data) >= 28 and chance.random() < 0.8:
        data[-8:] = struct.pack("!HHI", 0x8028, 4, message_fingerprint(bytes(data[:-8])))
    return bytes(data)


KINDS = (1, 3, 6, 8, 9, 10, 0x14, 0x15, 0x20, 0x24, 0x25, 0x26, 0x27, 0x7F00, 0x8022, 0x8028, 0x802A, 0x802C, 0xC0DE)


def decodes_or_says_why(seed: int, times: int) -> tuple[int, int]:
    """How many were messages and how many were none; anything but StunError ends the test."""
    chance, fine = random.Random(seed), 0
    for _ in range(times):
        try:
            stun.decode(mutated(chance))
        except StunError:
            continue
        fine += 1
    return fine, times - fine


@pytest.mark.parametrize("seed", range(4))
def test_any_bytes_are_a_message_or_none(seed: int) -> None:
    fine, broken = decodes_or_says_why(seed, 25_000)
    assert fine > 1000  # the mutations go deeper than the header
    assert broken > 1000


@pytest.mark.long
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("seed", range(10, 20))
def test_a_million_times_any_bytes(seed: int) -> None:
    decodes_or_says_why(seed, 100_000)


@settings(max_examples=1000, deadline=None)
@given(st.binary(max_size=64))
def test_bytes_out_of_the_air(data: bytes) -> None:
    for each in (data, message(data[: len(data) // 4 * 4])):
        try:
            packet = stun.decode(each)
        except StunError:
            continue
        assert stun.is_stun(each)
        assert packet.message.transaction_id == each[8:20]
