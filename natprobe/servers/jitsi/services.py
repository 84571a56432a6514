"""The STUN and TURN servers that signalling hands out (XEP-0215, mod_jiconop's push, the room's metadata), read as
lib-jitsi-meet reads them, and its filter for the way to the bridge.
"""

from __future__ import annotations

import ipaddress
import json
import re
import unicodedata
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from natprobe.facts import Service

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

EXTDISCO = {2: "urn:xmpp:extdisco:2", 1: "urn:xmpp:extdisco:1"}
SERVICES_MAX = 32
METADATA_MAX = 64 * 1024
_TYPES = ("stun", "stuns", "turn", "turns")
_NAME = re.compile(r"(?=.{1,253}$)[A-Za-z0-9_]([A-Za-z0-9_-]{0,62}\.?)+")
_TRANSPORT = re.compile(r"[A-Za-z]{1,8}")
_PORT = re.compile(r"[0-9]{1,5}")
# RFC 8489 section 14.3 for the name; a password has no bound of its own.
_SECRET_MAX = 508


class Entry(NamedTuple):
    """One server with its credentials, which no report sees; the repr leaves them out."""

    service: Service
    username: str = ""
    password: str = ""

    def __repr__(self) -> str:
        return f"Entry({url(self.service)!r})"


def answered(stanza: Element) -> list[Entry] | None:
    """The services in an answer or a push of either version; None where it has no such list."""
    for space in EXTDISCO.values():
        found = stanza.find(f"{{{space}}}services")
        if found is not None:
            return _entries(dict(each.items()) for each in found.iter(f"{{{space}}}service"))
    return None


def in_metadata(text: str) -> list[Entry] | None:
    """The services in the JSON of a room's metadata; None where it is none or says nothing of services."""
    if len(text) > METADATA_MAX:
        return None
    try:
        said = json.loads(text)
    except (ValueError, RecursionError):
        return None
    metadata = said.get("metadata") if isinstance(said, dict) and said.get("type") == "room_metadata" else None
    listed = metadata.get("services") if isinstance(metadata, dict) else None
    return _entries(each for each in listed if isinstance(each, dict)) if isinstance(listed, list) else None


def url(service: Service) -> str:
    """As the client writes it for the browser: UDP is not said."""
    host = f"[{service.host}]" if ":" in service.host else service.host
    port = f":{service.port}" if service.port else ""
    named = service.transport if service.transport and service.transport != "udp" else ""
    return f"{service.type}:{host}{port}" + (f"?transport={named}" if named else "")


def for_bridge(services: Iterable[Service], use_turn_udp: bool) -> tuple[Service, ...]:
    """What is left for the way to the bridge: relays whose URL says transport=tcp, all relays with useTurnUdp.

    So a `turns` entry that names no transport is lost.
    """
    relays = [each for each in services if url(each).startswith("turn")]
    return tuple(each for each in relays if use_turn_udp or "transport=tcp" in url(each))


def _entries(listed: Iterable[Mapping[str, Any]]) -> list[Entry]:
    found: list[Entry] = []
    for each in listed:
        if (entry := _entry(each)) is not None:
            found.append(entry)
        if len(found) == SERVICES_MAX:
            break
    return found


def _entry(said: Mapping[str, Any]) -> Entry | None:
    kind, host = _text(said.get("type")), _text(said.get("host")).removeprefix("[").removesuffix("]").rstrip(".")
    port = _port(said.get("port"))
    if kind not in _TYPES or not _is_host(host) or port == 0:
        return None
    transport = _text(said.get("transport"))
    username, password = _secret(said.get("username")), _secret(said.get("password"))
    known = bool(username and password)
    service = Service(
        type=kind,
        host=host.lower(),
        port=port,
        transport=transport if _TRANSPORT.fullmatch(transport) else None,
        credentials=known,
    )
    return Entry(service, username, password) if known else Entry(service)


def _text(value: object) -> str:
    return value.strip() if isinstance(value, str) and len(value) < 300 else ""


def _port(value: object) -> int | None:
    """None where it is not said, 0 where it is none."""
    if value is None or value == "":
        return None
    text = str(value) if isinstance(value, (str, int)) and not isinstance(value, bool) else ""
    return int(text) if _PORT.fullmatch(text) and int(text) < 65536 else 0


def _is_host(host: str) -> bool:
    try:
        return bool(ipaddress.ip_address(host)) and "%" not in host
    except ValueError:
        return _NAME.fullmatch(host) is not None


def _secret(value: object) -> str:
    """What a request can carry; anything else counts as missing."""
    fits = isinstance(value, str) and len(value) <= _SECRET_MAX
    return (
        value
        if fits and isinstance(value, str) and not any(unicodedata.category(c) in ("Cc", "Cs") for c in value)
        else ""
    )
