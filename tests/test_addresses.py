"""Address classes at the edges of every range, and credentials from a token."""

from __future__ import annotations

import re

import pytest

from natprobe.addresses import address_class, of_containers, on_link
from natprobe.pairing import TOKEN, credentials, new_token


@pytest.mark.parametrize(
    ("address", "kind"),
    [
        ("0.0.0.0", "unspecified"),
        ("0.255.255.255", "unspecified"),
        ("1.0.0.0", "public"),
        ("9.255.255.255", "public"),
        ("10.0.0.0", "private"),
        ("10.255.255.255", "private"),
        ("11.0.0.0", "public"),
        ("100.63.255.255", "public"),
        ("100.64.0.0", "carrier"),
        ("100.127.255.255", "carrier"),
        ("100.128.0.0", "public"),
        ("127.0.0.1", "loopback"),
        ("169.254.0.1", "link-local"),
        ("172.15.255.255", "public"),
        ("172.16.0.0", "private"),
        ("172.31.255.255", "private"),
        ("172.32.0.0", "public"),
        ("192.168.0.1", "private"),
        ("198.51.100.7", "public"),
        ("203.0.113.10", "public"),
        ("224.0.0.1", "multicast"),
        ("240.0.0.1", "multicast"),
        ("255.255.255.255", "multicast"),
        ("::", "unspecified"),
        ("::1", "loopback"),
        ("::2", "public"),
        ("2001:db8::1", "public"),
        ("fbff::1", "public"),
        ("fc00::1", "unique-local"),
        ("fdff::1", "unique-local"),
        ("fe80::1", "link-local"),
        ("fe80::1%eth0", "link-local"),
        ("febf::1", "link-local"),
        ("fec0::1", "public"),
        ("ff02::1", "multicast"),
        ("::ffff:10.0.0.1", "private"),
        ("::ffff:192.0.2.1", "public"),
        ("64:ff9b::a00:1", "public"),
    ],
)
def test_classes(address: str, kind: str) -> None:
    assert address_class(address) == kind


@pytest.mark.parametrize(
    ("address", "theirs"),
    [
        ("172.16.255.255", False),
        ("172.17.0.0", True),
        ("172.18.0.5", True),
        ("172.20.0.1", True),
        ("172.31.255.255", True),
        ("172.32.0.0", False),
        ("10.88.0.1", True),
        ("10.42.7.1", True),
        ("10.244.3.1", True),
        ("10.43.0.1", False),
        ("192.168.0.1", False),
        ("fe80::1%eth0", False),
    ],
)
def test_networks_of_containers(address: str, theirs: bool) -> None:
    assert of_containers(address) is theirs


@pytest.mark.parametrize("word", ["", "meet.example", "1.2.3", "1.2.3.4:5", "[::1]", "999.1.1.1", "١.1.1.1"])
def test_what_is_no_address(word: str) -> None:
    with pytest.raises(ValueError, match="address"):
        address_class(word)


def test_both_ends_derive_the_same_from_a_token() -> None:
    token = new_token(bytes(range(16)))
    assert TOKEN.fullmatch(token)
    one, other = credentials(token), credentials(token)
    assert one == other != credentials(new_token(bytes(16)))
    assert re.fullmatch(r"[A-Za-z0-9+/]{8}", one.ufrag)  # RFC 8839 section 5.4
    assert re.fullmatch(r"[A-Za-z0-9+/]{32}", one.password)
    assert one.password not in repr(one)
    assert token not in (one.ufrag, one.password)


@pytest.mark.parametrize(
    ("address", "own", "prefix", "there"),
    [
        ("192.168.1.200", "192.168.1.2", 24, True),
        ("192.168.2.1", "192.168.1.2", 24, False),
        ("192.168.2.1", "192.168.1.2", 16, True),
        ("192.168.1.3", "192.168.1.2", 32, False),
        ("192.168.1.2", "192.168.1.2", 999, True),
        ("2001:db8:1::9", "2001:db8:1::2", 64, True),
        ("2001:db8:2::9", "2001:db8:1::2", 64, False),
        ("fe80::9%eth0", "fe80::1%eth1", 64, True),
        ("192.168.1.2", "2001:db8:1::2", 0, False),
    ],
)
def test_a_prefix_says_what_is_on_link(address: str, own: str, prefix: int, there: bool) -> None:
    assert on_link(address, own, prefix) is there
