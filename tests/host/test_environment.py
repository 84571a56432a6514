"""What the environment says of proxies, in Chromium's order, and whose settings count."""

from __future__ import annotations

from typing import Any

import pytest

from natprobe.host import proxies
from natprobe.host.api import ProxySettings
from natprobe.host.proxies import from_environment, read

P, Q = "http://p:3128", "http://q:8080"
ENVIRONMENT: tuple[tuple[dict[str, str], dict[str, Any] | None], ...] = (
    ({}, None),
    ({"HOME": "/root", "ftp_proxy": P}, None),
    ({"https_proxy": P}, {"name": "https_proxy", "proxies": {"https": P}}),
    ({"HTTPS_PROXY": P}, {"name": "HTTPS_PROXY", "proxies": {"https": P}}),
    ({"https_proxy": P, "HTTPS_PROXY": Q}, {"name": "https_proxy", "proxies": {"https": P}}),
    ({"https_proxy": "", "HTTPS_PROXY": Q}, None),
    ({"https_proxy": "", "http_proxy": Q}, {"name": "http_proxy", "proxies": {"http": Q}}),
    ({"https_proxy": P, "http_proxy": Q}, {"name": "https_proxy", "proxies": {"https": P, "http": Q}}),
    ({"all_proxy": P, "https_proxy": Q}, {"name": "all_proxy", "proxies": {"all": P, "https": Q}}),
    ({"https_proxy": "p:3128"}, {"name": "https_proxy", "proxies": {"https": P}}),
    ({"https_proxy": "https://p:3128"}, {"name": "https_proxy", "proxies": {"https": P}}),
    ({"all_proxy": "socks5://p:3128"}, {"name": "all_proxy", "proxies": {"all": P}}),
    ({"SOCKS_SERVER": "s"}, {"name": "SOCKS_SERVER", "proxies": {"all": "socks5://s"}}),
    ({"socks_server": "s"}, {"name": "socks_server", "proxies": {"all": "socks5://s"}}),
    ({"SOCKS_SERVER": "socks4://s"}, {"name": "SOCKS_SERVER", "proxies": {"all": "socks4://s"}}),
    ({"SOCKS_SERVER": "s", "SOCKS_VERSION": "4"}, {"name": "SOCKS_SERVER", "proxies": {"all": "socks4://s"}}),
    ({"SOCKS_SERVER": "s", "http_proxy": Q}, {"name": "http_proxy", "proxies": {"http": Q}}),
    ({"HTTP_PROXY": Q}, {"name": "HTTP_PROXY", "proxies": {"http": Q}}),
    ({"HTTP_PROXY": Q, "REQUEST_METHOD": "GET"}, None),
    ({"http_proxy": Q, "REQUEST_METHOD": "GET"}, {"name": "http_proxy", "proxies": {"http": Q}}),
    ({"auto_proxy": "http://w/p.pac", "https_proxy": P}, {"name": "auto_proxy", "pac": "http://w/p.pac", "bypass": ()}),
    ({"AUTO_PROXY": ""}, {"name": "AUTO_PROXY", "detect": True, "pac": ""}),
    ({"no_proxy": "*"}, {"name": "no_proxy", "proxies": {}, "bypass": ("*",), "suffix": True}),
    (
        {"https_proxy": P, "no_proxy": " a.test, .b.test;,10.0.0.0/8"},
        {"proxies": {"https": P}, "bypass": ("a.test", ".b.test", "10.0.0.0/8"), "suffix": True, "detect": False},
    ),
    ({"https_proxy": P, "NO_PROXY": "a"}, {"bypass": ("a",)}),
)


@pytest.mark.parametrize(("environment", "expected"), ENVIRONMENT)
def test_the_environment(environment: dict[str, str], expected: dict[str, Any] | None) -> None:
    found = from_environment(environment)
    assert (found is None) is (expected is None)
    if found is not None and expected is not None:
        assert found.by == "environment"
        assert {name: getattr(found, name) for name in expected} == expected


def test_secrets_show_nowhere() -> None:
    found = from_environment({"https_proxy": "http://user:AbCdEf@p:3128"})
    assert found is not None
    assert found.proxies == {"https": "http://user:AbCdEf@p:3128"}
    assert "AbCdEf" not in repr(found) + str(found) + f"{[found]}"


NONE = ProxySettings("desktop", "mode")
SET = ProxySettings("desktop", "mode", proxies={"https": Q})


@pytest.mark.parametrize(
    ("system", "own", "counts"),
    [
        ("linux", None, ["environment"]),
        ("linux", NONE, ["desktop"]),
        ("linux", SET, ["desktop"]),
        ("freebsd14", None, ["environment"]),
        ("win32", ProxySettings("windows", "key"), ["windows"]),
        ("win32", None, []),
        ("darwin", ProxySettings("macos", "scutil"), ["macos"]),
        ("darwin", None, []),
    ],
)
def test_at_most_one_counts(
    monkeypatch: pytest.MonkeyPatch, system: str, own: ProxySettings | None, counts: list[str]
) -> None:
    monkeypatch.setattr(proxies, "_of_system", lambda *_: own)
    found = read(system, {"https_proxy": P})
    assert [each.by for each in found] == ([own.by] if own else []) + ["environment"]
    assert [each.by for each in found if each.counts] == counts


def test_nothing_set_is_nothing() -> None:
    assert read("linux", {}) == []
