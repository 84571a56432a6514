"""What a session with Janus leaves behind, whatever becomes of its connections; and what nobody is told of it."""

from __future__ import annotations

import asyncio
import json
import random
from typing import Literal

import pytest

from natprobe.asking import janus_handles
from natprobe.asking.accepting import Waiting, waiting
from natprobe.asking.gateways import Knock, Proven, gate_on
from natprobe.facts import Facts, HttpReply, JanusCall, JanusDoor, JanusEnd, Resolved
from natprobe.model import Failure
from natprobe.net.http import Client
from natprobe.net.janus import CONNECTIONS, JanusHttp, JanusWebSocket
from natprobe.net.system import SystemNet
from natprobe.pairing import JanusAccess
from natprobe.probes import echo, gateway
from tests.scripted_janus import WHOLE, Json, ScriptedJanus, Seen, asked, error, event
from tests.signing import frame, listening

NAME, SECRET = "janus.test", "ApiSecretOfOurs"
PROBES = ("gateway", "echo")


@pytest.fixture(autouse=True)
def by_http(monkeypatch: pytest.MonkeyPatch) -> None:
    """Over HTTP alone; silence is told soon, and asked again soon."""
    monkeypatch.setattr(gateway, "PORTS", ())
    monkeypatch.setattr(gateway, "SOCKET_PATHS", ())
    monkeypatch.setattr("natprobe.net.janus.POLL_SECONDS", 0.02)
    for module in (echo, janus_handles):
        monkeypatch.setattr(module, "STEP_SECONDS", 0.6)
    monkeypatch.setattr(janus_handles, "TRICKLE_SECONDS", 0.3)


def second(seen: Seen) -> Waiting:
    found = waiting(seen.context, 2)
    assert found is not None
    return found


class _Impatient(ScriptedJanus):
    """Closes connections that nothing comes over, as web servers do."""

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            try:
                head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 0.2)
            except TimeoutError:
                return writer.close()
            await self._request(head.decode(), reader, writer)


async def test_connections_that_idled_are_closed_by_the_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("natprobe.net.janus.IDLE_SECONDS", 0.1)
    janus = _Impatient()
    async with listening(janus) as port, asked(f"http://{NAME}:{port}", *PROBES, kind="janus") as seen:
        assert [each.failure for each in seen.of(JanusCall)] == [None, None]
        await asyncio.sleep(0.5)
    assert janus.words()[-1] == "destroy"
    assert janus.sessions == {}


class _Polled(ScriptedJanus):
    """After the answers, polls bring something else: `lost` of them a proxy's 504, then what `then` says."""

    lost = polls = 0
    then: Json | None = None

    async def _poll(self, writer: asyncio.StreamWriter, session: int, query: str) -> None:
        self.polls += 1
        if self.polls > 1 and self.lost:
            self.lost -= 1
            return self._page(writer, 504, b"<html>", "text/html")
        if self.polls > 1 and self.then is not None:
            return self._json(writer, self.then)
        return await super()._poll(writer, session, query)


@pytest.mark.parametrize(("lost", "over"), [(3, None), (4, "signalling: HTTP status 504")])
async def test_a_proxy_that_waits_for_no_poll(lost: int, over: str | None) -> None:
    janus = _Polled()
    janus.lost = lost
    async with listening(janus) as port, asked(f"http://{NAME}:{port}", *PROBES, kind="janus") as seen:
        await asyncio.sleep(0.4)
        assert second(seen).over() == over
    assert janus.words()[-1] == "destroy"
    assert janus.sessions == {}


async def test_a_session_that_nobody_knows_is_not_asked_for_again_and_again() -> None:
    janus = _Polled()
    janus.then = error(458, "No such session")
    async with listening(janus) as port, asked(f"http://{NAME}:{port}", *PROBES, kind="janus") as seen:
        await asyncio.sleep(0.2)
        assert second(seen).over() == "signalling: error 458 in place of events"
    assert janus.polls == 2


async def test_a_connection_that_is_not_needed_may_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    real, numbers = Knock._client, iter(range(1, 100))

    async def client(knock: Knock) -> Client:
        if next(numbers) in (2, 3):
            raise ConnectionRefusedError(111, "refused")
        return await real(knock)

    monkeypatch.setattr(Knock, "_client", client)
    async with listening(ScriptedJanus()) as port, asked(f"http://{NAME}:{port}", *PROBES, kind="janus") as seen:
        assert [each.failure for each in seen.of(JanusCall)] == [None, None]


async def test_a_connection_that_is_over_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    closed: list[Client] = []
    real = Client.close

    def close(client: Client) -> None:
        closed.append(client)
        real(client)

    monkeypatch.setattr(Client, "close", close)
    janus = ScriptedJanus(closes=True)
    async with listening(janus) as port, asked(f"http://{NAME}:{port}", *PROBES, kind="janus"):
        assert len(set(closed)) >= len(janus.words())


async def test_nothing_is_opened_once_it_is_closed() -> None:
    accepted: list[None] = []

    async def silent(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        accepted.append(None)
        await reader.read()

    async with listening(silent) as port:

        async def connect() -> Client:
            return Client(await SystemNet().tcp(("127.0.0.1", port)), NAME)

        api = JanusHttp(await connect(), connect, "/janus", "https://janus.test", random.Random(7))
        asking = [asyncio.create_task(api.ask("trickle", 1, number)) for number in range(6)]
        await asyncio.sleep(0.1)
        api.close()
        ends = await asyncio.gather(*asking, return_exceptions=True)
        assert all(isinstance(each, (OSError, EOFError)) for each in ends)
        await asyncio.sleep(0.1)
        assert len(accepted) == CONNECTIONS


async def test_a_long_secret_is_not_told_cut_short() -> None:
    secret = "S3cr" * 100
    janus = ScriptedJanus(secret=secret, refuses={"attach": (403, f"not with {secret}")})
    access = JanusAccess(secret=secret)
    async with listening(janus) as port, asked(f"http://{NAME}:{port}", *PROBES, kind="janus", access=access) as seen:
        assert {(each.error_code, each.detail) for each in seen.of(JanusCall)} == {(403, "")}


@pytest.mark.parametrize("word", ["hangup", "detached"])
async def test_why_it_is_over_repeats_no_secret(word: str) -> None:
    janus = ScriptedJanus(secret=SECRET, events=[event(WHOLE), {"janus": word, "reason": f"{SECRET} is over"}])
    access = JanusAccess(secret=SECRET)
    async with listening(janus) as port, asked(f"http://{NAME}:{port}", *PROBES, kind="janus", access=access) as seen:
        await asyncio.sleep(0.2)
        with pytest.raises(EOFError, match=r"no reason|detached") as told:
            await second(seen).accept(seen.context, [])
        assert SECRET not in str(told.value)
        end = second(seen).told()
        assert isinstance(end, JanusEnd)
        assert SECRET not in (end.reason or "")


class _Flooding(ScriptedJanus):
    """Over a WebSocket that nobody takes, events and events."""

    async def _socket(self, head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        flood = frame(json.dumps({"janus": "event", "jsep": {"type": "answer", "sdp": "x" * 2000}}))
        writing = asyncio.get_running_loop().call_later(0.1, writer.write, flood * 100)
        try:
            await super()._socket(head, reader, writer)
        finally:
            writing.cancel()


async def test_what_nobody_wants_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gateway, "SOCKET_PATHS", ("/janus",))
    monkeypatch.setattr("natprobe.net.janus.BYTES_MAX", 20_000)
    async with listening(_Flooding()) as port, asked(f"http://{NAME}:{port}", "gateway", kind="janus") as seen:
        await asyncio.sleep(0.4)
        (api,) = [each.api for each in seen.context.keep.all(Proven) if isinstance(each.api, JanusWebSocket)]
        assert api._arrived.qsize() <= 12


async def test_each_address_has_its_time_from_its_own_beginning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gateway, "DOOR_SECONDS", 0.6)
    monkeypatch.setattr(gateway, "LATE_SECONDS", 0.6)
    seconds = {"127.0.0.2": 60.0, "127.0.0.3": 60.0, "127.0.0.4": 0.0, "127.0.0.5": 0.2}
    monkeypatch.setattr(gateway, "target_addresses", lambda _: list(seconds))
    real, real_gate = Knock.run, gate_on

    async def slow(knock: Knock) -> JanusDoor:
        await asyncio.sleep(seconds[knock._way.address])
        return await real(knock)

    monkeypatch.setattr(Knock, "run", slow)
    monkeypatch.setattr(gateway, "gate_on", lambda *words, **named: real_gate(*words, **named | {"secure": False}))
    first = await asyncio.start_server(ScriptedJanus(), "127.0.0.4")
    port = first.sockets[0].getsockname()[1]
    async with (
        first,
        await asyncio.start_server(ScriptedJanus(), "127.0.0.5", port),
        asked(f"janus+https://{NAME}:{port}", "gateway") as seen,
    ):
        found = {each.endpoint.partition(":")[0]: each.failure for each in seen.of(JanusDoor)}
    assert found == dict(zip(seconds, (Failure.TIMEOUT, Failure.TIMEOUT, None, None), strict=True))


async def test_a_page_that_says_janus_at_its_other_address_only() -> None:
    async with listening(ScriptedJanus()) as port, asked(f"http://{NAME}:{port}") as seen:
        facts = Facts(seen.context.target, [_page(port, "127.0.0.2", Failure.HTTP_STATUS)])
        facts.add(Resolved(name=NAME, family=4, by="system", addresses=("127.0.0.1",)))
        found = asyncio.create_task(_doors(seen, facts))
        await asyncio.sleep(0.1)  # the usual ports have been tried
        assert not found.done()
        facts.add(_page(port, "127.0.0.1"))
        assert await found == [(f"http://{NAME}:{port}/janus", None)]


def _page(port: int, address: str, failure: Failure | None = None) -> HttpReply:
    url = f"http://{NAME}:{port}/janus/info"
    says: tuple[Literal["janus"], ...] = () if failure else ("janus",)
    return HttpReply(probe="web", url=url, endpoint=f"{address}:{port}", says=says, failure=failure)


async def _doors(seen: Seen, facts: Facts) -> list[tuple[str, Failure | None]]:
    observations = [each async for each in gateway.probe(seen.context, facts)]
    return [(each.url, each.failure) for each in observations if isinstance(each, JanusDoor)]
