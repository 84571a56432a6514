"""A name's addresses as the operating system tells them, as facts: names asks so, and whoever learns of more names."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping

from natprobe.addresses import address_class
from natprobe.asking.together import as_they_come
from natprobe.asking.ways import Way, by_proxy, straight
from natprobe.context import Context
from natprobe.derive import target_addresses
from natprobe.facts import Facts, Resolved
from natprobe.model import Address, Endpoint, Failure, Family, HostName, Observation, family, split
from natprobe.net.failure import failure_of
from natprobe.target import is_address

# glibc's first retry comes after five seconds: an answer later than this helps nobody who waits for a page.
SYSTEM_SECONDS = 3.0
# Where a proxy leads, which looks names up by itself, and a silent resolver is usual.
BESIDE_PROXY_SECONDS = 2.0
ADDRESSES_MAX = 16


async def addresses_of(
    ctx: Context, host: str, version: Family, seconds: float = SYSTEM_SECONDS
) -> AsyncIterator[Observation]:
    """Of a host that is a name or an address."""
    if not is_address(host):
        async for answer in by_system(ctx, host, version, seconds):
            yield answer
    elif family(host) == version:
        async for answer in literal(host):
            yield answer


async def literal(address: str) -> AsyncIterator[Observation]:
    """An address in a name's place."""
    yield Resolved(name=address, family=family(address), by="literal", addresses=(address,))


async def by_system(
    ctx: Context, name: HostName, version: Family, seconds: float = SYSTEM_SECONDS
) -> AsyncIterator[Observation]:
    """What getaddrinfo says, hosts file, mDNS and all."""
    began = ctx.net.now()
    try:
        async with asyncio.timeout(seconds):
            addresses = await ctx.net.system_addresses(name, version)
    except (OSError, TimeoutError) as exc:
        failure, detail = failure_of(exc)
        yield Resolved(name=name, family=version, by="system", failure=failure, detail=detail)
        return
    yield Resolved(
        name=name,
        family=version,
        by="system",
        addresses=tuple(addresses[:ADDRESSES_MAX]),
        failure=None if addresses else Failure.NO_DATA,
        rtt_ms=round((ctx.net.now() - began) * 1000, 2),
    )


class Addresses:
    """Hosts and their addresses, each looked up once; only those that something can be sent to."""

    def __init__(self, ctx: Context, known: Mapping[str, Iterable[Address]]) -> None:
        self._ctx = ctx
        self._found = {host: self._usable(each) for host, each in known.items()}

    def of(self, host: str) -> tuple[Address, ...]:
        """In the system's order, of the families that are wanted."""
        return self._found.get(host, ())

    async def ask(self, hosts: Iterable[str]) -> AsyncIterator[Observation]:
        """Looks up those that are not known yet."""
        names = [each for each in dict.fromkeys(hosts) if each not in self._found]
        streams = [addresses_of(self._ctx, name, version) for name in names for version in self._ctx.options.families]
        async for answer in as_they_come(streams):
            yield answer
            if isinstance(answer, Resolved):
                self._found[answer.name] = (*self.of(answer.name), *self._usable(answer.addresses))

    def _usable(self, addresses: Iterable[Address]) -> tuple[Address, ...]:
        wanted = [each for each in dict.fromkeys(addresses) if family(each) in self._ctx.options.families]
        return tuple(each for each in wanted if address_class(each) not in ("multicast", "unspecified"))


class Ways:
    """The ways to hosts and ports that browsers would take: by a proxy, which looks names up itself, or straight."""

    def __init__(self, ctx: Context, addresses: Addresses) -> None:
        self._ctx, self._addresses = ctx, addresses
        self._by_proxy: dict[tuple[str, int], tuple[Way, ...]] = {}

    async def find(self, places: Iterable[tuple[HostName, int]]) -> AsyncIterator[Observation]:
        """Looks up those that no proxy leads to and that are not known yet."""
        for place in dict.fromkeys(places):
            self._by_proxy[place] = await by_proxy(self._ctx, *place)
        async for answer in self._addresses.ask(host for (host, _), ways in self._by_proxy.items() if not ways):
            yield answer

    def to(self, host: HostName, port: int) -> tuple[Way, ...]:
        """In the order in which they are tried; empty where no address is known and no proxy leads there."""
        return self._by_proxy.get((host, port)) or straight(self._addresses.of(host))


def beside_target(ctx: Context, facts: Facts, proven: Endpoint | None = None) -> Addresses:
    """Who knows the target's own addresses already; that of `proven`, where something answered, is tried first."""
    first = () if proven is None else (split(proven)[0],)
    return Addresses(ctx, {ctx.target.host: (*first, *target_addresses(facts))})
