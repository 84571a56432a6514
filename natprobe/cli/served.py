"""The report of `natprobe serve -o`: what arrived, judged as a vantage of the server's. Written however it ends."""

from __future__ import annotations

import random

import msgspec

from natprobe.cli.inspect import this_host
from natprobe.cli.output import Plan, write
from natprobe.context import Context, Options
from natprobe.diagnose import diagnose
from natprobe.host.system import SystemHost
from natprobe.model import Report
from natprobe.net.api import Net
from natprobe.probes.arrivals import COUNTED
from natprobe.run import SERVING, Session
from natprobe.serve.counting import Counts


class Record:
    """Begins with the watch, so that its source says when that was and for how long."""

    def __init__(self, net: Net, counts: Counts, unix_time: float, seconds: float) -> None:
        options = Options(stun=(), timeout=seconds)
        self._context = Context(
            target=this_host(),
            options=options,
            net=net,
            host=SystemHost(),
            random=random.SystemRandom(),
            unix_time=unix_time,
        )
        self._context.keep.put(COUNTED, counts)
        self._session = Session(self._context, deadline=float("inf"))

    async def report(self) -> Report:
        """What was seen until now, judged."""
        await self._session.go(SERVING)
        source = msgspec.structs.replace(self._session.source, vantage="server")
        return diagnose(self._context.target, self._session.observations, [source])


async def write_report(record: Record | None, output: Plan) -> bool:
    """Where one was asked for; whether nothing was lost."""
    return record is None or write(await record.report(), output)
