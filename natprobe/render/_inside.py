"""The JSON report inside pages and tickets, so that `natprobe diagnose` reads those as well. Pure."""

from __future__ import annotations

import json
import re
from functools import cache
from typing import Any

import msgspec

from natprobe.codec import dump
from natprobe.model import Foreign, Observation, Report
from natprobe.wording import bare

# The id of the element of a page that holds it.
ELEMENT = "natprobe-report"
# What would end the element that it stands in, what begins commands in the logs of a CI (_tame.py), and what is not
# ASCII: that may hide or turn what is read. All of it stands within strings.
_IN_PAGES = re.compile("[<>&#]|[^ -~\n]")
_IN_FENCES = re.compile("[`#]|[^ -~\n]")

_HEAD = ("schema", "natprobe", "started", "duration", "target", "sources")


def for_page(report: Report) -> str:
    """The whole of it; nothing in it ends a `script` element (HTML, section 4.12.1.3), and it is the same JSON."""
    return _IN_PAGES.sub(_escaped, dump(report))


def for_ticket(report: Report, length_max: int) -> str:
    """What `diagnose` needs of it, without what it assumes by itself: tickets have little room. A line for each
    observation, and no backtick. Empty where it is longer than that.
    """
    head = {name: msgspec.to_builtins(getattr(report, name)) for name in _HEAD}
    rows = ",\n".join(f"{_compact(name)}:{_compact(value)}" for name, value in head.items())
    seen, length = [], len(rows)
    for each in report.observations:
        seen.append(_compact(_spare(each)))
        length += len(seen[-1])
        if length > length_max:
            return ""
    return _IN_FENCES.sub(_escaped, "{" + rows + ',\n"observations":[\n' + ",\n".join(seen) + "\n]}")


def _spare(observation: Observation) -> dict[str, Any]:
    """Its fields but for those that have the value that they have when nothing is said."""
    if isinstance(observation, Foreign):
        return {**observation.raw, "id": observation.id, "source": observation.source}
    plain: dict[str, Any] = msgspec.to_builtins(observation, enc_hook=bare)
    carried: dict[str, Any] = plain.pop("carried")
    silent = _silent(type(observation))
    said = {name: value for name, value in plain.items() if not _is(value, silent.get(name, msgspec.NODEFAULT))}
    return {"kind": said["kind"], "id": observation.id} | said | carried


@cache
def _silent(kind: type[Observation]) -> dict[str, Any]:
    return {each.encode_name: each.default for each in msgspec.structs.fields(kind)}


def _is(value: Any, silent: Any) -> bool:
    """Whether a field says no more than its default; empty tuples are written as empty lists."""
    return bool(type(value) is type(silent) and value == silent) or (value == [] and silent == ())


def _compact(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _escaped(found: re.Match[str]) -> str:
    """The character as JSON writes it in ASCII: beyond the first plane as two halves."""
    return f"\\u{ord(found[0]):04x}" if found[0].isascii() else json.dumps(found[0])[1:-1]
