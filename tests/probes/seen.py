"""One run in the lab, and what must be true of every run whatever the servers did."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

from natprobe.codec import dump, load
from natprobe.diagnose import diagnose
from natprobe.facts import Probed
from natprobe.model import Observation
from natprobe.net.api import Stream
from natprobe.render._manner import Manner
from natprobe.render.text import lines
from natprobe.run import load_probe
from natprobe.target import parse
from tests.lab.build import Lab
from tests.lab.check import session
from tests.schema import VALIDATOR

K = TypeVar("K", bound=Observation)
Talk = Callable[[Stream], Awaitable[None]]


def seen(lab: Lab, target: str, probes: Sequence[str], **options: Any) -> list[Observation]:
    """What was seen: nothing crashed, all in time, and the report can be read again."""
    began = lab.clock.now
    found = session(lab, target, probes, **options)
    assert lab.clock.now - began <= sum(load_probe(name).TIMEOUT for name in probes) + 1.0
    ends = of(found.observations, Probed)
    assert {each.probe for each in ends} == set(probes)
    assert [each.detail for each in ends if each.status == "crashed"] == []
    report = diagnose(parse(target).target, found.observations, [found.source])
    text = dump(report)
    assert load(text).observations == report.observations
    VALIDATOR.validate(json.loads(text))
    assert lines(report, Manner(verbose=True))
    return list(found.observations)


def of(observations: Sequence[Observation], kind: type[K], probe: str | None = None) -> list[K]:
    """Those of this kind, by this probe."""
    return [each for each in observations if isinstance(each, kind) and probe in (None, each.probe)]


def says(data: bytes, then: Talk | None = None) -> Talk:
    """A TCP server that waits for something, says this and closes, or goes on as told."""

    async def talk(stream: Stream) -> None:
        await stream.read()
        await stream.write(data)
        if then is not None:
            await then(stream)

    return talk


async def hangs(stream: Stream) -> None:
    """Reads and never says anything."""
    while await stream.read():
        pass


async def shuts(stream: Stream) -> None:
    """Closes at once."""


def floods(data: bytes, every: float = 0.01) -> Talk:
    """Goes on and on until the other side closes."""
    import asyncio

    async def talk(stream: Stream) -> None:
        while True:
            await stream.write(data)
            await asyncio.sleep(every)

    return talk
