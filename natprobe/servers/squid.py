"""Squid's settings, as fixes: lines of squid.conf that let a meeting's relay through. Meanings from its own manual."""

from __future__ import annotations

from collections.abc import Iterable

from natprobe.model import Allow, Fix, HostName, Set
from natprobe.target import is_address
from natprobe.wording import phrase

FILE = "/etc/squid/squid.conf"
# Where it leads to ports at all.
PORTS = phrase("the proxy's list of ports for CONNECT")
RELOAD = phrase("squid -k reconfigure")
_FIRST_ACCESS, _FIRST_BUMP = phrase("above all other http_access lines"), phrase("above all other ssl_bump lines")
_OTHERS = phrase("where the proxy is another product, the same in its own words")


def _line(text: str, why: str, section: str = "") -> Set:
    return Set(
        system="squid", file=FILE, section=section, op="add", key=text, audience="network", why=why, after=RELOAD
    )


def ports_allowed(host: HostName, ports: Iterable[int]) -> Allow:
    """CONNECT to more ports; all other rules go on."""
    return Allow(
        proto="tcp",
        ports=tuple(map(str, ports)),
        direction="out",
        to=host,
        at=PORTS,
        audience="network",
        why=phrase("CONNECT goes to the ports of this list alone"),
        after=RELOAD,
    )


def hosts_allowed(hosts: Iterable[HostName], port: int = 443) -> tuple[Fix, ...]:
    """CONNECT to these before any rule can say no, and before anybody is asked who they are."""
    lines = [_acl("meetings", each) for each in dict.fromkeys(hosts)]
    lines += [f"acl meetings_port port {port}", "http_access allow CONNECT meetings meetings_port"]
    return tuple(
        _line(each, phrase("the first rule that fits decides; {others}", others=_OTHERS), _FIRST_ACCESS)
        for each in lines
    )


def quiet_tunnels() -> tuple[Fix, ...]:
    """How long a tunnel may carry nothing (measured with 5.7: this one cuts it, whichever side is silent)."""
    return (
        _line(
            "read_timeout 15 minutes",
            phrase("a tunnel that carries nothing for so long is cut; {others}", others=_OTHERS),
        ),
    )


def _acl(name: str, host: HostName) -> str:
    return f"acl {name} {'dst' if is_address(host) else 'dstdomain'} {host}"


def not_opened(hosts: Iterable[HostName]) -> tuple[Fix, ...]:
    """TLS to these passes as it is. The name is looked for in SNI, which is known after the first step."""
    lines = (
        f"acl meetings_past ssl::server_name {' '.join(dict.fromkeys(hosts))}",
        "acl meetings_hello at_step SslBump1",
        "ssl_bump peek meetings_hello",
        "ssl_bump splice meetings_past",
    )
    return tuple(
        _line(each, phrase("the first rule that fits decides; {others}", others=_OTHERS), _FIRST_BUMP) for each in lines
    )
