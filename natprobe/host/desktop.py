"""Proxy settings of Linux desktops: GNOME's and its kin's by `gsettings`, KDE's in kioslaverc."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from natprobe.host import children
from natprobe.host.api import ProxySettings
from natprobe.host.proxies import as_browsers_speak, desktop

_SCHEMA = "org.gnome.system.proxy"
_TEXT_MAX = 256 * 1024
_ENTRIES_MAX = 200
_TYPED = re.compile(r"^(?:@\w+|u?int(?:16|32|64)) ")
_MODES = {"1": "manual", "2": "auto", "3": "detect", "4": "indirect"}


def desktop_settings(environment: Mapping[str, str]) -> ProxySettings | None:
    """Those of the desktop that this session is of. None: there is no such desktop, or it has no valid settings."""
    which = desktop(environment)
    if which == "gnome":
        return gnome(_listed())
    if which == "kde":
        return kde(_kioslaverc(environment), environment)
    return None


def _listed() -> str:
    """Every key of the schema with its value; nothing where there is no gsettings, or no such schema."""
    return children.output("gsettings", "list-recursively", _SCHEMA) or ""


def gnome(listed: str) -> ProxySettings | None:
    """What `gsettings list-recursively` says of the schema. None: it has no mode that is known."""
    keys = _keys(listed)
    mode, name = keys.get("mode"), f"{_SCHEMA} mode"
    if mode == "none":
        return ProxySettings("desktop", name)
    if mode == "auto":
        script = str(keys.get("autoconfig-url", ""))
        return ProxySettings("desktop", name, pac=script, detect=not script)
    proxies = {each: place for each in ("https", "http", "socks") if (place := _place(keys, each))}
    if mode != "manual" or not proxies:
        return None
    hosts = keys.get("ignore-hosts", [])
    bypass = tuple(map(str, hosts))[:_ENTRIES_MAX] if isinstance(hosts, list) else ()
    return ProxySettings("desktop", name, proxies=as_browsers_speak(proxies), bypass=bypass)


def _keys(listed: str) -> dict[str, object]:
    """`mode`, `https.host` … by what stands in a line: schema, key, value."""
    found: dict[str, object] = {}
    for line in listed.splitlines():
        schema, _, rest = line.partition(" ")
        key, _, value = rest.partition(" ")
        if schema == _SCHEMA or schema.startswith(f"{_SCHEMA}."):
            child = schema.removeprefix(_SCHEMA).removeprefix(".")
            found[f"{child}.{key}" if child else key] = _variant(value.strip())
    return found


def _variant(text: str) -> object:
    """A value as GVariant writes it: its strings, numbers and lists look like Python's."""
    import ast

    try:
        return ast.literal_eval(_TYPED.sub("", text))
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        return text


def _place(keys: Mapping[str, object], scheme: str) -> str:
    host, port = keys.get(f"{scheme}.host", ""), keys.get(f"{scheme}.port", 0)
    if not isinstance(host, str) or not host.strip():
        return ""
    return f"{host.strip()}:{port}" if port else host.strip()


def _kioslaverc(environment: Mapping[str, str]) -> str:
    """Where Plasma has it since KDE 5."""
    home = environment.get("HOME", "")
    try:
        with (Path(home) / ".config" / "kioslaverc").open(encoding="utf-8", errors="replace") as file:
            return file.read(_TEXT_MAX) if home else ""
    except (OSError, ValueError):
        return ""


def kde(text: str, environment: Mapping[str, str]) -> ProxySettings | None:
    """What kioslaverc says. None: nothing of proxies."""
    keys = _section(text)
    mode, name = _MODES.get(keys.get("ProxyType", ""), "none"), "kioslaverc ProxyType"
    if "ProxyType" not in keys:
        return None
    if mode == "none":
        return ProxySettings("desktop", name)
    if mode in ("auto", "detect"):
        script = keys.get("Proxy Config Script", "") if mode == "auto" else ""
        return ProxySettings("desktop", name, pac=script, detect=not script)
    proxies = {each: place for each in ("https", "http", "socks") if (place := _kde_place(keys, each))}
    hosts = keys.get("NoProxyFor", "")
    if mode == "indirect":  # what stands there are names of variables
        proxies = {each: value for each, word in proxies.items() if (value := environment.get(word, ""))}
        hosts = environment.get(hosts.split(",")[0].strip(), "")
    if not proxies:
        return None
    return ProxySettings(
        "desktop",
        name,
        proxies=as_browsers_speak(proxies),
        bypass=tuple(re.findall(r"[^, ]+", hosts))[:_ENTRIES_MAX],
        suffix=True,
        reverse=keys.get("ReversedException", "") not in ("", "0", "false"),
    )


def _section(text: str) -> dict[str, str]:
    """The keys of [Proxy Settings]; a language in brackets behind a key doesn't matter."""
    found: dict[str, str] = {}
    inside = False
    for line in text.splitlines():
        if line.startswith("["):
            inside = line.startswith("[Proxy Settings]")
        elif inside and "=" in line:
            key, _, value = line.partition("=")
            found[key.partition("[")[0].strip()] = value.strip()
    return found


def _kde_place(keys: Mapping[str, str], scheme: str) -> str:
    """`http://proxy 3128`, with a space since KDE 4; `//:` is none."""
    value = keys.get(f"{scheme}Proxy", "")
    return "" if value.startswith("//:") else value.replace(" ", ":", 1)
