"""What --expect takes, and what it refuses in one clear sentence."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from natprobe.expecting import BadExpectation, expected, expected_in


@pytest.mark.parametrize(
    ("text", "proto", "address", "port", "end", "program"),
    [
        ("203.0.113.222:443/tcp=janus", "tcp", "203.0.113.222", 443, 443, "janus"),
        ("203.0.113.222:20000-20100/udp", "udp", "203.0.113.222", 20000, 20100, ""),
        ("[2001:db8::1]:443/tcp", "tcp", "2001:db8::1", 443, 443, ""),
        ("[2001:DB8:0::1]:443/tcp", "tcp", "2001:db8::1", 443, 443, ""),
        ("[::ffff:192.0.2.1]:443/tcp", "tcp", "192.0.2.1", 443, 443, ""),
        ("*:10000/udp=jvb", "udp", None, 10000, 10000, "jvb"),
        (":443/tcp", "tcp", None, 443, 443, ""),
        ("0.0.0.0:443/tcp", "tcp", "0.0.0.0", 443, 443, ""),
        ("[::]:443/tcp=docker-proxy", "tcp", "::", 443, 443, "docker-proxy"),
    ],
)
def test_what_is_meant(text: str, proto: str, address: str | None, port: int, end: int, program: str) -> None:
    found = expected(text)
    assert (found.proto, found.address, found.port, found.port_end, found.program) == (
        proto,
        address,
        port,
        end,
        program,
    )


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "is not ADDRESS:PORT"),
        ("443", "is not ADDRESS:PORT"),
        ("443/tcp", "is not ADDRESS:PORT"),
        ("meet.example.com:443/tcp", "an address, * or nothing is wanted"),
        ("2001:db8::1:443/tcp", "is not ADDRESS:PORT"),
        ("[192.0.2.1]:443/tcp", "an IPv6 address stands in brackets, and no other"),
        ("[fe80::1%eth0]:443/tcp", "multicast address, or one with a zone"),
        ("224.0.0.1:443/tcp", "multicast address, or one with a zone"),
        ("*:0/udp", "from 1 to 65535, not '0'"),
        ("*:65536/udp", "from 1 to 65535"),
        ("*:1e3/udp", "from 1 to 65535"),
        ("*:20-10/udp", "the range 20-10 runs backwards"),
        ("*:10-/udp", "from 1 to 65535, not ''"),
        ("*:443/sctp", "/udp or /tcp is wanted, not /sctp"),
        ("*:443/tcp=", "the name of a program is wanted"),
        ("*:443/tcp=a b", "the name of a program is wanted"),
        ("*:443/tcp=\x1b[2J", "plain characters"),
        ("*:\u0664\u0664\u0663/tcp", "plain characters"),
        ("*:443/tcp=" + "x" * 200, "no more than 200 plain characters"),
    ],
)
def test_what_is_refused(text: str, why: str) -> None:
    with pytest.raises(BadExpectation, match=r"\A[^\n]+\Z") as refused:
        expected(text)
    assert why in str(refused.value)


def test_a_file_has_one_a_line_with_comments() -> None:
    text = "\ufeff# ours\r\n\n  203.0.113.222:443/tcp=janus  # the API\r\n*:10000/udp"
    found = expected_in(text, "ports.txt")
    assert [(each.port, each.file, each.line) for each in found] == [(443, "ports.txt", 3), (10000, "ports.txt", 4)]
    with pytest.raises(BadExpectation, match=r"^ports\.txt, line 2: .* runs backwards$"):
        expected_in("*:1/udp\n*:9-1/udp\n", "ports.txt")


@given(st.text(max_size=60) | st.text("[]:*/=-0123456789abcdefuptcjn.%#\n ", max_size=40))
def test_no_text_is_too_strange(text: str) -> None:
    for read in (expected, lambda each: expected_in(each, "f")):
        with contextlib.suppress(BadExpectation):
            read(text)
