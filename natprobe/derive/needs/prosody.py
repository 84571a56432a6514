"""The ports that Prosody's configuration names. What it has by default depends on its modules and is left out."""

from __future__ import annotations

from collections.abc import Iterator

from natprobe.derive.configured import port_number, settings
from natprobe.derive.needs.kinds import Need
from natprobe.facts import Facts, Setting, ids
from natprobe.target import is_address

# Ports and the interfaces that they stand beside. Clients come in by the web server, which leads to HTTP.
_KINDS = (
    ("c2s_ports", "c2s_interfaces"),
    ("http_ports", "http_interfaces"),
    ("https_ports", "https_interfaces"),
    ("component_ports", "component_interfaces"),
)
_EVERY = ("*", "::", "0.0.0.0")


def needs(facts: Facts) -> list[Need]:
    """All of them; where several addresses are named, each."""
    return [need for ports, interfaces in _KINDS for need in _of(facts, ports, interfaces)]


def _of(facts: Facts, ports: str, interfaces: str) -> Iterator[Need]:
    told = settings(facts, "prosody", interfaces, container=False) or settings(
        facts, "prosody", "interfaces", container=False
    )
    named: list[str | None] = [each.value for each in told if each.value not in _EVERY and is_address(each.value)]
    for said in settings(facts, "prosody", ports, container=False):
        port = port_number(said.value)
        if port is not None:
            for address in named or [None]:
                yield _need(said, port, address)


def _need(said: Setting, port: int, address: str | None) -> Need:
    return Need(
        proto="tcp",
        address=address,
        port=port,
        port_end=port,
        role="inner",
        program="prosody",
        by="prosody",
        key=said.key,
        file=said.file,
        line=said.line,
        evidence=ids(said),
    )
