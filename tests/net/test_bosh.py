"""Long polling: when the next request goes, and what every one of them carries. In virtual time."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from typing import cast

import pytest

from natprobe.net.bosh import HTTPBIND, POLL_SECONDS, POLLS_AT_ONCE, Bosh
from natprobe.net.http import Client, Header, Reply
from tests.lab.clock import Clock

RTT = 0.1
STANZA = "<message xmlns='jabber:client'/>"


class Held:
    """A connection manager that answers each request after `delay` with what is next in its script, and then never."""

    open = True

    def __init__(self, script: Sequence[str], delay: float = RTT) -> None:
        self.script, self.delay = list(script), delay
        self.times: list[float] = []
        self.headers: list[Sequence[Header]] = []

    async def post(self, path: str, body: bytes, kind: str, most: int, extra: Sequence[Header] = ()) -> Reply:
        self.times.append(round(asyncio.get_running_loop().time(), 6))
        self.headers.append(extra)
        await asyncio.sleep(self.delay if self.script else 3600)
        inside = self.script.pop(0)
        return Reply(200, {}, f"<body xmlns='{HTTPBIND}' sid='s'>{inside}</body>".encode())

    def close(self) -> None:
        """Nothing to free."""


def asked(script: Sequence[str], wanted: int, delay: float = RTT) -> Held:
    """A stream that is opened, and `wanted` elements read from it; then nothing more for two seconds."""
    held, clock = Held(script, delay), Clock()

    async def another() -> Client:
        return cast(Client, held)

    async def go() -> None:
        bosh = Bosh(cast(Client, held), another, "/http-bind", "a", random.Random(1), "https://page.example")
        await bosh.start()
        for _ in range(wanted):
            await bosh.receive()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(2):
                await bosh.receive()
        bosh.close()

    clock.run(go())
    began = held.times[0]
    held.times = [round(each - began, 6) for each in held.times]
    return held


def test_behind_what_came_the_next_request_goes_at_once() -> None:
    assert asked([STANZA, STANZA, STANZA], 3).times == pytest.approx([0, RTT, 2 * RTT, 3 * RTT])


def test_who_answers_empty_requests_with_nothing_is_not_asked_in_a_loop() -> None:
    found = asked([STANZA, "", ""], 1).times
    assert found == pytest.approx([0, RTT, 2 * RTT + POLL_SECONDS, 3 * RTT + 2 * POLL_SECONDS])


def test_and_at_once_again_when_something_comes() -> None:
    found = asked([STANZA, "", STANZA], 2).times
    assert found == pytest.approx([0, RTT, 2 * RTT + POLL_SECONDS, 3 * RTT + POLL_SECONDS])


def test_who_answers_every_request_at_once_is_not_asked_in_a_loop_either() -> None:
    found = asked([STANZA] * (POLLS_AT_ONCE + 4), POLLS_AT_ONCE + 4, delay=0.0).times
    assert found[: POLLS_AT_ONCE + 1] == [0.0] * (POLLS_AT_ONCE + 1)
    assert found[POLLS_AT_ONCE + 1 :] == pytest.approx([POLL_SECONDS * each for each in range(1, 5)])


def test_every_request_names_the_pages_origin() -> None:
    found = asked([STANZA], 1)
    assert len(found.headers) == 2
    assert all(each == [(b"Origin", b"https://page.example")] for each in found.headers)


class Lost:
    """Answers one request; the connection of each that follows ends without an answer, `after` so many seconds."""

    open = True

    def __init__(self, after: float) -> None:
        self.after, self.asked = after, 0

    async def post(self, *_: object) -> Reply:
        self.asked += 1
        if self.asked > 1:
            await asyncio.sleep(self.after)
            raise EOFError("the server closed the connection without an answer")
        return Reply(200, {}, f"<body xmlns='{HTTPBIND}' sid='s'>{STANZA}</body>".encode())

    def close(self) -> None:
        """Nothing to free."""


@pytest.mark.parametrize(
    ("strict", "after", "asked"), [(False, 3.0, 3), (True, 3.0, 2), (True, 0.01, 3)], ids=["usual", "held", "too late"]
)
def test_a_held_request_that_is_lost_is_sent_again_unless_strict(strict: bool, after: float, asked: int) -> None:
    """A connection that was closed already has lost nothing: that one is made again in any case."""
    there = Lost(after)

    async def another() -> Client:
        return cast(Client, there)

    async def go() -> None:
        bosh = Bosh(cast(Client, there), another, "/http-bind", "a", random.Random(1))
        bosh.strict = strict
        await bosh.start()
        await bosh.receive()
        with pytest.raises(EOFError):
            await bosh.receive()
        bosh.close()

    Clock().run(go())
    assert there.asked == asked
