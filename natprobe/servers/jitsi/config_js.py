"""Jitsi Meet's config.js, as its client has it: where it signs in and what it makes of relays. Nothing in it is run.

What a key means was read in lib-jitsi-meet (01daa07c) and docker-jitsi-meet (2e6b31d8).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import urljoin, urlsplit

from natprobe.model import Data
from natprobe.servers.jitsi.constants import Value
from natprobe.servers.jitsi.javascript import Script, Unreadable
from natprobe.wire.text import clean
from natprobe.wire.urls import bare_url

__all__ = ["Settings", "Unreadable", "read"]

# Characters of an XMPP domain (RFC 7622 section 3.2: a DNS name's length).
DOMAIN_MAX = 253
STUN_SERVERS_MAX = 16
# nginx's SSI (ngx_http_ssi_module) sets tenants in; where it did not run, a comment with its default is left.
_SSI = re.compile(r"<!--#\s*\w+([^\n<>]{0,200})-->")
_DEFAULT = re.compile(r"\bdefault=[\"']([A-Za-z0-9._/-]{0,100})[\"']")
_MARKUP = re.compile(r"\s*<(?!!--#)")
_BINARY = re.compile(r"[\x00-\x08\x0e-\x1f]")
# `stun:HOST[:PORT]` and `turn:…` (RFC 7064, RFC 7065), also with the slashes that they don't have.
_SERVER = re.compile(
    r"(stuns?|turns?):(?://)?(\[[0-9A-Fa-f:.]{2,45}\]|[0-9A-Za-z_.-]{1,253})(?::(\d{1,5}))?", re.IGNORECASE
)
_PORTS = {"stun": "3478", "stuns": "5349"}


class Settings(Data, frozen=True, kw_only=True):
    """What JitsiConfig has of a config.js; `error_line`: the first line that is no JavaScript, and stops a browser."""

    domain: str | None = None
    muc: str | None = None
    focus: str | None = None
    anonymous_domain: str | None = None
    bosh: str | None = None
    websocket: str | None = None
    conference_request: str | None = None
    prefer_bosh: bool = False
    use_turn_udp: bool = False
    force_relay: bool = False
    token_login: bool = False
    p2p: bool = True
    p2p_stun: tuple[str, ...] = ()
    p2p_relays: int = 0
    p2p_secrets: bool = False
    shard: str | None = None
    error_line: int | None = None


def read(text: str, page: str, now: Callable[[], float]) -> Settings:
    """The settings in a config.js that belongs to the page at this URL. Raises Unreadable.

    `now` is a clock's seconds: no script may hold us up.
    """
    if _MARKUP.match(text):
        raise Unreadable("a page of HTML is in its place")
    if _BINARY.search(text):
        raise Unreadable("it is no text")
    script = Script(_SSI.sub(_default, text), {"location": _location(page)}, now)
    config = script.names.get("config")
    if not isinstance(config, dict):
        where = "" if script.error_line is None else f"; line {script.error_line} is no JavaScript"
        raise Unreadable(f"no settings are in it{where}")
    hosts, p2p = _inner(config, "hosts"), _inner(config, "p2p")
    if not hosts and not {"bosh", "websocket"} & config.keys():
        raise Unreadable("the settings in it are not Jitsi's")
    return Settings(
        domain=_domain(hosts.get("domain")),
        muc=_domain(hosts.get("muc")),
        focus=_domain(hosts.get("focus")),
        anonymous_domain=_domain(hosts.get("anonymousdomain")),
        bosh=_url(config.get("bosh"), page),
        websocket=_url(config.get("websocket"), page),
        conference_request=_url(config.get("conferenceRequestUrl"), page),
        prefer_bosh=config.get("preferBosh") is True,
        use_turn_udp=config.get("useTurnUdp") is True,
        force_relay=config.get("forceTurnRelay") is True,
        token_login=bool(_string(config.get("tokenAuthUrl"))),
        p2p=p2p.get("enabled") is not False,
        shard=_domain(_inner(config, "deploymentInfo").get("shard")),
        error_line=script.error_line,
        **_stun_servers(p2p.get("stunServers")),
    )


def _default(found: re.Match[str]) -> str:
    inner = _DEFAULT.search(found[1])
    return inner[1] if inner else ""


def _location(page: str) -> dict[str, Value]:
    """What a script on that page reads of `location` (HTML section 7.2.4)."""
    url = urlsplit(page)
    return {
        "protocol": f"{url.scheme}:",
        "host": url.netloc,
        "hostname": url.netloc.rpartition(":")[0] if url.port else url.netloc,
        "port": str(url.port or ""),
        "origin": f"{url.scheme}://{url.netloc}",
    }


def _inner(holder: dict[str, Value], key: str) -> dict[str, Value]:
    found = holder.get(key)
    return found if isinstance(found, dict) else {}


def _string(value: Value) -> str | None:
    return value if isinstance(value, str) and value else None


def _domain(value: Value) -> str | None:
    text = _string(value)
    return (clean(text, DOMAIN_MAX) or None) if text is not None else None


def _url(value: Value, page: str) -> str | None:
    """As a browser makes it absolute, less what may be secret in it (WHATWG URL section 4.4: spaces around it go)."""
    text = _string(value)
    if text is None:
        return None
    try:
        return bare_url(urljoin(page, text.strip())) or None
    except ValueError:  # a bracket that is none
        return None


def _stun_servers(value: Value) -> dict[str, Any]:
    """`[{urls: 'stun:HOST:PORT'}, …]`; a relay among them comes with its credentials for everybody to read."""
    found: list[str] = []
    relays, secrets = 0, False
    for each in value if isinstance(value, list) else []:
        urls = each.get("urls", each.get("url")) if isinstance(each, dict) else each
        for url in urls if isinstance(urls, list) else [urls]:
            if not isinstance(url, str) or (match := _SERVER.match(url.strip())) is None:
                continue
            scheme = match[1].lower()
            if scheme in _PORTS:
                found.append(f"{match[2]}:{match[3] or _PORTS[scheme]}")
            else:
                relays += 1
                secrets = secrets or bool(isinstance(each, dict) and _string(each.get("credential")))
    return {"p2p_stun": tuple(found[:STUN_SERVERS_MAX]), "p2p_relays": relays, "p2p_secrets": secrets}
