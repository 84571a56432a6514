"""The focus by itself, against the fixed texts: it understands the client's, and its own have their shape."""

from __future__ import annotations

import json
import random
from pathlib import Path
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

import msgspec
import pytest

from tests.jitsi import http
from tests.jitsi.bridge import Bridge
from tests.jitsi.focus import ALONE, INITIAL, REPLY, Focus, Stanza
from tests.jitsi.offers import FOCUS, ICE, JINGLE, Offered
from tests.jitsi.settings import Settings

TEXTS = Path(__file__).parent / "stanzas"
ROOM, ME, OTHER = "npr0be7f3a91@muc.meet.jitsi", "9c0f2a71", "4be1d0c2"
SETTINGS = Settings(
    domain="meet.jitsi",
    muc="muc.meet.jitsi",
    secret="",
    port=0,
    addresses=("203.0.113.9",),
    candidates=(
        Offered(ip="172.18.0.5", port=10000),
        Offered(ip="203.0.113.9", port=10000, type="srflx", base="172.18.0.5"),
    ),
    status="",
)
JOINED = f"<presence from='{ROOM}/focus'/>"


def fixed(name: str) -> Element:
    return ElementTree.fromstring((TEXTS / f"{name}.xml").read_text())


class Room:
    """A focus, and Prosody's part of the conversation."""

    def __init__(self, **changes: object) -> None:
        self.bridge = Bridge((("203.0.113.9", 10000),), random.Random(1))
        self.focus = Focus(msgspec.structs.replace(SETTINGS, **changes), self.bridge, lambda _: None)

    def say(self, text: str | Element, sender: str = "", now: float = 0.0, **replaced: str) -> list[Element]:
        element = ElementTree.fromstring(text) if isinstance(text, str) else text
        for attribute, value in ({"from": sender} if sender else {}).items():
            element.set(attribute, value)
        for attribute, value in replaced.items():
            element.set(attribute, value)
        return parsed(self.focus.stanza(element, now))

    def opened(self) -> list[Element]:
        """The room is there; the answers to who asked."""
        self.say(fixed("client-conference"), "a@meet.jitsi/1")
        return self.say(JOINED)

    def enter(self, nick: str, now: float = 0.0) -> list[Element]:
        return self.say(f"<presence from='{ROOM}/{nick}'/>", now=now)

    def invited(self) -> list[Element]:
        """Two are there and have said what they can: their offers."""
        self.opened()
        self.enter(ME)
        asked = self.enter(OTHER)
        said = [(each.get("id", ""), each.get("to", "")) for each in asked]
        return [offer for name, to in said for offer in self.say(fixed("client-disco"), to, id=name)]


def parsed(stanzas: list[Stanza]) -> list[Element]:
    return [ElementTree.fromstring(stanza.text) for stanza in stanzas]


def shape(element: Element) -> list[tuple[str, list[str]]]:
    """Elements and their attributes in order; bridges of ours have no sources."""
    aside = ("source", "parameter", "ssrc-info")
    return [
        (each.tag.removeprefix("{jabber:client}"), sorted(each.attrib))
        for each in element.iter()
        if not each.tag.endswith(aside)
    ]


def test_enters_before_it_is_ready() -> None:
    room = Room()
    (entered,) = room.say(fixed("client-conference"), "a@meet.jitsi/1")
    assert (entered.get("to"), entered.get("from")) == (f"{ROOM}/focus", "focus@auth.meet.jitsi/focus")
    assert room.say(fixed("client-conference"), "b@meet.jitsi/1") == []
    ready = room.say(JOINED)
    assert [each.get("to") for each in ready] == ["a@meet.jitsi/1", "b@meet.jitsi/1"]
    assert shape(ready[0]) == shape(fixed("server-conference-ready"))


@pytest.mark.parametrize(("state", "text"), [("not-authorized", "not-authorized"), ("not-ready", "not-ready")])
def test_refuses(state: str, text: str) -> None:
    (said,) = Room(focus=state).say(fixed("client-conference"), "a@meet.jitsi/1")
    theirs = fixed(f"server-conference-{text}")
    assert [tag for tag, _ in shape(said)] == [tag for tag, _ in shape(theirs)]
    assert said.get("type") == theirs.get("type")


def test_starts_and_is_silent() -> None:
    room = Room(focus="starting")
    answers = [room.say(fixed("client-conference"), "a@meet.jitsi/1") for _ in range(3)]
    assert [each.tag for (each,) in answers] == ["iq", "iq", "presence"]
    assert Room(focus="silent").say(fixed("client-conference"), "a@meet.jitsi/1") == []


def test_invites_two_and_not_one() -> None:
    room = Room()
    room.opened()
    assert room.enter(ME) == []
    asked = room.enter(OTHER)
    assert [each.get("to") for each in asked] == [f"{ROOM}/{ME}", f"{ROOM}/{OTHER}"]
    assert shape(asked[0]) == shape(fixed("server-disco"))
    assert not room.bridge.agents


def test_offer_is_as_the_fixed_text() -> None:
    offers = Room().invited()
    assert [each.get("to") for each in offers] == [f"{ROOM}/{ME}", f"{ROOM}/{OTHER}"]
    assert shape(offers[0]) == shape(fixed("server-session-initiate"))


def test_who_is_silent_gets_everything() -> None:
    room = Room()
    room.opened()
    room.enter(ME)
    room.enter(OTHER)
    offers = parsed(room.focus.tick(REPLY))
    names = [each.get("name") for each in offers[0][0].iterfind(f"{{{JINGLE}}}content")]
    assert (len(offers), names) == (2, ["audio", "video", "data"])


def test_accepts() -> None:
    room = Room()
    offer = room.invited()[0]
    accept = fixed("client-session-accept")
    accept[0].set("sid", "another")
    assert room.say(accept, f"{ROOM}/{ME}")[0].get("type") == "error"
    accept[0].set("sid", offer[0].get("sid", ""))
    (said,) = room.say(accept, f"{ROOM}/{ME}")
    assert shape(said) == shape(fixed("server-session-accept-ack"))
    agent = room.bridge.agents[next(offer.iter(f"{{{ICE}}}transport")).get("ufrag", "")]
    assert (agent.state, agent.remote is not None and agent.remote.ufrag) == ("running", "MYUF")
    assert [pair.remote for pair in agent.pairs.values()] == [("192.168.1.2", 40000), ("198.51.100.7", 40000)]


def test_who_leaves_has_no_endpoint() -> None:
    room = Room()
    room.invited()
    assert len(room.bridge.agents) == 2
    room.say(f"<presence from='{ROOM}/{ME}' type='unavailable'/>")
    assert [agent.name for agent in room.bridge.agents.values()] == [OTHER]
    (gone,) = room.say(f"<presence from='{ROOM}/{OTHER}' type='unavailable'/>")
    assert (gone.get("type"), gone.get("to")) == ("unavailable", f"{ROOM}/focus")
    assert room.focus.status()["rooms"] == room.focus.status()["endpoints"] == 0


def test_who_is_alone_loses_the_session() -> None:
    room = Room()
    room.invited()
    room.say(f"<presence from='{ROOM}/{ME}' type='unavailable'/>", now=1.0)
    assert room.focus.tick(ALONE) == []
    (ended,) = parsed(room.focus.tick(1.0 + ALONE))
    assert [tag for tag, _ in shape(ended)][:4] == [tag for tag, _ in shape(fixed("server-session-terminate"))]
    assert not room.bridge.agents


def test_nobody_came() -> None:
    room = Room()
    room.opened()
    assert room.focus.tick(INITIAL - 1) == []
    assert [each.get("type") for each in parsed(room.focus.tick(INITIAL))] == ["unavailable"]


def test_no_bridge_is_said_in_the_room() -> None:
    (said,) = Room(bridge="down").invited()
    assert said.tag == "presence"
    assert said.find(f"{{{FOCUS}}}bridgeNotAvailable") is not None


def test_refused_offer() -> None:
    room = Room()
    offer = room.invited()[0]
    room.say("<iq type='error'/>", f"{ROOM}/{ME}", id=offer.get("id", ""))
    assert [agent.name for agent in room.bridge.agents.values()] == [OTHER]


@pytest.mark.parametrize(
    ("text", "status", "word"),
    [
        ("not-authorized", 403, ""),
        ("session-invalid", 400, "Bad request: invalid-session"),
        ("reservation-error", 400, "Bad request: "),
    ],
)
def test_refuses_over_http(text: str, status: int, word: str) -> None:
    assert http.spoken(fixed(f"server-conference-{text}")) == (status, word)


def test_over_http_it_answers_as_the_fixed_text() -> None:
    status, body = http.spoken(fixed("server-conference-ready"))
    assert (status, json.loads(body)) == (200, json.loads((TEXTS / "http-conference-reply.json").read_text()))


def test_what_is_asked_over_http_is_answered_there() -> None:
    asked = fixed("client-conference")
    asked.set("to", http.DOMAIN)
    room = Room()
    room.focus.stanza(asked, 0.0)
    (answer,) = room.focus.stanza(ElementTree.fromstring(JOINED), 0.0)
    assert answer.domain == http.DOMAIN
