"""How a command's work is run, and how SIGINT and SIGTERM end it: by cancelling, so that it can say goodbye."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


def run(work: Coroutine[Any, Any, T]) -> T:
    """In a selector loop on every system: add_reader watches UDP sockets, and Windows' default loop lacks it."""
    with asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as runner:
        return runner.run(work)


async def until_told(work: Coroutine[Any, Any, None]) -> int:
    """Runs it to its end: 0; or until a signal: its number."""
    caught: list[int] = []
    task = asyncio.ensure_future(work)

    def stop(number: int) -> None:
        caught.append(number)
        task.cancel()

    for number in (signal.SIGINT, signal.SIGTERM):
        with contextlib.suppress(NotImplementedError):  # Windows: Ctrl-C cancels the main task instead
            asyncio.get_running_loop().add_signal_handler(number, stop, number)
    try:
        await asyncio.wait([task])
    except asyncio.CancelledError:
        stop(signal.SIGINT)
        await asyncio.wait([task])
    if not task.cancelled():
        task.result()
    return caught[0] if caught else 0
