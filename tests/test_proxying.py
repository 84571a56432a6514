"""Which hosts are left out of a proxy, and which proxy is for an https: URL: Chromium's rules."""

from __future__ import annotations

from typing import Any

import pytest

from natprobe.host.api import ProxySettings
from natprobe.model import Failure
from natprobe.proxying import IMPLICIT, Chosen, choose, implicitly_direct, matches, rules_of, setting, shown_url

# entry, host, whether it is meant as an entry of a list, whether it is as the end of a name (no_proxy)
ENTRIES: tuple[tuple[str, str, bool, bool], ...] = (
    ("example.com", "example.com", True, True),
    ("example.com", "meet.example.com", False, True),
    ("example.com", "myexample.com", False, True),
    ("example.com", "example.com.test", False, False),
    (".example.com", "meet.example.com", True, True),
    (".example.com", "example.com", False, False),
    ("*.example.com", "a.b.example.com", True, True),
    ("*example.com", "myexample.com", True, True),
    ("*", "anything", True, True),
    ("*", "2001:db8::1", True, True),
    ("*.*", "anything", False, False),
    ("meet*", "meet7.example.com", True, True),
    ("m?et.test", "meet.test", True, True),
    ("me?et.test", "meet.test", True, True),
    ("m??et.test", "meet.test", True, True),
    ("m?t.test", "meet.test", False, False),
    ("EXAMPLE.com", "example.COM", True, True),
    ("example.com", "example.com.", True, True),
    (" example.com ", "example.com", True, True),
    ("example.com:443", "example.com", True, True),
    ("example.com:8443", "example.com", False, False),
    ("example.com:x", "example.com", False, False),
    ("https://example.com", "example.com", True, True),
    ("http://example.com", "example.com", False, False),
    ("https://example.com:443", "example.com", True, True),
    ("<local>", "intranet", True, True),
    ("<LOCAL>", "intranet", True, True),
    ("<local>", "meet.example.com", False, False),
    ("<local>", "2001:db8::1", False, False),
    ("192.0.2.7", "192.0.2.7", True, True),
    ("192.0.2.7", "192.0.2.70", False, False),
    ("192.0.2.7:443", "192.0.2.7", True, True),
    ("192.0.2.7:80", "192.0.2.7", False, False),
    ("192.0.2.*", "192.0.2.7", True, True),
    ("10.0.0.0/8", "10.1.2.3", True, True),
    ("10.0.0.0/8", "11.1.2.3", False, False),
    ("10.0.0.1/8", "10.1.2.3", True, True),
    ("10.0.0.0/8", "ten.example.com", False, False),
    ("https://10.0.0.0/8", "10.1.2.3", True, True),
    ("http://10.0.0.0/8", "10.1.2.3", False, False),
    ("2001:db8::/32", "2001:db8::1", True, True),
    ("2001:db8::/32", "192.0.2.7", False, False),
    ("[2001:db8::1]", "2001:db8::1", True, True),
    ("[2001:DB8:0::1]:443", "2001:db8::1", True, True),
    ("[2001:db8::1]:80", "2001:db8::1", False, False),
    ("10.0.0.0/99", "10.1.2.3", False, False),
    ("/", "example.com", False, False),
    ("", "example.com", False, False),
    (":443", "example.com", False, True),
    ("://example.com", "example.com", False, False),
)


@pytest.mark.parametrize(("entry", "host", "meant", "as_suffix"), ENTRIES)
def test_an_entry(entry: str, host: str, meant: bool, as_suffix: bool) -> None:
    assert matches(entry, host, 443) is meant
    assert matches(entry, host, 443, suffix=True) is as_suffix


def test_no_pattern_takes_long() -> None:
    assert not matches("*a" * 200, "a" * 150 + "b", 443)
    assert matches("*a?" * 50, "a" * 200, 443)


@pytest.mark.parametrize(
    ("host", "direct"),
    [
        ("localhost", True),
        ("localhost.", True),
        ("a.localhost", True),
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("::ffff:127.0.0.1", True),
        ("169.254.7.7", True),
        ("fe80::1", True),
        ("fe80::1%eth0", True),
        ("192.168.1.1", False),
        ("10.0.0.1", False),
        ("mylocalhost", False),
        ("localhost.example.com", False),
        ("::ffff:192.0.2.7", False),
        ("2001:db8::1", False),
    ],
)
def test_what_no_browser_asks_a_proxy_for(host: str, direct: bool) -> None:
    assert implicitly_direct(host) is direct


def chosen(host: str = "meet.test", port: int = 443, **parts: Any) -> tuple[list[str], str | None]:
    found = choose(rules_of(ProxySettings("desktop", "name", **parts)), host, port)
    return ["direct" if each is None else each.shown for each in found.ways], found.bypassed


P, Q, S = "http://p:3128", "http://q:8080", "socks5://s:1080"


@pytest.mark.parametrize(
    ("proxies", "expected"),
    [
        ({}, ["direct"]),
        ({"https": "p:3128"}, [P]),
        ({"http": Q}, ["direct"]),
        ({"http": Q, "https": P}, [P]),
        ({"http": Q, "socks": S}, [S]),
        ({"https": P, "socks": S}, [P]),
        ({"all": Q, "https": P}, [Q]),
        ({"https": "p:3128,q:8080"}, [P, Q]),
        ({"https": "ftp://p"}, ["direct"]),
        ({"https": "a b"}, ["direct"]),
        ({"all": "p:99999", "https": P}, [P]),
        ({"https": "p"}, ["http://p:80"]),
        ({"https": "https://p"}, ["https://p:443"]),
    ],
)
def test_the_proxy_for_https(proxies: dict[str, str], expected: list[str]) -> None:
    assert chosen(proxies=proxies) == (expected, None)


def test_exceptions() -> None:
    parts: dict[str, Any] = {"proxies": {"https": P}, "bypass": ("a.test", "b.test:8443", "*.c.test")}
    assert chosen("a.test", **parts) == (["direct"], "a.test")
    assert chosen("x.a.test", **parts) == ([P], None)
    assert chosen("x.a.test", suffix=True, **parts) == (["direct"], "a.test")
    assert chosen("b.test", **parts) == ([P], None)
    assert chosen("b.test", 8443, **parts) == (["direct"], "b.test:8443")
    assert chosen("127.0.0.1", **parts) == (["direct"], IMPLICIT)


def test_implicit_exceptions_can_be_taken_back() -> None:
    assert chosen("localhost", proxies={"https": P}, bypass=("<-loopback>",)) == ([P], None)
    assert chosen("localhost", proxies={"https": P}, bypass=("<-loopback>", "localhost")) == (["direct"], "localhost")


def test_a_reversed_list() -> None:
    parts: dict[str, Any] = {"proxies": {"https": P}, "bypass": ("a.test",), "reverse": True}
    assert chosen("a.test", **parts) == ([P], None)
    assert chosen("b.test", **parts)[0] == ["direct"]


def test_nothing_set_goes_straight() -> None:
    assert choose(None, "meet.test", 443) == Chosen((None,))


def test_the_fact_has_no_secret() -> None:
    hidden = "AbC@dEf/?#:1"
    given = ProxySettings(
        "environment",
        "https_proxy",
        proxies={"https": f"http://user:{hidden}@p:3128/", "http": f"user:{hidden}@q", "all": f"ftp://u:{hidden}@z"},
        pac=f"http://user:{hidden}@w.test/p.pac?token={hidden}#{hidden}",
        bypass=("a\x1b[31m.test",),
        counts=True,
    )
    fact = setting(given)
    assert fact.proxies == ("https=http://p:3128", "http=http://q:80")
    assert fact.failure is Failure.PROTOCOL
    assert "a proxy is http, https, socks5 or socks4" in fact.detail
    assert fact.bypass == ("a [31m.test",)
    assert fact.counts
    shown = repr(fact) + repr(given) + repr(rules_of(given))
    assert not any(part in shown for part in ("AbC", "dEf", "user", "token"))


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("http://w.test/p.pac", "http://w.test/p.pac"),
        ("http://u:p@w.test:8080/p.pac?t=1#f", "http://w.test:8080/p.pac"),
        ("/etc/p.pac", "/etc/p.pac"),
        ("file:///etc/p.pac", "file:///etc/p.pac"),
        ("data:application/x-ns-proxy-autoconfig,function", "data:…"),
        ("user:secret@w.test/p.pac", "URL:…"),
        ("http://u:p/w@w.test/p.pac", "http:…"),
        ("http://w.test/p.pac?mail=a@b", "http:…"),
        ("a@b", "URL:…"),
        ("http://[", ""),
    ],
)
def test_a_scripts_url(url: str, shown: str) -> None:
    assert shown_url(url) == shown
