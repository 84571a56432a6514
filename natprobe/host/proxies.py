"""Proxy settings of this machine: the environment's, and those of the desktop or the system, as Chromium takes them."""

from __future__ import annotations

from collections.abc import Mapping

from natprobe.host.api import ProxySettings

# Of XDG_CURRENT_DESKTOP -> whose settings count there; other desktops have none that browsers read.
_DESKTOPS = {
    "GNOME": "gnome",
    "Unity": "gnome",
    "X-Cinnamon": "gnome",
    "Pantheon": "gnome",
    "Deepin": "gnome",
    "UKUI": "gnome",
    "KDE": "kde",
}
# Of DESKTOP_SESSION, where the other names none.
_SESSIONS = {"gnome": "gnome", "mate": "gnome", "deepin": "gnome", "ukui": "gnome", "kde": "kde", "kde-plasma": "kde"}
# What stands between the entries of a list of hosts.
_COMMAS = str.maketrans(";", ",")
_ENTRIES_MAX = 200


def read(system: str, environment: Mapping[str, str]) -> list[ProxySettings]:
    """All sources that say something. On Linux a desktop's settings count, also when they say "none", and where there
    are none the environment's; Windows and macOS have settings of their own, and browsers there read no environment.
    """
    own = _of_system(system, environment)
    found = from_environment(environment)
    counts = system not in ("win32", "darwin") and own is None
    own_settings = [] if own is None else [own._replace(counts=True)]
    return own_settings + ([] if found is None else [found._replace(counts=counts)])


def _of_system(system: str, environment: Mapping[str, str]) -> ProxySettings | None:
    if system == "win32":
        from natprobe.host.windows import registry_settings

        return registry_settings()
    if system == "darwin":
        from natprobe.host.macos import network_settings

        return network_settings()
    if desktop(environment):
        from natprobe.host.desktop import desktop_settings

        return desktop_settings(environment)
    return None


def desktop(environment: Mapping[str, str]) -> str:
    """`gnome`, `kde` or nothing."""
    for each in environment.get("XDG_CURRENT_DESKTOP", "").split(":"):
        if each.strip() in _DESKTOPS:
            return _DESKTOPS[each.strip()]
    return _SESSIONS.get(environment.get("DESKTOP_SESSION", ""), "")


def from_environment(environment: Mapping[str, str]) -> ProxySettings | None:
    """auto_proxy, else all_proxy, else one for each scheme, else SOCKS_SERVER: Chromium's order. None: nothing is set.

    Each in lowercase, else in uppercase. `no_proxy` alone says that nothing goes by a proxy.
    """
    bypass = tuple(_list(_value(environment, "no_proxy")[1]))
    name, script = _value(environment, "auto_proxy")
    if name:
        return ProxySettings("environment", name, pac=script, detect=not script)
    found = {scheme: _value(environment, f"{scheme}_proxy") for scheme in ("all", "https", "http")}
    if "REQUEST_METHOD" in environment and found["http"][0] == "HTTP_PROXY":
        del found["http"]  # a CGI program's HTTP_PROXY is a header of the request, and anybody's (CVE-2016-5385)
    found = {scheme: each for scheme, each in found.items() if each[1]} or _socks(environment)
    if not found and not bypass:
        return None
    name = next((name for name, _ in found.values()), "no_proxy")
    proxies = as_browsers_speak({scheme: value for scheme, (_, value) in found.items()})
    return ProxySettings("environment", name, proxies=proxies, bypass=bypass, suffix=True)


def _value(environment: Mapping[str, str], name: str) -> tuple[str, str]:
    """The variable's name as it is set, and its value without spaces around it; an empty one hides the other case."""
    for spelled in (name, name.swapcase()):
        if spelled in environment:
            return spelled, environment[spelled].strip()
    return "", ""


def _socks(environment: Mapping[str, str]) -> dict[str, tuple[str, str]]:
    """SOCKS_SERVER, which is of version 5 unless SOCKS_VERSION says 4."""
    name, value = _value(environment, "SOCKS_SERVER")
    if environment.get("SOCKS_VERSION", "").strip() == "4":
        value = value and f"socks4://{value.removeprefix('socks4://')}"
    return {"socks": (name, value)} if value else {}


def _list(text: str) -> list[str]:
    entries = [each.strip() for each in text.translate(_COMMAS).split(",")]
    return [each for each in entries if each][:_ENTRIES_MAX]


def as_browsers_speak(proxies: Mapping[str, str]) -> dict[str, str]:
    """Chromium on Linux speaks HTTP to whatever stands for a scheme of pages, and SOCKS 5 to a SOCKS proxy unless
    `socks4://` is written there; a SOCKS proxy alone is for every scheme.
    """
    found = {scheme: f"http://{_bare(text)}" for scheme, text in proxies.items() if scheme != "socks"}
    if "socks" in proxies:
        version = 4 if proxies["socks"].lower().startswith("socks4://") else 5
        found["socks" if found else "all"] = f"socks{version}://{_bare(proxies['socks'])}"
    return found


def _bare(text: str) -> str:
    before, slashes, after = text.partition("://")
    return after if slashes else before
