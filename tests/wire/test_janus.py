"""Janus's API: what a real one says is read, what is none of it is a fault, and nothing is believed."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from natprobe.wire import janus
from natprobe.wire.janus import EVENTS_MAX, MESSAGE_MAX, Event, Info, JanusError
from tests.scripted_janus import ANSWER, HOST, INFO, error, event, trickle

NAMES = [each for each in Info._fields if each not in ("public_ips", "plugins", "transports")]


def said(**words: Any) -> Event:
    return janus.read(json.dumps(words))


def info(**words: Any) -> Info:
    found = janus.read(json.dumps(INFO | words)).info
    assert found is not None
    return found


class TestRequests:
    def test_what_is_none_stays_out(self) -> None:
        asked = janus.request("message", "t1", session_id=5, handle_id=None, body={"audio": True})
        assert json.loads(asked) == {"janus": "message", "transaction": "t1", "session_id": 5, "body": {"audio": True}}

    def test_an_offer_says_that_candidates_come_later(self) -> None:
        assert janus.jsep_offer("v=0") == {"type": "offer", "sdp": "v=0", "trickle": True}
        assert janus.trickled("candidate:1", "0") == {"sdpMid": "0", "sdpMLineIndex": 0, "candidate": "candidate:1"}


class TestEvents:
    def test_created(self) -> None:
        found = said(janus="success", transaction="a", data={"id": 2976936206272079})
        assert (found.word, found.transaction, found.id) == ("success", "a", 2976936206272079)

    @pytest.mark.parametrize("number", [0, -1, 2**53 + 1, "a/b", "x" * 65, "é", None])
    def test_what_no_path_could_carry_is_no_id(self, number: object) -> None:
        assert said(janus="success", data={"id": number}).id is None

    @pytest.mark.parametrize("number", [1, 2**53, "a-string_1"])
    def test_ids(self, number: object) -> None:
        assert said(janus="success", data={"id": number}, session_id=number).id == number

    def test_refused(self) -> None:
        found = said(**error(460, "No such plugin 'janus.plugin.echotest'"))
        assert (found.code, found.reason) == (460, "No such plugin 'janus.plugin.echotest'")

    def test_refused_by_the_plugin(self) -> None:
        found = said(**event(error_code=411, error="JSON error:\x00 x"), sender=3)
        assert (found.code, found.reason, found.sender) == (411, "JSON error:  x", 3)

    def test_an_answer(self) -> None:
        found = said(**event(ANSWER, result="ok"), sender=3, session_id=4)
        assert (found.word, found.sdp, found.sender, found.session, found.code) == ("event", ANSWER, 3, 4, None)

    def test_candidates(self) -> None:
        one, end = (said(**each, sender=3) for each in trickle(HOST, completed=True))
        assert (one.lines, one.completed) == ((HOST,), False)
        assert (end.lines, end.completed) == ((), True)
        several = said(janus="trickle", candidates=[{"candidate": HOST}, {"completed": True}])
        assert (several.lines, several.completed) == ((HOST,), True)

    def test_hung_up(self) -> None:
        assert said(janus="hangup", sender=3, reason="ICE failed\n").reason == "ICE failed"

    @pytest.mark.parametrize("word", ["webrtcup", "timeout", "keepalive", "detached", "media", "slowlink"])
    def test_bare_words(self, word: str) -> None:
        assert said(janus=word, sender=3, type="audio", receiving=True).word == word

    def test_its_repr_has_no_secret(self) -> None:
        assert "pwd" not in repr(said(**event(ANSWER)))

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "[]",
            "null",
            "{}",
            "<html>",
            '{"janus": 5}',
            '{"janus": "a b"}',
            '{"janus": ""}',
            '{"janus": "success", "data": {"id": 1.5}}',
            '{"janus": "success", "data": {"id": {}}}',
            '{"janus": "event", "jsep": {"sdp": 7}}',
            '{"janus": "event", "sender": [1]}',
            '{"janus": "trickle", "candidate": "candidate:1"}',
            '{"janus": "trickle", "candidate": {"completed": "yes"}}',
            '{"janus": "error", "error": {"code": "403"}}',
            '{"janus": "hangup", "reason": 1}',
            '{"janus": "event", "x": ' + "[" * 5000 + "]" * 5000 + "}",
            '{"janus": "' + "a" * MESSAGE_MAX + '"}',
        ],
    )
    def test_what_is_no_message(self, text: str) -> None:
        with pytest.raises(JanusError) as caught:
            janus.read(text)
        assert len(str(caught.value)) < 60

    def test_what_is_not_needed_may_be_anything(self) -> None:
        assert said(janus="ack", hint=[1, {"a": None}], plugindata=None).word == "ack"

    def test_a_poll_brings_one_or_several(self) -> None:
        one, two = {"janus": "keepalive"}, {"janus": "webrtcup", "sender": 3}
        assert [each.word for each in janus.read_several(json.dumps(one).encode())] == ["keepalive"]
        assert [each.word for each in janus.read_several(b" " + json.dumps([two, one]).encode())] == [
            "webrtcup",
            "keepalive",
        ]
        assert janus.read_several(b"[]") == []
        with pytest.raises(JanusError, match="events at once"):
            janus.read_several(json.dumps([one] * (EVENTS_MAX + 1)).encode())

    @settings(max_examples=300, deadline=None)
    @given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(max_size=9), lambda each: (
        st.lists(each, max_size=3)
        | st.dictionaries(st.sampled_from(["janus", "data", "id", "error", "code", "jsep", "sdp"]), each, max_size=4)
    ), max_leaves=12))  # fmt: skip
    def test_any_json_is_a_message_or_a_fault(self, value: object) -> None:
        with contextlib.suppress(JanusError):
            assert janus.read(json.dumps(value)).word


class TestInfo:
    def test_as_janus_tells_it(self) -> None:
        found = info(**{"public-ips": ["203.0.113.7", "203.0.113.7", "x y"], "stun-server": "192.0.2.1:3478"})
        assert (found.version, found.version_string, found.local_ip) == (1102, "1.1.2", "203.0.113.10")
        assert (found.public_ips, found.stun_server) == (("203.0.113.7",), "192.0.2.1:3478")
        assert (found.plugins, found.transports) == (("echotest",), ("http", "websockets"))
        assert (found.ice_lite, found.mdns, found.secret, found.accepting) == (False, True, False, True)

    def test_an_older_one_has_one_public_address(self) -> None:
        assert info(**{"public-ip": "203.0.113.7"}).public_ips == ("203.0.113.7",)

    def test_mapped_addresses_are_what_they_map(self) -> None:
        found = info(**{"local-ip": "::ffff:10.0.0.7", "public-ips": ["::ffff:203.0.113.7", "203.0.113.7"]})
        assert (found.local_ip, found.public_ips) == ("10.0.0.7", ("203.0.113.7",))

    def test_what_is_not_there_is_not_known(self) -> None:
        found = janus.read('{"janus": "server_info"}').info
        assert found == Info()

    @pytest.mark.parametrize("value", [None, [], {}, 7, -1.5, "x\x00" * 300, {"a": [1]}, [[]] * 50])
    def test_what_is_not_readable_is_not_known(self, value: object) -> None:
        keys = [*INFO, "public-ips", "public-ip", "stun-server", "turn-server", "ipv6-link-local"]
        found = info(**{each: value for each in keys if each != "janus"})
        assert all(getattr(found, each) is None or isinstance(value, (int, str)) for each in NAMES)
        assert all(len(each) <= 100 for each in (*found.plugins, *found.transports, found.version_string or ""))

    def test_names_have_a_bound(self) -> None:
        assert len(info(plugins={f"janus.plugin.{each}": {} for each in range(500)}).plugins) == janus.NAMES_MAX
