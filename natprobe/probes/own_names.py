"""On the server: by which names it is known outside, where these lead, and whose machine it is.

Beside them the STUN servers are looked up that can tell how the host is seen from outside.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

from natprobe.asking.lookups import addresses_of
from natprobe.asking.stun_servers import stun_servers
from natprobe.asking.together import as_they_come
from natprobe.context import Context
from natprobe.derive.own_names import told_names
from natprobe.facts import Facts, Platform, Resolved, Setting, StunServer
from natprobe.host.machine import Machine
from natprobe.model import Observation
from natprobe.servers.clouds import cloud
from natprobe.wire.text import clean

REQUIRES = ()
TAKES = (Setting,)
YIELDS = (Resolved, StunServer, Platform)
TIMEOUT = 2.0

# A server whose resolver takes longer is not waited for.
LOOKUP_SECONDS = 1.0
_DMI, _WORD_MAX = "/sys/class/dmi/id", 100


async def probe(ctx: Context, facts: Facts) -> AsyncIterator[Observation]:
    """The names that were given, or those that the settings tell."""
    if ctx.machine is not None:
        platform = _platform(ctx.machine)
        if platform.vendor:
            yield platform
    names = ctx.options.names or tuple(told_names(facts))
    streams = [addresses_of(ctx, name, version, LOOKUP_SECONDS) for name in names for version in ctx.options.families]
    async for observation in as_they_come([*streams, *stun_servers(ctx, LOOKUP_SECONDS)]):
        yield observation


def _platform(machine: Machine) -> Platform:
    vendor = _word(machine, "sys_vendor")
    return Platform(vendor=vendor, cloud=cloud(vendor, _word(machine, "chassis_asset_tag")))


def _word(machine: Machine, name: str) -> str:
    """One of the firmware's words; empty where there is none, as in most containers."""
    try:
        return clean(machine.read(f"{_DMI}/{name}", _WORD_MAX).decode("utf-8", "replace"), _WORD_MAX).strip()
    except OSError:
        return ""
