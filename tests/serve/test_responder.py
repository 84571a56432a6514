"""The responder without a network: a request in, at most one answer out."""

from __future__ import annotations

import struct
from typing import Any

import pytest
from aioice import stun as codec
from hypothesis import given
from hypothesis import strategies as st

from natprobe.pairing import IceCredentials, credentials
from natprobe.serve.limits import ELSEWHERE, Limiter, Limits, Rate
from natprobe.serve.responder import ANSWER_MAX, Answer, Responder
from natprobe.wire import classic, stun

OURS = credentials("A" * 22)
HERE = ("203.0.113.1", 10000)
CROSSED = ("203.0.113.2", 10001)
OTHERS = {
    HERE: CROSSED,
    CROSSED: HERE,
    ("203.0.113.1", 10001): ("203.0.113.2", 10000),
    ("203.0.113.2", 10000): ("203.0.113.1", 10001),
}
CLIENT = ("198.51.100.7", 40000)
CLIENT6 = ("2001:db8::7", 40000)
ID = b"transaction1"
USER = f"{OURS.ufrag}:abcd"
CLASSIC = classic.request(b"sixteen bytes!!!")


def unlimited() -> Limits:
    plenty = Rate(1e9, 1e9)
    return Limits(plenty, plenty, plenty)


def respond(data: bytes, *, two: bool = False, **how: Any) -> Answer | None:
    responder = Responder(OURS, OTHERS if two else None, unlimited())
    return responder.answer(data, how.pop("local", HERE), how.pop("source", CLIENT), 0.0, **how)


def attributes(answer: Answer | None) -> dict[str, Any]:
    assert answer is not None
    packet = stun.decode(answer.data)
    assert packet.message.transaction_id == ID
    assert packet.unknown == ()
    return dict(packet.message.attributes)


def code(answer: Answer | None) -> int:
    return int(attributes(answer)["ERROR-CODE"][0])


def raw(*parts: tuple[int, bytes], kind: int = 0x0001) -> bytes:
    body = b"".join(struct.pack("!HH", number, len(value)) + value + bytes(-len(value) % 4) for number, value in parts)
    return struct.pack("!HHI", kind, len(body), 0x2112A442) + ID + body


def check(**changed: Any) -> bytes:
    given: dict[str, Any] = {"user": USER, "password": OURS.password, "tie_breaker": 7} | changed
    return stun.ice_check(ID, **given)


def signed(found: dict[str, Any]) -> bytes:
    """A request with just these attributes and our password."""
    message = codec.Message(codec.Method.BINDING, codec.Class.REQUEST, ID, found)
    message.add_message_integrity(OURS.password.encode())
    return bytes(message)


@pytest.mark.parametrize("source", [CLIENT, CLIENT6])
def test_binding(source: tuple[str, int]) -> None:
    answer = respond(stun.binding_request(ID), source=source)
    assert answer is not None
    assert (answer.local, answer.to, answer.verified) == (HERE, source, False)
    assert attributes(answer) == {
        "XOR-MAPPED-ADDRESS": source,
        "MAPPED-ADDRESS": source,
        "RESPONSE-ORIGIN": HERE,
        "SOFTWARE": "natprobe",
    }


def test_fingerprint_is_answered_with_one() -> None:
    message = codec.Message(codec.Method.BINDING, codec.Class.REQUEST, ID)
    message.add_fingerprint()
    assert "FINGERPRINT" in attributes(respond(bytes(message)))


@pytest.mark.parametrize(
    ("change", "sender"),
    [
        (0, HERE),
        (2, ("203.0.113.1", 10001)),
        (4, ("203.0.113.2", 10000)),
        (6, ("203.0.113.2", 10001)),
    ],
)
def test_change_request(change: int, sender: tuple[str, int]) -> None:
    """RFC 5780 section 6.1, table 1; OTHER-ADDRESS stays that of the endpoint asked."""
    answer = respond(stun.binding_request(ID, CHANGE_REQUEST=change), two=True)
    found = attributes(answer)
    assert answer is not None
    assert (answer.local, answer.to) == (sender, CLIENT)
    assert (found["RESPONSE-ORIGIN"], found["OTHER-ADDRESS"]) == (sender, CROSSED)


@pytest.mark.parametrize("local", OTHERS)
def test_other_address_differs_in_both(local: tuple[str, int]) -> None:
    other = attributes(respond(stun.binding_request(ID), two=True, local=local))["OTHER-ADDRESS"]
    assert other[0] != local[0]
    assert other[1] != local[1]


def test_change_request_with_one_address_is_unknown() -> None:
    found = attributes(respond(stun.binding_request(ID, CHANGE_REQUEST=6)))
    assert found["ERROR-CODE"][0] == 420
    assert found["UNKNOWN-ATTRIBUTES"] == (0x0003,)


def test_response_port_goes_to_the_same_address_only() -> None:
    answer = respond(stun.binding_request(ID, RESPONSE_PORT=5000))
    assert answer is not None
    assert answer.to == (CLIENT[0], 5000)
    assert attributes(answer)["XOR-MAPPED-ADDRESS"] == CLIENT


@pytest.mark.parametrize("size", [4, 100, 1000, 4000])
def test_padding_never_makes_the_answer_larger(size: int) -> None:
    request = stun.binding_request(ID, PADDING=bytes(size))
    answer = respond(request, two=True)
    assert answer is not None
    assert len(answer.data) == max(len(request), len(attributes_only(answer)))
    assert ("PADDING" in attributes(answer)) == (size >= 100)


def attributes_only(answer: Answer) -> bytes:
    """The answer's bytes if it had no PADDING."""
    message = stun.decode(answer.data).message
    message.attributes.pop("PADDING", None)
    return bytes(message)


@pytest.mark.parametrize(
    ("request_", "how", "expected"),
    [
        (stun.binding_request(ID, RESPONSE_PORT=0), {}, 400),
        (stun.binding_request(ID, RESPONSE_PORT=5000, PADDING=bytes(8)), {}, 400),
        (stun.binding_request(ID, RESPONSE_PORT=5000), {"stream": True}, 400),
        (stun.binding_request(ID, CHANGE_REQUEST=2), {"stream": True, "two": True}, 400),
        (raw((0x7777, b"?")), {}, 420),
        (
            stun.binding_request(ID, USERNAME=USER),
            {},
            400,
        ),  # RFC 8489 section 9.1.3: without MESSAGE-INTEGRITY
        (raw((0x0008, bytes(20))), {}, 400),  # without USERNAME
        (raw((0x0006, USER.encode()), (0x0008, bytes(20))), {}, 401),
        (raw((0x0006, USER.encode()), (0x0008, b"")), {}, 401),
        (check(password="wrong" * 5), {}, 401),
        (check(user="other:abcd"), {}, 401),
        (check(user=f"{OURS.ufrag}x:abcd"), {}, 401),
        (check(user=OURS.ufrag), {}, 401),
        (check(controlling=False), {}, 487),
        (signed({"USERNAME": USER, "ICE-CONTROLLING": 7}), {}, 400),
        (signed({"USERNAME": USER, "PRIORITY": 1, "ICE-CONTROLLING": 7, "ICE-CONTROLLED": 8}), {}, 400),
    ],
)
def test_errors(request_: bytes, how: dict[str, Any], expected: int) -> None:
    assert code(respond(request_, **how)) == expected


def test_unknown_attributes_are_listed_and_optional_ones_ignored() -> None:
    found = attributes(respond(raw((0x7777, b""), (0x8FFF, b"x"), (0x7776, b"y"))))
    assert found["UNKNOWN-ATTRIBUTES"] == (0x7776, 0x7777)
    assert "XOR-MAPPED-ADDRESS" in attributes(respond(raw((0x8FFF, b"x"))))


@pytest.mark.parametrize("size", [0, 600, 1200])
def test_ice_check(size: int) -> None:
    request = check(size=size)
    answer = respond(request)
    assert answer is not None
    assert answer.verified
    assert len(answer.data) <= len(request)
    message = stun.decode(answer.data).message
    assert message.check_message_integrity(OURS.password.encode())
    assert message.attributes["XOR-MAPPED-ADDRESS"] == CLIENT
    assert "FINGERPRINT" in message.attributes


def test_ice_check_with_padding_comes_back_in_full_size() -> None:
    """How a client learns that full-size packets pass on the way back as well."""
    request = signed({"USERNAME": USER, "PRIORITY": 1, "ICE-CONTROLLING": 7, "PADDING": bytes(1100)})
    answer = respond(request)
    assert answer is not None
    assert len(answer.data) == len(request)
    assert stun.decode(answer.data).message.check_message_integrity(OURS.password.encode())


@pytest.mark.parametrize("request_", [check(controlling=False), signed({"USERNAME": USER})])
def test_errors_after_authentication_are_signed(request_: bytes) -> None:
    """RFC 8489 section 9.1.4."""
    answer = respond(request_)
    assert answer is not None
    assert stun.decode(answer.data).message.check_message_integrity(OURS.password.encode())


def test_errors_before_authentication_are_not_signed() -> None:
    assert "MESSAGE-INTEGRITY" not in attributes(respond(check(password="wrong" * 5)))


def test_what_follows_the_integrity_is_ignored() -> None:
    """RFC 8489 section 14.5; MESSAGE-INTEGRITY-SHA256 (0x001C) stands there when a client sends both."""
    body = check()[:-8]  # without FINGERPRINT, whose place it takes
    request = body[:2] + struct.pack("!H", len(body) - 20 + 36) + body[4:] + struct.pack("!HH", 0x001C, 32) + bytes(32)
    # The length in the header has no part in MESSAGE-INTEGRITY beyond that attribute (section 14.5).
    assert respond(request) is not None
    assert "XOR-MAPPED-ADDRESS" in attributes(respond(request))


# RFC 5769 section 2.1: a signed request with SOFTWARE, PRIORITY, ICE-CONTROLLED, USERNAME and FINGERPRINT.
RFC5769 = bytes.fromhex(
    "000100582112a442b7e7a701bc34d686fa87dfae802200105354554e207465737420636c69656e74002400046e0001ff"
    "80290008932ff9b151263b36000600096576746a3a68367659202020000800149aeaa70cbfd8cb56781ef2b5b2d3f249"
    "c1b571a280280004e57a3bcf"
)


def test_rfc5769_request_verifies() -> None:
    """It is signed with `VOkJxbRl1RmTxUk/WvJxBt` and comes from a controlled agent: 487, and signed."""
    theirs = IceCredentials(ufrag="evtj", password="VOkJxbRl1RmTxUk/WvJxBt")
    answer = Responder(theirs).answer(RFC5769, HERE, CLIENT, 0.0)
    assert answer is not None
    message = stun.decode(answer.data).message
    assert message.error_code == 487
    assert message.check_message_integrity(theirs.password.encode())


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"hello",
        b"\x16\xfe\xfd" + bytes(100),  # DTLS
        b"\x80\x60" + bytes(170),  # RTP
        b"\x40\x00\x00\x04data",  # TURN channel data
        bytes.fromhex("00010008") + bytes(16) + bytes.fromhex("0003000400000006"),  # RFC 3489 with CHANGE-REQUEST
        bytes.fromhex("0001000c") + bytes(16) + bytes.fromhex("000200080001138863060606"),  # with RESPONSE-ADDRESS
        bytes.fromhex("01010000") + bytes(16),  # an answer of RFC 3489
        raw(kind=0x0101),  # a success answer
        raw(kind=0x0111),  # an error answer
        raw(kind=0x0011),  # an indication
        raw(kind=0x0003),  # Allocate
        raw()[:-1],
        raw() + b"\x00",
        raw((0x0003, b"")),  # CHANGE-REQUEST too short
        raw((0x8028, bytes(4))),  # wrong FINGERPRINT
        raw((0x0006, b"\xff\xfe")),  # USERNAME that is no UTF-8
        stun.binding_request(ID, PADDING=bytes(4096)),  # larger than anything expected
    ],
)
def test_silence(data: bytes) -> None:
    assert respond(data) is None


@pytest.mark.parametrize("request_", [stun.binding_request(ID), CLASSIC])
def test_port_zero_gets_silence(request_: bytes) -> None:
    assert respond(request_, source=(CLIENT[0], 0)) is None


@pytest.mark.parametrize("source", [CLIENT, CLIENT6])
def test_a_request_without_the_magic_cookie_is_answered_in_kind(source: tuple[str, int]) -> None:
    """RFC 3489: the control for networks that drop STUN."""
    answer = respond(CLASSIC, source=source)
    assert answer is not None
    assert (answer.local, answer.to, answer.verified) == (HERE, source, False)
    assert classic.decode(answer.data) == (CLASSIC[4:], source)
    assert len(answer.data) <= 44


def test_but_not_over_a_stream() -> None:
    assert respond(CLASSIC, stream=True) is None


KINDS = st.sampled_from([*codec.ATTRIBUTES_BY_TYPE, 0x001C, 0x7777, 0x8FFF])
ATTRIBUTES = st.lists(st.tuples(KINDS, st.one_of(st.just(b""), st.just(bytes(4)), st.binary(max_size=40))), max_size=40)


def allowed(request: bytes) -> int:
    return max(len(request), ANSWER_MAX)


@given(
    st.one_of(
        st.binary(max_size=200),
        st.binary(min_size=16, max_size=16).map(classic.request),
        ATTRIBUTES.map(lambda parts: raw(*parts)),
    ),
    st.booleans(),
    st.booleans(),
)
def test_any_bytes(data: bytes, two: bool, stream: bool) -> None:
    answer = respond(data, two=two, stream=stream, source=CLIENT6)
    if answer is not None:
        assert len(answer.data) <= allowed(data)
        assert answer.to[0] == CLIENT6[0]
        assert not answer.verified
    if answer is not None and not classic.is_request(data):
        assert stun.decode(answer.data).message.message_class in (codec.Class.RESPONSE, codec.Class.ERROR)


@given(st.integers(0, 1199), st.integers(1, 255))
def test_any_damage_to_a_check_unmakes_its_proof(position: int, flip: int) -> None:
    request = bytearray(check(size=1200))
    request[position % len(request)] ^= flip
    answer = respond(bytes(request))
    assert answer is None or not answer.verified or position % len(request) >= len(request) - 8


@pytest.mark.parametrize("request_", [stun.binding_request(ID), CLASSIC])
def test_each_source_has_its_own_limit(request_: bytes) -> None:
    responder = Responder(OURS, limits=Limits(Rate(50, 100), together=Rate(1e9, 1e9)))
    asked = request_

    def count(source: tuple[str, int], now: float) -> int:
        return sum(responder.answer(asked, HERE, source, now) is not None for _ in range(150))

    assert count(CLIENT, 0.0) == 100
    assert count((CLIENT[0], 40001), 0.0) == 0
    assert count(("198.51.100.8", 40000), 0.0) == 100
    assert count(CLIENT, 1.0) == 50
    assert count(CLIENT, 1000.0) == 100


def test_an_ipv6_network_is_one_source_and_checks_count() -> None:
    responder = Responder(OURS, limits=Limits(Rate(1, 2)))
    sources = [(f"2001:db8::{number}", 1) for number in range(1, 4)]
    assert [responder.answer(check(), HERE, source, 0.0) is not None for source in sources] == [
        True,
        True,
        False,
    ]
    assert responder.answer(check(), HERE, ("2001:db8:0:1::1", 1), 0.0) is not None


def test_the_limit_for_all_holds_and_a_greedy_source_does_not_use_it_up() -> None:
    responder = Responder(OURS, limits=Limits(Rate(1, 2), together=Rate(1, 3)))
    asked = stun.binding_request(ID)
    greedy = [responder.answer(asked, HERE, CLIENT, 0.0) for _ in range(50)]
    assert sum(answer is not None for answer in greedy) == 2
    assert responder.answer(asked, HERE, ("198.51.100.8", 1), 0.0) is not None
    assert responder.answer(asked, HERE, ("198.51.100.9", 1), 0.0) is None


def test_whoever_has_the_token_may_send_more_of_what_is_signed() -> None:
    responder = Responder(OURS, limits=Limits(Rate(1, 2), holder=Rate(10, 20)))
    signed, plain = check(), stun.binding_request(ID)
    forged = check(password="wrong" * 5)

    def answered(data: bytes, times: int, now: float, source: tuple[str, int] = CLIENT) -> int:
        return sum(responder.answer(data, HERE, source, now) is not None for _ in range(times))

    assert answered(signed, 30, 0.0) == 22  # two as anybody, then as one who has it
    assert answered(signed, 30, 1.0) == 11
    assert answered(plain, 30, 100.0) == 2  # he is nobody's reflector either
    assert answered(forged, 30, 200.0) == 2
    beside = (CLIENT[0], CLIENT[1] + 1)  # behind the same address, and has shown nothing
    assert answered(plain, 5, 200.0, beside) == 0


def test_so_many_who_have_the_token_are_known() -> None:
    limits = Limits(Rate(0, 0))
    for port in range(1, 100):
        limits.holds((CLIENT[0], port))
    known = [port for port in range(1, 100) if limits.allow_holder((CLIENT[0], port), 0.0)]
    assert known == list(range(68, 100))


def test_response_port_is_limited_harder() -> None:
    responder = Responder(OURS)
    asked = stun.binding_request(ID, RESPONSE_PORT=5000)
    assert sum(responder.answer(asked, HERE, CLIENT, 0.0) is not None for _ in range(50)) == ELSEWHERE.burst
    assert responder.answer(stun.binding_request(ID), HERE, CLIENT, 0.0) is not None


def test_the_table_of_sources_is_bounded_and_forgets_the_quietest() -> None:
    limiter = Limiter(Rate(0, 1), keys_max=3)
    assert all(limiter.allow(key, 0.0) for key in "abc")
    assert not limiter.allow("a", 0.0)
    assert limiter.allow("d", 0.0)  # forgets b, the one used least recently
    assert len(limiter) == 3
    assert not limiter.allow("a", 0.0)
    assert limiter.allow("b", 0.0)


def test_credentials_stay_out_of_texts() -> None:
    assert OURS.password not in repr(OURS)
