"""The bridge's own WebSocket (colibri-ws), where an older bridge offers one: its upgrade, as the client asks for it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from functools import partial
from typing import NamedTuple
from urllib.parse import quote, urlsplit

from natprobe.asking.lookups import Ways, beside_target
from natprobe.asking.secured import secured
from natprobe.asking.signin import Door, door
from natprobe.asking.together import any_of
from natprobe.asking.ways import Way
from natprobe.context import Context
from natprobe.facts import BridgeChannel, Facts, JitsiConfig, Resolved, SessionOffer
from natprobe.model import Failure, Observation, clip, flow, join
from natprobe.net.api import Stream
from natprobe.net.failure import failure_of
from natprobe.net.tls import TlsStream
from natprobe.wire.jingle import Offer
from natprobe.wire.text import clean

REQUIRES = (SessionOffer,)
TAKES = (JitsiConfig, Resolved)
YIELDS = (Resolved, BridgeChannel)
TIMEOUT = 4.0

CONNECT_SECONDS, ANSWER_SECONDS = 2.0, 1.5


async def probe(ctx: Context, facts: Facts) -> AsyncIterator[Observation]:
    """Of the first participant's offer. What stands in the URL's query is the way in, and stays here."""
    offer = ctx.keep.get("offer/1", Offer) or ctx.keep.get("offer/2", Offer)
    url = offer.channel if offer is not None else None
    page = next((each.url for each in facts.ok(JitsiConfig)), f"https://{ctx.target.host}/")
    way = door("websocket", url.partition("?")[0], page) if url else None
    if url is None or offer is None or way is None or not way.secure:
        return
    known = Ways(ctx, beside_target(ctx, facts))
    async for seen in known.find([(way.host, way.port)]):
        yield seen
    shown = clip(clean(offer.shown_channel or ""), 500)
    yield await _Asking(ctx, way, known.to(way.host, way.port), _resource(url, way)).run(shown)


def _resource(url: str, way: Door) -> str:
    query = quote(urlsplit(url).query, safe="%/:@!$&'()*+,;=~?")
    return f"{way.path}?{query}" if query else way.path


class _Answer(NamedTuple):
    status: int | None = None
    content_type: str | None = None
    failure: Failure | None = None
    detail: str = ""


class _Asking:
    """One upgrade."""

    def __init__(self, ctx: Context, door: Door, ways: tuple[Way, ...], resource: str) -> None:
        self._ctx, self._door, self._ways, self._resource = ctx, door, ways, resource
        self._under: Stream | None = None

    async def run(self, shown: str) -> BridgeChannel:
        began = self._ctx.net.now()
        try:
            answer = await self._answer()
        finally:
            if self._under is not None:
                self._under.close()
        took = round((self._ctx.net.now() - began) * 1000, 2)
        remote = join(*self._under.remote) if self._under is not None else None
        return BridgeChannel(
            url=shown,
            endpoint=remote,
            via=self._ways[0].via if self._ways else None,
            status=answer.status,
            content_type=answer.content_type,
            rtt_ms=took if answer.status is not None else None,
            flow=flow("tcp", join(*self._under.local), remote) if self._under is not None and remote else "",
            failure=answer.failure,
            detail=clip(answer.detail, 200),
        )

    async def _answer(self) -> _Answer:
        from natprobe.net.http import FAULTS, Refused
        from natprobe.net.websocket import upgrade

        if not self._ways:
            return _Answer(failure=Failure.NO_DATA, detail="no address that could be connected to")
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                line = await self._line()
            async with asyncio.timeout(ANSWER_SECONDS):
                await upgrade(line, self._door.host_header, self._resource, self._door.origin, ())
        except Refused as exc:
            kind = exc.reply.headers.get("content-type", "")
            return _Answer(exc.reply.status, clip(clean(kind), 200) or None, Failure.HTTP_STATUS)
        except FAULTS as exc:
            failure, detail = failure_of(exc)
            return _Answer(failure=failure, detail="" if self._resource in detail else detail)
        return _Answer(101)

    async def _line(self) -> TlsStream:
        host, port = self._door.host, self._door.port
        self._under = await any_of([partial(each.open, self._ctx, host, port) for each in self._ways])
        return await secured(self._ctx, self._under, host)
