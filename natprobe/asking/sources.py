"""Which of this machine's addresses to send from: the multi-IP half of every UDP probe."""

from __future__ import annotations

from collections.abc import Iterable

from natprobe.addresses import address_class
from natprobe.context import Context
from natprobe.facts import Facts, LocalAddress
from natprobe.model import Address, Family, family

# A guest sends few packets: so many of this machine's addresses per family.
SOURCES_MAX = 8


def sources(ctx: Context, facts: Facts, version: Family, towards: Iterable[Address]) -> list[Address]:
    """The addresses that the system itself would take towards these servers, then every other usable one."""
    usable = [each.address for each in facts.ok(LocalAddress) if each.usable and family(each.address) == version]
    chosen = [_chosen(ctx, server) for server in towards]
    if ctx.options.sources:
        chosen = [each for each in chosen if each in usable]
    return list(dict.fromkeys([each for each in chosen if each] + usable))[:SOURCES_MAX]


def source(ctx: Context, facts: Facts, there: Address) -> Address | None:
    """The one to send from towards this address: the system's own choice, or what `--source` says."""
    found = sources(ctx, facts, family(there), [there])
    return next((each for each in found if same_side(each, there)), None)


def same_side(local: Address, server: Address) -> bool:
    """Loopback talks to loopback only."""
    return (address_class(local) == "loopback") == (address_class(server) == "loopback")


def _chosen(ctx: Context, server: Address) -> Address | None:
    try:
        return ctx.net.source_address(server)
    except OSError:
        return None
