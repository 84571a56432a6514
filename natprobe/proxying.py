"""Which proxies a browser uses for an `https:` URL: settings and their exceptions, as Chromium reads them. Pure."""

from __future__ import annotations

import ipaddress
import re
from typing import NamedTuple

from natprobe.addresses import address_class
from natprobe.facts import ProxySetting, ProxySource
from natprobe.host.api import ProxySettings
from natprobe.model import Data, Failure, HostName, Text
from natprobe.proxy import WAYS_MAX, Named, Proxy, named
from natprobe.target import BadTarget, is_address, url_parts
from natprobe.wire.text import clean

# What never goes through a proxy, and what "<-loopback>" in a list takes back.
IMPLICIT = "localhost, loopback and link-local addresses"
_SIMPLE, _NOT_IMPLICIT = "<local>", "<-loopback>"
_SHOWN_MAX = 50
_URLS = ("http", "https", "file", "data")
_ENTRY = re.compile(r"(?:(?P<scheme>[^:/]+)://)?(?P<place>.+)", re.DOTALL)
_PLACE = re.compile(r"(?P<host>\[[^\]]*\]|[^:]*)(?::(?P<port>[0-9]{1,5}))?")


class Rules(Data, frozen=True, kw_only=True):
    """What the settings that count mean for `https:` URLs; see host.api.ProxySettings. None of all: straight there.

    `proxies` in their order, with who we are to them; `pac` may have a password in it.
    """

    by: ProxySource
    name: Text
    proxies: tuple[Named, ...] = ()
    pac: str = ""
    detect: bool = False
    bypass: tuple[str, ...] = ()
    suffix: bool = False
    reverse: bool = False

    @property
    def silent(self) -> bool:
        """Whether no proxy, no script and no search for one is set."""
        return not (self.proxies or self.pac or self.detect)

    def __repr__(self) -> str:
        return f"Rules({self.by!r}, {self.name!r})"


class Chosen(NamedTuple):
    """For one host: the proxies to try in their order, None for the direct way, and the entry that leaves it out."""

    ways: tuple[Proxy | None, ...]
    bypassed: str | None = None


def rules_of(settings: ProxySettings) -> Rules:
    """Of one source. What is no proxy counts as not set, as in browsers."""
    return Rules(
        by=settings.by,
        name=settings.name,
        proxies=_for_https(settings),
        pac=settings.pac,
        detect=settings.detect,
        bypass=settings.bypass,
        suffix=settings.suffix,
        reverse=settings.reverse,
    )


def setting(settings: ProxySettings) -> ProxySetting:
    """The source as a fact, without anything secret."""
    shown, wrong = [], ""
    for scheme, text in settings.proxies.items():
        try:
            shown += [f"{scheme}={each.proxy.shown}" for each in _list(text)]
        except BadTarget as exc:
            wrong = f"{scheme}: {exc}"
    return ProxySetting(
        by=settings.by,
        name=clean(settings.name, 200),
        proxies=tuple(shown),
        pac=shown_url(settings.pac) if settings.pac else None,
        detect=settings.detect,
        bypass=tuple(clean(each, 200) for each in settings.bypass[:_SHOWN_MAX]),
        counts=settings.counts,
        failure=Failure.PROTOCOL if wrong else None,
        detail=clean(wrong, 200),
    )


def shown_url(url: str) -> Text:
    """A script's URL without user, password, query and fragment; of what may hide one of them the scheme alone."""
    parts = url_parts(url.strip())
    before = f"{parts.scheme}://" if parts.netloc or parts.scheme == "file" else ""
    if parts.scheme == "data" or "@" in f"{parts.path}{parts.query}{parts.fragment}":
        return f"{parts.scheme if parts.scheme in _URLS else 'URL'}:…"
    return clean(f"{before}{parts.netloc.rpartition('@')[2]}{parts.path}", 500)


def choose(rules: Rules | None, host: HostName, port: int) -> Chosen:
    """What the settings without their script say of `https://host:port/`."""
    if rules is None or not rules.proxies:
        return Chosen((None,))
    left_out, entry = _bypassed(rules, host, port)
    if left_out:
        return Chosen((None,), entry)
    return Chosen(tuple(each.proxy for each in rules.proxies))


def implicitly_direct(host: HostName) -> bool:
    """Whether browsers go there straight whatever is set: this machine itself, and link-local addresses."""
    name = host.rstrip(".").lower()
    if name == "localhost" or name.endswith(".localhost"):
        return True
    if not is_address(name):
        return False
    address = ipaddress.ip_address(name)
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    if mapped is not None:
        return mapped.is_loopback
    return address_class(name) in ("loopback", "link-local")


def _for_https(settings: ProxySettings) -> tuple[Named, ...]:
    """One for every scheme, else that of https:, else SOCKS."""
    for scheme in ("all", "https", "socks"):
        try:
            if found := _list(settings.proxies.get(scheme, "")):
                return found
        except BadTarget:
            continue
    return ()


def _list(text: str) -> tuple[Named, ...]:
    """Proxies with commas between them. Raises BadTarget."""
    words = [word for word in text.split(",") if word.strip()] if "@" not in text else [text]
    return tuple(named(word) for word in words[:WAYS_MAX])


def _bypassed(rules: Rules, host: HostName, port: int) -> tuple[bool, str | None]:
    """Whether the host is left out, and by which entry: the last that says anything of it."""
    for entry in reversed(rules.bypass):
        if entry.lower() == _NOT_IMPLICIT:
            if implicitly_direct(host):
                return rules.reverse, None
        elif matches(entry, host, port, suffix=rules.suffix):
            return not rules.reverse, None if rules.reverse else clean(entry, 200)
    if implicitly_direct(host):
        return True, IMPLICIT
    return rules.reverse, "none of the list, which is reversed" if rules.reverse else None


def matches(entry: str, host: HostName, port: int, *, suffix: bool = False) -> bool:
    """Whether this entry of a list of exceptions means `https://host:port/`: a name with * and ?, `.example.com`,
    an address, a network, `<local>` for names without a dot; each but the last with a scheme or a port.

    `suffix`: a name that does not begin with * is the end of one, so that `example.com` means myexample.com too.
    """
    entry, host = entry.strip().lower(), host.rstrip(".").lower()
    if entry == _SIMPLE:
        return "." not in host and not is_address(host)
    found = _ENTRY.fullmatch(entry)
    if found is None or found["scheme"] not in (None, "https"):
        return False
    if "/" in found["place"]:
        return _in_network(host, found["place"])
    place = _PLACE.fullmatch(found["place"])
    if place is None or (place["port"] is not None and int(place["port"]) != port):
        return False
    return _named_by(place["host"], host, suffix=suffix)


def _named_by(pattern: str, host: str, *, suffix: bool) -> bool:
    bare = pattern.strip("[]")
    if is_address(bare):
        return is_address(host) and ipaddress.ip_address(bare) == ipaddress.ip_address(host)
    if pattern.startswith(".") or (suffix and not pattern.startswith("*")):
        pattern = f"*{pattern}"
    shown = f"[{host}]" if ":" in host else host
    return _like(pattern, shown)


def _like(pattern: str, text: str) -> bool:
    """As browsers match: * is any number of characters, ? one or none. In time that no pattern makes grow."""
    at = {0}
    for each in pattern:
        if each == "*":
            at = set(range(min(at), len(text) + 1))
        elif each == "?":
            at |= {place + 1 for place in at if place < len(text)}
        else:
            at = {place + 1 for place in at if text[place : place + 1] == each}
        if not at:
            return False
    return len(text) in at


def _in_network(host: str, network: str) -> bool:
    if not is_address(host):
        return False
    try:
        block = ipaddress.ip_network(network.strip("[]").replace("]/", "/"), strict=False)
    except ValueError:
        return False
    address = ipaddress.ip_address(host)
    return address.version == block.version and address in block
