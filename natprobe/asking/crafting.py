"""Packets of our own make with rising time to live, and a few that go all the way: who quotes them, who answers."""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import NamedTuple

from natprobe.context import Context
from natprobe.facts import Answerer, Quote
from natprobe.model import Address, Endpoint, Family, Observation, family, join
from natprobe.net.crafted import MARKED, MARKS_MAX, Crafted, Heard, Proto, Raw
from natprobe.wire import stun

# Expedited Forwarding (RFC 3246), as browsers mark audio: what routers make of it shows in their quotes.
_EF = 46 << 2
# What a packet begins with that is to go all the way.
_WHOLE = 64
# Between two packets, so that routers that limit what they say say more (seconds).
_APART = 0.004
# All of it (seconds).
_LONGEST = 1.5
# What systems begin with, and more routers than lie between any two hosts.
_INITIAL, _FARTHEST = (64, 128, 255), 40
_REFUSED: dict[Family, str] = {4: "3/3", 6: "1/4"}


class Plan(NamedTuple):
    """What is asked about one failed exchange: `udp` and `tcp` are the ports of `host`, the first of each with `ttls`
    besides; `waits` how long answers are waited for (seconds), `packets` how many may be sent.
    """

    host: Address
    udp: tuple[int, ...]
    tcp: tuple[int, ...]
    ttls: tuple[int, ...]
    waits: float
    packets: int


class _Want(NamedTuple):
    proto: Proto
    port: int
    ttl: int
    tos: int = 0


class Crafter:
    """Carries a plan out; `sent` counts its packets."""

    def __init__(self, ctx: Context, raw: Raw, local: Address, plan: Plan) -> None:
        self._ctx, self._raw, self._local, self._plan = ctx, raw, local, plan
        self._host = str(ipaddress.ip_address(plan.host.partition("%")[0]))  # as packets tell it
        self._sent: dict[int, tuple[_Want, int]] = {}
        self._ended: set[_Want] = set()
        self._seen: list[Observation] = []
        self.sent = 0

    async def go(self) -> AsyncIterator[Observation]:
        """Everything twice at most, the second time what nothing came of; no more facts than packets."""
        until = self._ctx.net.now() + _LONGEST
        for _ in range(2):
            wanted = [each for each in _wants(self._plan) if each not in self._ended]
            for each in wanted:
                self._send(each)
                await self._ctx.net.sleep(_APART)
            async for heard in self._come(wanted, min(until, self._ctx.net.now() + self._plan.waits)):
                for found in self._told(heard):
                    if found not in self._seen and len(self._seen) < self._plan.packets:
                        self._seen.append(found)
                        yield found

    async def _come(self, wanted: Sequence[_Want], until: float) -> AsyncIterator[Heard]:
        """Until all of them have ended."""
        while not self._ended.issuperset(wanted) and self._ctx.net.now() < until:
            try:
                async with asyncio.timeout(until - self._ctx.net.now()):
                    heard = await self._raw.receive()
            except TimeoutError:
                return
            yield heard

    def _send(self, want: _Want) -> None:
        """A refusal of this machine's own is silence: the probes before this one have told of it."""
        mark = len(self._sent) + 1
        if self.sent >= self._plan.packets or mark > MARKS_MAX:
            return
        payload = b""
        if want.proto == "udp":
            number = (MARKED + mark).to_bytes(2, "big")
            payload = stun.binding_request(self._ctx.transaction_id()[:-2] + number)
        to = (self._plan.host, want.port)
        self._sent[mark] = (want, self._sends(Crafted(want.proto, to, mark, want.ttl, want.tos, payload)))

    def _sends(self, packet: Crafted) -> int:
        self.sent += 1
        try:
            return self._raw.send(packet)
        except OSError:
            return 0

    # --- what comes

    def _told(self, heard: Heard) -> Iterator[Observation]:
        if heard.quoted is not None:
            yield from self._quote(heard)
        elif heard.source == self._host and heard.proto != "icmp":
            yield from self._answer(heard, heard.proto)

    def _answer(self, heard: Heard, proto: Proto) -> Iterator[Observation]:
        """What nobody was asked for is nobody's answer. A SYN-ACK is reset by us as well: this machine's own firewall
        may keep it from the kernel, which would.
        """
        if heard.port not in (self._plan.udp if proto == "udp" else self._plan.tcp):
            return
        if heard.says == "syn-ack" and self.sent < self._plan.packets:
            self._sends(Crafted(proto, (heard.source, heard.port), MARKS_MAX, acknowledged=heard.acknowledged))
        self._ended |= {each for each, _ in self._sent.values() if (each.proto, each.port) == (proto, heard.port)}
        yield self._answerer(heard, proto, heard.port)

    def _answerer(self, heard: Heard, proto: Proto, port: int) -> Answerer:
        what = "port-unreachable" if heard.quoted else heard.says or "answer"
        return Answerer(
            endpoint=join(self._plan.host, port),
            local=self._from(proto),
            transport=proto,
            what=what,
            ttl=heard.ttl,
            hops=hops(heard.ttl),
        )

    def _quote(self, heard: Heard) -> Iterator[Observation]:
        quoted = heard.quoted
        assert quoted is not None
        want, size = self._sent.get(quoted.mark, (None, 0))
        if want is None or want.proto != quoted.proto:
            return
        self._ended.add(want)
        yield Quote(
            towards=join(self._plan.host, want.port),
            local=self._from(want.proto),
            transport=want.proto,
            ttl=want.ttl,
            tos=want.tos,
            size=size,
            address=heard.source,
            icmp=heard.icmp,
            source_seen=join(*quoted.source),
            towards_seen=join(*quoted.to),
            ttl_seen=quoted.ttl,
            tos_seen=quoted.tos,
            size_seen=quoted.size,
            renumbered=quoted.ident not in (None, MARKED + quoted.mark),
        )
        if heard.source == self._host and heard.icmp == _REFUSED[family(heard.source)]:
            yield self._answerer(heard, want.proto, want.port)

    def _from(self, proto: Proto) -> Endpoint:
        return join(self._local, self._raw.port(proto))


def hops(ttl: int) -> int | None:
    """How many routers a packet has passed, by what is left of its time to live; None: nobody begins like that."""
    passed = next((each - ttl for each in _INITIAL if each >= ttl), None)
    return passed if passed is not None and passed <= _FARTHEST else None


def _wants(plan: Plan) -> list[_Want]:
    """The short-lived ones first: what goes all the way may make a firewall remember."""
    first: list[tuple[Proto, int, int]] = [("tcp", port, 0) for port in plan.tcp[:1]]
    first += [("udp", port, _EF) for port in plan.udp[:1]]
    found = [_Want(proto, port, ttl, tos) for ttl in plan.ttls for proto, port, tos in first]
    found += [_Want("tcp", port, _WHOLE) for port in plan.tcp]
    return found + [_Want("udp", port, _WHOLE) for port in plan.udp]
