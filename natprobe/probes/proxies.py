"""Which proxy a browser on this machine uses for the target: its settings, their script, and whether it is there."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Literal

from natprobe.asking.routes import SettingsRoutes
from natprobe.asking.ways import ROUTES
from natprobe.context import PROXY_ACCESS, Context
from natprobe.facts import Facts, ProxyChoice, ProxyScript, ProxySetting
from natprobe.model import HostName, Observation, Target
from natprobe.pairing import ProxyAccess
from natprobe.proxy import Named, Proxy
from natprobe.proxying import Rules, rules_of, setting

REQUIRES = ()
TAKES = ()
YIELDS = (ProxySetting, ProxyScript, ProxyChoice)
TIMEOUT = 8.0

OPTION = "--proxy"
_HTTPS = 443


async def probe(ctx: Context, facts: Facts) -> AsyncIterator[Observation]:
    """Every source of settings is told; where none counts, nothing is sent, unless --guess-proxy asks for it."""
    rules: Rules | None
    if ctx.options.proxy != "auto":
        rules = _by_option(ctx.options.proxy)
        yield _fact(rules)
    else:
        sources = ctx.host.proxy_settings()
        for each in sources:
            yield setting(each)
        rules = next((rules_of(each) for each in sources if each.counts), None)
    routes = SettingsRoutes(ctx, rules)
    unset = ctx.options.proxy == "auto" and (rules is None or rules.silent)
    if unset and (guess := await _guessed(ctx)) is not None and guess.rules is not None:
        yield _fact(guess.rules)
        routes = guess
    _keep_access(ctx, routes.rules)
    ctx.keep.put(ROUTES, routes)
    host, port, purpose = _place(ctx.target)
    choice = await routes.choice(host, port, purpose)
    script = await routes.script(host, port)
    if script is not None:
        yield script
    if choice is not None:
        yield choice


def _by_option(proxy: Literal["auto", "none"] | Proxy) -> Rules:
    if isinstance(proxy, Proxy):
        return Rules(by="option", name=OPTION, proxies=(Named(proxy=proxy),))
    return Rules(by="option", name=OPTION)


def _fact(rules: Rules) -> ProxySetting:
    """Of rules that stand in no settings."""
    return ProxySetting(
        by=rules.by,
        name=rules.name,
        proxies=tuple(f"all={each.proxy.shown}" for each in rules.proxies),
        detect=rules.detect,
        counts=True,
    )


async def _guessed(ctx: Context) -> SettingsRoutes | None:
    if not ctx.options.guess_proxy:
        return None
    from natprobe.asking.guesses import guessed

    return await guessed(ctx)


def _keep_access(ctx: Context, rules: Rules | None) -> None:
    """Who we are to proxies, as their own URLs say."""
    for each in rules.proxies if rules is not None else ():
        if each.user:
            access = ProxyAccess(user=each.user, password=each.password)
            ctx.keep.put(PROXY_ACCESS + each.proxy.shown, access)


def _place(target: Target) -> tuple[HostName, int, Literal["web", "relay"]]:
    """What the target is to a browser: a page, which without TLS no tunnel leads to, or something over TCP."""
    if target.kind in ("turn", "stun", "natprobe"):
        return target.host, target.fallback_port or target.port, "relay"
    return target.host, _HTTPS if target.scheme == "http" else target.port, "web"
