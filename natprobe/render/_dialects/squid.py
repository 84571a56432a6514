"""Squid's lines, for what a proxy has to let through. They belong into squid.conf; then `squid -k reconfigure`."""

from __future__ import annotations

from natprobe.render._dialects.opening import Opening
from natprobe.render._outline import Copy
from natprobe.servers.squid import FILE


def allow(asked: Opening) -> tuple[Copy, ...]:
    """CONNECT goes to the ports of this list alone, with Debian's and Squid's own sample."""
    return (Copy(label=FILE, lines=tuple(f"acl SSL_ports port {port}" for port in asked.ports)),)
