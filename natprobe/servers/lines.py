"""A line of a configuration file with one word of its value changed, as that file's syntax writes it. Pure."""

from __future__ import annotations

import re

from natprobe.facts import Setting
from natprobe.facts.config import Form, System
from natprobe.model import Set
from natprobe.servers.files.writing import line
from natprobe.wording import phrase

# Whose whole line can be written. What can't be without its own indentation and neighbours has none.
_LINES: dict[System, Form] = {"docker": "env", "coturn": "flat"}
_AFTER: dict[System, str] = {
    "docker": phrase("docker compose up -d --force-recreate jvb"),
    "coturn": phrase("systemctl restart coturn"),
    "jvb": phrase("systemctl restart jitsi-videobridge2"),
    "janus": phrase("systemctl restart janus"),
}


def replaced(said: Setting, old: str, new: str) -> Set:
    """The setting with `new` in the place of `old`."""
    value = re.sub(rf"(?<![0-9A-Fa-f.:]){re.escape(old)}(?![0-9A-Fa-f.:])", new, said.value)
    form: Form = "properties" if said.file.endswith(".properties") else _LINES.get(said.system, "unknown")
    return Set(
        system=said.system,
        file=said.file,
        section=said.section,
        key=said.key,
        value=value,
        line=said.line,
        text=line(form, said.key, value),
        audience="server",
        why="clients send media to the address that they are told",
        after=_AFTER.get(said.system, ""),
    )
