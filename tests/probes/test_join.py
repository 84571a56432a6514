"""Every reply on the way into a Jitsi session, and every silence: told apart, bounded, and nothing left in the room."""

from __future__ import annotations

import re

import pytest

from natprobe.asking.accepting import Waiting
from natprobe.asking.forced import FORCED_MAX
from natprobe.context import Keep
from natprobe.derive import conference
from natprobe.facts import Candidate, ConferenceReply, Probed, RoomEntry, Services, SessionOffer
from natprobe.model import Failure
from natprobe.pairing import IceCredentials
from natprobe.servers.jitsi.rooms import room_name
from natprobe.wire import jingle, xmpp
from natprobe.wire.jingle import Offer
from tests.probes.joining import (
    DOMAIN,
    JIDS,
    MUC,
    RTT,
    WEB,
    WEB6,
    Joined,
    Script,
    Server,
    joined,
    left,
    rooms,
)

MEDIA, INNER, OTHER = f"{WEB}:10000", "172.18.0.5:10000", "203.0.113.9"


def at_home(said: str) -> str:
    """The bridge advertises the address that the name has."""
    return said.replace("203.0.113.9", WEB)


class TestASession:
    @pytest.fixture
    def found(self, monkeypatch: pytest.MonkeyPatch) -> Joined:
        return joined(Server(edit=at_home), monkeypatch)

    def test_what_is_seen(self, found: Joined) -> None:
        (reply,), entries, offers = found.of(ConferenceReply), found.of(RoomEntry), found.of(SessionOffer)
        assert (reply.ready, reply.focus, reply.by, reply.failure, reply.tries) == (
            True,
            f"focus.{DOMAIN}",
            "xmpp",
            None,
            1,
        )
        assert reply.rtt_ms == pytest.approx(RTT * 1000, abs=1)
        assert [(each.participant, each.failure, each.focus, each.bridge) for each in entries] == [
            (1, None, True, None),
            (2, None, True, None),
        ]
        assert [(each.session, each.candidates, each.dropped, each.fingerprint) for each in offers] == [
            ("media/1", 2, 0, True),
            ("media/2", 2, 0, True),
        ]
        assert all(each.rtt_ms == pytest.approx(RTT * 1000, abs=1) for each in entries)

    def test_candidates_are_those_of_one_participant(self, found: Joined) -> None:
        seen = [(each.endpoint, each.transport, each.advertised, each.session) for each in found.of(Candidate)]
        assert seen == [(INNER, "udp", True, "media/1"), (MEDIA, "udp", True, "media/1")]
        assert found.of(Candidate)[1].related == INNER

    def test_it_takes_two_round_trips(self, found: Joined) -> None:
        assert found.seconds == pytest.approx(2 * RTT, abs=0.01)

    def test_the_focus_gets_its_answers(self, found: Joined) -> None:
        for number in (1, 2):
            disco, ack = found.server.stanzas(number, "iq")[-2:]
            assert (disco.get("type"), disco.get("id"), len(disco)) == ("result", "d1", 1)
            assert (ack.get("type"), ack.get("id"), len(ack)) == ("result", "j1", 0)

    def test_a_room_that_nobody_can_guess(self, found: Joined) -> None:
        (room,) = rooms(found)
        assert re.fullmatch(rf"natprobe-[0-9a-f]{{16}}@{re.escape(MUC)}", room)

    def test_nicks_are_those_that_prosody_and_the_bridge_want(self, found: Joined) -> None:
        assert {each.rpartition("/")[2] for each in left(found)} == {JIDS[0][:8], JIDS[1][:8]}

    def test_everybody_leaves(self, found: Joined) -> None:
        assert len(left(found)) == 2
        assert all(stream.ended for stream in found.server.streams)

    def test_nothing_secret_is_in_the_facts(self, found: Joined) -> None:
        shown = repr(found.observations)
        assert not [each for each in ("fi9ag1k7u1spfo", "3rboco73", "natprobe-") if each in shown]

    def test_what_the_facts_mean(self, found: Joined) -> None:
        facts = found.facts()
        assert conference.signalling_works(facts)
        assert conference.focus_available(facts)
        assert conference.conference_ready(facts)
        assert conference.login_needed(facts) is False
        assert conference.room_entered(facts)
        assert conference.bridge_available(facts)
        assert conference.session_offered(facts)


def test_what_lies_in_the_drawer(monkeypatch: pytest.MonkeyPatch) -> None:
    kept: dict[str, object] = {}
    real = Keep.put
    monkeypatch.setattr(Keep, "put", lambda self, key, thing: kept.update({key: thing}) or real(self, key, thing))
    joined(Server(), monkeypatch)
    assert all(isinstance(kept[f"media/{number}"], IceCredentials) for number in (1, 2))
    assert all(isinstance(kept[f"offer/{number}"], Offer) for number in (1, 2))
    waits = [kept[f"waiting/{number}"] for number in (1, 2)]
    assert all(isinstance(each, Waiting) for each in waits)
    assert [each.name for each in waits if isinstance(each, Waiting)] == ["media/1", "media/2"]


class TestCandidatesThatNobodyOffered:
    def forced(self, monkeypatch: pytest.MonkeyPatch, server: Server, **options: object) -> list[str]:
        found = joined(server, monkeypatch, **options)  # type: ignore[arg-type]
        return [each.endpoint for each in found.of(Candidate) if not each.advertised]

    def test_the_addresses_of_the_name(self, monkeypatch: pytest.MonkeyPatch) -> None:
        assert self.forced(monkeypatch, Server()) == [MEDIA]

    def test_those_that_the_user_names(self, monkeypatch: pytest.MonkeyPatch) -> None:
        seen = self.forced(monkeypatch, Server(), media_addresses=("203.0.113.99", WEB6))
        assert seen == ["203.0.113.99:10000", f"[{WEB6}]:10000", MEDIA]

    def test_only_of_families_that_are_asked_for(self, monkeypatch: pytest.MonkeyPatch) -> None:
        assert self.forced(monkeypatch, Server(), media_addresses=(WEB6,), families=(4,)) == [MEDIA]

    def test_with_the_port_that_is_advertised_and_the_usual_one(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """The usual one at the addresses that are advertised too."""
        server = Server(edit=lambda said: said.replace("port='10000'", "port='20000'"))
        assert self.forced(monkeypatch, server) == [f"{WEB}:20000", MEDIA, INNER, f"{OTHER}:10000"]

    def test_with_the_port_that_the_user_names(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """First of all the endpoint itself; then its port everywhere else."""
        seen = self.forced(monkeypatch, Server(), media_addresses=("203.0.113.99:12000",))
        inner = INNER.replace("10000", "12000")
        assert seen == ["203.0.113.99:12000", MEDIA, f"{WEB}:12000", inner, f"{OTHER}:12000"]

    def test_never_more_than_so_many(self, monkeypatch: pytest.MonkeyPatch) -> None:
        many = tuple(f"203.0.113.{number}:{number}" for number in range(101, 109))
        seen = self.forced(monkeypatch, Server(), media_addresses=many)
        assert (len(seen), seen[:8]) == (FORCED_MAX, list(many))

    def test_with_the_usual_port_where_none_is(self, monkeypatch: pytest.MonkeyPatch) -> None:
        server = Server(edit=lambda said: said.replace("port='10000'", "port='0'"))
        assert self.forced(monkeypatch, server) == [MEDIA]


class TestTheRoom:
    @pytest.mark.parametrize(
        ("name", "condition", "failure"),
        [
            ("lobby", "registration-required", Failure.UNAUTHORIZED),
            ("password", "not-authorized", Failure.UNAUTHORIZED),
            ("not-allowed", "not-allowed", Failure.ERROR_RESPONSE),
            ("conflict", "conflict", Failure.ERROR_RESPONSE),
        ],
    )
    def test_refused(self, monkeypatch: pytest.MonkeyPatch, name: str, condition: str, failure: Failure) -> None:
        found = joined(Server(entry=(f"server-presence-{name}",) * 2, focus=None), monkeypatch)
        assert [(each.condition, each.failure) for each in found.of(RoomEntry)] == [(condition, failure)] * 2
        assert found.of(SessionOffer) == []
        assert found.seconds < 1
        assert conference.room_entered(found.facts()) is False

    @pytest.mark.parametrize("entry", [("server-presence-own", None), (None, "server-presence-own"), (None, None)])
    def test_silence(self, monkeypatch: pytest.MonkeyPatch, entry: Script) -> None:
        found = joined(Server(entry=entry), monkeypatch)
        silent = [each.failure is Failure.TIMEOUT for each in found.of(RoomEntry)]
        assert silent == [each is None for each in entry]
        assert found.of(SessionOffer) == []
        assert found.seconds == pytest.approx(5 + RTT, abs=0.1)
        assert len(left(found)) == 2
        assert conference.room_entered(found.facts()) is None
        assert conference.rooms_answer(found.facts()) is True

    def test_not_even_the_focus_is_there(self, monkeypatch: pytest.MonkeyPatch) -> None:
        found = joined(Server(entry=(None, None), focus=None), monkeypatch)
        assert [each.focus for each in found.of(RoomEntry)] == [False, False]
        assert conference.rooms_answer(found.facts()) is False

    def test_the_connection_is_lost(self, monkeypatch: pytest.MonkeyPatch) -> None:
        found = joined(Server(close_at="protocol/muc'"), monkeypatch)
        assert [each.failure for each in found.of(RoomEntry)] == [Failure.CLOSED] * 2
        assert conference.room_entered(found.facts()) is None

    def test_shown_out_at_once(self, monkeypatch: pytest.MonkeyPatch) -> None:
        found = joined(Server(entry=("server-presence-left",) * 2), monkeypatch)
        assert {each.condition for each in found.of(RoomEntry)} == {"removed-from-room"}


class TestTheOffer:
    def test_no_bridge(self, monkeypatch: pytest.MonkeyPatch) -> None:
        found = joined(Server(then=("server-presence-focus-no-bridge",)), monkeypatch)
        assert [each.bridge for each in found.of(RoomEntry)] == [False, False]
        assert {each.condition for each in found.of(SessionOffer)} == {conference.NO_BRIDGE}
        assert found.seconds < 1
        assert conference.bridge_available(found.facts()) is False
        assert conference.session_offered(found.facts()) is False

    def test_silence(self, monkeypatch: pytest.MonkeyPatch) -> None:
        found = joined(Server(then=()), monkeypatch)
        assert [each.failure for each in found.of(SessionOffer)] == [Failure.TIMEOUT] * 2
        assert found.seconds == pytest.approx(5 + 2 * RTT, abs=0.1)
        assert conference.session_offered(found.facts()) is False
        assert conference.bridge_available(found.facts()) is None

    def test_everything_is_slow(self, monkeypatch: pytest.MonkeyPatch) -> None:
        script = ("server-conference-not-ready",) * 2 + ("server-conference-ready",)
        found = joined(Server(conference=script, then=()), monkeypatch, timeout=20.0)
        assert len(found.of(SessionOffer)) == 2
        assert {each.status for each in found.of(Probed)} == {"complete"}

    def test_ended_again(self, monkeypatch: pytest.MonkeyPatch) -> None:
        found = joined(Server(then=("server-session-terminate",)), monkeypatch)
        assert [(each.condition, each.failure) for each in found.of(SessionOffer)] == [
            ("expired", Failure.ERROR_RESPONSE)
        ] * 2
        assert all(found.server.stanzas(number, "iq")[-1].get("id") == "t1" for number in (1, 2))

    def test_without_credentials(self, monkeypatch: pytest.MonkeyPatch) -> None:
        found = joined(Server(edit=lambda said: said.replace("ufrag='fi9", "ufrag='fi:9")), monkeypatch)
        assert {each.failure for each in found.of(SessionOffer)} == {Failure.PROTOCOL}
        assert found.of(Candidate) == []
        assert "fi:9" not in repr(found.observations)

    def test_of_somebody_else(self, monkeypatch: pytest.MonkeyPatch) -> None:
        forged = f"id='j1' from='{JIDS[1]}'"
        server = Server(edit=lambda said: re.sub(r"id='j1' from='[^']*'", forged, said))
        found = joined(server, monkeypatch)
        assert [each.failure for each in found.of(SessionOffer)] == [Failure.TIMEOUT] * 2
        for number in (1, 2):
            (refused,) = [each for each in server.stanzas(number, "iq") if each.get("id") == "j1"]
            assert (refused.get("type"), xmpp.condition(refused)) == ("error", "service-unavailable")

    def test_of_an_occupant_who_calls_himself_focus(self, monkeypatch: pytest.MonkeyPatch) -> None:
        server = Server(edit=lambda said: said.replace("jid='focus@auth.meet.jitsi/focus'", "jid='me@meet.jitsi/x'"))
        found = joined(server, monkeypatch)
        assert [each.focus for each in found.of(RoomEntry)] == [False, False]

    def test_the_channel_without_its_secret(self, monkeypatch: pytest.MonkeyPatch) -> None:
        found = joined(Server(then=("server-session-initiate-channel",)), monkeypatch)
        assert found.of(SessionOffer)[0].channel.endswith("/9c0f2a71")
        assert "pwd=" not in repr(found.observations)

    def test_the_connection_is_lost(self, monkeypatch: pytest.MonkeyPatch) -> None:
        found = joined(Server(then=("server-disco",), close_at="disco#info"), monkeypatch)
        assert [each.failure for each in found.of(SessionOffer)] == [Failure.CLOSED] * 2
        assert conference.session_offered(found.facts()) is None


class TestMoreThanTwo:
    """With --deep five of us sign in, and two are enough."""

    def test_all_are_let_in(self, monkeypatch: pytest.MonkeyPatch) -> None:
        found = joined(Server(), monkeypatch, sessions=5, deep=True)
        assert [each.failure for each in found.of(RoomEntry)] == [None] * 5
        assert [each.session for each in found.of(SessionOffer)] == [f"media/{number}" for number in range(1, 6)]
        entered = [number for number, each in found.server.heard if xmpp.child(each, "x", jingle.MUC) is not None]
        assert set(entered[:2]) == {1, 2}

    @pytest.mark.parametrize("answer", ["server-presence-not-allowed", None])
    def test_a_room_for_four(self, monkeypatch: pytest.MonkeyPatch, answer: str | None) -> None:
        server = Server(entry=(*("server-presence-own",) * 4, answer))
        found = joined(server, monkeypatch, sessions=5, deep=True)
        assert [each.failure is None for each in found.of(RoomEntry)] == [True] * 4 + [False]
        assert [(each.participant, each.failure) for each in found.of(SessionOffer)] == [(n, None) for n in range(1, 5)]
        assert {each.session for each in found.of(Candidate)} == {"media/1"}
        assert conference.session_offered(found.facts())
        assert len(left(found)) == 5

    def test_of_two_one_is_kept_out_and_another_comes_in(self, monkeypatch: pytest.MonkeyPatch) -> None:
        server = Server(entry=("server-presence-own", "server-presence-conflict", "server-presence-own", None, None))
        found = joined(server, monkeypatch, sessions=5, deep=True)
        assert [(each.participant, each.failure) for each in found.of(SessionOffer)] == [(1, None), (3, None)]

    @pytest.mark.parametrize("signed_in", [(1, 3), (2, 5), (1, 2, 4, 5)])
    def test_a_login_that_is_missing_is_not_missed(
        self, monkeypatch: pytest.MonkeyPatch, signed_in: tuple[int, ...]
    ) -> None:
        found = joined(Server(), monkeypatch, sessions=signed_in, deep=True)
        numbers = list(range(1, len(signed_in) + 1))
        assert [(each.participant, each.failure) for each in found.of(SessionOffer)] == [(n, None) for n in numbers]

    def test_where_two_are_kept_out_nobody_else_tries(self, monkeypatch: pytest.MonkeyPatch) -> None:
        server = Server(entry=("server-presence-lobby",) * 5, focus=None)
        found = joined(server, monkeypatch, sessions=5, deep=True)
        assert len(found.of(RoomEntry)) == 2


class TestMetadata:
    def test_relays_that_come_with_the_room(self, monkeypatch: pytest.MonkeyPatch) -> None:
        (said,) = (found := joined(Server(metadata=True), monkeypatch)).of(Services)
        (relay,) = said.services
        assert (said.by, said.domain, said.failure) == ("metadata", DOMAIN, None)
        assert (relay.type, relay.host, relay.port, relay.transport) == ("turns", "meet.example.com", 5349, "tcp")
        assert relay.credentials
        assert "q1w2" not in repr(found.observations)

    @pytest.mark.parametrize("json", ["{}", "[1]", '{"type":"room_metadata"}', "x", "[" * 9000])
    def test_metadata_without_any(self, monkeypatch: pytest.MonkeyPatch, json: str) -> None:
        server = Server(metadata=True, edit=lambda said: re.sub(r'\{"type".*\}', json, said))
        assert joined(server, monkeypatch).of(Services) == []


class TestWhenNot:
    def test_not_asked_for(self, monkeypatch: pytest.MonkeyPatch) -> None:
        found = joined(Server(), monkeypatch, join=False)
        (ended,) = [each for each in found.of(Probed) if each.probe == "join"]
        assert (ended.status, ended.detail) == ("skipped", "not asked for: --no-join")
        assert found.server.heard == []

    @pytest.mark.parametrize("sessions", [0, 1])
    def test_too_few_sessions(self, monkeypatch: pytest.MonkeyPatch, sessions: int) -> None:
        found = joined(Server(), monkeypatch, sessions=sessions)
        assert found.server.heard == []
        assert found.seconds < 0.01

    def test_the_users_own_room(self, monkeypatch: pytest.MonkeyPatch) -> None:
        found = joined(Server(), monkeypatch, room="Our Daily Café!")
        assert rooms(found) == {f"ourdailycaf%c3%a9@{MUC}"}
        assert "daily" not in repr(found.observations).lower()


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ("Standup", "standup"),
        ("Our Daily Café!", "ourdailycaf%c3%a9"),
        ("caf%C3%A9", "caf%c3%a9"),
        ("\uff21b", "ab"),
        ("a@b/c'd<e>&\x00f", "abcdef"),
        ("%", "%25"),
        ("x" * 9000, "x" * 500),
    ],
)
def test_a_rooms_name_in_a_jid(said: str, name: str) -> None:
    assert room_name(said) == name
    assert room_name(room_name(said)) == name


@pytest.mark.parametrize("after", [0.5 * RTT, 1.2 * RTT, 1.6 * RTT, 1.9 * RTT, 2.5 * RTT, 3.0])
def test_after_an_interrupt_nobody_is_left(monkeypatch: pytest.MonkeyPatch, after: float) -> None:
    found = joined(Server(then=()), monkeypatch, interrupt=after)
    entered = [each for _, each in found.server.heard if xmpp.child(each, "x", jingle.MUC) is not None]
    assert all(stream.ended for stream in found.server.streams)
    assert {each.get("to") for each in entered} <= set(left(found))
    assert len(left(found)) == (0 if after < RTT else 2)
