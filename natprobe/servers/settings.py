"""Which settings of configuration files enter a report, and what of them: all others may be secrets, and stay out.

Each system has a table of its own, from a key to what its value is. A key may be named with what it stands in, as
`nat.stun_server` or `stun_server`, of which the longer name counts; of what it stands in only the first word does,
without the number of a list.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from importlib import import_module
from itertools import accumulate
from typing import Literal

from natprobe.facts.config import System

# plain: as written. secret: its number alone. url: without user, query and fragment. account: `name:password`, of which
# the name is shown and the password numbered.
Kind = Literal["plain", "secret", "url", "account"]

# Where each system's table stands: module and name.
_TABLES: dict[System, tuple[str, str]] = {
    "docker": ("jitsi.settings", "DOCKER"),
    "compose": ("jitsi.settings", "COMPOSE"),
    "jvb": ("jitsi.settings", "BRIDGE"),
    "jicofo": ("jitsi.settings", "FOCUS"),
    "jitsi-meet": ("jitsi.settings", "PAGE"),
    "coturn": ("coturn_settings", "KEYS"),
    "prosody": ("prosody_settings", "KEYS"),
    "janus": ("janus_settings", "KEYS"),
    "nginx": ("nginx_settings", "KEYS"),
}
_NUMBER = re.compile(r"\[\d+\]$")


def keys(system: System) -> Mapping[str, Kind]:
    """This system's table."""
    module, name = _TABLES[system]
    found: Mapping[str, Kind] = getattr(import_module(f"natprobe.servers.{module}"), name)
    return found


def kind_of(system: System, section: tuple[str, ...], key: str) -> Kind | None:
    """What the value of this setting is; None: not known, and not to be shown."""
    table = keys(system)
    outer = [_NUMBER.sub("", each.partition(" ")[0]) for each in reversed(section)]
    names = accumulate([key, *outer], lambda inner, around: f"{around}.{inner}")
    return next((table[name] for name in reversed(list(names)) if name in table), None)
