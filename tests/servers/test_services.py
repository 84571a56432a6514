"""What servers hand out, in every shape, and what the client's filter leaves of it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from natprobe.facts import Service
from natprobe.servers.jitsi.services import METADATA_MAX, SERVICES_MAX, answered, for_bridge, in_metadata, url
from natprobe.wire.xmpp import escape, parse, tag

TURNS = {"type": "turns", "host": "turn.example.test", "port": "443", "transport": "tcp"}
GIVEN = {"username": "1795345678", "password": "q1w2="}


def answer(*listed: dict[str, str], version: int = 2) -> list[Any] | None:
    inside = "".join(tag("service", each) for each in listed)
    space = f"urn:xmpp:extdisco:{version}"
    return answered(parse(f"<iq xmlns='jabber:client'><services xmlns='{space}'>{inside}</services></iq>"))


def metadata(*listed: object, **more: object) -> str:
    return json.dumps({"type": "room_metadata", "metadata": {"services": list(listed)}} | more)


@pytest.mark.parametrize("version", [1, 2])
def test_an_entry(version: int) -> None:
    (found,) = answer(TURNS | GIVEN, version=version) or []
    assert found.service == Service(type="turns", host="turn.example.test", port=443, transport="tcp", credentials=True)
    assert (found.username, found.password) == ("1795345678", "q1w2=")
    assert "q1w2" not in repr(found)
    assert "1795345678" not in repr(found)


def test_none_and_nothing() -> None:
    assert answer() == []
    assert answered(parse("<iq xmlns='jabber:client'/>")) is None
    assert answered(parse("<iq xmlns='jabber:client'><services xmlns='urn:other'/></iq>")) is None


@pytest.mark.parametrize(
    ("changed", "kept"),
    [
        ({"type": "ftp"}, False),
        ({"type": ""}, False),
        ({"host": ""}, False),
        ({"host": "a b"}, False),
        ({"host": "a/../b"}, False),
        ({"host": "user@turn.example.test"}, False),
        ({"host": "-x.test"}, False),
        ({"host": "x" * 300}, False),
        ({"host": "a." * 200}, False),
        ({"host": "fe80::1%eth0"}, False),
        ({"host": "[2001:db8::1]"}, True),
        ({"host": "192.0.2.1"}, True),
        ({"host": "TURN.example.test."}, True),
        ({"port": "0"}, False),
        ({"port": "99999"}, False),
        ({"port": "-1"}, False),
        ({"port": "١٢"}, False),
        ({"port": ""}, True),
        ({"transport": "carrier pigeon"}, True),
        ({"transport": "\n"}, True),
    ],
)
def test_strict(changed: dict[str, str], kept: bool) -> None:
    assert len(answer(TURNS | changed) or []) == kept
    assert len(in_metadata(metadata(TURNS | changed)) or []) == kept


def test_credentials_are_both_or_none() -> None:
    for given in ({}, {"username": "u"}, {"password": "p"}, {"username": "", "password": "p"}, {"username": "u" * 600}):
        (found,) = answer(TURNS | given) or []
        assert (found.service.credentials, found.username, found.password) == (False, "", "")
    for bad in ("a\x00b", "a\nb", "a\x1bb", 7, None, ["x"], "\ud800"):
        (found,) = in_metadata(metadata(TURNS | {"username": bad, "password": "p"})) or []
        assert not found.service.credentials


def test_bounded() -> None:
    assert len(answer(*[TURNS | {"port": str(number)} for number in range(1, 500)]) or []) == SERVICES_MAX


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "null",
        "7",
        "[" * 50_000,
        '{"type": "other", "metadata": {"services": []}}',
        '{"type": "room_metadata"}',
        '{"type": "room_metadata", "metadata": {"services": {}}}',
        '{"type": "room_metadata", "metadata": []}',
        metadata(TURNS, more="x" * METADATA_MAX),
    ],
)
def test_metadata_that_says_nothing(text: str) -> None:
    assert in_metadata(text) is None


def test_metadata() -> None:
    (found,) = in_metadata(metadata(7, None, TURNS | GIVEN | {"port": 443})) or []
    assert (found.service.port, found.service.credentials) == (443, True)
    assert in_metadata(metadata({"type": ["turn"], "host": {}, "port": True})) == []
    assert in_metadata(metadata(TURNS | {"port": True})) == []
    assert in_metadata(metadata()) == []


@pytest.mark.parametrize(
    ("service", "written", "kept"),
    [
        (Service(type="stun", host="a.test", port=3478, transport="udp"), "stun:a.test:3478", (False, False)),
        (Service(type="stun", host="a.test", transport="tcp"), "stun:a.test?transport=tcp", (False, False)),
        (Service(type="turn", host="a.test", port=3478, transport="udp"), "turn:a.test:3478", (False, True)),
        (Service(type="turn", host="a.test"), "turn:a.test", (False, True)),
        (Service(type="turn", host="::1", port=1, transport="tcp"), "turn:[::1]:1?transport=tcp", (True, True)),
        (Service(type="turns", host="a.test", port=443), "turns:a.test:443", (False, True)),
        (Service(type="turns", host="a.test", transport="tcp"), "turns:a.test?transport=tcp", (True, True)),
        (Service(type="turns", host="a.test", transport="TCP"), "turns:a.test?transport=TCP", (False, True)),
    ],
)
def test_the_filter_of_the_way_to_the_bridge(service: Service, written: str, kept: tuple[bool, bool]) -> None:
    assert url(service) == written
    assert tuple(bool(for_bridge([service], udp)) for udp in (False, True)) == kept


def test_hostile_words_stay_inside() -> None:
    assert answer(TURNS | {"host": escape("<x>")}) == []
