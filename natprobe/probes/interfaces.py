"""This machine: its addresses with interface and class, and its way out per family."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

from natprobe.addresses import address_class
from natprobe.context import Context
from natprobe.facts import AddressClass, DefaultRoute, Facts, LocalAddress
from natprobe.host.api import InterfaceAddress
from natprobe.model import Failure, Family, Observation, clip, family

REQUIRES = ()
TAKES = ()
YIELDS = (LocalAddress, DefaultRoute)
TIMEOUT = 2.0

# Bounds for a machine with thousands of container interfaces: the report stays readable.
ADDRESSES_MAX, ROUTES_MAX = 200, 8
# An interface's name is nearly free text; in an address's zone only these may stand.
_NO_ZONE_CHARACTER = re.compile(r"[^0-9A-Za-z_.:%-]")
# Classes that probes send from unless --source names others; the rest reaches nobody outside.
_USABLE = ("public", "private", "carrier", "unique-local", "tunnel")
# Where a route lookup points to, without sending anything: documentation prefixes (RFC 5737, RFC 3849).
_OUTSIDE: dict[Family, str] = {4: "192.0.2.1", 6: "2001:db8::1"}


async def probe(ctx: Context, facts: Facts) -> AsyncIterator[Observation]:
    """Looks only; nothing is sent."""
    for entry in ctx.host.addresses()[:ADDRESSES_MAX]:
        yield _local(ctx, entry)
    routes = ctx.host.default_routes()
    for version in ctx.options.families:
        found = [route for route in routes if route.family == version][:ROUTES_MAX]
        for route in found:
            yield DefaultRoute(family=version, interface=clip(route.interface, 50), gateway=route.gateway)
        if not found:
            yield _no_route(ctx, version)


def _local(ctx: Context, entry: InterfaceAddress) -> LocalAddress:
    scope = _scope(entry)
    chosen = ctx.options.sources
    wanted = entry.address in chosen if chosen else scope in _USABLE
    return LocalAddress(
        address=_NO_ZONE_CHARACTER.sub("_", entry.address),
        interface=clip(entry.interface, 50),
        prefix=entry.prefix,
        scope=scope,
        up=entry.up,
        usable=entry.up and wanted and family(entry.address) in ctx.options.families,
    )


def _scope(entry: InterfaceAddress) -> AddressClass:
    """The address's class; an interface that is a tunnel or a container bridge says more than its number."""
    kind = address_class(entry.address)
    if kind in ("loopback", "link-local"):
        return kind
    return "tunnel" if entry.tunnel else "container" if entry.container else kind


def _no_route(ctx: Context, version: Family) -> DefaultRoute:
    """Where the routing table can't be read: ask which source the system would take towards the outside."""
    if ctx.host.knows_routes():
        return DefaultRoute(family=version, failure=Failure.NO_ROUTE)
    try:
        ctx.net.source_address(_OUTSIDE[version])
    except OSError:
        return DefaultRoute(family=version, failure=Failure.NO_ROUTE)
    return DefaultRoute(family=version)
