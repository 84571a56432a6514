"""Further conferences: by the way in that worked, with a word where nothing can be compared, and left when checked."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import pytest

from natprobe.asking.xmpp import XmppSession
from natprobe.context import Context, Options
from natprobe.facts import Facts, PoolCheck, SessionOffer, SignIn
from natprobe.model import Failure, Observation
from natprobe.probes import pool
from natprobe.target import parse
from tests.lab.client import lab_of, within
from tests.probes.joining import CONFIG, DOMAIN, HOST, JIDS, SIGNED_IN, WEB, Server, Stream

# The other door, which is only looked at, may be the first to answer.
LOOKED_AT = SignIn(
    url=f"https://{HOST}/http-bind", transport="bosh", domain=DOMAIN, endpoint=f"{WEB}:443", reached="stream"
)
OFFER = SessionOffer(participant=1, session="media/1")


class Pool:
    """A server for each room, and the doors that were taken."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, **settings: Any) -> None:
        self.rooms: dict[str, Server] = defaultdict(lambda: Server(**settings))
        self.doors: set[str] = set()
        there = self

        class SigningIn:
            def __init__(self, ctx: Context, way: Any, _domain: str, room: str) -> None:
                there.doors.add(way.transport)
                self._ctx, self._room = ctx, room
                self.session: XmppSession | None = None

            async def run(self, **_: Any) -> None:
                server = there.rooms[self._room]
                jid = JIDS[len(server.streams)]
                self.session = XmppSession(Stream(server), jid, DOMAIN, self._ctx.random, self._room)

        monkeypatch.setattr(pool, "SigningIn", SigningIn)

    def checked(self, before: Sequence[Observation], sessions: int = 3) -> list[PoolCheck]:
        """What the probe sees; what lies in the drawer is left there."""
        lab = lab_of()
        context = Context(
            target=parse(HOST).target,
            options=Options(sessions=sessions),
            net=lab.client,
            host=lab.client,
            random=random.Random(1),
            unix_time=0.0,
        )

        async def work() -> list[Any]:
            return [each async for each in pool.probe(context, Facts(context.target, before))]

        return within(lab, work())

    @property
    def streams(self) -> list[Stream]:
        return [each for server in self.rooms.values() for each in server.streams]


def test_each_conference_is_checked_and_left(monkeypatch: pytest.MonkeyPatch) -> None:
    found = (there := Pool(monkeypatch)).checked([CONFIG, SIGNED_IN, OFFER])
    assert sorted((each.conference, each.endpoint) for each in found) == [(n, "203.0.113.9:10000") for n in (2, 3)]
    assert {each.digest is not None for each in found} == {True}
    assert [each.ended for each in there.streams] == [True] * 4
    said = [each for server in there.rooms.values() for _, each in server.heard]
    assert sum(each.get("type") == "unavailable" for each in said) == 4


def test_what_offers_inner_addresses_alone_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    there = Pool(monkeypatch, edit=lambda said: said.replace("203.0.113.9", "10.0.0.9"))
    found = there.checked([CONFIG, SIGNED_IN, OFFER], sessions=2)
    assert [(each.conference, each.endpoint, each.failure) for each in found] == [(2, None, Failure.UNSUPPORTED)]
    assert "no public UDP address" in found[0].detail
    assert all(each.ended for each in there.streams)


def test_without_a_focus_everybody_leaves_too(monkeypatch: pytest.MonkeyPatch) -> None:
    there = Pool(monkeypatch, conference=("server-conference-not-ready",))
    found = there.checked([CONFIG, SIGNED_IN, OFFER], sessions=2)
    assert [each.detail for each in found] == ["the focus gave no conference"]
    assert [each.ended for each in there.streams] == [True] * 2


@pytest.mark.parametrize("before", [[LOOKED_AT, SIGNED_IN], [SIGNED_IN, LOOKED_AT]])
def test_the_way_in_is_the_one_that_worked(monkeypatch: pytest.MonkeyPatch, before: list[SignIn]) -> None:
    there = Pool(monkeypatch)
    assert there.checked([CONFIG, OFFER, *before], sessions=2)
    assert there.doors == {"websocket"}


def test_where_none_worked_nothing_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    there = Pool(monkeypatch)
    assert there.checked([CONFIG, OFFER, LOOKED_AT]) == []
    assert there.doors == set()
