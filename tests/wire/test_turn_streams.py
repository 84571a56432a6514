"""TURN's byte streams cut anywhere, what is no such stream, and any bytes at all against the client's machine."""

from __future__ import annotations

import random
import struct
from typing import get_args

import pytest
from aioice.stun import Class, Message, Method
from hypothesis import given, settings
from hypothesis import strategies as st

from natprobe.wire.stun import StunError
from natprobe.wire.turn import (
    CHANNELS,
    Allocated,
    Allocation,
    Bound,
    Data,
    Event,
    Permitted,
    Refreshed,
    Request,
    Splitter,
)
from tests.lab.turn_server import TurnServer, indication
from tests.wire.turning import PEER, allocation, answered, done, ready

MESSAGE = bytes(Message(Method.DATA, Class.INDICATION, bytes(12), {"DATA": b"abc"}))
PARTS = [
    MESSAGE,
    b"\x40\x01\x00\x03abc",
    MESSAGE,
    b"\x40\x01\x00\x00",
    b"\x4f\xff\x00\x04abcd",
    MESSAGE[:2] + bytes(2) + MESSAGE[4:20],
]
STREAM = b"".join(part + bytes(-len(part) % 4) for part in PARTS)


def splitter() -> Splitter:
    return Splitter(CHANNELS.__contains__)


@pytest.mark.parametrize("step", [1, 2, 3, 4, 5, 7, 8, 1000])
def test_a_stream_cut_anywhere(step: int) -> None:
    split, found = splitter(), []
    for start in range(0, len(STREAM), step):
        found += split.feed(STREAM[start : start + step])
    assert found == PARTS
    assert split.waiting == 0


def bytewise(split: Splitter, data: bytes) -> list[bytes]:
    return [part for byte in data for part in split.feed(bytes([byte]))]


@pytest.mark.parametrize(
    "data",
    [
        b"HTTP/1.1 400 Bad Request\r\n",
        b"\x15\x03\x03\x00\x02\x02\x28",  # a TLS alert
        b"220 mail.example ESMTP\r\n",
        b"SSH-2.0-OpenSSH\r\n",
        b"\x80",
        b"\xc0",
        b"\x50\x00\x00\x00",
        MESSAGE[:3] + b"\x01" + MESSAGE[4:],
        MESSAGE[:4] + b"\x22",
        len(MESSAGE).to_bytes(2, "big") + MESSAGE,  # framed as ICE-TCP is
    ],
)
def test_no_turn_stream_is_told_at_once(data: bytes) -> None:
    """Byte by byte, and after what is one: that is not lost."""
    nothing_bound = Allocation(lambda: bytes(12)).expects
    with pytest.raises(StunError):
        bytewise(Splitter(nothing_bound), data[:8])
    after = Splitter({0x4001, 0x4FFF}.__contains__)
    assert after.feed(STREAM + data) == PARTS
    with pytest.raises(StunError):
        after.feed(b"")


def test_channel_data_comes_only_where_it_was_asked_for() -> None:
    """Also before the answer that says so has been read: both may be in one piece."""
    server = TurnServer()
    machine = ready(server, stream=True)
    split = Splitter(machine.expects)
    with pytest.raises(StunError):
        split.feed(b"\x40\x00\x00\x01x")
    split = Splitter(machine.expects)
    answer = answered(server, machine.bind(0x4000, PEER))
    parts = split.feed(answer + server.from_peer(PEER, b"x", stream=True))
    assert [type(machine.receive(part, 0.0)) for part in parts] == [Bound, Data]
    assert machine.send(b"abc", PEER) == b"\x40\x00\x00\x03abc\x00"


@pytest.mark.parametrize(
    ("start", "size"), [(b"\x40\x00\xff\xff", 4 + 65_535), (MESSAGE[:2] + b"\xff\xfc" + MESSAGE[4:20], 20 + 65_532)]
)
def test_a_length_is_believed_and_so_bounded(start: bytes, size: int) -> None:
    split = splitter()
    padded = size + -size % 4
    assert split.feed(start + bytes(padded - len(start) - 1)) == []
    assert split.waiting == padded - 1 < 65_552
    (part,) = split.feed(b"\0")
    assert len(part) == size
    assert split.waiting == 0


@settings(max_examples=500, deadline=None)
@given(st.lists(st.binary(max_size=40), max_size=10), st.sampled_from([b"", MESSAGE[:9], STREAM, b"\x40\x00\x00\x20"]))
def test_any_stream_splits_or_is_told_to_be_none(chunks: list[bytes], start: bytes) -> None:
    split, total, found = splitter(), len(start), []
    try:
        found = split.feed(start)
        for chunk in chunks:
            total += len(chunk)
            found += split.feed(chunk)
    except StunError:
        return
    padded = sum(len(part) + -len(part) % 4 for part in found)
    assert padded + split.waiting == total


# --- any bytes at all


def asked(server: TurnServer) -> list[tuple[Allocation, Request | None, bytes]]:
    """A machine in each state, what it waits for, and what the server says to that."""
    fresh, tried = allocation(), allocation()
    first = fresh.allocate()
    challenge = answered(server, first)
    again = tried.receive(answered(server, tried.allocate()), 0.0).request  # type: ignore[union-attr]
    cases: list[tuple[Allocation, Request | None, bytes]] = [(fresh, first, challenge)]
    cases += [(tried, again, answered(server, again))]
    for ask in ("permit", "bind", "refresh", "close"):
        machine = ready(other := TurnServer())
        done(machine, other, machine.bind(0x4000, PEER))
        given = {"permit": (PEER,), "bind": (0x4001, ("192.0.2.10", 1)), "refresh": (60,), "close": ()}[ask]
        request = getattr(machine, ask)(*given)
        cases.append((machine, request, answered(other, request)))
    for data in (indication(XOR_PEER_ADDRESS=PEER, DATA=b"x"), indication(XOR_PEER_ADDRESS=PEER, ICMP=(3, 3))):
        machine = ready(other := TurnServer())
        done(machine, other, machine.bind(0x4000, PEER))
        cases += [(machine, None, data), (machine, None, b"\x40\x00\x00\x02xy")]
    return cases


def mutated(data: bytes, chance: random.Random) -> bytes:
    """Something wrong in it, its length right more often than not."""
    found = bytearray(data)
    for _ in range(chance.randint(1, 3)):
        place = chance.randrange(len(found) + 1)
        match chance.randrange(4):
            case 0:
                found[place : place + 1] = chance.randbytes(1)
            case 1:
                found[place:place] = chance.randbytes(chance.choice((1, 4, 8)))
            case 2:
                del found[place : place + chance.choice((1, 4, 12))]
            case 3:
                size = chance.choice((0, 1, 4, 8, 20, 32))
                found += struct.pack("!HH", chance.choice(KINDS), size) + chance.randbytes(size + -size % 4)
    if len(found) >= 20 and found[0] < 4 and chance.random() < 0.9:
        found[2:4] = (len(found) - 20).to_bytes(2, "big")
    return bytes(found)


KINDS = (8, 9, 0xC, 0xD, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17, 0x1C, 0x20, 0x7F00, 0x8002, 0x8004, 0x8023, 0x8028)
SUCCESSES = (Allocated, Permitted, Bound, Refreshed)


@pytest.mark.parametrize("seed", range(3))
def test_any_bytes_are_an_event(seed: int) -> None:
    """And never a success that the server didn't sign, with anything in it that it didn't say."""
    chance, kinds = random.Random(seed), set()
    for _ in range(250):
        for machine, request, data in asked(TurnServer()):
            for _ in range(3):
                event = machine.receive(mutated(data, chance), 0.0)
                assert isinstance(event, get_args(Event))
                kinds.add(type(event))
                if isinstance(event, SUCCESSES):
                    assert request is not None
                    assert machine.receive(data, 0.0) != event  # it was taken, once
                    assert event.transaction_id == request.transaction_id
                    assert event == told(request, data)
    assert len(kinds) > 5


def told(request: Request, data: bytes) -> Event:
    """What the unchanged answer says."""
    for machine, asked_for, answer in asked(TurnServer()):
        if asked_for is not None and (asked_for.method, answer) == (request.method, data):
            return machine.receive(answer, 0.0)
    raise AssertionError(request)


@settings(max_examples=500, deadline=None)
@given(st.binary(max_size=80))
def test_bytes_out_of_the_air(data: bytes) -> None:
    machine = ready(TurnServer())
    machine.bind(0x4000, PEER)
    for each in (data, b"\x40\x00" + data, MESSAGE[:2] + len(data).to_bytes(2, "big") + MESSAGE[4:20] + data):
        assert isinstance(machine.receive(each, 0.0), get_args(Event))
