"""Signing in where something is wrong: every way to fail is told apart, bounded, and quotes no secret."""

from __future__ import annotations

import asyncio
import time

import pytest

from natprobe.asking import signin
from natprobe.context import ROOM
from natprobe.facts import Services, SignIn, TurnServer
from natprobe.model import Failure
from natprobe.pairing import Login
from natprobe.probes import signalling
from natprobe.wire import xmpp
from tests.signing import NAME, Signed, Talk, frame, heard, listening, signed_in, upgraded

TOKEN = "aGVhZA.SecretToken.c2ln"
OPEN = f"<open xmlns='{xmpp.FRAMING}' from='{NAME}' id='1' version='1.0'/>"
STREAM = f"xmlns:stream='{xmpp.STREAMS}'"


def features(inside: str) -> str:
    return f"<stream:features {STREAM}>{inside}</stream:features>"


def offering(*names: str) -> str:
    inside = "".join(f"<mechanism>{each}</mechanism>" for each in names)
    return features(f"<mechanisms xmlns='{xmpp.SASL}'>{inside}</mechanisms>")


GUESTS, BINDS = offering("ANONYMOUS"), features(f"<bind xmlns='{xmpp.BIND}'/>")
SUCCESS = f"<success xmlns='{xmpp.SASL}'/>"
BOUND = f"<iq xmlns='jabber:client' type='result' id='bind'><bind xmlns='{xmpp.BIND}'><jid>a@{NAME}/b</jid></bind></iq>"


def stream_error(condition: str, text: str = "") -> str:
    space = "urn:ietf:params:xml:ns:xmpp-streams"
    return f"<stream:error {STREAM}><{condition} xmlns='{space}'/><text xmlns='{space}'>{text}</text></stream:error>"


def failed(condition: str, text: str = "") -> str:
    return f"<failure xmlns='{xmpp.SASL}'><{condition}/><text>{text}</text></failure>"


def speaks(*turns: tuple[str | bytes, ...], then: str = "waits") -> Talk:
    """A WebSocket server that answers each message of ours with the next of these, as frames or as they are."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await upgraded(reader, writer)
        for turn in turns:
            await heard(reader)
            writer.writelines(each if isinstance(each, bytes) else frame(each) for each in turn)
            await writer.drain()
        if then == "waits":
            await reader.read()

    return talk


def page(status: int, kind: str = "text/html", body: bytes = b"<html><br></html>", greets: bytes = b"") -> Talk:
    """One answer to upgrades and POSTs; a GET without upgrade has a page of its own."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while head := await reader.readuntil(b"\r\n\r\n"):
            plain = head.startswith(b"GET") and b"Upgrade:" not in head
            code, shown = (200, greets) if plain else (status, body)
            size = b"Content-Length: %d\r\n\r\n" % len(shown)
            writer.write(
                b"HTTP/1.1 %d Words\r\nServer: front\r\nContent-Type: %s\r\n" % (code, kind.encode()) + size + shown
            )

    return talk


async def tried(talk: Talk, monkeypatch: pytest.MonkeyPatch, **options: object) -> Signed:
    monkeypatch.setattr(signin, "STEP_SECONDS", 0.4)
    monkeypatch.setattr(signin, "GREETING_SECONDS", 0.4)
    login = Login(token=TOKEN)
    began = time.monotonic()
    async with listening(talk) as port, signed_in(port, login=login, **options) as seen:  # type: ignore[arg-type]
        pass
    assert time.monotonic() - began < 4.0
    assert "Secret" not in repr(seen.observations)
    return seen


@pytest.mark.parametrize(
    ("talk", "reached", "failure", "condition"),
    [
        (speaks(then="closes"), "upgrade", Failure.CLOSED, None),
        (speaks(), "upgrade", Failure.TIMEOUT, None),
        (speaks((frame(b"\x03\xf0go", 8),)), "upgrade", Failure.CLOSED, None),
        (speaks((OPEN,)), "upgrade", Failure.TIMEOUT, None),
        (speaks((f"<close xmlns='{xmpp.FRAMING}'/>",)), "upgrade", Failure.CLOSED, None),
        (speaks((OPEN, stream_error("host-unknown"))), "upgrade", Failure.ERROR_RESPONSE, "host-unknown"),
        (speaks((OPEN, "<html><br></html>")), "upgrade", Failure.PROTOCOL, None),
        (speaks((OPEN, "<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>")), "upgrade", Failure.PROTOCOL, None),
        (speaks((OPEN, "<message xmlns='jabber:client'/>")), "upgrade", Failure.PROTOCOL, None),
        (speaks((b"\x81\x7f\x00\x00\x00\x00\x00\x98\x96\x80" + b"x" * 9000,)), "upgrade", Failure.PROTOCOL, None),
        (speaks((OPEN, features(""))), "stream", Failure.UNSUPPORTED, None),
        (speaks((OPEN, offering("PLAIN", "SCRAM-SHA-1"))), "stream", Failure.UNSUPPORTED, None),
        (speaks((OPEN, GUESTS)), "stream", Failure.TIMEOUT, None),
        (speaks((OPEN, GUESTS), then="closes"), "stream", Failure.CLOSED, None),
        (
            speaks((OPEN, GUESTS), (failed("not-allowed", "token required"),)),
            "stream",
            Failure.UNAUTHORIZED,
            "not-allowed",
        ),
        (speaks((OPEN, GUESTS), (failed("not-allowed", TOKEN),)), "stream", Failure.UNAUTHORIZED, "not-allowed"),
        (speaks((OPEN, GUESTS), (f"<challenge xmlns='{xmpp.SASL}'/>",)), "stream", Failure.PROTOCOL, None),
        (
            speaks((OPEN, GUESTS), (stream_error("policy-violation"),)),
            "stream",
            Failure.ERROR_RESPONSE,
            "policy-violation",
        ),
        (speaks((OPEN, GUESTS), (SUCCESS,)), "login", Failure.TIMEOUT, None),
        (speaks((OPEN, GUESTS), (SUCCESS,), (OPEN, BINDS)), "login", Failure.TIMEOUT, None),
        (
            speaks((OPEN, GUESTS), (SUCCESS,), (OPEN, BINDS), (xmpp.answer(xmpp.parse(xmpp.bind("bind"))),)),
            "login",
            Failure.ERROR_RESPONSE,
            "service-unavailable",
        ),
        (
            speaks((OPEN, GUESTS), (SUCCESS,), (OPEN, BINDS), ("<iq xmlns='jabber:client' type='result' id='bind'/>",)),
            "login",
            Failure.PROTOCOL,
            None,
        ),
        (
            speaks((OPEN, GUESTS), (SUCCESS,), (OPEN, BINDS), ("<presence xmlns='jabber:client'/>",) * 101),
            "login",
            Failure.PROTOCOL,
            None,
        ),
    ],
)
async def test_streams_that_end(
    talk: Talk, reached: str, failure: Failure, condition: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    fact = (await tried(talk, monkeypatch)).one(SignIn)
    assert (fact.reached, fact.failure, fact.condition) == (reached, failure, condition)
    assert (fact.status, fact.login, fact.transport) == (101, "token", "websocket")
    assert fact.duration_ms


@pytest.mark.parametrize(
    "words", ["room 'TéamGehälter' is locked", "?room=t%25c3%25a9amgeh%25c3%25a4lter", TOKEN.lower(), "x" * 195 + TOKEN]
)
async def test_words_that_repeat_a_secret_are_not_kept(words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for said in (failed("not-allowed", words), stream_error("policy-violation", words)):
        seen = await tried(speaks((OPEN, GUESTS), (said,)), monkeypatch, kept={ROOM: "Téam Gehälter"})
        assert (seen.one(SignIn).condition, seen.one(SignIn).detail) in {
            ("not-allowed", ""),
            ("policy-violation", ""),
        }


@pytest.mark.parametrize("status", [200, 301, 400, 403, 404, 501, 502])
@pytest.mark.parametrize("way", ["websocket", "bosh"])
async def test_answers_that_are_no_upgrade(status: int, way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    route = {"websocket": None, "bosh": "/http-bind"} if way == "bosh" else {}
    talk = page(status, greets=b"<title>Prosody BOSH endpoint</title><p>It works!</p>")
    fact = (await tried(talk, monkeypatch, **route)).one(SignIn)
    assert (fact.reached, fact.status, fact.server, fact.content_type) == ("connection", status, "front", "text/html")
    assert fact.failure is (Failure.PROTOCOL if (way, status) == ("bosh", 200) else Failure.HTTP_STATUS)
    assert fact.greets is True


async def test_a_front_that_knows_nothing_of_prosody(monkeypatch: pytest.MonkeyPatch) -> None:
    fact = (await tried(page(404, greets=b"<title>Jitsi Meet</title>"), monkeypatch)).one(SignIn)
    assert (fact.status, fact.greets) == (404, False)


def bosh(attributes: str, inside: str = "") -> bytes:
    return f"<body xmlns='http://jabber.org/protocol/httpbind' {attributes}>{inside}</body>".encode()


@pytest.mark.parametrize(
    ("body", "reached", "failure", "condition"),
    [
        (bosh("type='terminate' condition='host-unknown'"), "upgrade", Failure.ERROR_RESPONSE, "host-unknown"),
        (bosh("type='terminate' condition='x&lt;y'"), "upgrade", Failure.ERROR_RESPONSE, "undefined-condition"),
        (bosh("type='terminate'"), "upgrade", Failure.CLOSED, None),
        (bosh("type='terminate'", stream_error("conflict")), "upgrade", Failure.ERROR_RESPONSE, "conflict"),
        (bosh(""), "upgrade", Failure.PROTOCOL, None),
        (bosh("sid='" + "x" * 300 + "'", GUESTS), "stream", Failure.PROTOCOL, None),
        (bosh("sid='1'", "<x/>"), "upgrade", Failure.PROTOCOL, None),
        (bosh("sid='1'"), "upgrade", Failure.TIMEOUT, None),
        (b"<body/>", "connection", Failure.PROTOCOL, None),
        (b"", "connection", Failure.PROTOCOL, None),
        (b"<a>" + b"x" * 600_000, "connection", Failure.PROTOCOL, None),
        (b"<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>", "connection", Failure.PROTOCOL, None),
    ],
    ids=lambda each: each[50:80].decode() if isinstance(each, bytes) else None,
)
async def test_bosh_that_ends(
    body: bytes, reached: str, failure: Failure, condition: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    fact = (await tried(page(200, "text/xml", body), monkeypatch, websocket=None, bosh="/http-bind")).one(SignIn)
    assert (fact.reached, fact.failure, fact.condition) == (reached, failure, condition)
    assert (fact.status, fact.content_type) == (200, "text/xml")


async def test_an_impatient_bosh_server_is_not_asked_in_a_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = 0

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal asked
        inner = page(200, "text/xml", bosh("sid='1'"))
        asked += 1
        await inner(Counting(reader), writer)

    class Counting(asyncio.StreamReader):
        def __init__(self, inner: asyncio.StreamReader) -> None:
            self.inner = inner

        async def readuntil(self, separator: bytes = b"\n") -> bytes:  # type: ignore[override]
            nonlocal asked
            asked += 1
            head = await self.inner.readuntil(separator)
            await self.inner.read(int(head.lower().partition(b"content-length: ")[2].partition(b"\r")[0] or 0) or 1)
            return head

    await tried(talk, monkeypatch, websocket=None, bosh="/http-bind")
    assert asked < 12


async def test_no_way_there(monkeypatch: pytest.MonkeyPatch) -> None:
    async with listening(speaks()) as port:
        pass
    async with signed_in(port) as seen:
        fact = seen.one(SignIn)
    assert (fact.reached, fact.failure, fact.greets) == ("nothing", Failure.REFUSED, None)
    assert fact.endpoint == f"127.0.0.1:{port}"


async def test_tls_that_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(10)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await writer.drain()

    monkeypatch.setattr(signin, "GREETING_SECONDS", 0.3)
    async with listening(talk) as port, signed_in(port, secure=True) as seen:
        fact = seen.one(SignIn)
    assert (fact.reached, fact.failure) == ("connection", Failure.TLS_OTHER)


async def test_a_secure_page_does_not_lead_to_an_insecure_stream() -> None:
    sent = 0

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        sent += 1

    async with listening(talk) as port:
        there = f"ws://{NAME}:{port}/xmpp-websocket"
        async with signed_in(port, secure=True, websocket=there, login=Login(token=TOKEN)) as seen:
            fact = seen.one(SignIn)
    assert (fact.reached, fact.failure, sent) == ("nothing", Failure.UNSUPPORTED, 0)


async def test_nothing_to_sign_in_to() -> None:
    async with signed_in(1, websocket=None) as seen:
        assert seen.observations == []


async def test_a_legacy_session_a_push_and_a_stanza_before_the_binding(monkeypatch: pytest.MonkeyPatch) -> None:
    service = "<service type='turns' host='127.0.0.1' port='443' transport='tcp' username='u' password='SecretPass'/>"
    listed = f"<services xmlns='urn:xmpp:extdisco:2'>{service}</services>"
    push = f"<message xmlns='jabber:client' from='{NAME}'>{listed}</message>"
    forged = push.replace(f"from='{NAME}'", "from='stranger@other.test'").replace("443", "444")
    old = features(f"<bind xmlns='{xmpp.BIND}'/><session xmlns='{xmpp.SESSION}'/>")
    done = "<iq xmlns='jabber:client' type='result' id='session'/>"

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await upgraded(reader, writer)
        assert b"token=" + TOKEN.encode() in head
        assert b"room=natprobe-" in head
        for turn in ((OPEN, GUESTS), (SUCCESS,), (OPEN, old), (forged, push, BOUND), (done,)):
            await heard(reader)
            writer.writelines(map(frame, turn))
        for version in (2, 1):
            asked = xmpp.parse((await heard(reader))[2:])
            assert asked.find(f"{{urn:xmpp:extdisco:{version}}}services") is not None
            writer.write(frame(xmpp.answer(asked).replace("<iq ", f"<iq from='{NAME}' ")))
        await reader.read()

    seen = await tried(talk, monkeypatch)
    assert [(each.by, each.failure) for each in seen.facts.of(Services)] == [
        ("extdisco:2", Failure.ERROR_RESPONSE),
        ("extdisco:1", Failure.ERROR_RESPONSE),
        ("push", None),
    ]
    assert [(each.port, each.transport, each.access) for each in seen.facts.of(TurnServer)] == [(443, "tls", "given")]


def test_the_whole_is_bounded() -> None:
    beside = max(signin.GREETING_SECONDS, signin.GOODBYE_SECONDS)
    most = signalling.FIRST_SECONDS + beside + signalling.SECOND_SECONDS + signin.GOODBYE_SECONDS
    assert most < signalling.TIMEOUT
