"""The ports that nginx is told to listen on."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from natprobe.derive.configured import port_number, settings
from natprobe.derive.needs.kinds import Need
from natprobe.facts import Facts, Setting, ids
from natprobe.target import is_address

_LISTEN = re.compile(
    r"(?:(\[[0-9A-Fa-f:.]+\]|\*|[0-9.]+\.[0-9.]+|[A-Za-z][\w.-]*):)?(\d{1,5})|(\[[0-9A-Fa-f:.]+\]|[\d.]+)"
)
# Who is behind on the same host: `127.0.0.1:4444`, `http://localhost:8000/`.
_NEAR = re.compile(r"(?:[a-z]+://)?(?:127\.[0-9.]+|localhost|\[::1\]):(\d{1,5})(?![\d.])")
_DEFAULT = 80
_FAMILIES = {"*": "0.0.0.0", "": "0.0.0.0"}


class Listen(NamedTuple):
    """One `listen`. `address`: a wildcard is one of a family here."""

    address: str
    port: int
    udp: bool
    said: Setting


def needs(facts: Facts) -> list[Need]:
    """All of them, each once: many servers share a port."""
    behind = _behind(facts)
    each_once = {(each.address, each.port, each.udp): each for each in _all(facts)}
    return [_need(each, behind) for each in each_once.values()]


def listens(said: Setting) -> Listen | None:
    """What a `listen` says; None: a socket in the file system, a name, or nothing that can be read."""
    words = said.value.split()
    found = _LISTEN.fullmatch(words[0]) if words else None
    if found is None:
        return None
    at = (found[1] or found[3] or "").strip("[]")
    port = port_number(found[2]) if found[2] else _DEFAULT
    address = _FAMILIES.get(at, at)
    if port is None or not is_address(address):
        return None
    return Listen(address, port, "udp" in words[1:] or "quic" in words[1:], said)


def _all(facts: Facts) -> Iterator[Listen]:
    for said in settings(facts, "nginx", "listen", container=False):
        if (found := listens(said)) is not None:
            yield found


def _behind(facts: Facts) -> set[int]:
    """Ports of this very host that nginx itself leads to: of those that it also listens on nobody else comes to any."""
    led = [
        *settings(facts, "nginx", "server", container=False),
        *settings(facts, "nginx", "proxy_pass", container=False),
    ]
    found = (_NEAR.match(each.value) for each in led)
    return {int(each[1]) for each in found if each}


def _need(found: Listen, behind: set[int]) -> Need:
    said = found.said
    return Need(
        proto="udp" if found.udp else "tcp",
        address=found.address,
        port=found.port,
        port_end=found.port,
        role="inner" if found.port in behind else "web",
        program="nginx",
        by="nginx",
        key="listen",
        file=said.file,
        line=said.line,
        evidence=ids(said),
    )
