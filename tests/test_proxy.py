"""What people, settings and scripts write for a proxy."""

from __future__ import annotations

import pytest

from natprobe.proxy import by_pac, named
from natprobe.target import BadTarget


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("proxy", "http://proxy:80"),
        ("proxy:3128", "http://proxy:3128"),
        (" HTTP://Proxy.Example.com:3128/ ", "http://proxy.example.com:3128"),
        ("https://proxy", "https://proxy:443"),
        ("socks://proxy", "socks5://proxy:1080"),
        ("socks5h://proxy:1", "socks5://proxy:1"),
        ("socks4a://proxy", "socks4://proxy:1080"),
        ("192.0.2.7:8080", "http://192.0.2.7:8080"),
        ("http://[2001:db8::1]:8080", "http://[2001:db8::1]:8080"),
        ("http://user:word@proxy:3128/path?query", "http://proxy:3128"),
    ],
)
def test_a_proxy(text: str, shown: str) -> None:
    assert named(text).proxy.shown == shown


@pytest.mark.parametrize("word", ["p@ss", "p/ss", "p#ss", "p?ss", "12#4", "p:ss", "%40"])
def test_a_password_is_no_part_of_the_place(word: str) -> None:
    found = named(f"http://user:{word}@proxy:3128")
    assert found.proxy.shown == "http://proxy:3128"
    assert (found.user, found.password) == ("user", word.replace("%40", "@"))
    assert word not in repr(found)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "the proxy has no host name"),
        ("http://", "the proxy has no host name"),
        ("ftp://proxy", "not 'ftp'"),
        ("proxy:99999", "the port is not a number"),
        ("proxy:0", "port 0"),
        ("my proxy", "the proxy has spaces"),
        ("p" * 3000, "3000 characters"),
        ("user:AbCdEf@pro xy", "the proxy has spaces"),
        ("user:AbCdEf@-", "'-' is not a host name"),
        ("http://http://proxy:3128", "a colon and no port"),
        ("proxy:", "a colon and no port"),
    ],
)
def test_what_is_none(text: str, words: str) -> None:
    with pytest.raises(BadTarget, match=words) as caught:
        named(text)
    assert "AbCdEf" not in str(caught.value)


@pytest.mark.parametrize(
    ("answer", "ways"),
    [
        ("DIRECT", ["direct"]),
        ("PROXY p:3128", ["http://p:3128"]),
        ("PROXY p:3128; DIRECT", ["http://p:3128", "direct"]),
        (
            "HTTPS p;SOCKS s; SOCKS5 t ;socks4 u:1",
            ["https://p:443", "socks4://s:1080", "socks5://t:1080", "socks4://u:1"],
        ),
        ("PROXY p:1; PROXY p:1", ["http://p:1"]),
        ("QUIC q; PROXY ; PROXY a b; DIRECT", ["direct"]),
        ("", []),
        ("nonsense", []),
        ("PROXY\tp:1;\tPROXY \t q:1", ["http://p:1", "http://q:1"]),
        ("PROXY http://p:3128; PROXY user:word@p:1; DIRECT", ["direct"]),
        (
            "".join(f"PROXY p:{each};" for each in range(1, 40)) + "DIRECT; PROXY q:1",
            [*(f"http://p:{each}" for each in range(1, 9)), "direct"],
        ),
        (";" * 10000 + "DIRECT", []),
    ],
)
def test_what_a_script_answers(answer: str, ways: list[str]) -> None:
    assert ["direct" if each is None else each.shown for each in by_pac(answer)] == ways
