"""Configuration files on the server, read one by one: decoded, parsed, and of what they say what natprobe knows.

A file is read once, by whatever name it is met: links lead to it, includes go in rings. Everything is counted: files,
bytes, settings, and how deep includes go.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from fnmatch import fnmatchcase
from itertools import islice
from typing import Literal

from natprobe.asking.secrets import Secrets
from natprobe.facts import ConfigFile, Setting
from natprobe.facts.config import Form, System
from natprobe.host.machine import Machine
from natprobe.model import Failure, Observation
from natprobe.net.failure import failure_of
from natprobe.servers.files import COMPUTED, Entry, Parsed, count_lines, parser
from natprobe.servers.files.text import decoded
from natprobe.servers.places import INCLUDES, NOT_INCLUDED
from natprobe.servers.settings import Kind, kind_of
from natprobe.wire.secrecy import without_secrets
from natprobe.wire.text import clean
from natprobe.wire.urls import bare_url

FILE_MAX, ALL_MAX = 1 << 20, 8 << 20
FILES_MAX, DEPTH_MAX, SETTINGS_MAX = 500, 8, 5000
# How many places are looked at for patterns: `/*/*/*/*` names a whole disk.
LOOKS_MAX = 20_000
_VALUE_MAX, _SECTION_MAX, _PATH_MAX = 300, 200, 1000
# What compose takes from .env: the name of a secret is none.
_REFERENCE = re.compile(r"\$\{[A-Z][A-Z0-9_]{1,60}\}")

# What stands in a secret's place and says only that there is one elsewhere, as Prosody's `secret = true`.
# Or a secret that stands in a published sample, which everybody knows.
_NO_SECRETS = ("true", "false", "janusoverlord")

Why = Literal["found", "given", "included"]


class Reading:
    """All files of a run."""

    def __init__(self, machine: Machine, secrets: Secrets) -> None:
        self.machine = machine
        self._secrets = secrets
        self._met: set[str] = set()
        self._files, self._bytes, self._settings = 0, ALL_MAX, 0
        self._looks = Looks(LOOKS_MAX)

    def text(self, path: str) -> str | None:
        """What is in a small file, for those who ask whose it is; None where it can't be read."""
        try:
            return decoded(self.machine.read(path, FILE_MAX)[:FILE_MAX])
        except OSError:
            return None

    def file(
        self,
        path: str,
        system: System,
        form: Form,
        why: Why = "found",
        *,
        generated: bool = False,
        inside: bool = False,
        depth: int = 0,
    ) -> Iterator[Observation]:
        """The file, what it says, and the files that it includes; nothing where it was read before."""
        place = self.machine.real(path)
        if place in self._met or self._files >= FILES_MAX:
            return
        self._met.add(place)
        self._files += 1
        said = ConfigFile(
            path=clean(place, _PATH_MAX), system=system, form=form, why=why, generated=generated, inside=inside
        )
        told, parsed = self._read(place, said)
        yield told
        yield from self._told(told, parsed)
        for each in self._included(told, parsed) if depth < DEPTH_MAX else ():
            made = generated and not each.rpartition("/")[2].startswith("custom-")
            yield from self.file(each, system, form, "included", generated=made, inside=inside, depth=depth + 1)

    def _read(self, path: str, said: ConfigFile) -> tuple[ConfigFile, Parsed]:
        try:
            data = self.machine.read(path, FILE_MAX)
        except OSError as exc:
            failure, detail = failure_of(exc)
            return _failed(said, Failure.NO_DATA if isinstance(exc, FileNotFoundError) else failure, detail), Parsed()
        limit = min(FILE_MAX, self._bytes)
        self._bytes -= min(len(data), limit)
        text = decoded(data[:limit])
        if text is None:
            return _failed(said, Failure.PROTOCOL, "it is no text"), Parsed()
        parsed = parser(said.form)(text)
        lines = count_lines(text)
        if len(data) > limit:
            return _failed(said, Failure.LIMIT, f"only its first {limit} bytes were read", lines), parsed
        if parsed.broken_at is not None:
            return _failed(said, Failure.PROTOCOL, f"line {parsed.broken_at} makes no sense", parsed.broken_at), parsed
        return _with(said, lines=lines), parsed

    def _told(self, file: ConfigFile, parsed: Parsed) -> Iterator[Setting]:
        for entry in parsed.entries:
            kind = kind_of(file.system, entry.section, entry.key)
            if kind is not None and self._settings < SETTINGS_MAX:
                self._settings += 1
                yield self._setting(file, entry, kind)

    def _setting(self, file: ConfigFile, entry: Entry, kind: Kind) -> Setting:
        value, secret = self._shown(entry.value, kind, file.system)
        return Setting(
            file=file.path,
            line=entry.line,
            system=file.system,
            section=clean(" ".join(entry.section), _SECTION_MAX),
            key=clean(entry.key, _SECTION_MAX),
            value=clean(value, _VALUE_MAX),
            secret=secret,
        )

    def _shown(self, value: str, kind: Kind, system: System) -> tuple[str, int | None]:
        if kind == "secret" and system == "compose" and _REFERENCE.fullmatch(value):
            return value, None
        if kind == "secret" and value in (COMPUTED, *_NO_SECRETS):
            return value, None
        if kind == "secret":
            return "", self._secrets.number(value)
        if kind == "account":
            name, _, password = value.partition(":")
            # One without a colon may be the password itself.
            return (name, self._secrets.number(password)) if password else ("", self._secrets.number(name))
        return (_place(value) if kind == "url" else without_secrets(value)), None

    def _included(self, file: ConfigFile, parsed: Parsed) -> Iterator[str]:
        """Below the file's own folder, else below the one above it: nginx and Prosody go from their main file's. What a
        container's file names from the root is the container's.
        """
        words, folder = INCLUDES.get(file.form, ()), file.path.rpartition("/")[0]
        bases = (folder, folder.rpartition("/")[0])
        for pattern in islice((each.value for each in parsed.entries if each.key in words), FILES_MAX):
            absolute = pattern.startswith("/")
            places = ((pattern,) if not file.inside else ()) if absolute else [f"{each}/{pattern}" for each in bases]
            found = next(filter(None, (list(matching(self.machine, each, self._looks)) for each in places)), [])
            yield from (each for each in found if not _unwanted(each))


# A port, a variable in its place, or none: else it is a password, and the rest of the URL is cut off.
_PORT = re.compile(r"[0-9]{0,5}|\$.*")


def _place(url: str) -> str:
    """Host, port and path. A password that should have been escaped may have any character, also those at which the
    parts of a URL end.
    """
    head, at, rest = url.rpartition("@")
    scheme, mark, _ = (head if at else rest).partition("://")
    bare = bare_url(f"{scheme}{mark}{rest}" if at and mark else rest) or ""
    scheme, mark, rest = bare.rpartition("://")
    authority = rest.partition("/")[0]
    _, _, port = authority.rpartition("]")[2].partition(":")
    return bare if _PORT.fullmatch(port) else f"{scheme}{mark}{authority.removesuffix(f':{port}')}"


def _with(said: ConfigFile, lines: int) -> ConfigFile:
    import msgspec

    return msgspec.structs.replace(said, lines=lines)


def _unwanted(path: str) -> bool:
    return any(fnmatchcase(path.rpartition("/")[2], name) for name in NOT_INCLUDED)


def _failed(said: ConfigFile, failure: Failure, detail: str, lines: int = 0) -> ConfigFile:
    import msgspec

    return msgspec.structs.replace(said, failure=failure, detail=detail, lines=lines)


class Looks:
    """How many places may still be looked at."""

    def __init__(self, left: int) -> None:
        self._left = left

    def take(self) -> bool:
        """One of them, if there is one left."""
        self._left -= 1
        return self._left >= 0


def matching(machine: Machine, pattern: str, looks: Looks | None = None) -> Iterator[str]:
    """The paths that a pattern with `*` and `?` names, in order, as far as `looks` go; without, those there are."""
    if len(pattern) <= _PATH_MAX and "\0" not in pattern:
        base, parts = "/" if pattern.startswith("/") else "", pattern.strip("/").split("/")
        yield from islice(_matching(machine, base, parts, looks or Looks(LOOKS_MAX)), 500)


def _matching(machine: Machine, base: str, parts: list[str], looks: Looks) -> Iterator[str]:
    first, rest = parts[0], parts[1:]
    if any(mark in first for mark in "*?["):
        names = [each for each in names_in(machine, base or ".") if fnmatchcase(each, first)]
        found = [each for each in names if not each.startswith(".") or first.startswith(".")]
    else:
        found = [first]
    for name in found:
        path = f"{base}{name}"
        if not looks.take():
            return
        if rest:
            yield from _matching(machine, f"{path}/", rest, looks)
        elif is_there(machine, path):
            yield path


def names_in(machine: Machine, folder: str) -> list[str]:
    """What is in a folder; nothing where we may not look, or there is none."""
    try:
        return machine.listing(folder)
    except (OSError, ValueError):
        return []


def is_there(machine: Machine, path: str) -> bool:
    """Also where it can't be looked at: that is told of the file then."""
    try:
        machine.state(path)
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return False
    except OSError:
        return True
    return True
