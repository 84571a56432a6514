"""A setting as its file's syntax writes it, ready to stand there; the other way of the parsers beside it. Pure.

One writer for each syntax. None where the value is no value but words for one, or would need what a line can't say.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable

from natprobe.facts.config import Form

# What stands for a value that only its administrator knows: such a line is none to be written as it stands.
PLACEHOLDER = re.compile(r"\b(?:THE|YOUR)-[A-Z]")

_BARE = re.compile(r"[^\s\"'\\$`]*")
_KEY = re.compile(r"[A-Za-z_*][\w.*-]*")
_LITERAL = re.compile(r"-?\d+(?:\.\d+)?|true|false|null|nil")
_QUOTED = re.compile(r"\"(?:[^\"\\\n]|\\.)*\"|'(?:[^'\\\n]|\\.)*'")
_TABLE = re.compile(r"\{[^\n]*\}|\[[^\n]*\]")
_STRING = re.compile(r"[^\s\"'\\]+")
_DIRECTIVE = re.compile(r"(?:\"[^\"]*\"|'[^']*'|[^;\"'{}])+;")


def written(form: Form, key: str, value: str) -> tuple[str, ...] | None:
    """The lines; one, but of nginx's blocks. `value` as fixes have it: quoted or not."""
    write = _WRITERS.get(form)
    if write is None or PLACEHOLDER.search(value) or "\n" in key + value:
        return None
    if form != "nginx" and not _KEY.fullmatch(key):
        return None
    return write(key, value)


def line(form: Form, key: str, value: str) -> str:
    """The same where only one line will do; empty for None."""
    lines = written(form, key, value) or ()
    return lines[0] if len(lines) == 1 else ""


def _env(key: str, value: str) -> tuple[str, ...] | None:
    """Quoted only where it has to be: docker compose takes a value up to a blank's `#`."""
    return (f"{key}={value}",) if _BARE.fullmatch(value) else None


def _flat(key: str, value: str) -> tuple[str, ...] | None:
    """A flag has no value."""
    return (f"{key}={value}" if value else key,) if _BARE.fullmatch(value) else None


def _hocon(key: str, value: str) -> tuple[str, ...] | None:
    """Strings in quotation marks: an address's colons are syntax without them."""
    plain = _plain(value)
    return (f"{key} = {plain}",) if plain else None


def _libconfig(key: str, value: str) -> tuple[str, ...] | None:
    plain = _plain(value)
    return (f"{key} = {plain}",) if plain else None


def _lua(key: str, value: str) -> tuple[str, ...] | None:
    plain = _plain(value)
    return (f"{key} = {plain};",) if plain else None


def _javascript(key: str, value: str) -> tuple[str, ...] | None:
    """Behind the object: what is assigned later counts."""
    plain = _plain(value)
    return (f"config.{key} = {plain};",) if plain else None


def _plain(value: str) -> str | None:
    """A number, a truth, a list or a table as it is, and so what is quoted already; a word with quotation marks."""
    if any(each.fullmatch(value) for each in (_LITERAL, _QUOTED, _TABLE)):
        return value
    return json.dumps(value) if _STRING.fullmatch(value) else None


def _nginx(key: str, value: str) -> tuple[str, ...] | None:
    """A directive, or a block with each of its directives in a line."""
    if not (value.startswith("{") and value.endswith("}")):
        line = f"{key} {value}".strip() + ";"
        return (line,) if _DIRECTIVE.fullmatch(line) else None
    inner = value[1:-1].strip()
    lines = [each.strip() for each in _DIRECTIVE.findall(inner)]
    return (f"{key} {{", *(f"    {each}" for each in lines), "}") if " ".join(lines) == inner else None


_WRITERS: dict[Form, Callable[[str, str], tuple[str, ...] | None]] = {
    "env": _env,
    "flat": _flat,
    "properties": _flat,
    "hocon": _hocon,
    "libconfig": _libconfig,
    "lua": _lua,
    "javascript": _javascript,
    "nginx": _nginx,
}
