"""OpenWrt's lines, for its uci: zones `wan` and `lan` as it comes."""

from __future__ import annotations

from collections.abc import Iterable

from natprobe.render._dialects.opening import Forwarding, Opening
from natprobe.render._outline import Copy

_COMMIT = ("uci commit firewall", "service firewall restart")


def through(asked: Opening) -> tuple[Copy, ...]:
    """From the inside out. It knows the way back."""
    said = [f"{'src_port' if asked.own else 'dest_port'}='{' '.join(asked.ports)}'"]
    said += [f"dest_ip='{' '.join(asked.addresses)}'"] if asked.addresses else []
    parts = ["name='meetings'", "src='lan'", "dest='wan'", f"proto='{asked.proto}'", *said, "target='ACCEPT'"]
    return (Copy(label="OpenWrt", lines=(*_section("rule", parts), *_COMMIT)),)


def forward(asked: Forwarding) -> tuple[Copy, ...]:
    """One redirect for each port."""
    lines = [line for outer, inner in asked.ports for line in _section("redirect", _redirect(asked, outer, inner))]
    return (Copy(label="OpenWrt", lines=(*lines, *_COMMIT)),)


def _redirect(asked: Forwarding, outer: str, inner: str) -> list[str]:
    ends = [f"src_dport='{outer}'", f"dest_ip='{asked.inside}'", f"dest_port='{inner}'"]
    return ["name='meetings'", "src='wan'", "dest='lan'", f"proto='{asked.proto}'", *ends, "target='DNAT'"]


def _section(kind: str, parts: Iterable[str]) -> list[str]:
    return [f"uci add firewall {kind}", *(f"uci set firewall.@{kind}[-1].{each}" for each in parts)]
