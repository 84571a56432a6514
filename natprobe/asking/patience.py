"""How long an answer is waited for; shortened once somebody else, who is asked the same, has answered."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Patience:
    """For whoever waits within `bounded`. `seconds`: from its own beginning on; None: as long as it likes."""

    def __init__(self, seconds: float | None = None) -> None:
        self.seconds = seconds
        # Those that wait, and since when (on the loop's clock).
        self._open: dict[asyncio.Timeout, float] = {}

    @asynccontextmanager
    async def bounded(self) -> AsyncIterator[None]:
        """Raises TimeoutError."""
        async with asyncio.timeout(self.seconds) as bound:
            self._open[bound] = asyncio.get_running_loop().time()
            try:
                yield
            finally:
                del self._open[bound]

    def shorten(self, seconds: float) -> None:
        """For those that wait already, and those to come."""
        self.seconds = seconds if self.seconds is None else min(seconds, self.seconds)
        for each, began in self._open.items():
            each.reschedule(began + self.seconds)
