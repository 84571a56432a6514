"""docker-compose.yml: YAML's events with their lines (PyYAML's binding of libyaml), of which a tree of names is made.

Nothing is built of them, so that aliases cost nothing: what stands behind one is not repeated. `environment` is told in
one way however it is written: `- KEY=value` and `KEY: value` are an entry, and `- KEY`, which passes on the variable of
that name, is one with `${KEY}` for its value.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from natprobe.servers.files import DEPTH_MAX, ENTRIES_MAX, Entry, Parsed

# libyaml's time grows with the square of some nestings.
_TEXT_MAX = 1 << 18
_KEY_MAX = 200
_REFUSED = re.compile("[^\t\n\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")
_NULLS = ("", "~", "null", "Null", "NULL")


def parse(text: str) -> Parsed:
    """Up to where YAML ends to make sense."""
    import yaml

    reader = _Reader()
    broken: int | None = None
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        for event in yaml.parse(_readable(text), Loader=loader):
            if not reader.take(event):
                broken = _line(event)
                break
    except yaml.MarkedYAMLError as exc:
        broken = exc.problem_mark.line + 1 if exc.problem_mark else 1
    except (yaml.YAMLError, ValueError):
        broken = 1
    if broken is None and len(text) > _TEXT_MAX:
        broken = text.count("\n", 0, _TEXT_MAX) + 1
    last = text.count("\n") + 1  # what is missing at the end is told as behind it
    return Parsed([each._replace(line=min(each.line, last)) for each in reader.entries], broken and min(broken, last))


def _readable(text: str) -> str:
    """Characters that YAML 1.2 (section 5.1) refuses would end the reading."""
    return _REFUSED.sub(" ", text[:_TEXT_MAX])


def _line(event: Any) -> int:
    return int(event.start_mark.line) + 1


class _Open:
    """A mapping or list that is not closed. `name`: what it is the value of; `key`: of a mapping, the last one read."""

    def __init__(self, name: tuple[str, ...], is_list: bool) -> None:
        self.name, self.is_list = name, is_list
        self.key: str | None = None
        self.count = 0

    def place(self) -> tuple[str, ...]:
        """The name of what comes next."""
        if not self.is_list:
            key, self.key = self.key or "", None
            return (*self.name, key)
        self.count += 1
        return (*self.name[:-1], f"{self.name[-1] if self.name else ''}[{self.count - 1}]")


class _Reader:
    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self._open: list[_Open] = []

    def take(self, event: Any) -> bool:
        """False: it is too much."""
        import yaml

        if isinstance(event, (yaml.MappingStartEvent, yaml.SequenceStartEvent)):
            name = self._open[-1].place() if self._open else ()
            self._open.append(_Open(name, isinstance(event, yaml.SequenceStartEvent)))
        elif isinstance(event, (yaml.MappingEndEvent, yaml.SequenceEndEvent)):
            self._open.pop()
        elif isinstance(event, yaml.ScalarEvent):
            self._scalar(event.value, _line(event), event.implicit[0] and event.value in _NULLS)
        elif isinstance(event, yaml.AliasEvent):
            self._alias(_line(event))
        return len(self._open) <= DEPTH_MAX and len(self.entries) < ENTRIES_MAX

    def _alias(self, line: int) -> None:
        """What stands behind it is not repeated: only that there is one."""
        top = self._open[-1] if self._open else None
        if top is not None and (top.is_list or top.key is not None):
            name = top.name if top.is_list else top.place()
            whole = name if name[-1:] == ("environment",) else name[:-1]
            self.entries.append(Entry(line, whole, "<<", ""))

    def _scalar(self, value: str, line: int, nothing: bool) -> None:
        if not self._open:
            return
        top = self._open[-1]
        if not top.is_list and top.key is None:
            top.key = value[:_KEY_MAX]
            return
        name = top.name if top.is_list else top.place()
        self.entries.extend(_entries(name, value, line, nothing))


def _entries(name: tuple[str, ...], value: str, line: int, nothing: bool) -> Iterator[Entry]:
    if not name:
        return
    if name[-1] == "environment":  # the list's form
        key, is_given, given = value.partition("=")
        yield Entry(line, name, key.strip()[:_KEY_MAX], given if is_given else f"${{{key.strip()}}}")
    elif nothing and name[-2:-1] == ("environment",):
        yield Entry(line, name[:-1], name[-1], f"${{{name[-1]}}}")
    else:
        yield Entry(line, name[:-1], name[-1], "" if nothing else value)
