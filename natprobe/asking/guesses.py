"""Proxies that a network may have though nothing is set to them: WPAD's names, then the usual ones."""

from __future__ import annotations

from natprobe.asking.routes import SettingsRoutes
from natprobe.context import Context
from natprobe.proxy import Named, Proxy
from natprobe.proxying import Rules

# Looked up in the system's own search domains, each at each port, in this order.
_NAMES = ("proxy", "webproxy", "http-proxy", "squid")
_PORTS = (3128, 8080)


async def guessed(ctx: Context) -> SettingsRoutes | None:
    """What a browser would be set to here, if anything can be found. Asks the network; only where the user wants it."""
    wpad = SettingsRoutes(ctx, Rules(by="wpad", name="WPAD", detect=True))
    if await wpad.found_script():
        return wpad
    names = [Proxy(scheme="http", host=name, port=port) for name in _NAMES for port in _PORTS]
    alive = await SettingsRoutes(ctx, None).alive(names)
    if alive is None:
        return None
    rules = Rules(by="guess", name=f"{alive.host}:{alive.port}", proxies=(Named(proxy=alive),))
    return SettingsRoutes(ctx, rules)
