"""The real Host: psutil for addresses, /proc for Linux's routes, dnspython for the resolver's settings."""

from __future__ import annotations

import errno
import ipaddress
import os
import socket
import stat
import sys
from pathlib import Path

from natprobe.host.api import PAC_MAX, InterfaceAddress, ProxySettings, Route, Sandbox

_TUNNEL_NAMES = (
    "tun",
    "tap",
    "wg",
    "ppp",
    "utun",
    "ipsec",
    "tailscale",
    "zt",
    "nordlynx",
    "proton",
    "gpd",
    "cscotun",
)
_CONTAINER_NAMES = (
    "docker",
    "br-",
    "veth",
    "virbr",
    "lxcbr",
    "lxdbr",
    "podman",
    "cni",
    "flannel",
    "cali",
    "vmnet",
    "vboxnet",
)
_ARPHRD_NONE = "65534"  # linux/if_arp.h: tun devices and WireGuard have no link layer
_RTF_UP, _RTF_GATEWAY, _RTF_REJECT = 0x1, 0x2, 0x200
# More than any routing table of a client; a router with a full table has its default route early or not at all.
_ROUTES_MAX = 100_000


class SystemHost:
    """This machine."""

    def system(self) -> str:
        """See api.Host."""
        return sys.platform

    def addresses(self) -> list[InterfaceAddress]:
        """See api.Host."""
        import psutil

        stats = psutil.net_if_stats()
        return [
            InterfaceAddress(
                address=entry.address,
                prefix=_prefix(entry.netmask, entry.family == socket.AF_INET6),
                interface=name,
                up=name not in stats or stats[name].isup,
                tunnel=_is_tunnel(name, getattr(stats.get(name), "flags", "")),
                container=name.startswith(_CONTAINER_NAMES),
            )
            for name, entries in psutil.net_if_addrs().items()
            for entry in entries
            if entry.family in (socket.AF_INET, socket.AF_INET6)
        ]

    def default_routes(self) -> list[Route]:
        """See api.Host."""
        return [*_default_v4(_lines("/proc/net/route")), *_default_v6(_lines("/proc/net/ipv6_route"))]

    def knows_routes(self) -> bool:
        """See api.Host."""
        return Path("/proc/net/route").exists()

    def nameservers(self) -> list[tuple[str, int]]:
        """See api.Host. A system without settings has none."""
        import dns.exception
        import dns.resolver

        try:
            resolver = dns.resolver.Resolver()
        except (dns.exception.DNSException, OSError):
            return []
        return [(str(server), resolver.port) for server in resolver.nameservers if isinstance(server, str)]

    def proxy_settings(self) -> list[ProxySettings]:
        """See api.Host."""
        from natprobe.host.proxies import read

        return read(sys.platform, os.environ)

    def sandbox(self) -> Sandbox:
        """See api.Host."""
        from natprobe.host.sandbox import PacSandbox

        return PacSandbox()

    def pac_file(self, path: str) -> bytes:
        """See api.Host. Only regular files: a device or a pipe has no end."""
        with open(path, "rb", opener=lambda name, flags: os.open(name, flags | getattr(os, "O_NONBLOCK", 0))) as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise OSError(errno.EINVAL, "no regular file")
            return file.read(PAC_MAX + 1)

    def search_domains(self) -> list[str]:
        """See api.Host."""
        import dns.exception
        import dns.name
        import dns.resolver

        try:
            resolver = dns.resolver.Resolver()
        except (dns.exception.DNSException, OSError):
            return []
        domains = [each for each in (*resolver.search, resolver.domain) if each != dns.name.root]
        return list(dict.fromkeys(each.to_text(omit_final_dot=True).lower() for each in domains))

    async def dhcp_pac_urls(self, unix_time: float) -> list[tuple[str, str]]:
        """See api.Host."""
        import asyncio

        from natprobe.host.leases import pac_urls

        return await asyncio.to_thread(pac_urls, Path("/"), unix_time)


def _prefix(netmask: str | None, v6: bool) -> int:
    if not netmask:
        return 128 if v6 else 32
    return bin(int(ipaddress.ip_address(netmask.partition("%")[0]))).count("1")


def _is_tunnel(name: str, flags: str) -> bool:
    if name.startswith(_TUNNEL_NAMES) or "pointopoint" in flags:
        return True
    kind = Path("/sys/class/net") / name / "type"
    return kind.exists() and kind.read_text().strip() == _ARPHRD_NONE


def _lines(path: str) -> list[list[str]]:
    try:
        with open(path, encoding="ascii") as table:
            return [line.split() for _, line in zip(range(_ROUTES_MAX), table, strict=False)]
    except OSError:
        return []


def _default_v4(lines: list[list[str]]) -> list[Route]:
    """/proc/net/route: Iface Destination Gateway Flags RefCnt Use Metric Mask …, hexadecimal, host byte order."""
    found: list[tuple[int, Route]] = []
    for row in lines[1:]:
        if len(row) < 8 or row[1] != "00000000" or row[7] != "00000000" or int(row[3], 16) & _RTF_REJECT:
            continue
        address = str(ipaddress.IPv4Address(int(row[2], 16).to_bytes(4, sys.byteorder)))
        gateway = address if int(row[3], 16) & _RTF_GATEWAY else None
        if int(row[3], 16) & _RTF_UP:
            found.append((int(row[6]), Route(4, row[0], gateway)))
    return _by_metric(found)


def _default_v6(lines: list[list[str]]) -> list[Route]:
    """/proc/net/ipv6_route: destination prefix source prefix next-hop metric … flags iface, hexadecimal."""
    found: list[tuple[int, Route]] = []
    for row in lines:
        if len(row) < 10 or int(row[0], 16) or row[1] != "00" or row[9] == "lo" or int(row[8], 16) & _RTF_REJECT:
            continue
        gateway = str(ipaddress.IPv6Address(int(row[4], 16))) if int(row[8], 16) & _RTF_GATEWAY else None
        metric = int(row[5], 16)
        if int(row[8], 16) & _RTF_UP:
            found.append((metric, Route(6, row[9], gateway)))
    return _by_metric(found)


def _by_metric(found: list[tuple[int, Route]]) -> list[Route]:
    """The best first, one for each interface: more say nothing new."""
    best: dict[str, Route] = {}
    for _, route in sorted(found, key=lambda each: each[0]):
        best.setdefault(route.interface, route)
    return list(best.values())
