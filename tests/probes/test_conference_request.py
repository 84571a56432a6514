"""Every answer to the request for a conference, by XMPP and over HTTP, and every silence."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from natprobe.asking.conferences import harmless
from natprobe.context import SIGN_IN
from natprobe.derive import conference
from natprobe.facts import ConferenceReply, RoomEntry, SessionOffer
from natprobe.model import Failure
from natprobe.pairing import Login
from tests.probes.joining import (
    CONFIG,
    HOST,
    RESOLVED,
    RTT,
    SIGNED_IN,
    STANZAS,
    Joined,
    Script,
    Server,
    joined,
    left,
    rooms,
)


class TestTheConference:
    @pytest.mark.parametrize(
        ("names", "condition", "failure", "focus", "login"),
        [
            (("service-unavailable",), "service-unavailable", Failure.ERROR_RESPONSE, False, None),
            (("not-allowed",), "not-allowed", Failure.ERROR_RESPONSE, False, None),
            (("remote-server-not-found",), "remote-server-not-found", Failure.ERROR_RESPONSE, False, None),
            (("item-not-found",), "item-not-found", Failure.ERROR_RESPONSE, False, None),
            (("not-authorized",), "not-authorized", Failure.UNAUTHORIZED, True, True),
            (("session-invalid",), "session-invalid", Failure.ERROR_RESPONSE, True, None),
            (("reservation-error",), "reservation-error", Failure.ERROR_RESPONSE, True, True),
            (("internal-server-error",), "internal-server-error", Failure.ERROR_RESPONSE, True, None),
        ],
    )
    def test_refused(
        self,
        monkeypatch: pytest.MonkeyPatch,
        names: Script,
        condition: str,
        failure: Failure,
        focus: bool,
        login: bool | None,
    ) -> None:
        found = joined(Server(conference=[f"server-conference-{each}" for each in names]), monkeypatch)
        (reply,) = found.of(ConferenceReply)
        assert (reply.condition, reply.failure, reply.ready) == (condition, failure, None)
        assert found.of(RoomEntry) == []
        assert left(found) == []
        assert conference.focus_available(found.facts()) is focus
        assert conference.login_needed(found.facts()) is login
        assert conference.conference_ready(found.facts()) is False

    def test_silence(self, monkeypatch: pytest.MonkeyPatch) -> None:
        found = joined(Server(conference=(None,)), monkeypatch)
        (reply,) = found.of(ConferenceReply)
        assert (reply.failure, reply.tries) == (Failure.TIMEOUT, 1)
        assert found.seconds == pytest.approx(5.0, abs=0.1)
        assert conference.focus_available(found.facts()) is False

    def test_not_ready_at_first(self, monkeypatch: pytest.MonkeyPatch) -> None:
        script = ("server-conference-not-ready",) * 2 + ("server-conference-ready",)
        found = joined(Server(conference=script), monkeypatch)
        (reply,) = found.of(ConferenceReply)
        assert (reply.ready, reply.tries) == (True, 3)
        assert found.seconds == pytest.approx(3.0 + 4 * RTT, abs=0.01)
        assert len(found.of(SessionOffer)) == 2

    def test_never_ready(self, monkeypatch: pytest.MonkeyPatch) -> None:
        found = joined(Server(conference=("server-conference-not-ready",)), monkeypatch)
        (reply,) = found.of(ConferenceReply)
        assert (reply.ready, reply.tries, reply.failure) == (False, 3, None)
        assert found.seconds < 5
        assert conference.conference_ready(found.facts()) is False
        assert conference.focus_available(found.facts()) is True

    def test_not_ready_and_then_silent(self, monkeypatch: pytest.MonkeyPatch) -> None:
        found = joined(Server(conference=("server-conference-not-ready", None)), monkeypatch)
        (reply,) = found.of(ConferenceReply)
        assert (reply.ready, reply.tries, reply.failure) == (False, 2, None)

    def test_another_node_for_visitors(self, monkeypatch: pytest.MonkeyPatch) -> None:
        found = joined(Server(conference=("server-conference-visitors",)), monkeypatch)
        (reply,) = found.of(ConferenceReply)
        assert (reply.ready, reply.visitors) == (True, "v1")
        assert found.of(RoomEntry) == []

    def test_hosts_begin_it_and_others_wait(self, monkeypatch: pytest.MonkeyPatch) -> None:
        found = joined(Server(conference=("server-conference-not-live",)), monkeypatch)
        (reply,) = found.of(ConferenceReply)
        assert (reply.ready, reply.condition, reply.failure, reply.tries) == (False, "not-live", None, 1)
        assert found.of(RoomEntry) == []
        assert conference.login_needed(found.facts()) is True

    def test_too_much_at_once(self, monkeypatch: pytest.MonkeyPatch) -> None:
        found = joined(Server(conference=("server-conference-resource-constraint",)), monkeypatch)
        (reply,) = found.of(ConferenceReply)
        assert (reply.condition, reply.detail, reply.tries) == ("resource-constraint", "rate-limited", 1)
        assert conference.rate_limited(found.facts())
        assert conference.conference_ready(found.facts()) is None

    def test_a_refusal_that_is_somebodys_own(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Not-allowed in other words is no name that leads nowhere."""
        edit = lambda said: said.replace("Communication with remote domains is not enabled", "Not today")  # noqa: E731
        found = joined(Server(conference=("server-conference-not-allowed",), edit=edit), monkeypatch)
        assert conference.focus_available(found.facts()) is True
        assert conference.login_needed(found.facts()) is True

    def test_words_that_repeat_a_secret_are_not_kept(self, monkeypatch: pytest.MonkeyPatch) -> None:
        edit = lambda said: said.replace("rate-limited", "standup SecretToken")  # noqa: E731
        server = Server(conference=("server-conference-resource-constraint",), edit=edit)
        found = joined(server, monkeypatch, room="standup", kept={SIGN_IN: Login(token="SecretToken")})
        (reply,) = found.of(ConferenceReply)
        assert reply.detail == ""

    @pytest.mark.parametrize(
        "words",
        [
            "Room 'téamgehälter' is locked",
            "Room 'TÉAMGEHÄLTER' is locked",
            "T%C3%A9amGeh%C3%A4lter is locked",
            "?room=t%25c3%25a9amgeh%25c3%25a4lter",
            "No, Alice Smith",
            "secrettoken",
            "HUNTER22",
        ],
    )
    def test_in_whatever_form(self, monkeypatch: pytest.MonkeyPatch, words: str) -> None:
        login = Login(token="SecretToken", user="alice smith@meet.jitsi", password="hunter22")
        server = Server(
            conference=("server-conference-resource-constraint",),
            edit=lambda said: said.replace("rate-limited", words),
        )
        found = joined(server, monkeypatch, room="t%c3%a9amgeh%c3%a4lter", kept={SIGN_IN: login})
        (reply,) = found.of(ConferenceReply)
        assert (reply.condition, reply.detail) == ("resource-constraint", "")

    @pytest.mark.parametrize("user", ["", "al", "al@meet.jitsi", "bob"])
    def test_other_words_are_kept(self, user: str) -> None:
        assert harmless("Not allowed\n", "standup@muc.meet.jitsi", user=user) == "Not allowed"

    def test_an_answer_that_is_none(self, monkeypatch: pytest.MonkeyPatch) -> None:
        found = joined(Server(edit=lambda said: said.replace("<conference ", "<konferenz ", 1)), monkeypatch)
        (reply,) = found.of(ConferenceReply)
        assert reply.failure is Failure.PROTOCOL

    def test_the_connection_is_lost(self, monkeypatch: pytest.MonkeyPatch) -> None:
        found = joined(Server(close_at="machine-uid"), monkeypatch)
        (reply,) = found.of(ConferenceReply)
        assert reply.failure is Failure.CLOSED
        assert conference.focus_available(found.facts()) is None
        assert conference.conference_ready(found.facts()) is None


def http(status: str, body: bytes = b"") -> bytes:
    return b"HTTP/1.1 %s\r\nContent-Length: %d\r\n\r\n%s" % (status.encode(), len(body), body)


def asked_over(
    url: str, page: bytes | None, monkeypatch: pytest.MonkeyPatch, scheme: str = "http", **more: Any
) -> tuple[Joined, Any]:
    """A server whose config.js, of a page of this scheme, says that the focus is asked over HTTP."""
    config = msgspec.structs.replace(CONFIG, url=f"{scheme}://{HOST}/config.js", conference_request=url)
    found = joined(Server(), monkeypatch, before=(RESOLVED, config, SIGNED_IN), page=page, **more)
    (reply,) = found.of(ConferenceReply)
    return found, reply


class TestTheConferenceOverHttp:
    URL = f"http://{HOST}/conference-request/v1"
    READY = (STANZAS / "http-conference-reply.json").read_bytes()

    def test_ready(self, monkeypatch: pytest.MonkeyPatch) -> None:
        login = Login(token="SecretToken")
        found, reply = asked_over(self.URL, http("200 OK", self.READY), monkeypatch, kept={SIGN_IN: login})
        assert (reply.by, reply.focus, reply.ready, reply.status) == ("http", self.URL, True, 200)
        assert len(found.of(SessionOffer)) == 2
        head, _, body = found.requests[0].partition(b"\r\n\r\n")
        room = json.loads(body)["room"]
        assert head.startswith(f"POST /conference-request/v1?room={room.partition('@')[0]} HTTP/1.1\r\n".encode())
        assert b"\r\nAuthorization: Bearer SecretToken" in head
        assert rooms(found) == {room}
        assert "Secret" not in repr(found.observations)

    @pytest.mark.parametrize(
        ("page", "failure", "condition", "focus"),
        [
            (http("403 Forbidden"), Failure.UNAUTHORIZED, "not-authorized", True),
            (http("400 Bad Request", b"400 invalid-session"), Failure.ERROR_RESPONSE, "session-invalid", True),
            (http("400 Bad Request"), Failure.HTTP_STATUS, None, True),
            (http("429 Too Many Requests"), Failure.HTTP_STATUS, None, None),
            (http("301 Moved Permanently"), Failure.HTTP_STATUS, None, None),
            (http("308 Permanent Redirect"), Failure.HTTP_STATUS, None, None),
            (http("405 Method Not Allowed"), Failure.HTTP_STATUS, None, False),
            (http("404 Not Found"), Failure.HTTP_STATUS, None, False),
            (http("502 Bad Gateway"), Failure.HTTP_STATUS, None, False),
            (http("200 OK", b"<html>"), Failure.PROTOCOL, None, False),
            (b"SSH-2.0-OpenSSH_9.2\r\n", Failure.PROTOCOL, None, None),
            (b"", Failure.CLOSED, None, None),
            (None, Failure.TIMEOUT, None, False),
        ],
    )
    def test_refused(
        self,
        monkeypatch: pytest.MonkeyPatch,
        page: bytes | None,
        failure: Failure,
        condition: str | None,
        focus: bool | None,
    ) -> None:
        found, reply = asked_over(self.URL, page, monkeypatch)
        assert (reply.failure, reply.condition, reply.ready) == (failure, condition, None)
        assert found.of(RoomEntry) == []
        assert found.seconds < 5.1
        assert conference.focus_available(found.facts()) is focus

    @pytest.mark.parametrize("url", [f"http://{HOST}:99999/", "http://[/", "ftp://a.example/", "http://other.example/"])
    def test_places_that_are_none(self, monkeypatch: pytest.MonkeyPatch, url: str) -> None:
        found, reply = asked_over(url, http("200 OK", self.READY), monkeypatch)
        assert reply.failure in (Failure.PROTOCOL, Failure.NXDOMAIN, Failure.NO_DATA)
        assert found.requests == []
        assert conference.unusable(reply)
        assert conference.conference_ready(found.facts()) is False

    def test_a_secure_page_cannot_ask_in_the_clear(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Nor does a token go there."""
        login = Login(token="SecretToken")
        ready = http("200 OK", self.READY)
        found, reply = asked_over(self.URL, ready, monkeypatch, scheme="https", kept={SIGN_IN: login})
        assert (reply.failure, reply.ready, found.requests) == (Failure.PROTOCOL, None, [])
        assert conference.conference_ready(found.facts()) is False

    def test_a_token_that_is_none_is_not_quoted(self, monkeypatch: pytest.MonkeyPatch) -> None:
        login = Login(token="Secret\r\nToken")
        _, reply = asked_over(self.URL, http("200 OK", self.READY), monkeypatch, kept={SIGN_IN: login})
        assert (reply.failure, reply.detail) == (Failure.PROTOCOL, "")
