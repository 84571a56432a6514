"""--cascade and what goes with it: the nth --iface and --cascade-address belong to the nth server."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from itertools import zip_longest

from natprobe.cli.entrance import address_or_endpoint
from natprobe.cli.errors import UsageError
from natprobe.context import CASCADE_MAX, Cascade
from natprobe.model import Target, split
from natprobe.target import is_address, parse


@dataclass(frozen=True, kw_only=True)
class Cascading:
    """The command line, as typed."""

    relays: tuple[str, ...] = ()
    ifaces: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()
    apply: bool = False

    def understood(self, target: Target) -> tuple[Cascade, ...]:
        """Each with what belongs to it. Raises UsageError, BadTarget."""
        if len(self.relays) > CASCADE_MAX:
            raise UsageError(f"at most {CASCADE_MAX} --cascade servers are tried")
        given = {"--iface": len(self.ifaces), "--cascade-address": len(self.addresses), "--apply": int(self.apply)}
        for option, count in given.items():
            if count > len(self.relays):
                raise UsageError(f"{option} needs a --cascade that it belongs to")
        if self.relays and target.kind not in ("auto", "janus"):
            raise UsageError(f"--cascade goes from one Janus to another, and {target.scheme}: is none")
        together = zip_longest(self.relays, self.ifaces, self.addresses)
        return tuple(_cascade(*each) for each in together)


def _cascade(relay: str, iface: str | None, address: str | None) -> Cascade:
    found = parse(relay).target
    if found.kind != "janus":
        raise UsageError(f"--cascade wants janus+https://HOST/… or janus+wss://HOST/…, not {found.scheme}:")
    if iface is not None and not is_address(iface):
        raise UsageError(f"--iface wants an IPv4 or IPv6 address, not {iface[:60]!a}")
    if address is None:
        return Cascade(relay=found, iface=_same(iface))
    endpoint = address_or_endpoint("--cascade-address", address)
    if is_address(endpoint):
        return Cascade(relay=found, iface=_same(iface), address=_same(endpoint))
    where, port = split(endpoint)
    return Cascade(relay=found, iface=_same(iface), address=_same(where), port=port)


def _same(address: str | None) -> str | None:
    """One address in one form, since it is compared with what servers say (RFC 5952)."""
    return None if address is None else str(ipaddress.ip_address(address))
