"""Proxies by name: what settings, PAC files and people write -> Proxy. What is secret in it goes aside. Pure."""

from __future__ import annotations

import re
from typing import Literal
from urllib.parse import unquote, urlsplit

from natprobe.model import Data, HostName, Port
from natprobe.target import BadTarget, parse

Scheme = Literal["http", "https", "socks5", "socks4"]
INPUT_MAX = 2048
# Ways that a PAC file or a list of settings may name one after the other.
WAYS_MAX = 8
_ENTRIES_MAX = 1000

# scheme -> (what is spoken to the proxy, port where none is named). As Chromium has them: a SOCKS proxy looks names up
# itself.
_SCHEMES: dict[str, tuple[Scheme, int]] = {
    "http": ("http", 80),
    "https": ("https", 443),
    "socks": ("socks5", 1080),
    "socks5": ("socks5", 1080),
    "socks5h": ("socks5", 1080),
    "socks4": ("socks4", 1080),
    "socks4a": ("socks4", 1080),
}
# The words of a PAC file's answer -> scheme; SOCKS alone means version 4 there, as browsers take it.
_PAC_WORDS = {
    "PROXY": "http",
    "HTTP": "http",
    "HTTPS": "https",
    "SOCKS": "socks4",
    "SOCKS4": "socks4",
    "SOCKS5": "socks5",
}
_DIRECT = "DIRECT"
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")
_USER = re.compile(r"[^\s;]*@")


class Proxy(Data, frozen=True, kw_only=True):
    """A proxy: what is spoken to it, and where it is. No secrets."""

    scheme: Scheme
    host: HostName
    port: Port

    @property
    def shown(self) -> str:
        """As facts and reports name it: `http://proxy.example.com:3128`."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}"

    @property
    def tunnels(self) -> bool:
        """Whether it is asked by CONNECT (RFC 9110 section 9.3.6), and not by SOCKS."""
        return self.scheme in ("http", "https")


class Named(Data, frozen=True, kw_only=True):
    """A proxy as it was written, and apart from it who we are to it."""

    proxy: Proxy
    user: str = ""
    password: str = ""

    def __repr__(self) -> str:
        return f"Named({self.proxy.shown!r})"


def named(text: str, default: Scheme = "http") -> Named:
    """`proxy:3128`, `http://user:password@proxy:3128/`, `socks5://proxy`. Raises BadTarget, which quotes no secret."""
    text = text.strip()
    if len(text) > INPUT_MAX:
        raise BadTarget(f"the proxy is {len(text)} characters long; at most {INPUT_MAX} are read")
    match = _SCHEME.match(text)
    scheme = match[1].lower() if match else default
    if scheme not in _SCHEMES:
        raise BadTarget(f"a proxy is http, https, socks5 or socks4, not {scheme[:20]!a}")
    spoken, usual = _SCHEMES[scheme]
    rest = text[match.end() :] if match else text
    # A password may have any character in it: whatever stands before the last @ is never taken for the place.
    access, _, after = rest.rpartition("@")
    place = re.split(r"[/?#]", after, maxsplit=1)[0]
    if place.endswith(":"):  # browsers take that for no proxy; and it is what `http://http://proxy` comes to
        raise BadTarget("the proxy has a colon and no port behind it")
    user, _, password = access.partition(":")
    try:
        host = parse(f"http://{place}").target.host  # the same hosts and ports that a target may have
    except BadTarget as exc:
        raise BadTarget(str(exc).replace("the target", "the proxy")) from None
    port = urlsplit(f"//{place}").port or usual
    return Named(proxy=Proxy(scheme=spoken, host=host, port=port), user=_plain(user), password=_plain(password))


def _plain(text: str) -> str:
    """Without percent-encoding; bytes that are no UTF-8 stay what they are."""
    return unquote(text, errors="surrogateescape")


def shown_answer(answer: str) -> str:
    """Of a PAC file, without who somebody is to a proxy."""
    return _USER.sub("…@", answer)


def by_pac(answer: str) -> tuple[Proxy | None, ...]:
    """What FindProxyForURL said, in its order; None is DIRECT. Browsers pass over what they don't know, and
    over proxies with a user.
    """
    found: list[Proxy | None] = []
    for entry in answer.split(";")[:_ENTRIES_MAX]:
        word, _, place = entry.strip().replace("\t", " ").partition(" ")
        if word.upper() == _DIRECT:
            found.append(None)
        elif (scheme := _PAC_WORDS.get(word.upper())) is not None and "@" not in place:
            try:
                found.append(named(f"{scheme}://{place.strip()}").proxy)
            except BadTarget:
                continue
    first = found.index(None) if None in found else len(found)  # nothing comes behind the direct way
    return (*tuple(dict.fromkeys(found[:first]))[:WAYS_MAX], *found[first : first + 1])
