"""The probe for configuration files, run over a machine: what it yields, and what is judged of that."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path

from natprobe.context import Context, Options
from natprobe.facts import ConfigFile, Facts, Setting
from natprobe.host.machine import Machine
from natprobe.host.server import SystemMachine
from natprobe.model import Observation
from natprobe.probes import files
from tests.made_server import SERVER

CONFIGS = Path(__file__).parent / "configs"


def read(machine: Machine | None = None, *paths: str) -> list[Observation]:
    """What the files say, of a machine that a test made, or of the real one."""
    context = Context(
        target=SERVER,
        options=Options(files=paths),
        net=None,  # type: ignore[arg-type]  # nothing is sent
        host=None,  # type: ignore[arg-type]  # nor asked
        random=random.Random(7),
        unix_time=0.0,
        machine=machine or SystemMachine(),
    )

    async def all_of_it() -> list[Observation]:
        return [each async for each in files.probe(context, Facts(SERVER, []))]

    return asyncio.run(all_of_it())


def folder(name: str) -> list[Observation]:
    """What is said in a folder of tests/configs."""
    return read(None, str(CONFIGS / name))


def told(observations: list[Observation]) -> dict[str, str]:
    """Settings by their keys, the last of each name."""
    return {each.key: each.value for each in observations if isinstance(each, Setting)}


def paths(observations: list[Observation]) -> list[str]:
    """The files, by their names."""
    return [Path(each.path).name for each in observations if isinstance(each, ConfigFile)]
