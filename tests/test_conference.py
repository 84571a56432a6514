"""How far a Jitsi client gets before media, from facts made by hand: True, False and None."""

from __future__ import annotations

from typing import Any

import pytest

from natprobe.derive.conference import (
    NO_BRIDGE,
    bridge_available,
    conference_ready,
    focus_available,
    login_needed,
    room_entered,
    session_offered,
    signalling_works,
)
from natprobe.facts import ConferenceReply, JitsiConfig, RoomEntry, SessionOffer, SignIn
from natprobe.model import Failure, Observation
from tests.made import HOST, PAGE, facts

WEB = "203.0.113.10:443"
TIMEOUT, CLOSED, HTTP, UNAUTHORIZED = Failure.TIMEOUT, Failure.CLOSED, Failure.HTTP_STATUS, Failure.UNAUTHORIZED


def config(**more: Any) -> JitsiConfig:
    named = {"websocket": f"wss://{HOST}/xmpp-websocket", "bosh": f"https://{HOST}/http-bind"} | more
    return JitsiConfig(url=f"https://{HOST}/config.js", endpoint=WEB, **named)


def signed(transport: Any = "websocket", **more: Any) -> SignIn:
    fields: dict[str, Any] = {"url": f"https://{HOST}/", "reached": "binding"} | more
    return SignIn(transport=transport, domain=HOST, **fields)


def replied(**more: Any) -> ConferenceReply:
    return ConferenceReply(by="xmpp", focus=f"focus.{HOST}", tries=1, **more)


NO_UPGRADE = signed(reached="tls", status=404, failure=HTTP)
ONLY_PLAIN = signed(reached="stream", mechanisms=("PLAIN",), failure=UNAUTHORIZED)
NO_TOKEN = signed(reached="stream", mechanisms=("ANONYMOUS",), condition="not-allowed", failure=UNAUTHORIZED)
WRONG_PASSWORD = signed(reached="stream", login="password", condition="not-authorized", failure=UNAUTHORIZED)


@pytest.mark.parametrize(
    ("seen", "works", "login"),
    [
        ([], None, None),
        ([config(), signed()], True, None),
        ([config(), NO_UPGRADE, signed("bosh")], False, None),
        ([config(websocket=None), signed("bosh")], True, None),
        ([config(prefer_bosh=True), NO_UPGRADE, signed("bosh")], True, None),
        ([config(prefer_bosh=True), signed(), signed("bosh", reached="tls", failure=HTTP)], False, None),
        ([config(), ONLY_PLAIN], True, True),
        ([config(), NO_TOKEN], True, True),
        ([config(), WRONG_PASSWORD], True, True),
        ([config(), ONLY_PLAIN, signed()], True, None),
        ([config(), signed(reached="stream", mechanisms=("ANONYMOUS",), failure=TIMEOUT)], False, None),
        ([config(), signed(reached="nothing", failure=Failure.NO_ROUTE)], None, None),
        ([config(), signed(url="ws://x.example/", reached="nothing", failure=Failure.UNSUPPORTED)], False, None),
        ([config(), signed(), replied(condition="not-authorized", failure=UNAUTHORIZED)], True, True),
        ([config(), signed(), replied(ready=True, authentication=True)], True, False),
    ],
)
def test_signing_in(seen: list[Observation], works: bool | None, login: bool | None) -> None:
    found = facts(*seen, target=PAGE)
    assert (signalling_works(found), login_needed(found)) == (works, login)


@pytest.mark.parametrize(
    ("seen", "focus", "ready"),
    [
        ([], None, None),
        ([replied(ready=True)], True, True),
        ([replied(ready=False)], True, False),
        ([replied(failure=TIMEOUT)], False, False),
        ([replied(failure=CLOSED)], None, None),
        ([replied(failure=Failure.ERROR_RESPONSE, condition="service-unavailable")], False, False),
        ([replied(failure=Failure.ERROR_RESPONSE, condition="reservation-error")], True, False),
        ([replied(failure=HTTP, status=502)], False, False),
        ([replied(failure=HTTP, status=500)], True, False),
        ([replied(failure=HTTP, status=429)], None, None),
    ],
)
def test_the_focus(seen: list[Observation], focus: bool | None, ready: bool | None) -> None:
    found = facts(*seen, target=PAGE)
    assert (focus_available(found), conference_ready(found)) == (focus, ready)


IN = [RoomEntry(participant=1, focus=True), RoomEntry(participant=2, focus=True)]
OUT = RoomEntry(participant=2, condition="registration-required", failure=UNAUTHORIZED)
OFFER = SessionOffer(participant=1, session="media/1", candidates=2)


@pytest.mark.parametrize(
    ("seen", "entered", "bridge", "offered"),
    [
        ([], None, None, None),
        ([*IN, OFFER], True, True, True),
        ([IN[0], OUT], False, None, None),
        ([IN[0], RoomEntry(participant=2, failure=CLOSED)], None, None, None),
        ([*IN, SessionOffer(participant=1, failure=TIMEOUT)], True, None, False),
        ([*IN, SessionOffer(participant=1, failure=CLOSED)], True, None, None),
        ([*IN, SessionOffer(participant=1, failure=Failure.PROTOCOL)], True, None, False),
        ([*IN, SessionOffer(participant=1, failure=Failure.ERROR_RESPONSE, condition=NO_BRIDGE)], True, False, False),
        ([RoomEntry(participant=1, bridge=False), IN[1]], True, False, False),
        ([*IN, SessionOffer(participant=1, failure=TIMEOUT), OFFER], True, True, True),
    ],
)
def test_the_session(seen: list[Observation], entered: bool | None, bridge: bool | None, offered: bool | None) -> None:
    found = facts(*seen, target=PAGE)
    assert (room_entered(found), bridge_available(found), session_offered(found)) == (entered, bridge, offered)
