"""The ways into Janus's API: each is proven by an answer in Janus's words, and every other end is told apart."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable

import pytest

from natprobe.asking.gateways import Gate, Proven, gate_on
from natprobe.facts import Connected, HttpReply, JanusDoor, JanusInfo, Probed, TlsSession
from natprobe.model import Failure
from natprobe.probes import gateway
from natprobe.run import needed
from tests.lab.certificates import server_context
from tests.scripted_janus import ScriptedJanus, asked, error
from tests.signing import Talk, frame, heard, listening, upgraded

NAME = "janus.test"


@pytest.fixture(autouse=True)
def no_ports(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the usual ports some may be somebody's on this machine."""
    monkeypatch.setattr(gateway, "PORTS", ())


def page(status: int, body: bytes, kind: str = "text/html", more: bytes = b"") -> Talk:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.readuntil(b"\r\n\r\n"):
            head = (
                f"HTTP/1.1 {status} Words\r\nServer: front\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n"
            )
            writer.write(head.encode() + more + b"\r\n" + body)

    return talk


def says(*frames: bytes, protocol: bytes = b"janus-protocol") -> Talk:
    """A WebSocket that answers our first message with these."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await upgraded(reader, writer, protocol)
        if frames:
            await heard(reader)
            writer.writelines(frames)
            await writer.drain()
            await reader.read()

    return talk


async def door(talk: Talk, url: Callable[[int], str]) -> JanusDoor:
    """What comes of the one that the target names."""
    async with listening(talk) as port, asked(url(port), "gateway") as seen:
        assert seen.one(Probed).status == "complete"
        return seen.one(JanusDoor, lambda each: each.why == "target")


def plain(monkeypatch: pytest.MonkeyPatch) -> None:
    """janus+https: and janus+wss: without TLS, whose part is another test's."""
    real = gate_on

    def unsecured(*words: object, **named: object) -> Gate:
        return real(*words, **named | {"secure": False})  # type: ignore[arg-type]  # its own

    monkeypatch.setattr(gateway, "gate_on", unsecured)


HTTP = [
    (page(404, b"<html>"), Failure.HTTP_STATUS, 404, "text/html"),
    (page(502, b"bad"), Failure.HTTP_STATUS, 502, "text/html"),
    (page(200, b"<html>"), Failure.PROTOCOL, 200, "text/html"),
    (page(200, b'{"status": "ok"}', "application/json"), Failure.PROTOCOL, 200, "application/json"),
    (page(200, b'{"janus": "a b"}', "application/json"), Failure.PROTOCOL, 200, "application/json"),
    (page(200, b'{"janus":"error","error":{"code":454,"reason":"x"}}'), Failure.ERROR_RESPONSE, 200, "text/html"),
    (page(200, b"[" * 300_000, "application/json"), Failure.PROTOCOL, 200, "application/json"),
    (page(426, b"", more=b"Upgrade: websocket\r\n"), Failure.HTTP_STATUS, 426, "text/html"),
]


@pytest.mark.parametrize(("talk", "failure", "status", "kind"), HTTP)
async def test_http_doors_that_lead_nowhere(
    talk: Talk, failure: Failure, status: int, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain(monkeypatch)
    found = await door(talk, lambda port: f"janus+https://{NAME}:{port}/api")
    assert (found.failure, found.status, found.content_type, found.server) == (failure, status, kind, "front")
    assert found.url == f"http://{NAME}:{found.endpoint.rpartition(':')[2]}/api"
    assert found.reached == ("answer" if failure is Failure.ERROR_RESPONSE else "connection")


SOCKETS = [
    (page(404, b"<html>"), Failure.HTTP_STATUS, "connection", 404, None),
    (page(403, b"<h1>403</h1>"), Failure.HTTP_STATUS, "connection", 403, None),
    (page(200, b"<html>"), Failure.HTTP_STATUS, "connection", 200, None),
    (page(426, b""), Failure.HTTP_STATUS, "connection", 426, None),
    (says(), Failure.CLOSED, "upgrade", 101, True),
    (says(protocol=b""), Failure.CLOSED, "upgrade", 101, False),
    (says(frame(b"\x03\xe8", 8)), Failure.CLOSED, "upgrade", 101, True),
    (says(frame("<open/>")), Failure.PROTOCOL, "upgrade", 101, True),
    (says(frame("{}")), Failure.PROTOCOL, "upgrade", 101, True),
    (says(frame("x" * 300_000)), Failure.PROTOCOL, "upgrade", 101, True),
    (says(protocol=b"xmpp"), Failure.PROTOCOL, "connection", None, None),
]


@pytest.mark.parametrize(("talk", "failure", "reached", "status", "subprotocol"), SOCKETS)
async def test_sockets_that_lead_nowhere(
    talk: Talk,
    failure: Failure,
    reached: str,
    status: int | None,
    subprotocol: bool | None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    plain(monkeypatch)
    found = await door(talk, lambda port: f"janus+wss://{NAME}:{port}/api")
    assert (found.failure, found.reached, found.status) == (failure, reached, status)
    assert found.subprotocol is subprotocol


async def test_what_is_refused_and_what_is_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    plain(monkeypatch)
    monkeypatch.setattr(gateway, "DOOR_SECONDS", 0.3)

    async def silent(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await reader.read()

    async with listening(silent) as port:
        pass
    async with asked(f"janus+https://{NAME}:{port}", "gateway") as seen:
        found = seen.one(JanusDoor, lambda each: each.why == "target")
    assert (found.failure, found.reached, found.local) == (Failure.REFUSED, "nothing", None)
    late = await door(silent, lambda port: f"janus+https://{NAME}:{port}")
    assert (late.failure, late.reached) == (Failure.TIMEOUT, "connection")
    assert late.local is not None


def over_tls(context: ssl.SSLContext, janus: ScriptedJanus) -> Talk:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await writer.start_tls(context)
        await janus(reader, writer)

    return talk


@pytest.mark.parametrize("scheme", ["janus+https", "janus+wss"])
async def test_a_door_is_proven_by_janus_s_words_over_tls(scheme: str) -> None:
    janus = ScriptedJanus(path="/janus", info={"public-ips": ["203.0.113.7"]})
    talk = over_tls(server_context("good", NAME), janus)
    async with listening(talk) as port, asked(f"{scheme}://{NAME}:{port}/janus", "gateway") as seen:
        found, told = seen.one(JanusDoor), seen.one(JanusInfo)
        (proven,) = seen.context.keep.all(Proven)
        assert proven.private
    assert (found.failure, found.reached, found.why) == (None, "answer", "target")
    assert (told.version_string, told.public_ips, told.plugins) == ("1.1.2", ("203.0.113.7",), ("echotest",))
    assert told.endpoint == found.endpoint
    assert f"Origin: https://{NAME}" in janus.heads[0] or scheme == "janus+https"


async def test_a_certificate_that_browsers_refuse_ends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gateway, "SOCKET_PATHS", ())
    talk = over_tls(server_context("wrong-name", NAME), ScriptedJanus())
    async with listening(talk) as port:
        async with asked(f"janus+https://{NAME}:{port}", "gateway") as seen:
            found = seen.one(JanusDoor, lambda each: each.why == "target")
            assert (found.failure, found.reached) == (Failure.TLS_CERTIFICATE, "connection")
        async with asked(f"janus+https://{NAME}:{port}", "gateway", insecure=True) as seen:
            assert seen.one(JanusDoor).failure is None


async def test_a_page_s_usual_paths_and_one_info_for_an_address() -> None:
    janus = ScriptedJanus()
    async with listening(janus) as port, asked(f"http://{NAME}:{port}", "gateway", kind="janus") as seen:
        doors = seen.of(JanusDoor)
    assert {each.url.partition(str(port))[2] for each in doors} == {"/janus", *gateway.SOCKET_PATHS}
    assert {each.transport for each in doors if each.failure is None} == {"http", "websocket"}
    assert {each.why for each in doors} == {"usual"}
    assert len(seen.of(JanusInfo)) == 1


async def test_where_one_answers_the_silent_ones_are_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gateway, "LATE_SECONDS", 0.3)
    monkeypatch.setattr(gateway, "DOOR_SECONDS", 60.0)  # longer than the probe itself may take
    monkeypatch.setattr(gateway, "SOCKET_PATHS", ())

    async def silent(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await reader.read()

    async with listening(ScriptedJanus()) as port, listening(silent) as other:
        monkeypatch.setattr(gateway, "PORTS", (("websocket", False, other, "/"),))
        async with asked(f"http://{NAME}:{port}", "gateway", kind="janus") as seen:
            late = seen.one(JanusDoor, lambda each: each.failure is not None)
            assert (late.failure, late.reached) == (Failure.TIMEOUT, "connection")
            assert seen.one(Probed).status == "complete"


@pytest.mark.parametrize("kind", ["jitsi", "stun", "turn"])
async def test_nobody_else_is_asked(kind: str) -> None:
    janus = ScriptedJanus()
    async with listening(janus) as port, asked(f"{NAME}:{port}", "gateway", "echo", kind=kind) as seen:
        assert {each.status for each in seen.of(Probed)} == {"complete"}
        assert janus.heads == []


async def test_a_page_that_says_nothing_leaves_the_usual_ports(monkeypatch: pytest.MonkeyPatch) -> None:
    janus = ScriptedJanus()
    async with listening(janus) as port, listening(page(200, b"<html>")) as front:
        monkeypatch.setattr(gateway, "PORTS", (("http", False, port, "/janus"), ("websocket", False, port, "/")))
        async with asked(f"http://{NAME}:{front}", "web", "gateway") as seen:
            doors = seen.of(JanusDoor)
    assert [(each.transport, each.failure) for each in doors] in (
        [("http", None), ("websocket", None)],
        [("websocket", None), ("http", None)],
    )


async def test_what_the_web_front_heard_is_not_asked_for_again() -> None:
    janus = ScriptedJanus()
    async with listening(janus) as port, asked(f"http://{NAME}:{port}", "web", "gateway") as seen:
        found = seen.one(JanusDoor, lambda each: each.transport == "http")
        assert (found.failure, found.reached, found.status) == (None, "answer", 200)
    assert sum(each.startswith("GET /janus/info") for each in janus.heads) == 1


async def test_an_error_is_janus_s_word_too(monkeypatch: pytest.MonkeyPatch) -> None:
    plain(monkeypatch)
    janus = ScriptedJanus()
    janus.info = error(403, "no\x00 " + "x" * 500)
    found = await door(janus, lambda port: f"janus+https://{NAME}:{port}/janus")
    assert (found.reached, found.failure, found.error_code) == ("answer", Failure.ERROR_RESPONSE, 403)
    assert len(found.detail) <= 200


@pytest.mark.parametrize(("scheme", "paths"), [("janus+https", ["/api/info"]), ("janus+wss", [])])
async def test_the_web_front_of_an_api_is_the_api(scheme: str, paths: list[str]) -> None:
    janus = ScriptedJanus(path="/api")
    talk = over_tls(server_context("good", NAME), janus)
    async with listening(talk) as port, asked(f"{scheme}://{NAME}:{port}/api", "web") as seen:
        assert seen.one(Connected).failure is None
        assert seen.one(TlsSession).verified
        replies = seen.of(HttpReply)
    assert [each.url.partition(str(port))[2] for each in replies] == paths
    assert all(each.says == ("janus",) for each in replies)
    assert [each.split(" ")[1] for each in janus.heads] == paths


def test_gateway_needs_the_page_where_it_is_not_waited_for() -> None:
    """`--only`: what is looked at while it comes is run too."""
    assert {"names", "web", "config", "gateway"} <= set(needed(["gateway"]))
    assert {"gateway", "echo", "media"} <= set(needed(["media"]))
    assert "gateway" not in needed(["reach"])
