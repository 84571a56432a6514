"""A line of a configuration file with another value for one of its settings; all else of it stays as it is written."""

from __future__ import annotations

import re

_LINE_MAX = 2000


def rewritten(line: str, key: str, value: str) -> str | None:
    """The line; None where the setting doesn't stand in it once, as `key = value`, or its value is no plain one.

    Of a dotted key as much as stands there; a value that is in quotation marks stays in them.
    """
    if len(line) > _LINE_MAX or '"' in value or "'" in value:
        return None
    names = key.split(".")
    for first in range(len(names)):
        name = re.escape(".".join(names[first:]))
        pattern = rf"(?<![\w.-])([\"']?{name}[\"']?[ \t]*[=:][ \t]*)(\"[^\"\n]*\"|'[^'\n]*'|[^\s\"'{{}}\[\],;#]+)"
        found = list(re.finditer(pattern, line))
        if len(found) == 1:
            mark = found[0][2][0] if found[0][2][0] in "\"'" else ""
            return line[: found[0].start(2)] + f"{mark}{value}{mark}" + line[found[0].end(2) :]
    return None
