"""Proxy settings of desktops, from what gsettings prints and from kioslaverc."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from natprobe.host.desktop import desktop_settings, gnome, kde
from natprobe.host.proxies import desktop

# As `gsettings list-recursively org.gnome.system.proxy` of GLib 2.74 prints it where nothing was ever set.
LISTED = """\
org.gnome.system.proxy autoconfig-url ''
org.gnome.system.proxy ignore-hosts ['localhost', '127.0.0.0/8', '::1']
org.gnome.system.proxy mode 'none'
org.gnome.system.proxy use-same-proxy true
org.gnome.system.proxy.ftp host ''
org.gnome.system.proxy.ftp port 0
org.gnome.system.proxy.http authentication-password ''
org.gnome.system.proxy.http authentication-user ''
org.gnome.system.proxy.http enabled false
org.gnome.system.proxy.http host ''
org.gnome.system.proxy.http port 8080
org.gnome.system.proxy.http use-authentication false
org.gnome.system.proxy.https host ''
org.gnome.system.proxy.https port 0
org.gnome.system.proxy.socks host ''
org.gnome.system.proxy.socks port 0
"""


def listed(**changed: str) -> str:
    """With these keys changed: `https_host` is the key `host` of the child `https`."""
    text = LISTED
    for name, value in changed.items():
        child, _, key = name.rpartition("_")
        schema = f"org.gnome.system.proxy.{child}" if child else "org.gnome.system.proxy"
        key = key.replace("0", "-")
        text = "".join(
            f"{schema} {key} {value}\n" if line.startswith(f"{schema} {key} ") else line
            for line in text.splitlines(keepends=True)
        )
    return text


LOCAL = ("localhost", "127.0.0.0/8", "::1")
HTTPS = {"mode": "'manual'", "https_host": "'p.test'", "https_port": "3128"}
GNOME: tuple[tuple[str, dict[str, Any] | None], ...] = (
    (listed(), {"proxies": {}, "pac": "", "detect": False, "bypass": ()}),
    ("", None),
    (listed(mode="'newer'"), None),
    (listed(mode="'manual'"), None),
    (listed(mode="'auto'"), {"pac": "", "detect": True}),
    (listed(mode="'auto'", autoconfig0url="'http://w/p.pac'"), {"pac": "http://w/p.pac", "detect": False}),
    (listed(**HTTPS), {"proxies": {"https": "http://p.test:3128"}, "bypass": LOCAL, "suffix": False}),
    (listed(**HTTPS | {"https_host": "'https://p.test'"}), {"proxies": {"https": "http://p.test:3128"}}),
    (listed(**HTTPS, ignore0hosts="@as []"), {"bypass": ()}),
    (listed(**HTTPS, ignore0hosts="['*.a.test']"), {"bypass": ("*.a.test",)}),
    (listed(mode="'manual'", http_host="'h'"), {"proxies": {"http": "http://h:8080"}}),
    (listed(mode="'manual'", socks_host="'s'", socks_port="1080"), {"proxies": {"all": "socks5://s:1080"}}),
    (listed(**HTTPS, socks_host="'s'"), {"proxies": {"https": "http://p.test:3128", "socks": "socks5://s"}}),
    (listed(**HTTPS, ignore0hosts="[['a'"), {"bypass": ()}),
    (listed(**HTTPS | {"https_host": "12"}), None),
)


@pytest.mark.parametrize(("text", "expected"), GNOME)
def test_gnome(text: str, expected: dict[str, Any] | None) -> None:
    found = gnome(text)
    assert (found is None) is (expected is None)
    if found is not None and expected is not None:
        assert (found.by, found.name) == ("desktop", "org.gnome.system.proxy mode")
        assert {name: getattr(found, name) for name in expected} == expected


def rc(*lines: str, before: str = "") -> str:
    return before + "\n".join(("[Proxy Settings][$i]", *lines)) + "\n"


HANDMADE = ("ProxyType=1", "httpsProxy=http://p.test 3128")
KDE: tuple[tuple[str, dict[str, Any] | None], ...] = (
    ("", None),
    (rc(), None),
    ("[Other]\nProxyType=1\nhttpsProxy=http://p:1\n", None),
    (rc("ProxyType=0", "httpsProxy=http://p:1"), {"proxies": {}}),
    (rc("ProxyType=?"), {"proxies": {}}),
    (rc("ProxyType=1"), None),
    (rc("ProxyType=1", "httpsProxy=//:"), None),
    (rc(*HANDMADE), {"proxies": {"https": "http://p.test:3128"}, "suffix": True, "reverse": False}),
    (rc(*HANDMADE, before="[A]\nProxyType=2\n\n"), {"proxies": {"https": "http://p.test:3128"}}),
    (rc("ProxyType[$e]=1", "httpsProxy[$e]=p.test:3128"), {"proxies": {"https": "http://p.test:3128"}}),
    (rc("ProxyType=1", "socksProxy=socks://s 1080"), {"proxies": {"all": "socks5://s:1080"}}),
    (rc(*HANDMADE, "NoProxyFor=a.test, .b.test,<local>"), {"bypass": ("a.test", ".b.test", "<local>")}),
    (rc(*HANDMADE, "NoProxyFor=a", "ReversedException=true"), {"reverse": True}),
    (rc("ProxyType=2", "Proxy Config Script=http://w/p.pac"), {"pac": "http://w/p.pac", "detect": False}),
    (rc("ProxyType=3", "Proxy Config Script=http://w/p.pac"), {"pac": "", "detect": True}),
    (
        rc("ProxyType=4", "httpsProxy=MY_PROXY", "NoProxyFor=MY_HOSTS"),
        {"proxies": {"https": "http://v.test:1"}, "bypass": ("x", "y")},
    ),
    (rc("ProxyType=4", "httpsProxy=NOT_SET"), None),
)


@pytest.mark.parametrize(("text", "expected"), KDE)
def test_kde(text: str, expected: dict[str, Any] | None) -> None:
    found = kde(text, {"MY_PROXY": "v.test:1", "MY_HOSTS": "x,y"})
    assert (found is None) is (expected is None)
    if found is not None and expected is not None:
        assert (found.by, found.name) == ("desktop", "kioslaverc ProxyType")
        assert {name: getattr(found, name) for name in expected} == expected


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, ""),
        ({"XDG_CURRENT_DESKTOP": "ubuntu:GNOME"}, "gnome"),
        ({"XDG_CURRENT_DESKTOP": "X-Cinnamon"}, "gnome"),
        ({"XDG_CURRENT_DESKTOP": "KDE"}, "kde"),
        ({"XDG_CURRENT_DESKTOP": "XFCE"}, ""),
        ({"XDG_CURRENT_DESKTOP": "MATE", "DESKTOP_SESSION": "mate"}, "gnome"),
    ],
)
def test_which_desktop(environment: dict[str, str], expected: str) -> None:
    assert desktop(environment) == expected


def program(folder: Path, script: str) -> None:
    (file := folder / "gsettings").write_text(f"#!/bin/sh\n{script}\n")
    file.chmod(0o755)


def test_gsettings_is_run_in_a_session_of_gnome(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    session = {"XDG_CURRENT_DESKTOP": "GNOME"}
    program(tmp_path, f"test \"$*\" = 'list-recursively org.gnome.system.proxy' && cat <<'END'\n{listed(**HTTPS)}END")
    found = desktop_settings(session)
    assert found is not None
    assert found.proxies == {"https": "http://p.test:3128"}
    assert desktop_settings({}) is None
    program(tmp_path, "exit 1")
    assert desktop_settings(session) is None
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
    assert desktop_settings(session) is None


def test_a_desktop_that_hangs_is_left(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setattr("natprobe.host.children._SECONDS", 0.05)
    program(tmp_path, "exec sleep 60")
    assert desktop_settings({"XDG_CURRENT_DESKTOP": "GNOME"}) is None


def test_kioslaverc_is_read_at_home(tmp_path: Path) -> None:
    session = {"XDG_CURRENT_DESKTOP": "KDE", "HOME": str(tmp_path)}
    assert desktop_settings(session) is None
    (tmp_path / ".config").mkdir()
    (tmp_path / ".config" / "kioslaverc").write_text(rc(*HANDMADE))
    found = desktop_settings(session)
    assert found is not None
    assert found.proxies == {"https": "http://p.test:3128"}
