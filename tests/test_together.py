"""Several streams at once: everything comes, the first error ends all, and nobody is left behind."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing

import pytest

from natprobe.asking.together import any_of, as_they_come
from tests.lab.clock import START, Clock, run


class Streams:
    """Makes streams and notes which of them have ended."""

    def __init__(self) -> None:
        self.ended: list[str] = []

    async def counting(
        self, name: str, every: float, times: int, error: BaseException | None = None
    ) -> AsyncIterator[str]:
        try:
            for number in range(times):
                await asyncio.sleep(every)
                yield f"{name}{number}"
            if error is not None:
                raise error
        finally:
            self.ended.append(name)


def test_in_the_order_in_which_they_come() -> None:
    async def main() -> list[str]:
        made = Streams()
        return [each async for each in as_they_come([made.counting("a", 3, 2), made.counting("b", 2, 2)])]

    assert run(main()) == ["b0", "a0", "b1", "a1"]


def test_nothing_at_all() -> None:
    async def main() -> list[str]:
        none: list[AsyncIterator[str]] = []
        return [each async for each in as_they_come(none)]

    assert run(main()) == []


@pytest.mark.parametrize("error", [ValueError("x"), OSError("x"), KeyboardInterrupt()])
def test_the_first_error_ends_all(error: BaseException) -> None:
    made, seen = Streams(), []

    async def main() -> None:
        async for each in as_they_come([made.counting("a", 5, 9), made.counting("b", 1, 2, error)]):
            seen.append(each)

    clock = Clock()
    with pytest.raises(type(error)):
        clock.run(main())
    assert clock.now - START == 2  # not when the slow one would have ended by itself
    assert seen == ["b0", "b1"]
    assert sorted(made.ended) == ["a", "b"]


@pytest.mark.parametrize("seconds", [0.5, 2.5])
def test_a_deadline_ends_all(seconds: float) -> None:
    made, seen = Streams(), []

    async def main() -> None:
        async with asyncio.timeout(seconds):
            async for each in as_they_come(made.counting(name, 1, 9) for name in "abc"):
                seen.append(each)

    with pytest.raises(TimeoutError):
        run(main())
    assert len(seen) == 3 * int(seconds)
    assert sorted(made.ended) == ["a", "b", "c"]


def test_who_has_seen_enough_closes_it() -> None:
    made = Streams()

    async def main() -> None:
        async with aclosing(as_they_come([made.counting("a", 1, 9), made.counting("b", 2, 9)])) as stream:  # type: ignore[type-var]
            async for _ in stream:
                break
        assert sorted(made.ended) == ["a", "b"]
        assert len(asyncio.all_tasks()) == 1

    run(main())


class Connection:
    """One that stands after so many seconds, or fails then."""

    def __init__(self, name: str, after: float, error: BaseException | None = None) -> None:
        self.name, self.after, self.error = name, after, error
        self.begun = self.closed = False

    async def begin(self) -> Connection:
        self.begun = True
        await asyncio.sleep(self.after)
        if self.error is not None:
            raise self.error
        return self

    def close(self) -> None:
        self.closed = True


REFUSED, SILENT = ConnectionRefusedError("no"), TimeoutError()


@pytest.mark.parametrize(
    ("ways", "winner", "seconds", "begun"),
    [
        ([("a", 0.1, None), ("b", 0.1, None)], "a", 0.1, 1),
        ([("a", 0.4, None), ("b", 0.1, None)], "b", 0.35, 2),
        ([("a", 0.3, None), ("b", 0.1, None)], "a", 0.3, 2),
        ([("a", 0.1, REFUSED), ("b", 0.1, None), ("c", 0.1, None)], "b", 0.2, 2),
        ([("a", 9.0, None), ("b", 0.1, REFUSED), ("c", 0.1, None)], "c", 0.45, 3),
        ([("a", 0.1, SILENT), ("b", 0.2, REFUSED)], None, 0.3, 2),
    ],
)
def test_the_first_way_that_stands(
    ways: list[tuple[str, float, BaseException | None]], winner: str | None, seconds: float, begun: int
) -> None:
    clock = Clock()
    made = [Connection(*each) for each in ways]

    async def main() -> str | None:
        try:
            return (await any_of([each.begin for each in made], 0.25)).name
        except ConnectionRefusedError:
            return None

    assert clock.run(main()) == winner
    assert clock.now - START == pytest.approx(seconds)
    assert sum(each.begun for each in made) == begun


def test_of_two_at_once_one_is_closed_again() -> None:
    made = [Connection("a", 0.5), Connection("b", 0.25)]
    won = run(any_of([each.begin for each in made], 0.25))
    assert [each.closed for each in made] == [each is not won for each in made]


def test_a_fault_of_ours_is_no_way_that_failed() -> None:
    made = [Connection("a", 0.1, ValueError("ours")), Connection("b", 0.1)]
    with pytest.raises(ValueError, match="ours"):
        run(any_of([each.begin for each in made], 0.25))
