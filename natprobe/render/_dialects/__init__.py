"""Firewall fixes as lines to copy, each dialect in a module. Pure.

Where `inspect` has seen who shuts a port, the lines are that one's, whatever was asked for: what one program opens, the
next may drop. Else they are in the dialects asked for; where none was, ufw's: it is what most who have to be told use.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from natprobe.facts import Passage, Platform
from natprobe.model import Allow, Forward, Observation
from natprobe.render._dialects import aws, firewalld, iptables, menus, nft, openwrt, squid, ufw
from natprobe.render._dialects.opening import Forwarding, Opening, forwarding, opening
from natprobe.render._dialects.passing import shutting
from natprobe.render._outline import Copy
from natprobe.servers import squid as proxies

_Write = Callable[[Opening], tuple[Copy, ...]]

_HOSTS: dict[str, _Write] = {
    "ufw": ufw.allow,
    "firewalld": firewalld.allow,
    "nft": nft.allow,
    "iptables": iptables.allow,
}
_CLOUDS: dict[str, _Write] = {
    "aws": aws.allow,
    **{name: partial(menus.into, name) for name in ("gcp", "azure", "hetzner")},
}
# What a cloud lets out, too.
_LEAVING: dict[str, _Write] = {"aws": aws.allow}
_ROUTERS: dict[str, _Write] = {"openwrt": openwrt.through, "pfsense": partial(menus.through, "pfsense")}
_PROXIES: dict[str, _Write] = {"squid": squid.allow}
_FORWARDS: dict[str, Callable[[Forwarding], tuple[Copy, ...]]] = {
    "ufw": ufw.forward,
    "firewalld": firewalld.forward,
    "nft": nft.forward,
    "iptables": iptables.forward,
    "openwrt": openwrt.forward,
    **{name: partial(menus.forward, name) for name in ("pfsense", "fritzbox")},
}
# Every dialect, in the order in which they are told.
NAMES = tuple(dict.fromkeys((*_HOSTS, *_PROXIES, *_CLOUDS, *_FORWARDS)))

_IN_FORCE: dict[str, Callable[[Allow, Sequence[Passage]], tuple[Copy, ...]]] = {
    "ufw": ufw.in_force,
    "firewalld": firewalld.in_force,
    "nftables": nft.in_force,
    "iptables": iptables.in_force,
    "docker": iptables.in_force,
    "iptables-legacy": iptables.in_force_legacy,
}
# As `servers.clouds` calls them.
_CLOUD_NAMES = {"AWS": "aws", "Google Cloud": "gcp", "Azure": "azure", "Hetzner": "hetzner"}


def lines(
    fix: Allow | Forward,
    evidence: Sequence[Observation],
    dialects: Sequence[str] = (),
    known: Sequence[Observation] = (),
) -> tuple[Copy, ...]:
    """`evidence`: what the finding rests on. `known`: all that was seen, which may have the addresses of a name. None
    where the device is not one of those asked for, and where something of it can't be written. The likeliest first.
    """
    if isinstance(fix, Forward):
        led = forwarding(fix)
        return tuple(each for name in dialects if name in _FORWARDS and led for each in _FORWARDS[name](led))
    asked = opening(fix, known)
    shut = shutting(evidence) if fix.direction == "in" else []
    if shut and shut[0].manager and all(port.replace("-", "").isdigit() for port in fix.ports):
        return _IN_FORCE[shut[0].manager](fix, shut)
    if asked is None:
        return ()
    writers = _writers(fix, asked)
    usual = _usual(asked, writers, known)
    wanted = sorted((each for each in dialects if each in writers), key=lambda name: name not in usual)
    return tuple(copy for name in (wanted if dialects else usual) for copy in writers[name](asked))


def _writers(fix: Allow, asked: Opening) -> dict[str, _Write]:
    """Of whatever stands at that place."""
    if fix.at == proxies.PORTS:
        return _PROXIES
    if asked.way == "through":
        return {**_HOSTS, **_ROUTERS, **_LEAVING}
    clouds = _CLOUDS if asked.way == "in" else _LEAVING
    if fix.at.startswith("the provider's firewall"):
        return clouds
    return {**_HOSTS, **clouds} if "cloud" in fix.at else _HOSTS


def _usual(asked: Opening, writers: dict[str, _Write], known: Sequence[Observation]) -> list[str]:
    """Where nobody asked: ufw's on a server or on this machine, squid's of a proxy, of a cloud those of the very one;
    of somebody else's router nobody knows which they are.
    """
    if writers is _PROXIES:
        return ["squid"]
    if "ufw" not in writers:
        seen = {_CLOUD_NAMES.get(each.cloud or "") for each in known if isinstance(each, Platform)}
        return [name for name in writers if name in seen]
    return [] if asked.way == "through" else ["ufw"]
