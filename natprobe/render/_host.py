"""The text report's part about the server that `natprobe inspect` was run on."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

from natprobe.derive.binding import can_bind, host_addresses
from natprobe.facts import BindTry, ConfigFile, Facts, LocalAddress, PacketFilter, Program, Setting, Sockets
from natprobe.model import Failure
from natprobe.render._arrivals import arrivals
from natprobe.render._needs import ports

_TRIED = {
    True: "Janus can bind it",
    False: "on none of this host's interfaces, where Janus looks for it",
    None: "on this host, and yet it cannot be bound",
}
# How many files are named; -v shows all.
_FILES_MAX = 8


def host(facts: Facts) -> Iterator[str]:
    """Its addresses, sockets, programs, configuration, packet filters; the ports it needs; what came of it."""
    shown = host_addresses(facts)
    named = [f"{each.address} on {each.interface}" for each in facts.of(LocalAddress) if each.address in shown]
    if facts.of(LocalAddress):
        yield f"Its own addresses: {', '.join(named)}." if named else "No address but its loopback's."
    yield from _sockets(facts)
    yield from _programs(facts)
    yield from _files(facts)
    yield from _filters(facts)
    yield from ports(facts)
    yield from _ifaces(facts)
    yield from arrivals(facts)


def _sockets(facts: Facts) -> Iterator[str]:
    for each in facts.ok(Sockets):
        hidden = f", {each.hidden} of them by programs that only root may see" if each.hidden else ""
        yield f"Sockets that wait for others: {each.listening}{hidden}."


def _programs(facts: Facts) -> Iterator[str]:
    told = dict.fromkeys(f"{each.name} {each.version}" for each in facts.ok(Program))
    if told:
        yield f"Installed: {', '.join(told)}."


def _files(facts: Facts) -> Iterator[str]:
    """By system; what could not be read is said in full."""
    used = {each.file for each in facts.of(Setting)}
    read = sorted(facts.of(ConfigFile, lambda each: each.path in used), key=lambda each: each.system)
    for system, files in groupby(read, key=lambda each: each.system):
        paths = [each.path for each in files]
        more = f" and {len(paths) - _FILES_MAX} more" if len(paths) > _FILES_MAX else ""
        yield f"Configuration of {system}: {', '.join(paths[:_FILES_MAX])}{more}."
    for each in facts.of(ConfigFile, lambda each: each.failure is not None):
        root = ": root may" if each.failure is Failure.PERMISSION_DENIED else ""
        yield f"Not read: {each.path} ({each.failure}{f', {each.detail}' if each.detail else ''}{root})."


def _filters(facts: Facts) -> Iterator[str]:
    """What is in force; what only root may see."""
    seen = [
        f"{each.manager} with {each.rules} rules" if each.rules else each.manager
        for each in facts.ok(PacketFilter)
        if each.active
    ]
    hidden = [each.manager for each in facts.failed(PacketFilter)]
    if seen:
        yield f"Packet filters in force: {', '.join(seen)}."
    elif facts.ok(PacketFilter) and not hidden:
        yield "No packet filter is in force."
    if hidden:
        yield f"Not to be seen without root: {', '.join(hidden)}."


def _ifaces(facts: Facts) -> Iterator[str]:
    for each in facts.of(BindTry):
        taken = f"Janus takes its first address, {each.address}: " if each.address not in (None, each.asked) else ""
        on = f" ({each.interface})" if each.interface and not taken else ""
        what = _TRIED[can_bind(each)] if each.address else "no interface of that name has an address"
        yield f"{each.asked} as iface: {taken}{what}{on}."
