"""Challenges, and answers that a TURN client must not believe."""

from __future__ import annotations

import struct
from typing import Any

import pytest
from aioice.stun import Class, Message, Method

from natprobe.wire import stun
from natprobe.wire.turn import (
    Challenged,
    Data,
    PeerIcmp,
    Permitted,
    Refreshed,
    Refused,
    Request,
    Stray,
    Suspicious,
)
from tests.lab.turn_server import RELAYED, TurnServer, indication
from tests.wire.turning import PEER, allocation, answered, done, error, lengthened, ready, steps, success

# 1 << 23 from the left, as the text of RFC 8489 counts bits, and 1 from the right, as erratum 6290 does.
COOKIES = {"left": (b"obMatJos2gAAA", b"obMatJos2wAAA"), "right": (b"obMatJos2AAAB", b"obMatJos2AAAD")}
BOTH, SHA256_ONLY, UNHEARD = b"\0\1\0\0\0\2\0\0", b"\0\2\0\0", b"\0\x09\0\3abc\0"


# --- nonces and realms


def test_a_stale_nonce_is_replaced() -> None:
    server = TurnServer()
    machine = ready(server)
    server.nonce = b"nonce-2"
    first, second = steps(machine, server, machine.permit(PEER))
    assert isinstance(first, Challenged)
    assert first.code == 438
    assert isinstance(second, Permitted)
    assert len(list(steps(machine, server, machine.refresh(60)))) == 1


def test_a_stale_nonce_without_a_realm() -> None:
    server, machine = TurnServer(), allocation()
    challenge = next(steps(machine, server, machine.allocate()))
    assert isinstance(challenge, Challenged)
    again = machine.receive(error(challenge.request, 438, NONCE=b"nonce-2"), 0.0)
    assert isinstance(again, Challenged)
    sent = stun.decode(again.request.data).message.attributes
    assert (sent["REALM"], sent["NONCE"]) == ("example.org", b"nonce-2")


def test_nonces_that_are_always_stale() -> None:
    machine = allocation()
    event = machine.receive(error(machine.allocate(), 401, REALM="r", NONCE=b"0"), 0.0)
    stale = 0
    while isinstance(event, Challenged):
        stale += 1
        event = machine.receive(error(event.request, 438, REALM="r", NONCE=b"%d" % stale), 0.0)
    assert isinstance(event, Refused)
    assert (event.code, stale) == (438, 4)


def test_credentials_are_tried_once_whatever_the_nonce() -> None:
    machine = allocation()
    event = machine.receive(error(machine.allocate(), 401, REALM="r", NONCE=b"0"), 0.0)
    assert isinstance(event, Challenged)
    event = machine.receive(error(event.request, 401, REALM="r", NONCE=b"1"), 0.0)
    assert isinstance(event, Refused)
    assert event.authenticated


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"REALM": "r"},
        {"NONCE": b"n"},
        {"REALM": "r", "NONCE": b""},
        {"REALM": "r" * 764, "NONCE": b"n"},
        {"REALM": "r", "NONCE": b"n" * 764},
        {"REALM": "r", "NONCE": b"obMatJos2gAAA"},  # the list of algorithms was taken away
        {"REALM": "r", "NONCE": b"obMatJos2gAAA", "PASSWORD-ALGORITHMS": UNHEARD},
        {"REALM": "r", "NONCE": b"obMatJos2gAAA", "PASSWORD-ALGORITHMS": b"\0\2\0\4"},
    ],
)
def test_a_challenge_that_nobody_can_answer(more: dict[str, Any]) -> None:
    machine = allocation()
    event = machine.receive(error(machine.allocate(), 401, **more), 0.0)
    assert isinstance(event, Refused)
    assert not event.authenticated
    assert (event.realm is None) == ("REALM" not in more)


@pytest.mark.parametrize(
    "realm", ["", " padded ", "r\x1b[31m\0", "x" * 700, b"\xff\xfe".decode("utf-8", "surrogateescape")]
)
def test_a_realm_goes_back_as_it_came(realm: str) -> None:
    machine = allocation()
    event = machine.receive(error(machine.allocate(), 401, REALM=realm, NONCE=b"n"), 0.0)
    assert isinstance(event, Challenged)
    assert event.realm.isprintable()
    raw = stun.first_values(event.request.data)
    assert raw[0x0014] == realm.encode("utf-8", "surrogateescape")


def test_the_server_that_gives_tokens() -> None:
    machine = allocation(None)
    event = machine.receive(error(machine.allocate(), 401, **{"THIRD-PARTY-AUTHORIZATION": "tokens.example"}), 0.0)
    assert isinstance(event, Refused)
    assert event.third_party == "tokens.example"


@pytest.mark.parametrize("side", COOKIES)
@pytest.mark.parametrize("hidden", [False, True])
@pytest.mark.parametrize("algorithms", [BOTH, SHA256_ONLY, UNHEARD + BOTH])
def test_password_algorithms(side: str, hidden: bool, algorithms: bytes) -> None:
    server = TurnServer(nonce=COOKIES[side][hidden] + b"rest", algorithms=algorithms)
    machine = ready(server)
    sent = server.seen[-1].attributes
    assert sent["PASSWORD-ALGORITHMS"] == algorithms
    assert sent["PASSWORD-ALGORITHM"] == (b"\0\2\0\0" if algorithms == SHA256_ONLY else b"\0\1\0\0")
    assert ("USERHASH" in sent, "USERNAME" in sent) == (hidden, not hidden)
    assert "MESSAGE-INTEGRITY" not in sent
    request = machine.permit(PEER)
    answer = answered(server, request)
    broken = answer[:-1] + bytes([answer[-1] ^ 1])
    assert machine.receive(broken, 0.0) == Suspicious(request.transaction_id, request.method, "wrong-signature")
    assert isinstance(machine.receive(answer, 0.0), Permitted)


def test_algorithms_that_no_nonce_vouches_for_are_left_alone() -> None:
    machine = allocation()
    event = machine.receive(error(machine.allocate(), 401, REALM="r", NONCE=b"n", **{"PASSWORD-ALGORITHMS": BOTH}), 0.0)
    assert isinstance(event, Challenged)
    assert "PASSWORD-ALGORITHM" not in stun.decode(event.request.data).message.attributes


# --- answers that are not accepted


def test_a_success_has_to_be_signed() -> None:
    server = TurnServer()
    machine = ready(server)
    request = machine.permit(PEER)
    for key, fault in ((None, "unsigned"), (b"other", "wrong-signature")):
        event = machine.receive(success(request, key), 0.0)
        assert event == Suspicious(request.transaction_id, Method.CREATE_PERMISSION, fault)  # type: ignore[arg-type]
    assert machine.receive(indication(XOR_PEER_ADDRESS=PEER, DATA=b"x"), 0.0) == Stray("no-permission")
    assert isinstance(machine.receive(answered(server, request), 0.0), Permitted)


@pytest.mark.parametrize("missing", ["XOR-RELAYED-ADDRESS", "LIFETIME"])
def test_a_success_that_lacks_what_it_says(missing: str) -> None:
    machine = allocation()
    request = machine.allocate()
    attributes = {"XOR-RELAYED-ADDRESS": RELAYED[4], "LIFETIME": 600}
    del attributes[missing]
    assert machine.receive(success(request, None, **attributes), 0.0) == Suspicious(
        request.transaction_id, Method.ALLOCATE, "incomplete"
    )
    assert machine.state == "allocating"
    assert machine.close() is not None


def test_a_refresh_that_does_not_say_for_how_long() -> None:
    server = TurnServer(users=None)
    machine = ready(server)
    request = machine.refresh(60)
    assert machine.receive(success(request, None), 0.0) == Suspicious(
        request.transaction_id, Method.REFRESH, "incomplete"
    )
    request = machine.close()  # type: ignore[assignment]
    assert machine.receive(success(request, None), 0.0) == Refreshed(request.transaction_id, 0)


def test_an_error_that_has_no_code() -> None:
    machine = allocation()
    request = machine.allocate()
    data = bytes(Message(Method.ALLOCATE, Class.ERROR, request.transaction_id))
    assert machine.receive(data, 0.0) == Suspicious(request.transaction_id, Method.ALLOCATE, "incomplete")


def test_strays() -> None:
    server = TurnServer()
    machine = ready(server)
    request = machine.permit(PEER)
    answer = answered(server, request)
    assert isinstance(machine.receive(answer, 0.0), Permitted)
    unknown = struct.pack("!HH", 0x7F00, 0)
    pending = machine.refresh(60)
    cases = {
        answer: "duplicate",
        success(Request(Method.REFRESH, b"x" * 12, b""), None): "wrong-transaction",
        success(pending._replace(method=Method.ALLOCATE), None): "wrong-transaction",
        lengthened(success(pending, None, LIFETIME=60), unknown): "unknown-attributes",
        lengthened(indication(XOR_PEER_ADDRESS=PEER, DATA=b"x"), unknown): "unknown-attributes",
        b"": "garbage",
        b"\x16\x03\x01": "garbage",
        b"HTTP/1.1 400 Bad Request": "garbage",
        b"\x40\x00\x00": "garbage",
        b"\x40\x00\x00\x02x": "garbage",
        b"\x40\x07\x00\x01x": "unbound-channel",
        stun.binding_request(b"y" * 12): "unexpected",
        indication(Method.SEND, XOR_PEER_ADDRESS=PEER, DATA=b"x"): "unexpected",
        indication(XOR_PEER_ADDRESS=PEER): "unexpected",
        indication(DATA=b"x"): "unexpected",
        indication(XOR_PEER_ADDRESS=("192.0.2.10", 7000), DATA=b"x"): "no-permission",
    }
    assert {data: machine.receive(data, 0.0) for data in cases} == {d: Stray(f) for d, f in cases.items()}  # type: ignore[arg-type]
    assert isinstance(machine.receive(answered(server, pending), 0.0), Refreshed)


def test_a_permission_lapses() -> None:
    server = TurnServer()
    machine = ready(server)
    done(machine, server, machine.permit(PEER), now=100.0)
    data = indication(XOR_PEER_ADDRESS=PEER, DATA=b"x")
    assert machine.receive(data, 400.0) == Data(PEER, b"x", None)
    assert machine.receive(data, 400.1) == Stray("no-permission")


def test_an_icmp_error_from_beyond_the_relay() -> None:
    server = TurnServer()
    machine = ready(server)
    done(machine, server, machine.permit(PEER))
    assert machine.receive(indication(XOR_PEER_ADDRESS=PEER, ICMP=(3, 3)), 0.0) == PeerIcmp(PEER, 3, 3)
