"""What `natprobe inspect` makes of a test's configuration files: its probes, on a machine made of these files."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import msgspec

from natprobe.context import Context, Options
from natprobe.diagnose import diagnose
from natprobe.facts import Facts
from natprobe.host.machine import Machine
from natprobe.model import Finding, Observation, Report
from natprobe.run import load_probe
from tests.lab.machine import FakeMachine
from tests.made import SOURCE, numbered
from tests.made_server import SERVER

CONFIGS = Path(__file__).parent / "configs"
# Where the files of tests/configs stand on a server.
_PLACES = (
    ("turnserver.conf", "/etc"),
    (".cfg.lua", "/etc/prosody/conf.d"),
    (".jcfg", "/etc/janus"),
    ("nginx.conf", "/etc/nginx"),
)
# 2026-11-21T08:00:00Z, as the time of the lab's certificates.
NOW = 1795248000.0


def files_of(name: str) -> dict[str, str | bytes | int]:
    """A folder of tests/configs, each file in its usual place."""
    found: dict[str, str | bytes | int] = {}
    for path in sorted((CONFIGS / name).iterdir()):
        place = next(place for ending, place in _PLACES if path.name.endswith(ending))
        found[f"{place}/{path.name}"] = path.read_text()
    return found


def observed(
    files: Mapping[str, str | bytes | int],
    /,
    probes: Collection[str] = ("files", "certificates"),
    users: Mapping[str, Collection[str]] | None = None,
    unix_time: float = NOW,
    machine: Machine | None = None,
    **options: Any,
) -> list[Observation]:
    """What these probes see on a machine with these files."""
    nothing: Any = None
    context = Context(
        target=SERVER,
        options=Options(**options),
        net=nothing,
        host=nothing,
        random=random.Random(1),
        unix_time=unix_time,
        machine=machine or FakeMachine(files, users=users),
    )

    async def run() -> list[Observation]:
        facts = Facts(SERVER, [])
        seen: list[Observation] = []
        for name in probes:
            async for each in load_probe(name).probe(context, facts):
                seen.append(msgspec.structs.replace(each, probe=name))
                facts.add(seen[-1])
        return numbered(*seen)

    return asyncio.run(run())


def report(*observations: Observation) -> Report:
    """The diagnosis of a server's own vantage."""
    return diagnose(SERVER, numbered(*observations), [msgspec.structs.replace(SOURCE, vantage="server")])


def finding(found: Report, cause: str) -> Finding:
    """The only finding of this cause."""
    (only,) = [each for each in found.findings if each.cause == cause]
    return only
