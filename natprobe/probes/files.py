"""On the server: its configuration files, and what of them natprobe knows. Nothing is written, and no secret is told.

Looked for in the usual places, or read from the paths that were given: files, or folders with what is in them.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

from natprobe.asking.configuration import DEPTH_MAX, FILES_MAX, Reading, Why, is_there, matching, names_in
from natprobe.asking.secrets import secrets
from natprobe.context import Context
from natprobe.facts import ConfigFile, Facts, Setting
from natprobe.facts.config import Form, System
from natprobe.host.machine import Machine
from natprobe.model import Failure, Observation
from natprobe.servers.places import (
    COMPOSE_NAMES,
    CONTAINER_FILES,
    CONTAINER_FOLDER,
    DOCKER_FOLDERS,
    USUAL,
    by_content,
    by_name,
    of_jitsi,
)
from natprobe.wire.text import clean

REQUIRES = ()
TAKES = ()
YIELDS = (ConfigFile, Setting)
TIMEOUT = 5.0

# Below a folder that was given, so deep.
_FOLDERS_DEEP = 4


async def probe(ctx: Context, facts: Facts) -> AsyncIterator[Observation]:
    """Files one after the other, so that the run's time limit may end it between two."""
    import asyncio

    if ctx.machine is None:
        return
    reading = Reading(ctx.machine, secrets(ctx.keep))
    found = _given(reading, ctx.options.files) if ctx.options.files else _usual(reading)
    for each in found:
        if isinstance(each, ConfigFile):
            await asyncio.sleep(0)
        yield each


def _usual(reading: Reading) -> Iterator[Observation]:
    for folder in _docker_folders(reading.machine):
        yield from _docker(reading, folder, "found")
    for place in USUAL:
        for path in matching(reading.machine, place.pattern):
            yield from reading.file(path, place.system, place.form)


def _docker_folders(machine: Machine) -> Iterator[str]:
    found = [path for folder in DOCKER_FOLDERS for path in matching(machine, folder)]
    yield from dict.fromkeys(map(machine.real, found))


# --- docker-jitsi-meet


def _docker(reading: Reading, folder: str, why: Why) -> Iterator[Observation]:
    """Its compose files, its .env, and what its containers read below CONFIG. Nothing, where it is no such folder."""
    names = set(names_in(reading.machine, folder))
    paths = [f"{folder}/{name}" for name in COMPOSE_NAMES if name in names]
    if not any(of_jitsi(reading.text(path) or "") for path in paths):
        return
    for path in paths:
        yield from reading.file(path, "compose", "yaml", why)
    config = ""
    if ".env" in names:
        for each in reading.file(f"{folder}/.env", "docker", "env", why):
            config = each.value if isinstance(each, Setting) and each.key == "CONFIG" else config
            yield each
    for below in _container_folders(folder, config):
        yield from _containers(reading, below)


def _container_folders(folder: str, config: str) -> list[str]:
    """Compose takes `~` for the home of who runs it: the owner of the folder's home, or root."""
    parts = folder.split("/")
    homes = ["/".join(parts[:3])] if parts[1:2] == ["home"] and len(parts) > 2 else []
    config = config or f"~/{CONTAINER_FOLDER}"
    for word in ("~", "$HOME", "${HOME}"):
        if config == word or config.startswith(f"{word}/"):
            return [home + config.removeprefix(word) for home in [*homes, "/root"]]
    return [config if config.startswith("/") else f"{folder}/{config}"] if "$" not in config else []


def _containers(reading: Reading, folder: str) -> Iterator[Observation]:
    for place, generated in CONTAINER_FILES:
        for path in matching(reading.machine, f"{folder}/{place.pattern}"):
            yield from reading.file(path, place.system, place.form, generated=generated, inside=True)


# --- what was named


def _given(reading: Reading, paths: tuple[str, ...]) -> Iterator[Observation]:
    for path in paths:
        if names_in(reading.machine, path):
            yield from _folder(reading, path.rstrip("/") or "/", [FILES_MAX])
        else:
            yield from _one(reading, path)


def _one(reading: Reading, path: str) -> Iterator[Observation]:
    """A file that was named, whatever its name is."""
    text = reading.text(path) or ""
    kind = by_name(path) or by_content(text)
    if kind is None:
        known = is_there(reading.machine, path)
        why = "it looks like no configuration that natprobe knows" if text or known else "there is no such file"
        failure = Failure.UNSUPPORTED if text else Failure.NO_DATA
        yield ConfigFile(
            path=clean(path, 1000), system="unknown", form="unknown", why="given", failure=failure, detail=why
        )
        return
    yield from reading.file(path, *kind, "given")


def _folder(reading: Reading, folder: str, left: list[int], depth: int = 0) -> Iterator[Observation]:
    """What is in it and below, by name, else by content; `left`: how many names are still looked at."""
    yield from _docker(reading, folder, "given")
    for name in names_in(reading.machine, folder):
        path = f"{folder.rstrip('/')}/{name}"
        left[0] -= 1
        if left[0] < 0:
            return
        if names_in(reading.machine, path):
            if depth < min(_FOLDERS_DEEP, DEPTH_MAX):
                yield from _folder(reading, path, left, depth + 1)
        elif (kind := _kind(reading, path)) is not None:
            yield from reading.file(path, *kind, "given")


def _kind(reading: Reading, path: str) -> tuple[System, Form] | None:
    if (named := by_name(path)) is not None:
        return named if named[0] != "compose" or of_jitsi(reading.text(path) or "") else None
    return by_content(reading.text(path) or "") if path.endswith((".conf", ".lua", ".cfg", ".js", ".vhost")) else None
