"""What a Jitsi's client asks before media, where that ends at redirects, at URLs of no use, in BOSH or before rooms."""

from __future__ import annotations

from typing import Any

import pytest

from natprobe.facts import RoomEntry, Run
from natprobe.model import Do, Failure, Observation, Report, Set, Where
from natprobe.rules import CLEAR
from tests.made import HOST, doubt, found, judged, report, words
from tests.made_jitsi import (
    BOSH,
    JITSI,
    PASSES,
    Scenario,
    alternatives,
    bosh,
    causes,
    conference,
    config,
    entered,
    errors,
    jitsi,
    refused_socket,
    services,
    socket,
)

HTTP, REFUSED, TIMEOUT = Failure.HTTP_STATUS, Failure.ERROR_RESPONSE, Failure.TIMEOUT
URL = f"https://focus.{HOST}/conference-request/v1"
ELSEWHERE = "Communication with remote domains is not enabled"
NAMED = Run(version="1", started="2026-11-21T08:00:00Z", room=True)


def seen(*observations: Observation) -> Report:
    return report(*observations, target=JITSI)


def asked(failure: Failure | None, status: int | None = None, **more: Any) -> Scenario:
    """A request for a conference over HTTP that ends so."""
    reply = conference(by="http", ready=None, failure=failure, status=status, **more)
    return jitsi(joined=(reply,), signed=(config(conference_request=URL), socket(), services()))


def only_bosh(*steps: Observation, **settings: Any) -> Scenario:
    return jitsi(signed=(config(**({"websocket": None} | settings)), *steps), joined=())


def refused_bosh(status: int | None, **more: Any) -> Observation:
    fields: dict[str, Any] = {"failure": HTTP, "reached": "tls", "mechanisms": ()} | more
    return bosh(status=status, **fields)


def outside(*entries: RoomEntry) -> Scenario:
    return jitsi(joined=(conference(), *entries))


def both(failure: Failure, **more: Any) -> tuple[RoomEntry, ...]:
    return tuple(entered(each, focus=False, failure=failure, **more) for each in (1, 2))


class TestRedirects:
    @pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
    def test_browsers_follow_where_we_stop(self, status: int) -> None:
        scenario = asked(HTTP, status)
        known = seen(*scenario)
        assert (known.verdict.status, known.verdict.stages.session) == ("unknown", "unknown")
        assert known.paths[0].reason == "request-redirected"
        assert doubt("focus-unavailable", *scenario, target=JITSI) == "request-redirected"

    def test_of_bosh_too(self) -> None:
        scenario = only_bosh(refused_bosh(308))
        known = seen(*scenario)
        assert (known.verdict.status, known.verdict.stages.signalling) == ("unknown", "unknown")
        assert known.paths[0].reason == "request-redirected"
        assert doubt("websocket-refused", *scenario, target=JITSI) == "request-redirected"


class TestTheRequestsUrl:
    @pytest.mark.parametrize(
        ("failure", "why"),
        [
            (Failure.REFUSED, "the connection is refused"),
            (Failure.NXDOMAIN, "its name has no address"),
            (Failure.TLS_CERTIFICATE, "its certificate is not one that browsers accept"),
            (Failure.TLS_OTHER, "does not speak TLS"),
            (Failure.PROTOCOL, "no URL that browsers take"),
        ],
    )
    def test_that_cannot_be_used(self, failure: Failure, why: str) -> None:
        known = seen(*asked(failure))
        (finding,) = [each for each in known.findings if each.severity == "error"]
        assert (finding.cause, finding.where) == ("focus-unavailable", Where.SERVER_HOST)
        assert finding.message.startswith("config.js sends the conference request to ")
        assert why in finding.message
        assert finding.message in known.verdict.summary
        assert finding.fixes

    def test_a_router_that_says_no_is_anywhere(self) -> None:
        scenario = asked(Failure.PROHIBITED)
        assert found("focus-unavailable", *scenario, target=JITSI).where is Where.UNKNOWN

    def test_a_certificate_has_a_fix_of_its_own(self) -> None:
        fixes = found("focus-unavailable", *asked(Failure.TLS_CERTIFICATE), target=JITSI).fixes
        assert isinstance(fixes[0], Do)
        assert isinstance(fixes[1], Set)
        assert fixes[1].value == f"'https://{HOST}/conference-request/v1'"

    def test_ours_cut_short(self) -> None:
        assert doubt("focus-unavailable", *asked(Failure.RESET), target=JITSI) == "no-answer"

    def test_by_xmpp_an_answer_that_is_none_is_somebodys(self) -> None:
        scenario = jitsi(joined=(conference(ready=None, failure=Failure.PROTOCOL),))
        assert errors(*scenario) == {"focus-unavailable"}


class TestBosh:
    @pytest.mark.parametrize(
        ("step", "meaning"),
        [
            (refused_bosh(404), "HTTP 404 instead of a session: nobody behind the web server knows the path"),
            (refused_bosh(502), "the web server finds no signalling behind it"),
            (refused_bosh(403, greets=False), "something in front of signalling forbids it"),
            (refused_bosh(405), "which is no BOSH"),
            (refused_bosh(200, failure=Failure.PROTOCOL, greets=False), "a web page answers"),
            (refused_bosh(None, failure=TIMEOUT), "is not there: the server takes the connection"),
            (bosh(reached="upgrade", failure=TIMEOUT), "goes no further: no answer in time"),
            (bosh(reached="upgrade", failure=REFUSED, condition="undefined-condition"), "undefined-condition"),
        ],
    )
    def test_where_clients_take_it(self, step: Observation, meaning: str) -> None:
        known = seen(*only_bosh(step))
        (finding,) = [each for each in known.findings if each.severity == "error"]
        assert finding.cause == "websocket-refused"
        assert finding.message.startswith(f"Signalling over BOSH at {BOSH} ")
        assert meaning in finding.message
        assert "WebSocket" not in finding.message
        assert finding.message in known.verdict.summary
        assert (known.verdict.status, known.verdict.stages.signalling) == ("broken", "failed")

    def test_the_lines_for_nginx(self) -> None:
        lines, process = found("websocket-refused", *only_bosh(refused_bosh(404)), target=JITSI).fixes
        assert isinstance(lines, Set)
        assert lines.key == "location = /http-bind"
        assert "upgrade" not in lines.value + lines.why
        assert isinstance(process, Do)
        assert found("websocket-refused", *only_bosh(refused_bosh(502)), target=JITSI).fixes == (process, lines)
        assert found("websocket-refused", *only_bosh(refused_bosh(502)), target=JITSI).where is Where.SERVER_PROCESS

    def test_preferred_it_is_the_error_and_the_websocket_the_warning(self) -> None:
        scenario = only_bosh(refused_bosh(404), refused_socket(404), websocket=f"wss://{HOST}/x", prefer_bosh=True)
        assert [str(each.severity) for each in seen(*scenario).findings] == ["error", "warning"]

    def test_beside_a_websocket_that_works_nobody_needs_it(self) -> None:
        scenario = jitsi(*PASSES, signed=(config(), socket(), refused_bosh(404), services()))
        assert judged("websocket-refused", *scenario, target=JITSI) is CLEAR

    def test_one_that_was_let_in_is_enough(self) -> None:
        assert judged("websocket-refused", *only_bosh(bosh(), refused_bosh(502)), target=JITSI) is CLEAR

    def test_no_connection_is_another_causes_matter(self) -> None:
        dead = refused_bosh(None, reached="nothing", failure=Failure.REFUSED)
        assert doubt("websocket-refused", *only_bosh(dead), target=JITSI) == "no-answer-to-upgrade"

    def test_where_nobody_asked_for_the_greeting(self) -> None:
        assert alternatives("websocket-refused", *only_bosh(refused_bosh(403))) == ["origin-refused"]


class TestRooms:
    @pytest.mark.parametrize(
        ("entries", "shown"),
        [
            (both(TIMEOUT), "no answer in time"),
            (both(REFUSED, condition="item-not-found"), "item-not-found"),
            (both(REFUSED, condition="remote-server-not-found"), "remote-server-not-found"),
            (both(REFUSED, condition="service-unavailable"), "service-unavailable"),
            (both(REFUSED, condition="not-allowed", detail=ELSEWHERE), "not-allowed"),
        ],
    )
    def test_that_are_not_there(self, entries: tuple[RoomEntry, ...], shown: str) -> None:
        known = seen(*outside(*entries))
        (finding,) = known.findings
        assert (finding.cause, known.verdict.stages.session) == ("focus-unavailable", "failed")
        assert f"its rooms (conference.{HOST}) do not answer ({shown})" in finding.message
        assert finding.message in known.verdict.summary
        assert known.paths[0].reason == "rooms-unanswered"

    def test_a_token_does_not_lead_to_a_domain_that_is_not_there(self) -> None:
        entries = both(REFUSED, condition="not-allowed", detail=ELSEWHERE)
        scenario = jitsi(signed=(config(), socket(login="token")), joined=(conference(), *entries))
        assert "login-required" not in causes(*scenario)

    @pytest.mark.parametrize("condition", ["not-allowed", "forbidden", "conflict", "registration-required"])
    def test_one_that_says_no_is_there(self, condition: str) -> None:
        known = seen(*outside(*both(REFUSED, condition=condition)))
        assert (known.verdict.status, known.paths[0].reason) == ("unknown", "room-not-entered")

    def test_where_one_of_ours_is_in_the_rooms_are_there(self) -> None:
        silent = entered(2, focus=False, failure=TIMEOUT)
        known = seen(*outside(entered(1), silent))
        assert (known.verdict.status, known.verdict.stages.session) == ("unknown", "unknown")
        assert known.paths[0].reason == "rooms-unanswered"
        assert judged("focus-unavailable", *outside(entered(1), silent), target=JITSI) is CLEAR

    def test_ours_cut_short(self) -> None:
        lost = entered(2, focus=False, failure=Failure.CLOSED)
        assert "focus-unavailable" not in causes(*outside(entered(1, focus=False, failure=TIMEOUT), lost))

    def test_a_room_that_was_named_may_be_full(self) -> None:
        full = outside(*both(REFUSED, condition="service-unavailable"))
        known = seen(NAMED, *full)
        assert (known.verdict.status, known.paths[0].reason) == ("unknown", "room-not-entered")


class TestATokenAndItsRoom:
    WRONG = both(REFUSED, condition="not-allowed", detail="Room and token mismatched")
    SCENARIO = jitsi(signed=(config(), socket(login="token")), joined=(conference(), *WRONG))

    def test_a_further_participant_kept_out_tells_nothing(self) -> None:
        """With --deep there are five of us; two make a session."""
        third = entered(3, focus=False, failure=Failure.ERROR_RESPONSE, condition="forbidden")
        assert judged("login-required", *jitsi(*PASSES), third, target=JITSI) is CLEAR

    def test_a_throw_away_room(self) -> None:
        assert "into a room of its own" in words("login-required", *self.SCENARIO, target=JITSI)

    def test_one_that_was_named(self) -> None:
        one = found("login-required", NAMED, *self.SCENARIO, target=JITSI)
        assert "into the room that was named" in one.message
        (fix,) = one.fixes
        assert isinstance(fix, Do)
        assert "check again with the token's own room" in fix.text
        assert seen(NAMED, *self.SCENARIO).paths[0].reason == "token-bound-to-room"


def test_public_url_helps_only_while_prosody_compares_origins() -> None:
    refused = refused_socket(403, greets=True)
    fix = found("origin-refused", *jitsi(signed=(config(domain="meet.jitsi"), refused)), target=JITSI).fixes[0]
    assert isinstance(fix, Set)
    assert (fix.key, fix.until) == ("PUBLIC_URL", "stable-7210")
