"""Side by side: several streams of observations on one deadline, in the order in which they come."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Coroutine, Iterable, Sequence
from typing import Any, Protocol, TypeVar

from natprobe.model import Endpoint, Family, family, split

T = TypeVar("T")

# Of several addresses the next, when the one before has not answered, as browsers do (RFC 8305 section 8).
NEXT_SECONDS = 0.25


class _Closes(Protocol):
    def close(self) -> None:
        """Idempotent."""


C = TypeVar("C", bound=_Closes)


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


async def first(begin: Callable[[], Coroutine[Any, Any, C]], times: int, apart: float) -> C:
    """The first of several connections, each begun when those before it have not answered for `apart` seconds.

    An error ends them all. The deadline is the caller's.
    """
    running: set[asyncio.Task[C]] = set()
    try:
        for number in range(times):
            running.add(asyncio.create_task(begin()))
            timeout = apart if number < times - 1 else None
            done, _ = await asyncio.wait(running, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
            if done:
                running.discard(winner := done.pop())
                return winner.result()
        raise TimeoutError
    finally:
        await given_up(running)


def of_each_family(items: Iterable[T], endpoint: Callable[[T], Endpoint]) -> list[T]:
    """The first whose endpoint is an address of IPv4, and the first of IPv6, in their order."""
    found: dict[Family, T] = {}
    for each in items:
        found.setdefault(family(split(endpoint(each))[0]), each)
    return list(found.values())


async def any_of(begin: Sequence[Callable[[], Coroutine[Any, Any, C]]], apart: float = NEXT_SECONDS) -> C:
    """The first connection that stands, of several ways: the next begins when those before it failed, or have not
    answered for `apart` seconds (RFC 8305 section 5). Raises the last OSError. The deadline is the caller's.
    """
    waiting, running, error = list(begin), set[asyncio.Task[C]](), OSError("there is no way")
    try:
        while waiting or running:
            if waiting:
                running.add(asyncio.create_task(waiting.pop(0)()))
            timeout = apart if waiting else None
            done, _ = await asyncio.wait(running, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
            for each in done:
                running.discard(each)
                if (failed := each.exception()) is None:
                    return each.result()
                if not isinstance(failed, OSError):
                    raise failed
                error = failed
        raise error
    finally:
        await given_up(running)


async def given_up(running: Collection[asyncio.Task[C]]) -> None:
    """Ends them; of what stands all the same the connection is closed."""
    for task in running:
        task.cancel()
    for late in await asyncio.gather(*running, return_exceptions=True):
        if not isinstance(late, BaseException):
            late.close()
