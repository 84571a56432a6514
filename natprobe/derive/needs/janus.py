"""The ports that a Janus's files speak of."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from natprobe.derive.januses import Port, folders, media_range, ports
from natprobe.derive.needs.kinds import Need, Role
from natprobe.facts import Facts, Setting, ids
from natprobe.target import is_address


def needs(facts: Facts) -> list[Need]:
    """All of them."""
    return [*(_port(each) for each in ports(facts)), *_media(facts)]


def _port(port: Port) -> Need:
    """Where an interface is named, its addresses are not known here."""
    address = port.address if port.address and is_address(port.address) else None
    return _need("tcp", address, port.port, port.port, "admin" if port.admin else "signalling", port.bound or port.said)


def _media(facts: Facts) -> Iterator[Need]:
    """They come and go with those who talk."""
    for place in folders(facts):
        if found := media_range(facts, place):
            low, high, said = found
            yield _need("udp", None, low, high, "media", said)._replace(lasting=False)


def _need(
    proto: Literal["udp", "tcp"], address: str | None, port: int, port_end: int, role: Role, said: Setting
) -> Need:
    return Need(
        proto=proto,
        address=address,
        port=port,
        port_end=port_end,
        role=role,
        program="janus",
        by="janus",
        key=said.key,
        file=said.file,
        line=said.line,
        evidence=ids(said),
    )
