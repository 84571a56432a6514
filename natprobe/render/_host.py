"""The text report's part about the server that `natprobe inspect` was run on."""

from __future__ import annotations

from collections.abc import Iterator

from natprobe.derive.binding import can_bind, host_addresses
from natprobe.facts import BindTry, Facts, LocalAddress

_TRIED = {
    True: "Janus can bind it",
    False: "on none of this host's interfaces, where Janus looks for it",
    None: "on this host, and yet it cannot be bound",
}


def host(facts: Facts) -> Iterator[str]:
    """Its addresses, then what came of each --iface."""
    shown = host_addresses(facts)
    named = [f"{each.address} on {each.interface}" for each in facts.of(LocalAddress) if each.address in shown]
    yield f"Its own addresses: {', '.join(named)}." if named else "No address but its loopback's."
    for each in facts.of(BindTry):
        taken = f"Janus takes its first address, {each.address}: " if each.address not in (None, each.asked) else ""
        on = f" ({each.interface})" if each.interface and not taken else ""
        what = _TRIED[can_bind(each)] if each.address else "no interface of that name has an address"
        yield f"{each.asked} as iface: {taken}{what}{on}."
