"""What the .jcfg files of a Janus say, as Janus takes it. Pure. By the samples that come with its sources."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, NamedTuple

from natprobe.derive.configured import folder, inside, last, port_number, settings
from natprobe.facts import Facts, Setting

Service = Literal["http", "https", "admin_http", "admin_https", "ws", "wss", "admin_ws", "admin_wss"]


class Port(NamedTuple):
    """A port that a transport is told to open. `address`: as it is named; `interface`: the one that it is to be of.

    `switch`: the setting that has it on; `bound`: the one that names address or interface.
    """

    service: Service
    port: int
    address: str | None
    interface: str | None
    switch: Setting
    said: Setting
    bound: Setting | None

    @property
    def admin(self) -> bool:
        """Whether it is the administrator's."""
        return self.service.startswith("admin")

    @property
    def websocket(self) -> bool:
        """By libwebsockets, which looks addresses up in its own way."""
        return "ws" in self.service


class _Kind(NamedTuple):
    section: str
    port: str
    default: int
    address: str
    interface: str


_KINDS: dict[Service, _Kind] = {
    "http": _Kind("general", "port", 8088, "ip", "interface"),
    "https": _Kind("general", "secure_port", 8889, "secure_ip", "secure_interface"),
    "admin_http": _Kind("admin", "admin_port", 7088, "admin_ip", "admin_interface"),
    "admin_https": _Kind("admin", "admin_secure_port", 7889, "admin_secure_ip", "admin_secure_interface"),
    "ws": _Kind("general", "ws_port", 8188, "ws_ip", "ws_interface"),
    "wss": _Kind("general", "wss_port", 8989, "wss_ip", "wss_interface"),
    "admin_ws": _Kind("admin", "admin_ws_port", 7188, "admin_ws_ip", "admin_ws_interface"),
    "admin_wss": _Kind("admin", "admin_wss_port", 7989, "admin_wss_ip", "admin_wss_interface"),
}


def true(value: str) -> bool:
    """As Janus takes a switch that is on."""
    return value.strip().lower() in ("yes", "true", "1", "on")


def folders(facts: Facts) -> list[str]:
    """Where each Janus of this host (and not of a container) has its files."""
    held = inside(facts)
    found = [folder(each.file) for each in settings(facts, "janus") if each.file not in held]
    return list(dict.fromkeys(found))


def said(facts: Facts, place: str, section: str, key: str) -> Setting | None:
    """What this Janus is told."""
    return last(
        [each for each in settings(facts, "janus", key) if folder(each.file) == place and each.section == section]
    )


def ports(facts: Facts) -> list[Port]:
    """All that are switched on."""
    return [port for place in folders(facts) for port in _ports(facts, place)]


def _ports(facts: Facts, place: str) -> Iterator[Port]:
    for service, kind in _KINDS.items():
        switch = said(facts, place, kind.section, service)
        if switch is None or not true(switch.value):
            continue
        at, card, told = (said(facts, place, kind.section, key) for key in (kind.address, kind.interface, kind.port))
        port = port_number(told.value) if told is not None else kind.default
        if port is not None:
            address, interface = (each.value or None if each is not None else None for each in (at, card))
            yield Port(service, port, address, interface, switch, told or switch, at or card)


def media_range(facts: Facts, place: str) -> tuple[int, int, Setting] | None:
    """rtp_port_range; None: it is not set, or no range."""
    told = said(facts, place, "media", "rtp_port_range")
    if told is None:
        return None
    low, _, high = told.value.partition("-")
    first, end = port_number(low.strip()), port_number(high.strip())
    return (min(first, end), max(first, end), told) if first and end else None
