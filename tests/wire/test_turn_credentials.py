"""Credentials of TURN: the RFC's own values, what servers hand out, and what a signature covers."""

from __future__ import annotations

import hashlib
import hmac
import struct

import pytest
from aioice.stun import ATTRIBUTES_BY_NAME, Class, Message, Method, set_body_length

from natprobe.wire import stun
from natprobe.wire.turn import Credentials, rest_credentials
from natprobe.wire.turn.credentials import Login, login
from tests.lab.turn_server import signed

ID, KEY = bytes(range(12)), b"key"
USER, REALM, NONCE = "\u30de\u30c8\u30ea\u30c3\u30af\u30b9", "example.org", b"obMatJos2AAACf//499k954d6OL34oL9FSTvy64sA"
# RFC 8489 appendix B.1: the header's length counts attributes that erratum 6268 says are missing.
VECTOR = bytes.fromhex(
    "0001009c2112a44278ad3433c6ad72c029da412e001e00204a3cf38fef6992bda952c6780417da0f2481941556"
    "9e60b205c46e41407f1704001500296f624d61744a6f7332414141436"
    "62f2f3439396b393534643 64f4c33346f4c394653547679363473410000000014000b6578616d706c652e6f726700".replace(" ", "")
)
INTEGRITY = bytes.fromhex("e4686c8f0edeb59013e07090010a93efccbccc544c0a45d9f830aa6d6f735a01")
ALGORITHMS = b"\0\1\0\0\0\2\0\0"


def found(nonce: bytes, algorithms: bytes = b"", password: str = "TheMatrIX") -> Login:
    challenge = {0x0014: REALM.encode(), 0x0015: nonce, 0x8002: algorithms}
    answer = login(Credentials(USER, password), challenge, None)
    assert answer is not None
    return answer


def test_the_vector_of_rfc_8489() -> None:
    """Its key is SHA-256's; its nonce says that the user name is hidden, by the erratum's order of bits."""
    assert found(NONCE).hidden
    sent = Message(Method.BINDING, Class.REQUEST, ID)
    found(NONCE).sign(sent)
    assert sent.attributes["USERHASH"] == VECTOR[24:56]
    key = found(b"obMatJos2gAAA", b"\0\2\0\0").key
    assert hmac.digest(key, VECTOR, "sha256") == INTEGRITY


def test_the_key_of_rfc_5389() -> None:
    assert found(b"nonce").key == hashlib.md5(f"{USER}:{REALM}:TheMatrIX".encode()).digest()
    assert found(b"obMatJos2 \xff\xff").key == found(b"obMatJos2").key == found(b"nonce").key


@pytest.mark.parametrize(("expires", "user", "name"), [(1795316953, "", "1795316953"), (17, "natprobe", "17:natprobe")])
def test_what_a_shared_secret_makes(expires: int, user: str, name: str) -> None:
    made = rest_credentials("your_secret", expires, user)
    assert made.username == name
    if not user:  # what a real Prosody made of the same
        assert made.password == "4L5hM/vMMGMXSzNsw1kLGrYr5NE="


def test_a_name_for_the_shared_secret() -> None:
    assert rest_credentials("s", 5) == rest_credentials("s", 5, "natprobe")


@pytest.mark.parametrize("bad", [("x" * 509, "p"), ("\u30de" * 170, "p"), ("\ud800", "p"), ("alice", "p\udcff")])
def test_credentials_that_no_request_can_carry(bad: tuple[str, str]) -> None:
    with pytest.raises(ValueError, match="user name") as caught:
        Credentials(*bad)
    assert not isinstance(caught.value, UnicodeEncodeError)
    assert Credentials("x" * 508, "").username


def test_nothing_of_credentials_shows() -> None:
    assert repr(Credentials("alice", "secret")) == "Credentials()"
    assert "6b6579" not in (shown := repr(Login("alice", "r", b"n", KEY)))
    assert "alice" not in shown


# --- signatures


def answer(*, sha256: bool) -> bytes:
    return signed(Message(Method.ALLOCATE, Class.RESPONSE, ID, {"LIFETIME": 600}), KEY, sha256)


@pytest.mark.parametrize("sha256", [False, True])
def test_a_signature_is_of_the_kind_that_was_asked_for(sha256: bool) -> None:
    ours = Login("u", "r", b"n", KEY, algorithms=ALGORITHMS, algorithm=2 if sha256 else None)
    for kind in (False, True):
        data = answer(sha256=kind)
        assert ours.verifies(stun.decode(data).message, data) is (kind is sha256)
    plain = bytes(Message(Method.ALLOCATE, Class.RESPONSE, ID))
    assert not ours.verifies(stun.decode(plain).message, plain)


@pytest.mark.parametrize(
    ("length", "good"), [(0, False), (12, False), (16, True), (18, False), (28, True), (36, False)]
)
def test_a_signature_may_be_short_but_not_too_short(length: int, good: bool) -> None:
    """RFC 8489 section 14.6: 16 to 32 bytes, a multiple of four."""
    body = struct.pack("!HHI", 0x000D, 4, 600)
    size = len(body) + 4 + length + -length % 4
    head = set_body_length(bytes(Message(Method.ALLOCATE, Class.RESPONSE, ID)), len(body) + 4 + length) + body
    value = (hmac.digest(KEY, head, "sha256") + bytes(8))[:length]
    data = set_body_length(head, size) + struct.pack("!HH", 0x001C, length) + value + bytes(-length % 4)
    ours = Login("u", "r", b"n", KEY, algorithms=ALGORITHMS, algorithm=2)
    assert ours.verifies(stun.decode(data).message, data) is good


def test_nothing_after_the_newer_signature_counts() -> None:
    """Nor does a second, older one make it count."""
    more = struct.pack("!HHI", 0x000D, 4, 7) + struct.pack("!HHI", 0x000C, 4, 7) + struct.pack("!HH", 0x7F00, 0)
    data = answer(sha256=True) + more
    data = set_body_length(data, len(data) - 20)
    packet = stun.decode(data)
    assert set(packet.message.attributes) == {"LIFETIME", "MESSAGE-INTEGRITY-SHA256"}
    assert packet.message.attributes["LIFETIME"] == 600
    assert packet.unknown == ()
    assert Login("u", "r", b"n", KEY, algorithm=2).verifies(packet.message, data)
    older = struct.pack("!HH", 0x0008, 20)
    older += hmac.digest(KEY, set_body_length(data, len(data) - 20 + 24), "sha1")
    both = stun.decode(set_body_length(data + older, len(data) - 20 + 24)).message
    assert both.check_message_integrity(KEY)
    assert "CHANNEL-NUMBER" not in both.attributes


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("REQUESTED-ADDRESS-FAMILY", 2),
        ("EVEN-PORT", b"\x80"),
        ("DONT-FRAGMENT", None),
        ("ACCESS-TOKEN", b"token"),
        ("PASSWORD-ALGORITHM", b"\0\2\0\0"),
        ("PASSWORD-ALGORITHMS", ALGORITHMS),
        ("USERHASH", bytes(32)),
        ("RESERVATION-TOKEN", bytes(8)),
        ("ADDITIONAL-ADDRESS-FAMILY", b"\2\0\0\0"),
        ("ADDRESS-ERROR-CODE", b"\2\0\4\x28"),
        ("ALTERNATE-DOMAIN", "turn.example"),
        ("ALTERNATE-SERVER", ("2001:db8::1", 3478)),
        ("ICMP", (11, 0)),
        ("THIRD-PARTY-AUTHORIZATION", "tokens.example"),
        ("MOBILITY-TICKET", b"ticket"),
    ],
)
def test_the_attributes_of_turn_are_known(name: str, value: object) -> None:
    packet = stun.decode(bytes(Message(Method.ALLOCATE, Class.RESPONSE, ID, {name: value})))
    assert packet.message.attributes == {name: value}
    assert packet.unknown == ()
    assert ATTRIBUTES_BY_NAME[name][1] == name


@pytest.mark.parametrize("kind", [0x0017, 0x8004, 0x8023])
def test_attributes_of_turn_that_are_too_short(kind: int) -> None:
    with pytest.raises(stun.StunError):
        stun.decode(
            set_body_length(bytes(Message(Method.ALLOCATE, Class.RESPONSE, ID)), 4) + struct.pack("!HH", kind, 0)
        )
