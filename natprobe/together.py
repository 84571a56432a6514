"""Side by side: several streams of observations on one deadline, in the order in which they come."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from typing import TypeVar

T = TypeVar("T")


async def as_they_come(streams: Iterable[AsyncIterator[T]]) -> AsyncIterator[T]:
    """Everything that the streams yield, as it comes. The first error ends all of them, as does closing this one."""
    queue: asyncio.Queue[tuple[T] | BaseException | None] = asyncio.Queue()
    tasks = [asyncio.create_task(_pump(stream, queue)) for stream in streams]
    running = len(tasks)
    try:
        while running:
            item = await queue.get()
            if isinstance(item, BaseException):
                raise item
            if item is None:
                running -= 1
            else:
                yield item[0]
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _pump(stream: AsyncIterator[T], queue: asyncio.Queue[tuple[T] | BaseException | None]) -> None:
    try:
        async for item in stream:
            queue.put_nowait((item,))
        queue.put_nowait(None)
    except asyncio.CancelledError:
        raise
    except BaseException as exc:  # noqa: BLE001  # handed on whole to the one who reads
        queue.put_nowait(exc)
