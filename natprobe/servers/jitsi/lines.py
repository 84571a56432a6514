"""Jitsi's settings as exact lines of the file that they stand in: what `inspect --diff` shows."""

from __future__ import annotations

import msgspec

from natprobe.model import Set
from natprobe.servers.files.writing import line as written
from natprobe.servers.jitsi.fixes import BRIDGE_FILE, RESTART_BRIDGE, env


def env_line(
    key: str,
    value: str,
    *,
    file: str,
    line: int | None = None,
    there: bool = True,
    why: str = "",
    since: str = "",
    until: str = "",
) -> Set:
    """A line of docker-jitsi-meet's .env: instead of the one at `line`, or, where the key is not there, behind it."""
    text = written("env", key, value) if line is not None else ""
    usual = env(key, value, why, since=since, until=until)
    return msgspec.structs.replace(usual, file=file, op="set" if there else "add", line=line, text=text)


def bridge_line(key: str, value: str, *, file: str = BRIDGE_FILE, line: int | None = None, why: str = "") -> Set:
    """A line of the bridge's: of the older properties whole, of jvb.conf only what it has to say."""
    whole = file.endswith(".properties") and line is not None
    return Set(
        system="jitsi-videobridge2",
        file=file,
        key=key,
        value=value,
        line=line,
        text=written("properties", key, value) if whole else "",
        audience="server",
        why=why,
        after=RESTART_BRIDGE,
    )


def page_line(key: str, value: str, file: str, line: int) -> Set:
    """A line of the packages' config.js."""
    return Set(
        system="jitsi-meet",
        file=file,
        key=key,
        value=value,
        line=line,
        audience="server",
        why="an address that every client reaches, of the page's own host and port",
        after="reload the page; nothing needs a restart",
    )


def removed(system: str, file: str, line: int, key: str, why: str = "", after: str = "") -> Set:
    """Without this line."""
    return Set(system=system, file=file, op="remove", key=key, line=line, audience="server", why=why, after=after)
