"""Where the network itself says that a PAC file is (WPAD): DHCP's option 252, then the names that begin with `wpad`.

Browsers ask for `http://wpad/wpad.dat` and leave the rest of the name to the resolver. Here the names are whole, so
that a report can say which one it was. Above a machine's own domains they go no higher than what looks like a domain
that somebody registered: `wpad.com` and `wpad.co.uk` belong to strangers.
"""

from __future__ import annotations

import asyncio
from urllib.parse import urlsplit

from natprobe.context import Context
from natprobe.model import Family

NAMES_MAX = 6
LOOKUP_SECONDS = 1.0
# Second labels under which registries register, beside all of up to three letters below a country's two (co.uk).
_REGISTRIES = {"com", "net", "org", "edu", "gov", "mil", "info", "gouv", "gob", "muni", "school", "firm", "name"}


async def wpad_urls(ctx: Context, *, dhcp: bool = True) -> list[tuple[str, str]]:
    """Who says so (a lease, where `dhcp` wants them, or a name that the resolver knows) and the URL, http: or https:,
    in the order of trying.
    """
    told = await ctx.host.dhcp_pac_urls(ctx.unix_time) if dhcp else []
    leases = [each for each in told if _is_web(each[1])]
    names = wpad_names(ctx.host.search_domains())
    known = await asyncio.gather(*(_is_known(ctx, each) for each in names))
    found = [(name, f"http://{name}/wpad.dat") for name, is_known in zip(names, known, strict=True) if is_known]
    return list(dict.fromkeys([*leases, *found]))


def wpad_names(domains: list[str]) -> list[str]:
    """Of each domain, and then of those above them; without any the short one, as browsers ask for it."""
    if not domains:
        return ["wpad"]
    above = [parent for each in domains for parent in _above(each)]
    return [f"wpad.{each}" for each in dict.fromkeys([*(each for each in domains if _is_owned(each)), *above])][
        :NAMES_MAX
    ]


def _above(domain: str) -> list[str]:
    labels = domain.split(".")
    parents = [".".join(labels[at:]) for at in range(1, len(labels))]
    return [each for each in parents if _is_owned(each)]


def _is_owned(domain: str) -> bool:
    """Whether somebody has it for his own, as far as a name shows that."""
    labels = domain.split(".")
    if len(labels) < 2 or domain.endswith((".arpa", ".onion")):
        return False
    registry = len(labels[-1]) == 2 and (len(labels[0]) <= 3 or labels[0] in _REGISTRIES)
    return len(labels) > 2 or not registry


def _is_web(url: str) -> bool:
    """A stranger's word may lead to no file of this machine."""
    try:
        return urlsplit(url).scheme in ("http", "https")
    except ValueError:
        return False


async def _is_known(ctx: Context, name: str) -> bool:
    asked = (_addresses(ctx, name, version) for version in ctx.options.families)
    return any(await asyncio.gather(*asked))


async def _addresses(ctx: Context, name: str, version: Family) -> list[str]:
    try:
        async with asyncio.timeout(LOOKUP_SECONDS):
            return await ctx.net.system_addresses(name, version)
    except (OSError, TimeoutError):
        return []
