"""What a Jitsi client says and hears between signing in and media, against fixed texts, and whatever else may come."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element, canonicalize, tostring

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from natprobe.addresses import address_class
from natprobe.wire import jingle, xmpp
from natprobe.wire.candidates import CANDIDATES_MAX, BridgeCandidate
from natprobe.wire.jingle import Conference, Offer, Presence
from natprobe.wire.xmpp import XmppError

STANZAS = Path(__file__).parent.parent / "jitsi" / "stanzas"
ROOM = "npr0be7f3a91@muc.meet.jitsi"
FOCUS = "focus@auth.meet.jitsi"
ELSEWHERE = "Communication with remote domains is not enabled"
NO_SERVERS = "Server-to-server connections are disabled"
RESTRICTED = "Room creation is restricted"
OURS = f"{ROOM}/9c0f2a71"


def text(name: str) -> str:
    return (STANZAS / f"{name}.xml").read_text().strip()


def stanza(name: str) -> Element:
    return xmpp.parse(text(name))


def same(ours: str, name: str) -> bool:
    """Attributes have no order in XML."""
    return canonicalize(ours) == canonicalize(text(name))


def offered(*candidates: str, ufrag: str = "fi9ag1k7u1spfo", pwd: str = "3rboco73oosd9mm0str9hrto8g") -> Element:
    """A session-initiate of these candidates."""
    transport = xmpp.tag("transport", {"xmlns": jingle.ICE, "ufrag": ufrag, "pwd": pwd}, "".join(candidates))
    content = xmpp.tag("content", {"creator": "initiator", "name": "audio"}, transport)
    inside = xmpp.tag("jingle", {"xmlns": jingle.JINGLE, "action": "session-initiate", "sid": "s1"}, content)
    return xmpp.parse(
        xmpp.tag("iq", {"xmlns": xmpp.CLIENT, "type": "set", "id": "j1", "from": f"{ROOM}/focus"}, inside)
    )


def candidate(**attributes: str) -> str:
    usual = {"component": "1", "ip": "203.0.113.9", "port": "10000", "protocol": "udp", "type": "host", "priority": "7"}
    return xmpp.tag("candidate", usual | {key.replace("_", "-"): value for key, value in attributes.items()})


class TestSaid:
    def test_the_request_for_a_conference(self) -> None:
        ours = jingle.conference_request("c1", "focus.meet.jitsi", ROOM, "5f0c3a9e7b1d4c2f8e6a0b9d7c5e3f1a")
        assert same(ours, "client-conference")

    def test_a_token_goes_with_it(self) -> None:
        ours = xmpp.parse(jingle.conference_request("c1", "focus.meet.jitsi", ROOM, "00", token="a.b'c"))
        assert ours[0].get("token") == "a.b'c"

    def test_the_request_over_http(self) -> None:
        theirs = json.loads((STANZAS / "http-conference-request.json").read_text())
        assert json.loads(jingle.conference_json(ROOM, theirs["machineUid"])) == theirs

    def test_entering_and_leaving(self) -> None:
        assert same(jingle.enter(OURS), "client-join")
        assert same(xmpp.unavailable(OURS), "client-leave")

    def test_what_we_can_do(self) -> None:
        assert same(jingle.disco_answer(stanza("server-disco")), "client-disco")

    def test_the_node_that_was_asked_for_comes_back(self) -> None:
        asked = xmpp.parse(text("server-disco").replace("disco#info'/>", "disco#info' node='a&lt;b'/>"))
        assert xmpp.parse(jingle.disco_answer(asked))[0].get("node") == "a<b"

    def test_acknowledgements(self) -> None:
        assert same(jingle.acknowledged(stanza("server-session-initiate")), "client-session-initiate-ack")
        assert same(jingle.acknowledged(stanza("server-session-terminate")), "client-session-terminate-ack")


class TestTheFocus:
    @pytest.mark.parametrize(
        ("name", "answer"),
        [
            ("ready", Conference(True, FOCUS, False)),
            ("authentication", Conference(True, FOCUS, True)),
            ("not-ready", Conference(False, FOCUS, False)),
            ("visitors", Conference(True, FOCUS, False, "v1")),
            ("service-unavailable", Conference(None, condition="service-unavailable")),
            ("remote-server-not-found", Conference(None, condition="remote-server-not-found", text=NO_SERVERS)),
            ("item-not-found", Conference(None, condition="item-not-found")),
            ("not-authorized", Conference(None, condition="not-authorized", text="not authorized user domain")),
            ("session-invalid", Conference(None, condition="session-invalid")),
            ("reservation-error", Conference(None, condition="reservation-error")),
            ("not-allowed", Conference(None, condition="not-allowed", text=ELSEWHERE)),
            ("resource-constraint", Conference(None, condition="resource-constraint", text="rate-limited")),
            ("internal-server-error", Conference(None, condition="internal-server-error")),
        ],
    )
    def test_each_answer_is_told_apart(self, name: str, answer: Conference) -> None:
        assert jingle.read_conference(stanza(f"server-conference-{name}")) == answer

    def test_a_conference_that_is_not_live_is_not_ready(self) -> None:
        waiting = text("server-conference-ready").replace("visitors-supported", "live")
        assert jingle.read_conference(xmpp.parse(waiting)) == Conference(False, FOCUS, False, condition="not-live")

    def test_over_http(self) -> None:
        said = (STANZAS / "http-conference-reply.json").read_bytes()
        assert jingle.read_conference_json(said) == Conference(True, FOCUS, False)

    @pytest.mark.parametrize(
        "body",
        [
            b"",
            b"<html>",
            b"[]",
            b'{"ready":"yes"}',
            b'{"ready":true,"properties":[]}',
            b"\xff{}",
            b"[" * 50_000,
            b'{"focusJid":' + b'{"a":' * 20_000,
            b" " * 70_000,
        ],
    )
    def test_what_is_no_answer(self, body: bytes) -> None:
        with pytest.raises(XmppError):
            jingle.read_conference_json(body)

    def test_a_result_without_a_conference(self) -> None:
        with pytest.raises(XmppError):
            jingle.read_conference(stanza("server-bind"))


class TestTheRoom:
    @pytest.mark.parametrize(
        ("name", "seen"),
        [
            ("own", {"nick": "9c0f2a71", "here": True, "own": True}),
            ("other", {"nick": "4be1d0c2", "here": True}),
            ("focus", {"nick": "focus", "here": True, "jid": f"{FOCUS}/focus"}),
            ("focus-no-bridge", {"nick": "focus", "here": True, "jid": f"{FOCUS}/focus", "no_bridge": True}),
            ("left", {"nick": "9c0f2a71", "here": False, "own": True}),
            ("lobby", {"nick": "9c0f2a71", "here": False, "refused": "registration-required"}),
            ("password", {"nick": "9c0f2a71", "here": False, "refused": "not-authorized"}),
            ("not-allowed", {"nick": "9c0f2a71", "here": False, "refused": "not-allowed", "text": RESTRICTED}),
            ("conflict", {"nick": "9c0f2a71", "here": False, "refused": "conflict"}),
        ],
    )
    def test_each_presence_is_told_apart(self, name: str, seen: dict[str, Any]) -> None:
        found = jingle.read_presence(stanza(f"server-presence-{name}"), ROOM)
        assert found is not None
        assert {key: getattr(found, key) for key in seen} == seen
        assert found == Presence(**{"jid": found.jid} | seen)

    @pytest.mark.parametrize("condition", ["item-not-found", "service-unavailable", "resource-constraint"])
    def test_other_refusals(self, condition: str) -> None:
        refused = xmpp.parse(text("server-presence-conflict").replace("<conflict", f"<{condition}"))
        assert jingle.read_presence(refused, ROOM) == Presence("9c0f2a71", here=False, refused=condition)

    @pytest.mark.parametrize("name", ["server-session-initiate", "server-metadata", "server-ping"])
    def test_what_is_no_presence(self, name: str) -> None:
        assert jingle.read_presence(stanza(name), ROOM) is None

    def test_another_room(self) -> None:
        assert jingle.read_presence(stanza("server-presence-own"), f"x{ROOM}") is None

    def test_metadata(self) -> None:
        found = jingle.read_metadata(stanza("server-metadata"), "meet.jitsi")
        assert json.loads(found or "")["metadata"]["services"][0]["type"] == "turns"

    @pytest.mark.parametrize(
        "sender", [f"{ROOM}/4be1d0c2", "meet.jitsi", "a@x.meet.jitsi", "metadata.meet.jitsi/a", ""]
    )
    def test_metadata_of_somebody_else(self, sender: str) -> None:
        said = text("server-metadata").replace("metadata.meet.jitsi", sender)
        assert jingle.read_metadata(xmpp.parse(said), "meet.jitsi") is None

    def test_metadata_is_bounded(self) -> None:
        said = text("server-metadata").replace("{", " " * 70_000 + "{", 1)
        assert jingle.read_metadata(xmpp.parse(said), "meet.jitsi") is None


INNER = BridgeCandidate("172.18.0.5", 10000, "udp", "host", 2130706431)
OUTER = BridgeCandidate("203.0.113.9", 10000, "udp", "srflx", 1694498815, ("172.18.0.5", 10000))


class TestTheOffer:
    def test_a_whole_one(self) -> None:
        found = jingle.read_offer(stanza("server-session-initiate"))
        assert (found.candidates, found.dropped, found.channel) == ((INNER, OUTER), 0, None)
        assert (found.sid, found.initiator) == ("8vq2k1m5n7p0r", f"{FOCUS}/focus")
        assert (found.sender, found.content, found.creator) == (f"{ROOM}/focus", "audio", "initiator")
        assert found.credentials.ufrag == "fi9ag1k7u1spfo"
        assert found.credentials.password == "3rboco73oosd9mm0str9hrto8g"
        assert (found.hash, found.setup) == ("sha-256", "actpass")
        assert found.fingerprint == "AB:CD:EF:01:23:45:67:89:" * 3 + "AB:CD:EF:01:23:45:67:89"

    @pytest.mark.parametrize(
        ("name", "candidates", "dropped"),
        [
            ("private", (INNER,), 0),
            ("ipv6", (OUTER, BridgeCandidate("2001:db8::9", 10000, "udp", "host", 2130706431)), 0),
            ("bad-candidates", (OUTER,), 4),
            (
                "tcp",
                (
                    INNER,
                    OUTER,
                    BridgeCandidate("203.0.113.9", 4443, "ssltcp", "host", 2113932031),
                    BridgeCandidate("203.0.113.9", 4443, "tcp", "host", 2113932030),
                ),
                0,
            ),
        ],
    )
    def test_candidates(self, name: str, candidates: tuple[BridgeCandidate, ...], dropped: int) -> None:
        found = jingle.read_offer(stanza(f"server-session-initiate-{name}"))
        assert (found.candidates, found.dropped) == (candidates, dropped)

    @pytest.mark.parametrize(
        "attributes",
        [
            {"ip": "0.0.0.0"},
            {"ip": "255.255.255.255"},
            {"ip": "224.0.0.1"},
            {"ip": "239.255.255.250"},
            {"ip": "240.0.0.1"},
            {"ip": "ff02::1"},
            {"ip": "ff0e::101"},
            {"ip": "::"},
            {"ip": "::ffff:203.0.113.9"},
            {"ip": "fe80::1%eth0"},
            {"ip": "203.0.113.9 "},
            {"ip": "203.0.113.09"},
            {"ip": "localhost"},
            {"ip": ""},
            {"port": "0"},
            {"port": "65536"},
            {"port": "99999"},
            {"port": "-1"},
            {"port": "１０"},
            {"port": "1e4"},
            {"port": ""},
            {"protocol": "sctp"},
            {"type": "best"},
            {"component": "2"},
            {"protocol": "tcp", "tcptype": "active", "port": "9"},
        ],
    )
    def test_what_nobody_could_send_to(self, attributes: dict[str, str]) -> None:
        found = jingle.read_offer(offered(candidate(**attributes), candidate()))
        assert (len(found.candidates), found.dropped) == (1, 1)

    def test_one_endpoint_is_one_candidate(self) -> None:
        found = jingle.read_offer(offered(candidate(), candidate(type="srflx"), candidate(protocol="tcp")))
        assert [(each.transport, each.type) for each in found.candidates] == [("udp", "host"), ("tcp", "host")]
        assert found.dropped == 0

    def test_more_than_anybody_needs(self) -> None:
        found = jingle.read_offer(
            offered(*(candidate(port=str(1000 + n)) for n in range(2000)), candidate(port="1000"))
        )
        assert (len(found.candidates), found.dropped) == (CANDIDATES_MAX, 2000 - CANDIDATES_MAX)

    def test_five_thousand_are_no_stanza(self) -> None:
        with pytest.raises(XmppError):
            offered(*(candidate(port=str(1000 + n)) for n in range(5000)))

    @pytest.mark.parametrize(
        "related", [{"rel_addr": "0.0.0.0", "rel_port": "9"}, {"rel_addr": "x", "rel_port": "1"}, {}]
    )
    def test_without_a_related_address(self, related: dict[str, str]) -> None:
        (found,) = jingle.read_offer(offered(candidate(type="srflx", **related))).candidates
        assert found.related is None

    @pytest.mark.parametrize("priority", ["", "-1", "4294967296", "99999999999", "high"])
    def test_a_priority_that_is_none(self, priority: str) -> None:
        (found,) = jingle.read_offer(offered(candidate(priority=priority))).candidates
        assert found.priority is None

    @pytest.mark.parametrize(
        "more", [{"ufrag": ""}, {"ufrag": "a:b"}, {"ufrag": "a\tb"}, {"pwd": ""}, {"pwd": "é"}, {"pwd": "x" * 257}]
    )
    def test_credentials_that_are_none(self, more: dict[str, str]) -> None:
        with pytest.raises(XmppError):
            jingle.read_offer(offered(candidate(), **more))

    @pytest.mark.parametrize("name", ["server-session-terminate", "server-disco", "server-ping"])
    def test_no_offer_at_all(self, name: str) -> None:
        with pytest.raises(XmppError):
            jingle.read_offer(stanza(name))

    def test_nothing_secret_is_shown(self) -> None:
        found = jingle.read_offer(stanza("server-session-initiate-channel"))
        assert found.channel is not None
        assert found.channel.endswith("?pwd=3rboco73oosd9mm0str9hrto8g")
        assert found.shown_channel == "wss://meet.example.com/colibri-ws/default-id/5d0c3b2a19f8e7d6/9c0f2a71"
        assert "3rboco" not in repr(found) + str(found)

    @pytest.mark.parametrize("url", ["http://a.example/", "javascript:1", "wss://[", "", "//a.example/x"])
    def test_a_channel_that_is_none(self, url: str) -> None:
        said = text("server-session-initiate-channel").replace("wss://meet.example.com/colibri-ws/default-id/", url)
        assert jingle.read_offer(xmpp.parse(said.replace("5d0c3b2a19f8e7d6/9c0f2a71?pwd", "?pwd"))).channel is None

    def test_the_reason_for_an_end(self) -> None:
        ended = text("server-session-terminate")
        assert jingle.action(xmpp.parse(ended)) == "session-terminate"
        assert jingle.reason(xmpp.parse(ended)) == "expired"
        assert jingle.reason(xmpp.parse(ended.replace("<expired/>", "<text>why</text>"))) == "no-reason"

    def test_what_is_asked(self) -> None:
        assert jingle.is_disco(stanza("server-disco"))
        assert not jingle.is_disco(stanza("client-disco"))
        assert jingle.action(stanza("server-disco")) is None


NAMES = st.sampled_from(["iq", "presence", "message", "jingle", "content", "transport", "candidate", "conference", "x"])
SPACES = st.sampled_from([xmpp.CLIENT, jingle.JINGLE, jingle.ICE, jingle.FOCUS, jingle.MUC_USER, jingle.DTLS, ""])
KEYS = st.sampled_from(
    ["type", "from", "action", "ufrag", "pwd", "ip", "port", "protocol", "code", "ready", "url", "jid"]
)
WORDS = st.one_of(
    st.sampled_from(
        ["set", "error", "result", f"{ROOM}/focus", "session-initiate", "1.2.3.4", "10000", "true", "wss://["]
    ),
    st.text(max_size=20),
)


@st.composite
def elements(draw: st.DrawFn, depth: int = 4) -> str:
    """XML of the words that these readers look for, anyhow put together."""
    inner = draw(st.lists(elements(depth=depth - 1), max_size=3)) if depth else []
    attributes = draw(st.dictionaries(KEYS, WORDS, max_size=5))
    return xmpp.tag(draw(NAMES), {"xmlns": draw(SPACES)} | attributes, "".join(inner) or xmpp.escape(draw(WORDS)))


@settings(max_examples=300, deadline=None)
@given(elements())
def test_no_stanza_breaks_a_reader(said: str) -> None:
    found = xmpp.parse(said)
    jingle.read_presence(found, ROOM)
    jingle.read_metadata(found, "meet.jitsi")
    jingle.action(found)
    jingle.reason(found)
    jingle.refusal(found)
    xmpp.parse(jingle.disco_answer(found))
    xmpp.parse(jingle.acknowledged(found))
    with contextlib.suppress(XmppError):
        jingle.read_conference(found)
    with contextlib.suppress(XmppError):
        jingle.read_offer(found)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.dictionaries(st.sampled_from(["ip", "port", "rel_addr", "rel_port", "type"]), st.text(max_size=8))))
def test_candidates_are_endpoints_or_dropped(attributes: list[dict[str, str]]) -> None:
    found: Offer = jingle.read_offer(offered(*(candidate(**each) for each in attributes)))
    for each in found.candidates:
        assert address_class(each.address) not in ("unspecified", "multicast")
        assert 0 < each.port < 65536
    assert len(found.candidates) + found.dropped <= len(attributes)
    assert tostring(offered(*(candidate(**each) for each in attributes)))
