"""Which of nginx's locations lead WebSockets on, and whether they upgrade. Pure.

nginx's headers are inherited from around a block only where the block sets none itself (ngx_http_proxy_module).
"""

from __future__ import annotations

from typing import NamedTuple

from natprobe.derive.configured import settings
from natprobe.facts import Facts, Setting

# Paths of Jitsi's and Janus's WebSockets, and the ports of Janus's.
_PATHS = ("xmpp-websocket", "colibri-ws", "janus-ws", "janus-protocol")
_PORTS = (":8188", ":8989")


class Socket(NamedTuple):
    """A location. `missing`: the lines that it lacks."""

    location: Setting
    missing: tuple[str, ...]


def websockets(facts: Facts) -> list[Socket]:
    """All of them that pass requests on."""
    found = []
    for each in settings(facts, "nginx", "location"):
        inner = f"{each.section} location {each.value}".strip()
        behind = _in(facts, each.file, inner).passes
        if behind and (any(path in each.value for path in _PATHS) or behind[0].endswith(_PORTS)):
            found.append(Socket(each, _missing(facts, each, inner)))
    return found


class _Block(NamedTuple):
    """What counts of a block: where it leads to, the headers that it sets, and its HTTP versions."""

    passes: list[str]
    headers: dict[str, str]
    versions: list[str]


def _in(facts: Facts, file: str, section: str) -> _Block:
    return facts.once(_blocks).get((file, section)) or _Block([], {}, [])


def _blocks(facts: Facts) -> dict[tuple[str, str], _Block]:
    """By file and section: there may be as many locations as settings."""
    found: dict[tuple[str, str], _Block] = {}
    for each in settings(facts, "nginx"):
        block = found.setdefault((each.file, each.section), _Block([], {}, []))
        if each.key == "proxy_pass":
            block.passes.append(each.value)
        elif each.key.startswith("proxy_set_header "):
            block.headers[each.key.partition(" ")[2]] = each.value
        elif each.key == "proxy_http_version":
            block.versions.append(each.value)
    return found


def _missing(facts: Facts, location: Setting, inner: str) -> tuple[str, ...]:
    lines = []
    headers = _headers(facts, location, inner)
    if not _version(facts, location, inner):
        lines.append("proxy_http_version 1.1;")
    if "$http_upgrade" not in headers.get("upgrade", "") and headers.get("upgrade", "").lower() != "websocket":
        lines.append("proxy_set_header Upgrade $http_upgrade;")
    connection = headers.get("connection", "").lower()
    if "upgrade" not in connection and not connection.startswith("$"):
        lines.append('proxy_set_header Connection "upgrade";')
    return tuple(lines)


def _levels(facts: Facts, location: Setting, inner: str) -> list[_Block]:
    """From the location outwards. Without the file around it, as far as this file shows."""
    around = [one for one in (inner, location.section, location.section.partition(" ")[0]) if one]
    return [_in(facts, location.file, each) for each in dict.fromkeys(around)]


def _headers(facts: Facts, location: Setting, inner: str) -> dict[str, str]:
    return next((each.headers for each in _levels(facts, location, inner) if each.headers), {})


def _version(facts: Facts, location: Setting, inner: str) -> bool:
    """Whether HTTP/1.1 is set, here or around: nginx speaks 1.0 otherwise."""
    found = [version for level in _levels(facts, location, inner) for version in level.versions[:1]]
    return found[:1] == ["1.1"]
