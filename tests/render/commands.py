"""GitHub's runner, as far as it reads logs: which lines are commands, and what it makes of them."""

from __future__ import annotations

import re
from typing import NamedTuple

_COMMAND = re.compile(r"::(\w[\w-]*)(?: (.*?))?::(.*)", re.DOTALL)
_ESCAPED = {"%0D": "\r", "%0A": "\n", "%25": "%"}
_IN_PROPERTIES = _ESCAPED | {"%3A": ":", "%2C": ","}


class Command(NamedTuple):
    """What a line asks for."""

    name: str
    properties: dict[str, str]
    words: str


def commands(log: str) -> list[Command]:
    """Every command in a log, where a line's blanks before it do not count, and the older form in all of a line."""
    return [found for line in re.split(r"\r\n|\r|\n", log) if (found := _read(line))]


def _read(line: str) -> Command | None:
    match = _COMMAND.match(line.lstrip())
    if match is None:
        old = re.search(r"##(?:vso|teamcity)?\[(\w*)", line)
        return Command(f"##{old[1]}", {}, line) if old else None
    pairs = [each.partition("=") for each in (match[2] or "").split(",") if each]
    return Command(
        match[1], {name: _plain(value, _IN_PROPERTIES) for name, _, value in pairs}, _plain(match[3], _ESCAPED)
    )


def _plain(text: str, escapes: dict[str, str]) -> str:
    return re.sub("|".join(escapes), lambda found: escapes[found[0]], text)
