"""Services that come without being asked for: in a message behind the binding, or with the room. In virtual time."""

from __future__ import annotations

import asyncio
import random
import re
import types
from collections.abc import Sequence
from typing import Literal, cast
from xml.etree.ElementTree import Element

import pytest

from natprobe.asking.lookups import Addresses
from natprobe.asking.offers import METADATA_SECONDS, Offers
from natprobe.asking.ways import ROUTES, Way
from natprobe.asking.xmpp import XmppSession
from natprobe.context import Context, Options
from natprobe.facts import ProxyChoice, Services, TurnServer
from natprobe.host.api import Host
from natprobe.model import Observation
from natprobe.net.api import Net
from natprobe.proxy import Proxy
from natprobe.target import parse
from natprobe.wire import jingle, xmpp
from tests.lab.clock import Clock
from tests.probes.joining import DOMAIN, JIDS, RTT, STANZAS, WEB, Front

HOST = "meet.example.com"  # of the fixed texts
LATER = 1.0


def fixed(name: str) -> str:
    return (STANZAS / f"{name}.xml").read_text().strip()


class Line:
    """A server that pushes `first` at once and `later` after a second, and answers questions by what they ask."""

    transport: Literal["websocket", "bosh"] = "websocket"

    def __init__(self, first: str | None, later: str | None, services: str, identity: str) -> None:
        self._inbox: asyncio.Queue[str] = asyncio.Queue()
        self._answers = {"services": services, "query": f"<query xmlns='{jingle.DISCO}'>{identity}</query>"}
        self.asked: list[str] = []
        if first is not None:
            self._inbox.put_nowait(first)
        if later is not None:
            asyncio.get_running_loop().call_later(LATER, self._inbox.put_nowait, later)

    async def start(self) -> None:
        """Nothing to open."""

    async def send(self, stanza: str) -> None:
        asked = xmpp.parse(stanza)
        self.asked.append(xmpp.local(asked[0]))
        said = self._answers[self.asked[-1]]
        kind = "error" if "<error" in said else "result"
        answer = f"<iq xmlns='jabber:client' type='{kind}' id='{asked.get('id')}' from='{DOMAIN}'>{said}</iq>"
        asyncio.get_running_loop().call_later(RTT, self._inbox.put_nowait, answer)

    async def receive(self) -> Element:
        return xmpp.parse(await self._inbox.get())

    async def end(self, stanzas: Sequence[str]) -> None:
        """Nobody waits for it."""

    def close(self) -> None:
        """Nothing to free."""


REFUSED = "<error type='cancel'><service-unavailable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>"
WITH_ROOM = "<identity category='component' type='room_metadata'/>"
LISTED = re.sub(r"<message[^>]*>.*?(<services.*</services>)</message>", r"\1", fixed("server-push"))
PROMISE, METADATA = fixed("server-push-metadata-identity"), fixed("server-metadata")


def offered(
    first: str | None = None,
    later: str | None = METADATA,
    services: str = REFUSED,
    identity: str = "",
    routes: object = None,
    **options: bool,
) -> tuple[list[Observation], list[str], float]:
    """What is seen, what was asked, and how long it took."""
    clock = Clock()
    context = Context(
        target=parse(HOST).target,
        options=Options(**options),  # type: ignore[arg-type]
        net=cast(Net, Front(None)),
        host=cast(Host, types.SimpleNamespace(system=lambda: "linux")),
        random=random.Random(1),
        unix_time=0.0,
    )

    context.keep.put(ROUTES, routes)

    async def go() -> tuple[list[Observation], list[str], float]:
        line = Line(first, later, services, identity)
        session = XmppSession(line, JIDS[0], DOMAIN, context.random)
        offers = Offers(context, session, DOMAIN, Addresses(context, {HOST: (WEB,) if routes is None else ()}))
        began = context.net.now()
        seen = [each async for each in offers.observe()]
        took = context.net.now() - began
        await session.aclose()
        return seen, line.asked, took

    return clock.run(go())


def relays(seen: list[Observation]) -> list[tuple[str, int, str]]:
    return [(each.host, each.port, each.access) for each in seen if isinstance(each, TurnServer)]


FROM_ROOM = [(HOST, 5349, "given")]


def test_what_is_pushed_behind_the_binding() -> None:
    seen, asked, took = offered(fixed("server-push"))
    assert [each.by for each in seen if isinstance(each, Services)] == ["extdisco:2", "extdisco:1", "push"]
    assert relays(seen) == [(HOST, 3478, "given"), (HOST, 5349, "given")]
    assert asked == ["services", "services"]
    assert took < LATER


def test_with_the_room_where_a_push_promises_it() -> None:
    seen, asked, took = offered(PROMISE)
    assert relays(seen) == FROM_ROOM
    assert asked == ["services", "services"]
    assert took == pytest.approx(LATER, abs=0.01)
    assert "q1w2" not in repr(seen)


def test_with_the_room_where_the_domain_says_so() -> None:
    seen, asked, _ = offered(identity=WITH_ROOM)
    assert relays(seen) == FROM_ROOM
    assert asked == ["services", "services", "query"]


def test_nobody_promised_anything() -> None:
    seen, asked, took = offered()
    assert relays(seen) == []
    assert asked == ["services", "services", "query"]
    assert took == pytest.approx(3 * RTT, abs=0.01)


def test_a_promise_that_is_not_kept() -> None:
    seen, _, took = offered(PROMISE, later=None)
    assert relays(seen) == []
    assert took == pytest.approx(2 * RTT + METADATA_SECONDS, abs=0.01)


@pytest.mark.parametrize("sender", ["room@muc.meet.jitsi/me", "metadata.other.test", "meet.jitsi/x"])
def test_an_occupant_is_not_believed(sender: str) -> None:
    forged = METADATA.replace("from='metadata.meet.jitsi'", f"from='{sender}'")
    assert relays(offered(PROMISE, forged)[0]) == []


def test_no_wait_where_it_was_told_or_no_room_is_entered() -> None:
    seen, _, took = offered(PROMISE, services=LISTED)
    assert len(relays(seen)) == 2
    assert took == pytest.approx(RTT, abs=0.01)
    assert offered(PROMISE, join=False)[2] == pytest.approx(2 * RTT, abs=0.01)


class Leads:
    """Routes that lead everywhere through one proxy."""

    async def to(self, host: str, port: int) -> tuple[Way, ...]:
        return (Way(address=WEB, proxy=Proxy(scheme="http", host=WEB, port=3128)),)

    async def choice(self, host: str, port: int, purpose: str = "web") -> ProxyChoice:
        return ProxyChoice(host=host, port=port, ways=(f"http://{WEB}:3128",), via=f"http://{WEB}:3128")


def test_a_relay_whose_name_leads_nowhere_is_left_to_the_proxy() -> None:
    """Over TCP and TLS: nothing else goes through one."""
    seen, _, _ = offered(PROMISE, services=LISTED, routes=Leads())
    found = [(each.address, each.transport, each.access) for each in seen if isinstance(each, TurnServer)]
    assert found == [(None, "tls", "given")]
