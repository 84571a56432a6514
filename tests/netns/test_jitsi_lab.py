"""The laboratory's Jitsi, seen by a client of its own: what each condition looks like, and that nothing is left."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from typing import Any

import pytest

from tests import access
from tests.case import Case, Expect, Jitsi, Network
from tests.netns import addresses as at
from tests.netns import jitsi
from tests.netns.lab import Lab, lab

GUESTS = (f"DOMAIN={jitsi.GUESTS}",)
Facts = dict[str, Any]


def case(ipv6: bool = False, **conditions: Any) -> Case:
    network = Network(ipv6="works" if ipv6 else "none")
    expect = Expect(verdict="good", exit=0)
    return Case(title="", expect=expect, network=network, jitsi=Jitsi(runs=True, **conditions))


def asked(built: Lab, word: str, environment: tuple[str, ...] = ()) -> Facts:
    client = [sys.executable, "-m", "tests.netns.jitsi_client", str(built.root), word]
    variables = dict(each.split("=", 1) for each in environment)
    found: Facts = json.loads(built.client.run(client, env=variables).stdout)
    return found


def one(word: str, environment: tuple[str, ...] = (), **conditions: Any) -> Facts:
    with lab(case(**conditions)) as built:
        return asked(built, word, environment)


def left(built: Lab, gone: Callable[[dict[str, int]], bool]) -> dict[str, int]:
    end = time.monotonic() + 2
    while not gone(found := jitsi.status(built.network.folder)) and time.monotonic() < end:
        time.sleep(0.02)
    return found


def test_a_whole_session_and_nothing_left() -> None:
    begun = time.monotonic()
    with lab(case()) as built:
        print(f"the laboratory took {time.monotonic() - begun:.2f} s")
        facts = asked(built, "ice")
        status = left(built, lambda found: not found["rooms"])
    assert facts["refused"] == facts["entered"] == ["", ""]
    assert (facts["ready"], facts["focusjid"]) == ("true", jitsi.FOCUS)
    assert facts["services_error"] == "service-unavailable"
    assert [(each["ip"], each["port"], each["type"]) for each in facts["candidates"]] == [(at.WEB, "10000", "host")]
    assert facts["checks"] == ["198.51.100.7"]
    assert facts["ice"] == "connected"
    assert (status["rooms"], status["members"], status["endpoints"]) == (0, 0, 0)
    assert (status["joins"], status["offers"], status["acknowledged"], status["accepted"]) == (2, 2, 2, 1)


@pytest.mark.parametrize(
    ("state", "upgrade"),
    [
        *(("no-path", 404), ("html", 200), ("no-upgrade", "closed")),
        *(("origin-refused", 403), ("down", 502), ("not-configured", 404)),
    ],
)
def test_websocket_states(state: str, upgrade: object) -> None:
    facts = one("front", websocket=state)
    assert facts["upgrade"] == upgrade
    assert facts["bosh"] == 200
    assert facts["mechanisms"]
    assert ("wss://" in facts["text"]) == (state != "not-configured")


@pytest.mark.parametrize(("state", "status"), [("down", 502), ("not-configured", 404)])
def test_bosh_states(state: str, status: int) -> None:
    facts = one("front", bosh=state)
    assert (facts["upgrade"], facts["bosh"]) == ("features", status)
    assert ("/http-bind" in facts["text"]) == (state != "not-configured")


@pytest.mark.parametrize(
    ("login", "environment", "refused"),
    [
        ("token", (), "not-allowed:token required"),
        ("token", ("TOKEN=another",), "not-allowed:Invalid signature"),
        ("token", (f"TOKEN={access.TOKEN}",), ""),
        ("password", (), "only:PLAIN,SCRAM-SHA-1,SCRAM-SHA-256"),
        ("guests", (), "only:PLAIN,SCRAM-SHA-1,SCRAM-SHA-256"),
        ("guests", GUESTS, ""),
        ("anonymous", ("DOMAIN=nohost.test",), "stream:host-unknown"),
    ],
)
def test_logins(login: str, environment: tuple[str, ...], refused: str) -> None:
    assert one("login", environment, login=login)["refused"] == refused


@pytest.mark.parametrize(
    ("state", "condition"),
    [
        ("down", "service-unavailable"),
        ("missing", "not-allowed"),
        ("not-authorized", "not-authorized"),
        ("silent", "silence"),
    ],
)
def test_focus_refuses(state: str, condition: str) -> None:
    said = one("join", focus=state)["conference"]
    assert (said if isinstance(said, str) else said[0]) == condition


def test_focus_is_not_ready() -> None:
    assert one("join", focus="not-ready")["ready"] == "false"


def test_guests_begin_no_conference() -> None:
    assert one("join", GUESTS, login="guests")["conference"][0] == "not-authorized"


@pytest.mark.parametrize(("room", "condition"), [("lobby", "registration-required"), ("password", "not-authorized")])
def test_rooms(room: str, condition: str) -> None:
    assert one("join", room=room)["entered"] == [condition, condition]


def test_no_bridge() -> None:
    assert one("join", bridge="down")["bridge"] == "none"


@pytest.mark.parametrize(
    ("conditions", "checks"),
    [
        ({"udp": "drop"}, ["silence"]),
        ({"udp": "refused"}, ["ConnectionRefusedError"]),
        ({"udp": "reject"}, ["OSError"]),
        ({"outside": 20000}, ["silence"]),
        ({"outside": 20000, "port": 20000}, ["198.51.100.7"]),
        ({"advertise": ("container", "own")}, ["silence", "198.51.100.7"]),
        ({"dtls": "drop"}, ["198.51.100.7"]),
        ({"old": True}, ["198.51.100.7"]),
        ({"advertise": ("own", "ipv6"), "ipv6": True}, ["198.51.100.7", "2001:db8:1::2"]),
    ],
    ids=str,
)
def test_media_states(conditions: dict[str, Any], checks: list[str]) -> None:
    facts = one("join", **conditions)
    assert facts["checks"] == checks


def test_old_bridge_offers_tcp() -> None:
    offered = [(each["protocol"], each["port"]) for each in one("join", old=True)["candidates"]]
    assert offered == [("udp", "10000"), ("ssltcp", "4443")]


SERVICES = {
    "all": [("stun", "udp", False), ("turn", "udp", True), ("turn", "tcp", True), ("turns", "tcp", True)],
    "turn-tcp": [("turn", "tcp", True)],
    "turns": [("turns", "tcp", True)],
    "turn-udp-only": [("stun", "udp", False), ("turn", "udp", True)],
    "no-credentials": [("turns", "tcp", False)],
    "turns-without-transport": [("turns", None, True)],
}


@pytest.mark.parametrize("services", SERVICES)
def test_services(services: str) -> None:
    found = one("join", services=services)["services"]
    assert [(each["type"], each.get("transport"), "password" in each) for each in found] == SERVICES[services]
    assert {each["host"] for each in found} == {jitsi.TURN}
