"""What a videoroom says, and packets that it tells one from the other."""

from __future__ import annotations

import random

import pytest

from natprobe.wire.janus import JanusError
from natprobe.wire.srtp import Rtp, plain
from natprobe.wire.videoroom import LEVEL_ID, LEVELS, MIDDLE, level, missing, read, stream


def test_every_level_once_loud_and_quiet_in_turn() -> None:
    found = [level(each) for each in range(LEVELS)]
    assert sorted(found) == list(range(LEVELS))
    assert [each < MIDDLE for each in found] == [True, False] * MIDDLE


def videoroom(numbers: list[int]) -> set[int]:
    """Which packets it tells of: each that changes loud to quiet, or quiet to loud."""
    talking, told = False, set()
    for each in map(level, numbers):
        if talking is not (each < MIDDLE):
            talking = not talking
            told.add(each)
    return told


@pytest.mark.parametrize("lost", [set(), {0}, {39}, {7}, {7, 20}, {0, 39}, {4, 30, 38}])
def test_single_losses_are_counted_right(lost: set[int]) -> None:
    arrived = [each for each in range(40) if each not in lost]
    assert missing(videoroom(arrived), 40) == len(lost)


def test_never_more_lost_than_were() -> None:
    """And hardly fewer: only the one behind a lost one may be lost unseen."""
    chance = random.Random(3)
    for _ in range(300):
        lost = {each for each in range(40) if chance.random() < 0.1}
        arrived = [each for each in range(40) if each not in lost]
        assert len(lost) / 2 <= missing(videoroom(arrived), 40) <= len(lost)


def test_all_lost() -> None:
    assert missing(set(), 40) == 20  # whoever asks sees that nothing was told at all


def test_words() -> None:
    said = read(b'{"videoroom":"talking","room":5,"id":7,"mindex":1,"mid":"1","audio-level-dBov-avg":83.0}')
    assert (said.word, said.room, said.id, said.mindex, said.level) == ("talking", 5, 7, 1, 83)
    bound = read(b'{"videoroom":"success","room":"r","id":"x","ip":"10.0.0.4","port":10000,"rtcp_port":10001}')
    assert (bound.room, bound.id, bound.ip, bound.port, bound.rtcp_port) == ("r", "x", "10.0.0.4", 10000, 10001)
    assert read(b"null") == read(b"{}")
    assert read(b'{"ip":"eth0"}').ip is None


@pytest.mark.parametrize(
    "words", [b"", b"[", b"[]", b'"x"', b'{"port":"1"}', b'{"audio-level-dBov-avg":"x"}', b"[" * 5000]
)
def test_what_is_none(words: bytes) -> None:
    with pytest.raises(JanusError):
        read(words)


@pytest.mark.parametrize(("port", "loud"), [(0, -1), (65536, 128), (-1, 1e300), (10**12, 999)])
def test_numbers_that_are_none(port: int, loud: float) -> None:
    said = read(b'{"port":%d,"audio-level-dBov-avg":%f}' % (port, loud))
    assert (said.port, said.level) == (None, None)


def test_a_packet_with_a_level() -> None:
    """RFC 3550 section 5.1, RFC 8285 section 4.2, RFC 6464 section 3."""
    packet = plain(Rtp(111, 1010), 3, b"content", (LEVEL_ID, 65))
    assert packet == bytes.fromhex("906f0003 00000b40 000003f2 bede0001 10410000") + b"content"
    assert plain(Rtp(111, 1010), 3, b"content") == bytes.fromhex("806f0003 00000b40 000003f2") + b"content"
    assert stream(1)["audiolevel_ext_id"] == LEVEL_ID
