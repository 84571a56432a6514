"""What signalling offers of STUN and TURN (XEP-0215), as facts; the relays' credentials go into the drawer."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from typing import TYPE_CHECKING

from natprobe.asking.lookups import Addresses
from natprobe.asking.ways import to_relay
from natprobe.asking.xmpp import XmppSession
from natprobe.context import Context
from natprobe.facts import Service, Services, Transport, TurnServer
from natprobe.model import Address, Failure, HostName, Observation, clip, family
from natprobe.net.failure import failure_of
from natprobe.wire import jingle, xmpp
from natprobe.wire.text import clean

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

    from natprobe.servers.jitsi.services import Entry

ASK_SECONDS = 2.0
# From the last answer to the room's metadata: another probe enters the room meanwhile.
METADATA_SECONDS = 4.0
# A guest sends few packets: so many relays of a server's.
RELAYS_MAX = 8
# The client's leg that type and transport name (RFC 7065 section 3.1, RFC 7350), and the port where none is said.
_LEGS: dict[tuple[str, str], Transport] = {
    ("turn", ""): "udp",
    ("turn", "udp"): "udp",
    ("turn", "tcp"): "tcp",
    ("turns", ""): "tls",
    ("turns", "tcp"): "tls",
    ("turns", "udp"): "dtls",
}
_PORTS = {"turn": 3478, "turns": 5349}


class Offers:
    """Those of one session's server; `domain` is the one that the client asks, the main one for guests too."""

    def __init__(self, ctx: Context, session: XmppSession, domain: str, addresses: Addresses) -> None:
        self._ctx, self._session, self._domain, self._addresses = ctx, session, domain, addresses
        self._pushed: list[Entry] | None = None
        self._with_room: bool | None = None
        self._metadata: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    async def observe(self) -> AsyncIterator[Observation]:
        """The newer question, where it is refused the older one; what was pushed meanwhile, or comes with the room; the
        relays by address. Of the room's metadata themselves whoever enters it tells.
        """
        self._session.listen(self._push)
        entries: list[Entry] = []
        for version in (2, 1):
            fact, found = await self._asked(version)
            yield fact
            entries += found
            if fact.failure is not Failure.ERROR_RESPONSE:
                break
        if self._pushed is not None:
            yield Services(domain=clip(self._domain, 255), by="push", services=_shown(self._pushed))
            entries += self._pushed
        if not entries and self._ctx.options.join and await self._promised():
            entries += await self._of_room()
        async for seen in self._relays(entries):
            yield seen

    def _push(self, stanza: Element) -> bool:
        """mod_jiconop's message, which comes by itself after the binding."""
        from natprobe.servers.jitsi.services import answered

        self._note(stanza)
        if stanza.tag != f"{{{xmpp.CLIENT}}}message" or stanza.get("from") not in (self._domain, self._session.domain):
            return False
        if xmpp.child(stanza, "query", jingle.DISCO) is not None:
            self._with_room = jingle.by_metadata(stanza)
        found = answered(stanza)
        self._pushed = found if self._pushed is None else self._pushed
        return found is not None

    def _note(self, stanza: Element) -> None:
        """The room's metadata, which are left to whoever entered it."""
        said = jingle.read_metadata(stanza, self._domain)
        if said is not None and not self._metadata.done():
            self._metadata.set_result(said)

    async def _promised(self) -> bool:
        """Whether services come with the room, as the push said; without one the domain is asked."""
        if self._with_room is None:
            stanza_id = self._session.new_id()
            with contextlib.suppress(OSError, EOFError, TimeoutError, xmpp.XmppError):
                question = jingle.disco_question(stanza_id, self._domain)
                answer = await self._session.request(question, stanza_id, ASK_SECONDS)
                self._with_room = jingle.by_metadata(answer)
        return bool(self._with_room)

    async def _of_room(self) -> list[Entry]:
        from natprobe.servers.jitsi.services import in_metadata

        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(METADATA_SECONDS):
                return in_metadata(await asyncio.shield(self._metadata)) or []
        return []

    async def _asked(self, version: int) -> tuple[Services, list[Entry]]:
        from natprobe.servers.jitsi.services import EXTDISCO, answered

        stanza_id, began = self._session.new_id(), self._ctx.net.now()
        question = xmpp.iq("get", stanza_id, xmpp.tag("services", {"xmlns": EXTDISCO[version]}), self._domain)
        try:
            answer = await self._session.request(question, stanza_id, ASK_SECONDS)
        except (OSError, EOFError, TimeoutError, xmpp.XmppError) as exc:
            failure, detail = failure_of(exc)
            return self._fact(version, began, failure=failure, detail=detail), []
        if answer.get("type") == "error":
            why, words = xmpp.condition(answer), clean(xmpp.error_text(answer))
            return self._fact(version, began, failure=Failure.ERROR_RESPONSE, condition=why, detail=words), []
        entries = answered(answer) or []
        return self._fact(version, began, services=_shown(entries)), entries

    def _fact(self, version: int, began: float, **seen: object) -> Services:
        return Services(
            domain=clip(self._domain, 255),
            by="extdisco:2" if version == 2 else "extdisco:1",
            rtt_ms=round((self._ctx.net.now() - began) * 1000, 2),
            **seen,  # type: ignore[arg-type]  # of its own fields
        )

    async def _relays(self, entries: Sequence[Entry]) -> AsyncIterator[Observation]:
        relays = [each for each in entries if _leg(each) is not None]
        async for seen in self._addresses.ask(each.service.host for each in relays):
            yield seen
        places: set[tuple[Address | HostName, int, Transport]] = set()
        for number, entry in enumerate(relays, 1):
            for server in await self._servers(entry, f"turn-given/{number}"):
                place = (server.address or server.host, server.port, server.transport)
                if place not in places and len(places) < RELAYS_MAX:
                    places.add(place)
                    yield server

    async def _servers(self, entry: Entry, key: str) -> list[TurnServer]:
        """An entry's relay at one address of each family, or by its name alone where a browser's proxy looks it up;
        the credentials under `key`.
        """
        service, leg = entry.service, _leg(entry)
        if leg is None:
            return []
        given = self._kept(entry, key)
        port = service.port or _PORTS[service.type]
        places: list[Address | None] = [*self._firsts(service.host)]
        if not places and await to_relay(self._ctx, service.host, port, leg):
            places = [None]
        return [
            TurnServer(
                host=service.host,
                address=address,
                port=port,
                transport=leg,
                origin="signalling",
                access="given" if given else "none",
                key=key if given else "",
            )
            for address in places
        ]

    def _firsts(self, host: HostName) -> list[Address]:
        return list({family(each): each for each in reversed(self._addresses.of(host))}.values())

    def _kept(self, entry: Entry, key: str) -> bool:
        """Whether there are credentials; those that no request can carry are none."""
        from natprobe.wire.turn import Credentials

        if not entry.service.credentials:
            return False
        try:
            self._ctx.keep.put(key, Credentials(entry.username, entry.password))
        except ValueError:
            return False
        return True


def _shown(entries: Sequence[Entry]) -> tuple[Service, ...]:
    return tuple(each.service for each in entries)


def _leg(entry: Entry) -> Transport | None:
    return _LEGS.get((entry.service.type, (entry.service.transport or "").lower()))
