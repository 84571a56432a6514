"""What the configuration files of a server say, by system. Pure.

Of a file that a container reads, addresses and ports are the container's: whoever asks for the host's own settings gets
none of them.
"""

from __future__ import annotations

import re

from natprobe.facts import ConfigFile, Facts, Setting
from natprobe.facts.config import System

_PORT = re.compile(r"[0-9]{1,5}")


def inside(facts: Facts) -> set[str]:
    """The files that containers read."""
    return {each.path for each in facts.of(ConfigFile) if each.inside}


def settings(facts: Facts, system: System, *keys: str, container: bool | None = None) -> list[Setting]:
    """The settings of these names, or all; of containers' files only, of others only, or wherever they stand (None)."""
    held = inside(facts) if container is not None else set()
    return facts.of(
        Setting,
        lambda each: (
            each.system == system
            and (not keys or each.key in keys)
            and (container is None or (each.file in held) is container)
        ),
    )


def last(found: list[Setting]) -> Setting | None:
    """Where one is given twice, the last one counts in every system that natprobe knows."""
    return found[-1] if found else None


def files(facts: Facts, system: System, container: bool | None = None) -> list[ConfigFile]:
    """This system's files that are there."""
    return facts.of(
        ConfigFile,
        lambda each: each.system == system and each.lines > 0 and (container is None or each.inside is container),
    )


def folder(path: str) -> str:
    """Of a file."""
    return path.rpartition("/")[0]


def port_number(word: str) -> int | None:
    """A port that something can have; None: the word is none."""
    return int(word) if _PORT.fullmatch(word) and 0 < int(word) < 65536 else None


def true(value: str) -> bool:
    """As docker-jitsi-meet's templates, HOCON and Java take a switch that is on."""
    return value.strip().lower() in ("1", "true", "yes", "on")
