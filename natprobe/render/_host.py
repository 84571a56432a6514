"""The text report's part about the server that `natprobe inspect` was run on."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

from natprobe.derive.binding import can_bind, host_addresses
from natprobe.facts import BindTry, ConfigFile, Facts, LocalAddress, PacketFilter, Program, Setting, Sockets
from natprobe.model import Failure
from natprobe.render._arrivals import arrivals
from natprobe.render._figures import bracketed, clauses, explained, first_of, listed
from natprobe.render._needs import ports
from natprobe.wording import mark, say

_TRIED = {
    True: mark("Janus can bind it"),
    False: mark("on none of this host's interfaces, where Janus looks for it"),
    None: mark("on this host, and yet it cannot be bound"),
}
# How many files are named; -v shows all.
_FILES_MAX = 8


def host(facts: Facts) -> Iterator[str]:
    """Its addresses, sockets, programs, configuration, packet filters; the ports it needs; what came of it."""
    shown = host_addresses(facts)
    own = [
        say("{address} on {interface}", address=each.address, interface=each.interface)
        for each in facts.of(LocalAddress)
        if each.address in shown
    ]
    if facts.of(LocalAddress):
        yield (
            say("Its own addresses: {addresses}.", addresses=listed(own))
            if own
            else say("No address but its loopback's.")
        )
    yield from _sockets(facts)
    yield from _programs(facts)
    yield from _files(facts)
    yield from _filters(facts)
    yield from ports(facts)
    yield from _ifaces(facts)
    yield from arrivals(facts)


def _sockets(facts: Facts) -> Iterator[str]:
    for each in facts.ok(Sockets):
        hidden = say("{count} of them by programs that only root may see", count=each.hidden) if each.hidden else ""
        yield say("Sockets that wait for others: {count}.", count=clauses(str(each.listening), hidden))


def _programs(facts: Facts) -> Iterator[str]:
    told = dict.fromkeys(f"{each.name} {each.version}" for each in facts.ok(Program))
    if told:
        yield say("Installed: {programs}.", programs=listed(told))


def _files(facts: Facts) -> Iterator[str]:
    """By system; what could not be read is said in full."""
    used = {each.file for each in facts.of(Setting)}
    read = sorted(facts.of(ConfigFile, lambda each: each.path in used), key=lambda each: each.system)
    for system, files in groupby(read, key=lambda each: each.system):
        paths = [each.path for each in files]
        yield say("Configuration of {system}: {paths}.", system=system, paths=first_of(paths, _FILES_MAX))
    for each in facts.of(ConfigFile, lambda each: each.failure is not None):
        reason = clauses(str(each.failure), each.detail)
        if each.failure is Failure.PERMISSION_DENIED:
            reason = explained(reason, say("root may"))
        yield say("Not read: {path} ({reason}).", path=each.path, reason=reason)


def _filters(facts: Facts) -> Iterator[str]:
    """What is in force; what only root may see."""
    seen = [
        say("{manager} with {count} rules", manager=each.manager, count=each.rules) if each.rules else each.manager
        for each in facts.ok(PacketFilter)
        if each.active
    ]
    hidden = [each.manager for each in facts.failed(PacketFilter)]
    if seen:
        yield say("Packet filters in force: {filters}.", filters=listed(seen))
    elif facts.ok(PacketFilter) and not hidden:
        yield say("No packet filter is in force.")
    if hidden:
        yield say("Not to be seen without root: {filters}.", filters=listed(hidden))


def _ifaces(facts: Facts) -> Iterator[str]:
    for each in facts.of(BindTry):
        what = say(_TRIED[can_bind(each)]) if each.address else say("no interface of that name has an address")
        if each.address not in (None, each.asked):
            what = say("Janus takes its first address, {address}: {state}", address=each.address, state=what)
        else:
            what = bracketed(what, each.interface or "")
        yield say("{asked} as iface: {state}.", asked=each.asked, state=what)
