"""NAT-PMP's one question (RFC 6886 section 3.2) and what may come back."""

from __future__ import annotations

import random

import pytest

from natprobe.wire.natpmp import Answer, decode, encode


def test_an_answer() -> None:
    """The bytes of section 3.2: version, opcode, result, seconds, address."""
    data = bytes.fromhex("0080 0000 00000e10 c0a8b202")
    assert decode(data) == Answer(0, "192.168.178.2")
    assert encode("192.168.178.2", 3600) == data


@pytest.mark.parametrize(
    ("data", "answer"),
    [
        ("0080 0003 00000000 00000000", Answer(3, None)),  # network failure: no address yet
        ("0080 0001", Answer(1, None)),  # section 3.5: an unsupported version, in four bytes
        ("0280 0001 00000000", Answer(1, None)),  # a PCP server's way to say so (RFC 6887 section 9)
        ("0081 0000 00000000 c0a8b202", None),  # the answer to another question
        ("0000 0000 00000000 c0a8b202", None),  # a request
        ("0280 0000 00000000 c0a8b202", None),  # success in another version
        ("0080 0000 00000000 c0a8b2", None),
        ("0080 0000 00000000 c0a8b202 00", None),
        ("0080 00", None),
        ("", None),
    ],
)
def test_what_may_come_back(data: str, answer: Answer | None) -> None:
    assert decode(bytes.fromhex(data)) == answer


def test_nothing_breaks_it() -> None:
    chance = random.Random(1)
    for _ in range(2000):
        found = decode(bytes([0, 128]) * chance.randint(0, 1) + chance.randbytes(chance.randint(0, 16)))
        assert found is None or (found.address is None) == (found.result != 0)


def test_no_address_is_a_network_failure() -> None:
    assert decode(encode(None)) == Answer(3, None)
