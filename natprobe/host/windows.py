"""Proxy settings of Windows, in the registry."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from natprobe.host.api import ProxySettings

NAME = r"Software\Microsoft\Windows\CurrentVersion\Internet Settings"
_POLICY = r"Software\Policies\Microsoft\Windows\CurrentVersion\Internet Settings"
_VALUES = ("ProxyEnable", "ProxyServer", "ProxyOverride", "AutoConfigURL")
# DefaultConnectionSettings: version, counter, flags, each of four bytes; the flag of "detect automatically".
_FLAGS_AT, _DETECT = 8, 0x08
_SCHEMES = ("https", "http", "socks")
_ENTRIES_MAX = 200


def registry_settings() -> ProxySettings | None:
    """The user's, or the machine's where a policy says so. None where the registry can't be read."""
    if (found := _registry()) is None:
        return None
    return settings(*found)


def settings(values: Mapping[str, Any], connection: bytes) -> ProxySettings:
    """What the values of the key say, and the bytes of DefaultConnectionSettings."""
    detect = len(connection) > _FLAGS_AT and bool(connection[_FLAGS_AT] & _DETECT)
    script = str(values.get("AutoConfigURL") or "")
    if not values.get("ProxyEnable"):
        return ProxySettings("windows", NAME, pac=script, detect=detect)
    proxies = _by_scheme(str(values.get("ProxyServer") or ""))
    hosts = str(values.get("ProxyOverride") or "").replace(";", " ").replace(",", " ").split()
    return ProxySettings("windows", NAME, proxies, pac=script, detect=detect, bypass=tuple(hosts[:_ENTRIES_MAX]))


def _by_scheme(text: str) -> dict[str, str]:
    """`proxy:3128` for all, or `http=a:1;https=b:2;socks=c:3`, where SOCKS is of version 4 unless it says otherwise."""
    if "=" not in text:
        return {"all": text.strip()} if text.strip() else {}
    found: dict[str, str] = {}
    for entry in text.split(";"):
        scheme, _, place = (part.strip() for part in entry.partition("="))
        if scheme.lower() in _SCHEMES and place:
            found.setdefault(scheme.lower(), place)
    if "socks" in found and "://" not in found["socks"]:
        found["socks"] = f"socks4://{found['socks']}"
    return found


def _registry() -> tuple[dict[str, Any], bytes] | None:
    """The values, and the bytes of DefaultConnectionSettings."""
    import importlib

    try:
        winreg: Any = importlib.import_module("winreg")
    except ImportError:
        return None
    machine = _values(winreg, winreg.HKEY_LOCAL_MACHINE, _POLICY, ("ProxySettingsPerUser",))
    hive = winreg.HKEY_LOCAL_MACHINE if machine.get("ProxySettingsPerUser") == 0 else winreg.HKEY_CURRENT_USER
    connections = _values(winreg, hive, rf"{NAME}\Connections", ("DefaultConnectionSettings",))
    raw = connections.get("DefaultConnectionSettings")
    return _values(winreg, hive, NAME, _VALUES), raw if isinstance(raw, bytes) else b""


def _values(winreg: Any, hive: Any, path: str, names: tuple[str, ...]) -> dict[str, Any]:
    """Those of the values that there are."""
    found: dict[str, Any] = {}
    try:
        with winreg.OpenKey(hive, path) as key:
            for name in names:
                try:
                    found[name] = winreg.QueryValueEx(key, name)[0]
                except OSError:
                    continue
    except OSError:
        return found
    return found
