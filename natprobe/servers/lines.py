"""A line of a configuration file with one word of its value changed, as that file's syntax writes it. Pure."""

from __future__ import annotations

import re

from natprobe.facts import Setting
from natprobe.facts.config import System
from natprobe.model import Set

# A file's whole line. What can't be written without the line's own indentation and neighbours has none.
_LINES: dict[System, str] = {"docker": "{key}={value}", "coturn": "{key}={value}"}
_AFTER: dict[System, str] = {
    "docker": "docker compose up -d --force-recreate jvb",
    "coturn": "systemctl restart coturn",
    "jvb": "systemctl restart jitsi-videobridge2",
    "janus": "systemctl restart janus",
}


def replaced(said: Setting, old: str, new: str) -> Set:
    """The setting with `new` in the place of `old`."""
    value = re.sub(rf"(?<![0-9A-Fa-f.:]){re.escape(old)}(?![0-9A-Fa-f.:])", new, said.value)
    form = _LINES.get(said.system, "{key}={value}" if said.file.endswith(".properties") else "")
    return Set(
        system=said.system,
        file=said.file,
        section=said.section,
        key=said.key,
        value=value,
        line=said.line,
        text=form.format(key=said.key, value=value),
        audience="server",
        why="clients send media to the address that they are told",
        after=_AFTER.get(said.system, ""),
    )
