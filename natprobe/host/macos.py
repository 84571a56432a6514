"""Proxy settings of macOS: what `scutil --proxy` says of the network service in use."""

from __future__ import annotations

import re

from natprobe.host import children
from natprobe.host.api import ProxySettings
from natprobe.host.proxies import as_browsers_speak

NAME = "scutil --proxy"
_ENTRIES_MAX = 200
# The page's scheme -> how the keys of its proxy begin.
_KEYS = {"https": "HTTPS", "http": "HTTP", "socks": "SOCKS"}
_KEY = re.compile(r"^\s*(\w+) : (.*)$")


def network_settings() -> ProxySettings | None:
    """None where scutil can't be run."""
    printed = children.output("/usr/sbin/scutil", "--proxy")
    return None if printed is None else settings(printed)


def settings(text: str) -> ProxySettings:
    """What the printed dictionary says."""
    keys, exceptions = _dictionary(text)
    script = keys.get("ProxyAutoConfigURLString", "") if keys.get("ProxyAutoConfigEnable") == "1" else ""
    local = ("<local>",) if keys.get("ExcludeSimpleHostnames") == "1" else ()
    return ProxySettings(
        "macos",
        NAME,
        proxies=as_browsers_speak({each: place for each, word in _KEYS.items() if (place := _place(keys, word))}),
        pac=script,
        detect=keys.get("ProxyAutoDiscoveryEnable") == "1",
        bypass=(*local, *exceptions)[:_ENTRIES_MAX],
    )


def _place(keys: dict[str, str], word: str) -> str:
    host, port = keys.get(f"{word}Proxy", ""), keys.get(f"{word}Port", "")
    if keys.get(f"{word}Enable") != "1" or not host:
        return ""
    return f"{host}:{port}" if port else host


def _dictionary(text: str) -> tuple[dict[str, str], list[str]]:
    """The keys of the outermost dictionary, and the list of exceptions; what is scoped to one interface is left out."""
    keys: dict[str, str] = {}
    exceptions: list[str] = []
    inside: list[str] = []
    for line in text.splitlines():
        if line.strip() == "}":
            inside = inside[:-1]
        elif (match := _KEY.match(line)) is None:
            inside += ["dictionary"] if line.rstrip().endswith("{") else []
        elif match[2].endswith("{"):
            inside.append(match[1])
        elif len(inside) == 1:
            keys[match[1]] = match[2].strip()
        elif inside[1:] == ["ExceptionsList"]:
            exceptions.append(match[2].strip())
    return keys, exceptions
