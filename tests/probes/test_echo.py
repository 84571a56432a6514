"""A session with Janus up to its candidates: over both transports, every refusal told apart, and always destroyed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from natprobe.asking import janus_handles, janus_session
from natprobe.asking.accepting import Waiting, waiting
from natprobe.asking.gateways import Proven
from natprobe.facts import Candidate, JanusCall, JanusEnd, Probed
from natprobe.model import Failure
from natprobe.pairing import IceCredentials, JanusAccess
from natprobe.probes import echo, gateway
from tests.scripted_janus import ANSWER, DIGEST, HOST, WHOLE, ScriptedJanus, asked, event, trickle
from tests.signing import Turns, listening

NAME, SECRET = "janus.test", "ApiSecretOfOurs"
TRANSPORTS = ("http", "websocket")
PROBES = ("gateway", "echo")
TCP = "candidate:3 1 tcp 1010827775 203.0.113.10 20032 typ host tcptype passive"
ACTIVE = "candidate:2 1 tcp 1015022079 203.0.113.10 0 typ host tcptype active"


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Silence is told soon; of the usual ports some may be somebody's on this machine."""
    monkeypatch.setattr(gateway, "PORTS", ())
    for module in (echo, janus_handles):
        monkeypatch.setattr(module, "STEP_SECONDS", 0.6)
    monkeypatch.setattr(janus_handles, "TRICKLE_SECONDS", 0.3)


@pytest.fixture(params=TRANSPORTS)
def over(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Each test over HTTP and over a WebSocket: the other way in is not there."""
    if request.param == "http":
        monkeypatch.setattr(gateway, "SOCKET_PATHS", ())
    else:
        monkeypatch.setattr(gateway, "SOCKET_PATHS", ("/janus",))
        monkeypatch.setattr(gateway, "PATH", "/none")
    return str(request.param)


def calls(found: list[JanusCall]) -> list[tuple[int, str, Failure | None, int | None]]:
    return [(each.handle, each.reached, each.failure, each.error_code) for each in found]


async def until(done: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not done():  # noqa: ASYNC110  # what others say has no event of ours
            await asyncio.sleep(0.01)


async def called(janus: ScriptedJanus, **options: Any) -> tuple[list[JanusCall], list[Candidate]]:
    async with listening(janus) as port, asked(f"http://{NAME}:{port}", *PROBES, kind="janus", **options) as seen:
        return sorted(seen.of(JanusCall), key=lambda each: each.handle), seen.of(Candidate)


async def test_two_handles_are_answered(over: str) -> None:
    janus = ScriptedJanus()
    async with listening(janus) as port, asked(f"http://{NAME}:{port}", *PROBES, kind="janus") as seen:
        found = sorted(seen.of(JanusCall), key=lambda each: each.handle)
        assert calls(found) == [(1, "answer", None, None), (2, "answer", None, None)]
        assert [(each.session, each.candidates, each.completed, each.trickled) for each in found] == [
            ("janus/1", 1, True, False),
            ("janus/2", 1, True, False),
        ]
        assert {each.digest for each in found} == {DIGEST}
        assert found[0].url.partition("://")[0] == {"http": "http", "websocket": "ws"}[over]
        told = seen.of(Candidate, lambda each: each.advertised)
        assert [(each.endpoint, each.session) for each in told] == [
            ("203.0.113.10:20063", "janus/1"),
            ("203.0.113.10:20063", "janus/2"),
        ]
        forced = seen.of(Candidate, lambda each: not each.advertised)
        assert {(each.endpoint, each.session) for each in forced} == {("127.0.0.1:20063", "janus/1")}
        assert seen.context.keep.get("janus/1", IceCredentials) is not None
        assert len(janus.sessions) == 1
    assert janus.sessions == {}
    assert sorted(janus.words()) == sorted(["create", "attach", "attach", "message", "message", "destroy"] + (
        ["info"] if over == "websocket" else []))  # fmt: skip
    offers = [each["jsep"]["sdp"] for each in janus.heard if each["janus"] == "message"]
    assert len({each.partition("a=ice-ufrag:")[2][:8] for each in offers}) == 2
    assert len({each.partition("a=fingerprint:sha-256 ")[2][:95] for each in offers}) == 2
    assert [each["body"] for each in janus.heard if each["janus"] == "message"] == [{"audio": True, "video": False}] * 2


@pytest.mark.parametrize("early", [True, False])
async def test_candidates_may_come_before_or_after_the_answer(over: str, early: bool) -> None:
    apart = trickle(HOST, ACTIVE, TCP, "candidate:9 1 udp 1 x.local 5 typ host", completed=True)
    found, candidates = await called(
        ScriptedJanus(events=[*apart, event(ANSWER)] if early else [event(ANSWER), *apart])
    )
    assert [(each.candidates, each.dropped, each.trickled, each.completed) for each in found] == [
        (2, 2, True, True)
    ] * 2
    assert {(each.endpoint, each.transport) for each in candidates if each.advertised} == {
        ("203.0.113.10:20063", "udp"),
        ("203.0.113.10:20032", "tcp"),
    }


async def test_no_end_of_candidates_is_not_waited_for_long(over: str) -> None:
    found, _ = await called(ScriptedJanus(events=[event(ANSWER), *trickle(HOST)]))
    assert [(each.candidates, each.completed) for each in found] == [(1, False)] * 2


async def test_an_answer_without_candidates(over: str) -> None:
    found, candidates = await called(ScriptedJanus(events=[event(ANSWER), *trickle(completed=True)]))
    assert [(each.failure, each.candidates, each.completed) for each in found] == [(None, 0, True)] * 2
    assert candidates == []


REFUSED = [
    ({"refuses": {"create": (403, "Unauthorized request")}}, [(1, "nothing", Failure.UNAUTHORIZED, 403)]),
    ({"refuses": {"create": (472, "Not accepting new sessions")}}, [(1, "nothing", Failure.ERROR_RESPONSE, 472)]),
    ({"refuses": {"attach": (460, "No such plugin")}}, [(n, "session", Failure.ERROR_RESPONSE, 460) for n in (1, 2)]),
    ({"refuses": {"attach": (458, "No such session")}}, [(n, "session", Failure.ERROR_RESPONSE, 458) for n in (1, 2)]),
    ({"refuses": {"attach": (405, "Not allowed")}}, [(n, "session", Failure.UNAUTHORIZED, 405) for n in (1, 2)]),
    ({"refuses": {"message": (459, "No such handle")}}, [(n, "handle", Failure.ERROR_RESPONSE, 459) for n in (1, 2)]),
    ({"refuses": {"message": (465, "bad SDP")}}, [(n, "handle", Failure.ERROR_RESPONSE, 465) for n in (1, 2)]),
    ({"events": [event(error_code=413, error="no")]}, [(n, "offer", Failure.ERROR_RESPONSE, 413) for n in (1, 2)]),
    ({"events": [event("v=0\r\n")]}, [(n, "offer", Failure.PROTOCOL, None) for n in (1, 2)]),
    ({"events": [event(WHOLE.replace("audio 9", "audio 0"))]}, [(n, "offer", Failure.PROTOCOL, None) for n in (1, 2)]),
    ({"events": [{"janus": "hangup", "reason": "x"}]}, [(n, "offer", Failure.CLOSED, None) for n in (1, 2)]),
    ({"events": [{"janus": "detached"}]}, [(n, "offer", Failure.CLOSED, None) for n in (1, 2)]),
    ({"events": []}, [(n, "offer", Failure.TIMEOUT, None) for n in (1, 2)]),
    ({"silent": {"create"}}, [(1, "nothing", Failure.TIMEOUT, None)]),
    ({"silent": {"attach"}}, [(n, "session", Failure.TIMEOUT, None) for n in (1, 2)]),
    ({"silent": {"message"}}, [(n, "handle", Failure.TIMEOUT, None) for n in (1, 2)]),
]


@pytest.mark.parametrize(("told", "expected"), REFUSED)
async def test_every_step_may_fail(over: str, told: dict[str, Any], expected: list[object]) -> None:
    janus = ScriptedJanus(**told)
    found, candidates = await called(janus)
    assert calls(found) == expected
    assert candidates == []
    assert janus.sessions == {} or "create" in told.get("silent", ())


async def test_a_secret_goes_with_every_request(over: str) -> None:
    janus = ScriptedJanus(secret=SECRET, info={"api_secret": True})
    found, _ = await called(janus, access=JanusAccess(secret=SECRET, token="TokenOfOurs"))
    assert calls(found) == [(1, "answer", None, None), (2, "answer", None, None)]
    assert all(each.given for each in found)
    assert {each.get("token") for each in janus.heard if each["janus"] != "info"} == {"TokenOfOurs"}
    assert SECRET not in repr(found)


async def test_a_missing_secret_is_told(over: str) -> None:
    found, _ = await called(ScriptedJanus(secret=SECRET))
    assert calls(found) == [(1, "nothing", Failure.UNAUTHORIZED, 403)]
    assert not found[0].given


async def test_what_repeats_a_secret_is_not_told(over: str) -> None:
    refused = {"refuses": {"create": (403, f"'{SECRET.upper()}' is wrong")}}
    found, _ = await called(ScriptedJanus(**refused), access=JanusAccess(secret=SECRET))
    assert (found[0].failure, found[0].detail, found[0].given) == (Failure.UNAUTHORIZED, "", True)


async def test_a_secret_crosses_no_line_that_others_read(over: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("natprobe.asking.gateways.address_class", lambda _address: "public")
    janus = ScriptedJanus(secret=SECRET)
    found, _ = await called(janus, access=JanusAccess(secret=SECRET, token="t"))
    assert calls(found) == [(1, "nothing", Failure.UNAUTHORIZED, 403)]
    assert not found[0].given
    assert not any(set(each) & {"apisecret", "token"} for each in janus.heard)


async def test_who_is_flooded_stops_listening(over: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("natprobe.net.janus.EVENTS_MAX", 20)
    flood = [{"janus": "slowlink"}] * 50
    janus = ScriptedJanus(events=[*flood, event(WHOLE)])
    found, _ = await called(janus)
    assert {each.failure for each in found} <= {Failure.CLOSED, Failure.PROTOCOL}
    assert {each.reached for each in found} <= {"handle", "offer"}


async def test_connections_that_close_after_each_answer() -> None:
    found, _ = await called(ScriptedJanus(closes=True, events=[event(ANSWER), *trickle(HOST, completed=True)]))
    assert calls(found) == [(1, "answer", None, None), (2, "answer", None, None)]


async def test_no_session_without_leave(over: str) -> None:
    janus = ScriptedJanus()
    async with listening(janus) as port, asked(f"http://{NAME}:{port}", *PROBES, kind="janus", join=False) as seen:
        assert seen.one(Probed, lambda each: each.probe == "echo").detail == "not asked for: --no-join"
    assert set(janus.words()) <= {"info"}


async def test_with_deep_there_are_more(over: str) -> None:
    found, _ = await called(ScriptedJanus(), deep=True)
    assert [each.handle for each in found] == [1, 2, 3, 4, 5]


class TestWaiting:
    async def test_it_is_accepted_by_our_candidates(self, over: str) -> None:
        janus = ScriptedJanus()
        async with listening(janus) as port, asked(f"http://{NAME}:{port}", *PROBES, kind="janus") as seen:
            second = waiting(seen.context, 2)
            assert isinstance(second, Waiting)
            assert [each.endpoint for each in second.remotes] == [("203.0.113.10", 20063)]
            sides = await second.accept(seen.context, [("192.0.2.1", 5000), ("2001:db8::1", 5001)])
            assert (sides.session, sides.controlling, sides.announced) == ("janus/2", True, (("sha-256", DIGEST),))
            offer = [each for each in janus.heard if each["janus"] == "message"]
            assert f"a=ice-ufrag:{sides.ours.ufrag}\r\n" in "".join(each["jsep"]["sdp"] for each in offer)
            assert sides.identity.fingerprint in "".join(each["jsep"]["sdp"] for each in offer)
            await until(lambda: "trickle" in janus.words())
            told = next(each for each in janus.heard if each["janus"] == "trickle")["candidates"]
            assert [each.get("candidate", "").split()[4:6] for each in told] == [
                ["192.0.2.1", "5000"],
                ["2001:db8::1", "5001"],
                [],
            ]
            assert told[-1] == {"completed": True}
            assert second.over() is None
            await second.awake()
            assert "keepalive" in janus.words()

    async def test_what_janus_says_of_the_media(self, over: str) -> None:
        janus = ScriptedJanus(events=[event(WHOLE), {"janus": "webrtcup"}, {"janus": "media", "type": "audio"}])
        async with listening(janus) as port, asked(f"http://{NAME}:{port}", *PROBES, kind="janus") as seen:
            first = waiting(seen.context, 1)
            assert first is not None
            await until(lambda: first.told() == JanusEnd(handle=1, session="janus/1", up=True))
            for queue in janus.sessions.values():
                queue.put_nowait({"janus": "hangup", "sender": self.handle_of(janus), "reason": "ICE failed"})
            await until(lambda: first.over() == "ICE failed")
            assert first.told() == JanusEnd(handle=1, session="janus/1", up=True, reason="ICE failed")
            with pytest.raises(EOFError):
                await first.accept(seen.context, [])

    async def test_a_session_that_janus_gave_up(self, over: str) -> None:
        janus = ScriptedJanus()
        async with listening(janus) as port, asked(f"http://{NAME}:{port}", *PROBES, kind="janus") as seen:
            first = waiting(seen.context, 1)
            assert first is not None
            for number, queue in janus.sessions.items():
                queue.put_nowait({"janus": "timeout", "session_id": number})
            await until(lambda: first.over() == "session timeout")
        assert "destroy" not in janus.words()

    @staticmethod
    def handle_of(janus: ScriptedJanus) -> int:
        """Of the handle that was attached first: that of the first one of ours, whichever offered first."""
        return min(int(each["handle_id"]) for each in janus.heard if each["janus"] == "message")


async def test_a_session_that_is_still_being_created_is_destroyed(over: str) -> None:
    """Ctrl-C while the answer to `create` is on its way."""
    janus = ScriptedJanus()
    async with listening(janus) as port, asked(f"http://{NAME}:{port}", "gateway", kind="janus") as seen:
        session = janus_session.JanusSession(seen.context, seen.context.keep.all(Proven)[0])
        creating = asyncio.create_task(session.create(1.0))
        await asyncio.sleep(0)
        creating.cancel()
        await asyncio.gather(creating, return_exceptions=True)
        await session.aclose()
    assert janus.words()[-2:] == ["create", "destroy"]
    assert janus.sessions == {}


async def test_round_trips(over: str) -> None:
    """What the door took is 1, over the WebSocket 2; then the session, the handles, the offers: 3 for both of them."""
    async with listening(ScriptedJanus()) as inner:
        turns = Turns(inner)
        async with listening(turns) as port, asked(f"http://{NAME}:{port}", *PROBES, kind="janus") as seen:
            assert [each.failure for each in seen.of(JanusCall)] == [None, None]
            told = sorted(turns.connections)
    if over == "websocket":
        assert told == [1, 5]  # the HTTP door that isn't there, and this one
    else:
        assert len(told) == 3
        assert told[-1] <= 4
        assert sum(told) <= 8  # info, create, two of attach and message each, polls for both answers


async def test_on_the_connection_of_the_web_front() -> None:
    """All ends at once at the end, and the goodbye still needs it."""
    janus = ScriptedJanus()
    async with listening(janus) as port, asked(f"http://{NAME}:{port}", "web", *PROBES) as seen:
        assert [each.failure for each in seen.of(JanusCall)] == [None, None]
    assert janus.words()[-1] == "destroy"
    assert janus.sessions == {}
