"""Signing in to a real Prosody: guests, hosts that are not there, users with a password, and what it hands out."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Iterator
from xml.etree.ElementTree import Element

import pytest

from natprobe.facts import Services, SignIn, TurnServer
from natprobe.model import Failure
from natprobe.pairing import Login
from natprobe.wire import xmpp
from natprobe.wire.turn import Credentials
from tests import prosody
from tests.signing import NAME, Turns, listening, signed_in

pytestmark = pytest.mark.skipif(bool(prosody.missing()), reason=f"{prosody.missing()} is not installed")
ALICE = Login(user=prosody.USER, password=prosody.PASSWORD)
ROUTES = ({"websocket": "/xmpp-websocket"}, {"websocket": None, "bosh": "/http-bind"})


@pytest.fixture(scope="module")
def ports(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[int, int]]:
    with prosody.serving(tmp_path_factory.mktemp("prosody"), NAME) as found:
        yield found


@pytest.mark.parametrize("secure", [False, True])
@pytest.mark.parametrize("route", ROUTES, ids=["websocket", "bosh"])
async def test_two_guests_and_what_they_are_given(
    ports: tuple[int, int], secure: bool, route: dict[str, str | None]
) -> None:
    async with signed_in(ports[secure], secure=secure, join=True, **route) as seen:  # type: ignore[arg-type]
        facts = seen.facts.of(SignIn)
        assert [(each.reached, each.failure, each.login) for each in facts] == [("binding", None, "anonymous")] * 2
        assert {each.mechanisms for each in facts} == {("ANONYMOUS",)}
        assert {each.status for each in facts} == {101 if route["websocket"] else 200}
        one, two = seen.session(1), seen.session(2)
        assert one is not None
        assert two is not None
        assert one.jid != two.jid
        assert one.jid.endswith(f"@{NAME}/{one.jid.rpartition('/')[2]}")
        offered = seen.one(Services)
        assert [(each.type, each.port, each.transport, each.credentials) for each in offered.services] == [
            ("stun", 3478, "udp", False),
            ("turn", 3478, "udp", True),
            ("turns", 443, "tcp", True),
            ("turns", 5349, None, True),
        ]
        relays = seen.facts.of(TurnServer)
        assert [(each.address, each.port, each.transport, each.access) for each in relays] == [
            ("127.0.0.1", 3478, "udp", "given"),
            ("127.0.0.1", 443, "tls", "given"),
            ("127.0.0.1", 5349, "tls", "given"),
        ]
        for each in relays:
            given = seen.context.keep.get(each.key, Credentials)
            assert given is not None
            signature = hmac.digest(prosody.TURN_SECRET.encode(), given.username.encode(), hashlib.sha1)
            assert given.password == base64.b64encode(signature).decode()
            assert given.password not in repr(seen)
    assert one.closed.is_set()
    assert two.closed.is_set()


@pytest.mark.parametrize("route", ROUTES, ids=["websocket", "bosh"])
async def test_the_session_asks_answers_and_ends(ports: tuple[int, int], route: dict[str, str | None]) -> None:
    async with signed_in(ports[0], join=True, **route) as seen:  # type: ignore[arg-type]
        one, two = seen.session(1), seen.session(2)
        assert one is not None
        assert two is not None
        got: list[str] = []

        def took(stanza: Element) -> bool:
            got.extend(str(each.text) for each in stanza.findall("{jabber:client}body"))
            return xmpp.local(stanza) == "message"

        two.listen(took)
        for number in range(5):
            body = xmpp.tag("body", {}, str(number))
            await one.send(xmpp.tag("message", {"xmlns": xmpp.CLIENT, "to": two.jid, "type": "chat"}, body))
        asked = [one.new_id() for _ in range(3)]
        for each in asked:
            ping = xmpp.iq("get", each, xmpp.tag("ping", {"xmlns": xmpp.PING}), NAME)
            assert (await one.request(ping, each, 2.0)).get("type") == "result"
        across = one.new_id()
        ping = xmpp.iq("get", across, xmpp.tag("ping", {"xmlns": xmpp.PING}), two.jid)
        assert (await one.request(ping, across, 2.0)).get("type") == "result"
        assert got == ["0", "1", "2", "3", "4"]
        await two.aclose()
        gone = one.new_id()
        lost = await one.request(xmpp.iq("get", gone, xmpp.tag("ping", {"xmlns": xmpp.PING}), two.jid), gone, 2.0)
        assert xmpp.condition(lost) == "service-unavailable"
        with pytest.raises(EOFError):
            await two.send("<presence xmlns='jabber:client'/>")


@pytest.mark.parametrize("route", ROUTES, ids=["websocket", "bosh"])
async def test_a_domain_that_is_not_served(ports: tuple[int, int], route: dict[str, str | None]) -> None:
    async with signed_in(ports[0], config={"domain": "nohost.test"}, **route) as seen:  # type: ignore[arg-type]
        fact = seen.one(SignIn)
    assert (fact.reached, fact.failure) == ("upgrade", Failure.ERROR_RESPONSE)
    assert fact.condition in ("host-unknown", "improper-addressing")
    assert fact.greets is True


async def test_no_guests(ports: tuple[int, int]) -> None:
    async with signed_in(ports[0], config={"domain": "login.test"}) as seen:
        fact = seen.one(SignIn)
    assert (fact.reached, fact.failure) == ("stream", Failure.UNSUPPORTED)
    assert {"SCRAM-SHA-1", "PLAIN"} <= set(fact.mechanisms)
    assert fact.greets is None


@pytest.mark.parametrize("domain", ["login.test", "plain.test"])
@pytest.mark.parametrize("route", ROUTES, ids=["websocket", "bosh"])
async def test_a_user(ports: tuple[int, int], domain: str, route: dict[str, str | None]) -> None:
    config = {"domain": domain, "anonymous_domain": NAME}
    async with signed_in(ports[1], secure=True, login=ALICE, config=config, **route) as seen:  # type: ignore[arg-type]
        fact = seen.one(SignIn)
        assert (fact.reached, fact.failure, fact.login, fact.domain) == ("binding", None, "password", domain)
        session = seen.session(1)
        assert session is not None
        assert session.jid.startswith(f"{prosody.USER}@{domain}/")


@pytest.mark.parametrize("domain", ["login.test", "plain.test"])
async def test_a_wrong_password(ports: tuple[int, int], domain: str) -> None:
    wrong = Login(user="alice@" + domain, password="wrongwrong")
    async with signed_in(ports[0], login=wrong, config={"domain": domain}) as seen:
        fact = seen.one(SignIn)
        assert "wrongwrong" not in repr(seen.observations)
    assert (fact.reached, fact.failure, fact.condition) == ("stream", Failure.UNAUTHORIZED, "not-authorized")


async def test_who_is_turned_away_does_not_knock_again(ports: tuple[int, int]) -> None:
    wrong = Login(user=prosody.USER, password="wrong")
    async with signed_in(ports[0], bosh="/http-bind", login=wrong, config={"domain": "login.test"}) as seen:
        found = [(each.transport, each.reached, each.failure) for each in seen.facts.of(SignIn)]
    assert sorted(found) == [("bosh", "stream", None), ("websocket", "stream", Failure.UNAUTHORIZED)]


async def test_guests_have_a_domain_of_their_own(ports: tuple[int, int]) -> None:
    async with signed_in(ports[0], config={"domain": "login.test", "anonymous_domain": NAME}) as seen:
        fact, offered = seen.one(SignIn), seen.facts.of(Services)
    assert (fact.domain, fact.reached) == (NAME, "binding")
    assert {each.domain for each in offered} == {"login.test"}


async def test_no_services(ports: tuple[int, int]) -> None:
    async with signed_in(ports[0], config={"domain": "old.test"}) as seen:
        first, second = seen.facts.of(Services)
    assert [first.by, second.by] == ["extdisco:2", "extdisco:1"]
    assert {each.failure for each in (first, second)} == {Failure.ERROR_RESPONSE}
    assert {each.condition for each in (first, second)} == {"service-unavailable"}


async def test_both_ways_judged_and_one_used(ports: tuple[int, int]) -> None:
    async with signed_in(ports[1], secure=True, bosh="/http-bind", join=True) as seen:
        facts = seen.facts.of(SignIn)
        session = seen.session(1)
        assert session is not None
        assert session.transport == "websocket"
    assert sorted((each.transport, each.reached) for each in facts) == [
        ("bosh", "stream"),
        ("websocket", "binding"),
        ("websocket", "binding"),
    ]
    assert {each.failure for each in facts} == {None}


async def test_bosh_first_where_the_config_prefers_it(ports: tuple[int, int]) -> None:
    async with signed_in(ports[1], secure=True, bosh="/http-bind", config={"prefer_bosh": True}) as seen:
        session = seen.session(1)
        assert session is not None
        assert session.transport == "bosh"
        assert {(each.transport, each.reached) for each in seen.facts.of(SignIn)} == {
            ("bosh", "binding"),
            ("websocket", "stream"),
        }


@pytest.mark.parametrize(
    ("path", "status", "reached", "failure"),
    [
        ("/no-upgrade", 101, "upgrade", Failure.CLOSED),
        ("/down", 502, "tls", Failure.HTTP_STATUS),
        ("/elsewhere", 200, "tls", Failure.HTTP_STATUS),
    ],
)
async def test_broken_proxies_and_on_by_bosh(
    ports: tuple[int, int], path: str, status: int, reached: str, failure: Failure
) -> None:
    async with signed_in(ports[1], secure=True, websocket=path, bosh="/http-bind", join=True) as seen:
        broken = seen.facts.of(SignIn, lambda each: each.transport == "websocket")
        assert len(broken) == 2
        assert {(each.status, each.reached, each.failure) for each in broken} == {(status, reached, failure)}
        assert broken[0].server is not None or status == 101
        assert sorted(each.greets is True for each in broken) == [False, path == "/no-upgrade"]
        session = seen.session(2)
        assert session is not None
        assert session.transport == "bosh"
        assert seen.facts.of(Services)


async def test_round_trips_by_websocket(ports: tuple[int, int]) -> None:
    """TLS, the upgrade, the stream, the login, the stream again, the binding, the question; TCP's own comes on top."""
    turns = Turns(ports[1])
    async with listening(turns) as port, signed_in(port, secure=True) as seen:
        assert seen.facts.ok(Services)
        assert turns.connections == [7]


async def test_round_trips_by_bosh(ports: tuple[int, int]) -> None:
    """One less, since the session's beginning is the stream's; the question has a connection opened beside it."""
    turns = Turns(ports[1])
    async with listening(turns) as port, signed_in(port, secure=True, websocket=None, bosh="/http-bind") as seen:
        assert seen.facts.ok(Services)
        assert len(turns.connections) == 2
        assert turns.connections[0] <= 6
        assert turns.connections[1] <= 3
