"""What has a page of menus instead of lines: clouds' firewalls and routers. Where to click, as a remark each."""

from __future__ import annotations

from natprobe.render._dialects.opening import Forwarding, Opening
from natprobe.render._outline import Copy
from natprobe.wording import mark, say

# Label and menus; names as their makers' pages have them.
_INTO = {
    "gcp": ("Google Cloud", mark("# VPC network, Firewall: ingress, allow, from 0.0.0.0/0, {proto} {ports}")),
    "azure": ("Azure", mark("# Network security group, Inbound security rules: source Any, {proto} {ports}, Allow")),
    "hetzner": ("Hetzner Cloud", mark("# Firewalls, Rules, Inbound: any IPv4 and any IPv6, {proto}, port {ports}")),
}
_THROUGH = {"pfsense": ("pfSense", mark("# Firewall, Rules, LAN: Pass, {proto}, destination {whom}, port {ports}"))}
_FORWARD = {
    "pfsense": ("pfSense", mark("# Firewall, NAT, Port Forward: WAN, {proto} {outer}, to {inside} port {inner}")),
    "fritzbox": (
        "FRITZ!Box",
        mark("# Internet, Permit Access, Port Sharing: device {inside}, {proto}, port {inner}, outside {outer}"),
    ),
}


def into(name: str, asked: Opening) -> tuple[Copy, ...]:
    """To a machine in this cloud."""
    label, words = _INTO[name]
    return (Copy(label=label, lines=(say(words, proto=asked.proto.upper(), ports=", ".join(asked.ports)),)),)


def through(name: str, asked: Opening) -> tuple[Copy, ...]:
    """Out of the network behind this router."""
    label, words = _THROUGH[name]
    whom = ", ".join(asked.addresses) or asked.name or "any"
    line = say(words, proto=asked.proto.upper(), whom=whom, ports=", ".join(asked.ports))
    return () if asked.own else (Copy(label=label, lines=(line,)),)


def forward(name: str, asked: Forwarding) -> tuple[Copy, ...]:
    """From this router's outside to a machine behind it."""
    label, words = _FORWARD[name]
    outer, inner = (", ".join(each[side] for each in asked.ports) for side in (0, 1))
    line = say(words, proto=asked.proto.upper(), inside=asked.inside, outer=outer, inner=inner)
    return (Copy(label=label, lines=(line,)),)
