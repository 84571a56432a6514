"""TCP connections whose silence is a fact: several, since a lost SYN is sent again after a second only."""

from __future__ import annotations

import asyncio

from natprobe.asking.together import first
from natprobe.context import Context
from natprobe.derive import SILENT_CONNECTIONS
from natprobe.net.api import Stream

# How far apart they begin, and how long all of them have (seconds): each sends a second SYN in it.
NEXT_SECONDS = 0.4
CONNECT_SECONDS = 2.5


class Connections:
    """The way to one server. `tries` counts how many were begun: the next where those before it stay unanswered."""

    def __init__(self, ctx: Context, remote: tuple[str, int]) -> None:
        self._ctx, self._remote = ctx, remote
        self.tries = 0

    async def first(self) -> Stream:
        """The one that is answered. Raises OSError where one is refused, TimeoutError after CONNECT_SECONDS."""
        self.tries = 0
        async with asyncio.timeout(CONNECT_SECONDS):
            return await first(self._begin, SILENT_CONNECTIONS, NEXT_SECONDS)

    async def _begin(self) -> Stream:
        self.tries += 1
        return await self._ctx.tcp(self._remote)
