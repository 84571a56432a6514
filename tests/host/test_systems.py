"""Proxy settings of Windows and macOS, on written samples; neither was run."""

from __future__ import annotations

from typing import Any

import pytest

from natprobe.host import macos, windows

# Version 70, a counter, and the flags.
CONNECTION = bytes.fromhex("46000000 05000000")
SILENT, DETECTS = CONNECTION + bytes([0x01, 0, 0, 0]), CONNECTION + bytes([0x09, 0, 0, 0])
ON = {"ProxyEnable": 1}
WINDOWS: tuple[tuple[dict[str, Any], bytes, dict[str, Any]], ...] = (
    ({}, b"", {"proxies": {}, "pac": "", "detect": False}),
    ({}, SILENT, {"detect": False}),
    ({}, DETECTS, {"detect": True}),
    ({"ProxyEnable": 0, "ProxyServer": "p:3128"}, SILENT, {"proxies": {}}),
    (ON | {"ProxyServer": "p:3128"}, SILENT, {"proxies": {"all": "p:3128"}}),
    (ON | {"ProxyServer": ""}, SILENT, {"proxies": {}}),
    (ON | {"ProxyServer": None}, SILENT, {"proxies": {}}),
    (
        ON | {"ProxyServer": "http=a:1; https=b:2;ftp=c:3;socks=d:4"},
        SILENT,
        {"proxies": {"http": "a:1", "https": "b:2", "socks": "socks4://d:4"}},
    ),
    (
        ON | {"ProxyServer": "p:1", "ProxyOverride": "*.a.test;10.*;<local>"},
        SILENT,
        {"bypass": ("*.a.test", "10.*", "<local>"), "suffix": False},
    ),
    ({"AutoConfigURL": "http://w/p.pac"}, SILENT, {"pac": "http://w/p.pac", "proxies": {}}),
    (
        ON | {"ProxyServer": "p:1", "AutoConfigURL": "http://w/p.pac"},
        DETECTS,
        {"pac": "http://w/p.pac", "detect": True},
    ),
)


@pytest.mark.parametrize(("values", "connection", "expected"), WINDOWS)
def test_the_registry(values: dict[str, Any], connection: bytes, expected: dict[str, Any]) -> None:
    found = windows.settings(values, connection)
    assert found.by == "windows"
    assert {name: getattr(found, name) for name in expected} == expected


def test_there_is_no_registry_here() -> None:
    assert windows.registry_settings() is None


def dictionary(*lines: str) -> str:
    return "\n".join(("<dictionary> {", *(f"  {line}" for line in lines), "}", ""))


HTTPS = ("HTTPSEnable : 1", "HTTPSPort : 3128", "HTTPSProxy : p.test")
EXCEPTIONS = ("ExceptionsList : <array> {", "  0 : *.local", "  1 : 169.254/16", "}")
SCOPED = ("__SCOPED__ : <dictionary> {", "  en0 : <dictionary> {", "    HTTPSProxy : q.test", "  }", "}")
MACOS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("", {"proxies": {}, "pac": "", "detect": False, "bypass": ()}),
    ("No such key\n", {"proxies": {}}),
    (dictionary(*EXCEPTIONS, "FTPPassive : 1"), {"proxies": {}, "bypass": ("*.local", "169.254/16")}),
    (dictionary(*HTTPS), {"proxies": {"https": "http://p.test:3128"}}),
    (dictionary(*HTTPS, *SCOPED), {"proxies": {"https": "http://p.test:3128"}}),
    (dictionary(*SCOPED, *HTTPS), {"proxies": {"https": "http://p.test:3128"}}),
    (dictionary("HTTPSEnable : 0", *HTTPS[1:]), {"proxies": {}}),
    (dictionary("SOCKSEnable : 1", "SOCKSProxy : s", "SOCKSPort : 1080"), {"proxies": {"all": "socks5://s:1080"}}),
    (dictionary("ExcludeSimpleHostnames : 1", *EXCEPTIONS), {"bypass": ("<local>", "*.local", "169.254/16")}),
    (
        dictionary("ProxyAutoConfigEnable : 1", "ProxyAutoConfigURLString : http://w/p.pac"),
        {"pac": "http://w/p.pac", "detect": False},
    ),
    (dictionary("ProxyAutoConfigEnable : 0", "ProxyAutoConfigURLString : http://w/p.pac"), {"pac": ""}),
    (dictionary("ProxyAutoDiscoveryEnable : 1"), {"detect": True}),
)


@pytest.mark.parametrize(("text", "expected"), MACOS)
def test_scutil(text: str, expected: dict[str, Any]) -> None:
    found = macos.settings(text)
    assert found.by == "macos"
    assert {name: getattr(found, name) for name in expected} == expected


def test_there_is_no_scutil_here() -> None:
    assert macos.network_settings() is None
