"""What a failed login leaves behind: a BOSH session that had begun is ended, whatever it failed with."""

from __future__ import annotations

import asyncio
import re

import msgspec
import pytest

from natprobe.asking import signin
from natprobe.asking.signin import SigningIn
from natprobe.asking.ways import straight
from natprobe.facts import SignIn
from natprobe.model import Failure
from natprobe.probes import signalling
from tests.probes.test_signalling import BINDS, GUESTS, SUCCESS, bosh, failed, tried
from tests.signing import NAME, listening, signed_in

SID = "sid='s1'"
_WORD = "<not-allowed xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/>"
REFUSED = f"<iq xmlns='jabber:client' type='error' id='bind'><error>{_WORD}</error></iq>"


class Manager:
    """A connection manager: each request gets the next answer, with its status; the last ones are held until the
    session is ended, or for ever.
    """

    def __init__(self, *answers: tuple[int, bytes] | bytes, polite: bool = True) -> None:
        self._answers, self._polite = [each if isinstance(each, tuple) else (200, each) for each in answers], polite
        self._over = asyncio.Event()
        self.bodies: list[bytes] = []

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while head := await reader.readuntil(b"\r\n\r\n"):
            size = re.search(rb"content-length: *(\d+)", head, re.IGNORECASE)
            body = await reader.readexactly(int(size[1]) if size else 0)
            self.bodies += [body] if body else []
            status, said = await self._answer(body)
            writer.write(b"HTTP/1.1 %d Words\r\nContent-Type: text/xml\r\n" % status)
            writer.write(b"Content-Length: %d\r\n\r\n%s" % (len(said), said))

    async def _answer(self, body: bytes) -> tuple[int, bytes]:
        if b"type='terminate'" in body and self._polite:
            self._over.set()
        elif self._answers and body:
            return self._answers.pop(0)
        else:
            await self._over.wait()
        return 200, bosh("type='terminate'")

    @property
    def ended(self) -> list[bytes]:
        return [each for each in self.bodies if b"type='terminate'" in each]


CREATED, LOGGED_IN = bosh(SID, GUESTS), (bosh(SID, GUESTS), bosh("", SUCCESS), bosh("", BINDS))


@pytest.mark.parametrize(
    ("answers", "reached", "failure"),
    [
        ((CREATED, bosh("", failed("not-allowed"))), "stream", Failure.UNAUTHORIZED),
        ((CREATED,), "stream", Failure.TIMEOUT),
        ((bosh(SID),), "upgrade", Failure.TIMEOUT),
        ((CREATED, (502, b"")), "stream", Failure.HTTP_STATUS),
        ((bosh(SID, "<x/>"),), "upgrade", Failure.PROTOCOL),
        ((*LOGGED_IN, bosh("", REFUSED)), "login", Failure.ERROR_RESPONSE),
        (LOGGED_IN, "login", Failure.TIMEOUT),
    ],
)
@pytest.mark.parametrize("polite", [True, False])
async def test_the_session_is_ended(
    answers: tuple[bytes, ...], reached: str, failure: Failure, polite: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(signin, "GOODBYE_SECONDS", 0.3)
    manager = Manager(*answers, polite=polite)
    fact = (await tried(manager, monkeypatch, websocket=None, bosh="/http-bind")).facts.of(SignIn)[0]
    assert (fact.reached, fact.failure) == (reached, failure)
    assert fact.status == (502 if failure is Failure.HTTP_STATUS else 200)
    assert len(manager.ended) == 1
    assert SID.encode() in manager.ended[0]


async def test_who_ends_it_is_told_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    manager = Manager(CREATED, bosh("type='terminate' condition='policy-violation'"))
    fact = (await tried(manager, monkeypatch, websocket=None, bosh="/http-bind")).one(SignIn)
    assert (fact.failure, fact.condition) == (Failure.ERROR_RESPONSE, "policy-violation")
    assert manager.ended == []


async def test_a_goodbye_that_is_broken_off_is_said_by_whoever_empties_the_drawer() -> None:
    """The server never answers the first one."""
    manager = Manager(CREATED, bosh("", failed("not-allowed")), polite=False)
    async with listening(manager) as port, signed_in(port, websocket=None) as seen:
        way = signin.door("bosh", f"http://127.0.0.1:{port}/http-bind", "http://127.0.0.1/")
        assert way is not None
        attempt = SigningIn(seen.context, msgspec.structs.replace(way, ways=straight(("127.0.0.1",))), "a", "room")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.3):
                await attempt.run(seconds=3)
        assert seen.context.keep.all(SigningIn) == [attempt]
    assert len(manager.ended) == 2


async def test_a_websocket_that_hangs_is_given_up_sooner_where_bosh_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    """As behind a proxy that opens TLS and passes no upgrade on; and where nothing else answers, it has its time."""

    async def hangs(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await reader.read()

    monkeypatch.setattr(signalling, "LATE_SECONDS", 0.2)
    monkeypatch.setattr(signin, "STEP_SECONDS", 1.2)
    monkeypatch.setattr(signin, "GREETING_SECONDS", 0.1)
    took = {}
    for bosh_path in ("/http-bind", None):
        async with listening(hangs) as silent, listening(Manager(CREATED)) as port:
            socket = f"ws://{NAME}:{silent}/xmpp-websocket"
            async with signed_in(port, websocket=socket, bosh=bosh_path) as seen:
                fact = seen.one(SignIn, lambda each: each.transport == "websocket")
        assert (fact.reached, fact.failure) == ("connection", Failure.TIMEOUT)
        took[bosh_path] = fact.duration_ms or 0
    assert took["/http-bind"] < 1000 < took[None]
