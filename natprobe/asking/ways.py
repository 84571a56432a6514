"""Ways to a host's port: straight to an address of it, or to a proxy that is asked for the host by its name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Protocol, runtime_checkable

from natprobe.context import PROXY_ACCESS, Context
from natprobe.facts import ProxyChoice, Transport
from natprobe.model import Address, Data, Endpoint, HostName, join, split
from natprobe.net.api import Stream
from natprobe.pairing import ProxyAccess
from natprobe.proxy import Proxy

# The drawer's key of the run's Routes.
ROUTES = "routes"
# With a proxy's `shown`: it has refused our password.
REFUSED = "proxy-access-refused/"


class Way(Data, frozen=True, kw_only=True):
    """How a connection begins. `address`: where TCP goes, the host's own or, with `proxy`, the proxy's."""

    address: Address
    proxy: Proxy | None = None

    @property
    def via(self) -> str | None:
        """As facts name the proxy; None: there is none on this way."""
        return None if self.proxy is None else self.proxy.shown

    def endpoint(self, port: int) -> Endpoint:
        """Where TCP goes to for this port of the host."""
        return join(self.address, port if self.proxy is None else self.proxy.port)

    async def open(self, ctx: Context, host: HostName, port: int) -> Stream:
        """A stream to the host's port. Raises OSError, TimeoutError; net.api.Denied where the proxy says no."""
        if self.proxy is None:
            return await ctx.tcp((self.address, port))
        from natprobe.asking.tunnels import Opening

        return await Opening(ctx, self, self.proxy, host, port).open()


@runtime_checkable
class Routes(Protocol):
    """Which way a browser on this machine takes. Lies in the drawer once the settings were read."""

    async def to(self, host: HostName, port: int) -> Sequence[Way]:
        """The ways through a proxy for `https://host:port/`, one for each of its addresses that might be tried; none:
        it goes direct, or to a proxy whose name leads nowhere.
        """

    async def choice(self, host: HostName, port: int, purpose: Literal["web", "relay"] = "web") -> ProxyChoice | None:
        """The same as a fact, with what is the matter. None: it hangs on a script that can't be run here."""


def access_to(ctx: Context, proxy: Proxy) -> ProxyAccess | None:
    """Who we are to this proxy: as its own URL said, else as the options did. Nobody, once it would not have it: an
    account may be locked after a few wrong passwords.
    """
    if ctx.keep.get(REFUSED + proxy.shown, bool):
        return None
    own = ctx.keep.get(PROXY_ACCESS + proxy.shown, ProxyAccess)
    return own or ctx.keep.get(PROXY_ACCESS, ProxyAccess)


def straight(addresses: Sequence[Address]) -> tuple[Way, ...]:
    """One for each of the host's own addresses."""
    return tuple(Way(address=each) for each in addresses)


async def again(ctx: Context, host: HostName, port: int, seen: tuple[Endpoint, str | None]) -> Way:
    """The way that something was seen by: its endpoint, and by which proxy."""
    endpoint, via = seen
    same = [each for each in await by_proxy(ctx, host, port) if each.via == via] if via is not None else []
    return next(iter(same), Way(address=split(endpoint)[0]))


async def by_proxy(ctx: Context, host: HostName, port: int) -> tuple[Way, ...]:
    """The ways that the browser's settings lead by; empty where it goes direct, or nobody has looked."""
    routes: Routes | None = ctx.keep.get(ROUTES, Routes)  # type: ignore[type-abstract]
    return () if routes is None else tuple(await routes.to(host, port))


async def choice_for(ctx: Context, host: HostName, port: int) -> ProxyChoice | None:
    """What a browser is set to for a relay there; None: nobody has looked, or could."""
    routes: Routes | None = ctx.keep.get(ROUTES, Routes)  # type: ignore[type-abstract]
    return None if routes is None else await routes.choice(host, port, "relay")


async def to_relay(ctx: Context, host: HostName, port: int, transport: Transport) -> tuple[Way, ...]:
    """As browsers take them: over TCP and TLS only, since nothing else goes through a browser's proxy."""
    return await by_proxy(ctx, host, port) if transport in ("tcp", "tls") else ()
