"""Other Janus servers that publishers are forwarded to: their API, and what it tells of them. Nothing is made there."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence

import msgspec

from natprobe.asking.gateways import Gate, Knock, Proven
from natprobe.asking.janus_handles import STEP_SECONDS, Handle
from natprobe.asking.janus_session import JanusSession, Refusal
from natprobe.asking.lookups import Addresses, Ways
from natprobe.asking.ways import Way
from natprobe.context import Cascade, Context
from natprobe.derive.cascade import PLUGIN_SINCE, requests
from natprobe.facts import CascadeRelay
from natprobe.model import Failure, Target
from natprobe.net.failure import failure_of
from natprobe.wire.janus import JanusError
from natprobe.wire.sdp import SdpError

# All steps of one way in (seconds), and so many of its name's addresses.
DOOR_SECONDS, ADDRESSES_MAX = 3.0, 4
# An URL without a path means what Janus calls its API unless told.
PATHS = {"http": "/janus", "websocket": "/"}


def gate(relay: Target) -> Gate:
    """What its URL names. A page is where its host is."""
    transport = "websocket" if relay.scheme == "janus+wss" else "http"
    bare = Gate(transport="http", secure=True, host=relay.host, port=443, path="", origin="")
    return msgspec.structs.replace(
        bare,
        transport=transport,
        port=relay.port,
        path=relay.path or PATHS[transport],
        origin=bare.url,
        why="target",
    )


class Relay:
    """One of them, from its name to its echotest's answer. `session` lies in the drawer, and so ends with the run."""

    def __init__(self, ctx: Context, number: int, asked: Cascade) -> None:
        self._ctx, self.number, self.asked = ctx, number, asked
        self.gate = gate(asked.relay)
        self.proven: Proven | None = None
        self.session: JanusSession | None = None
        self.told = CascadeRelay(
            relay=number, url=self.gate.url, iface=asked.iface, host=asked.address, port=asked.port
        )

    async def look(self, source: str) -> CascadeRelay:
        """As far as it goes. `source`: the target's API, for the requests."""
        from natprobe.net.http import FAULTS

        try:
            await self._look()
        except (*FAULTS, JanusError, SdpError, Refusal) as exc:
            self._fail(exc)
        self.told = msgspec.structs.replace(self.told, requests=requests(self.told, source))
        return self.told

    async def _look(self) -> None:
        failed = await self._knock(await self._ways())
        if self.proven is None:
            self.told = msgspec.structs.replace(self.told, failure=failed)
            return
        if self.told.rooms is False or (self.told.version or PLUGIN_SINCE) < PLUGIN_SINCE:
            self.told = msgspec.structs.replace(self.told, failure=Failure.UNSUPPORTED)
            return
        if not self._ctx.options.join:
            return
        self.session = JanusSession(self._ctx, self.proven)
        self._ctx.keep.put(f"cascade/{self.number}", self.session)
        await self.session.create(STEP_SECONDS)
        self.told = msgspec.structs.replace(self.told, reached="session")
        await self._own_addresses(self.session)

    async def _ways(self) -> Sequence[Way]:
        place, found = (self.gate.host, self.gate.port), Ways(self._ctx, Addresses(self._ctx, {}))
        async for _ in found.find([place]):
            pass
        return found.to(*place)[:ADDRESSES_MAX]

    async def _knock(self, ways: Sequence[Way]) -> Failure | None:
        """The first way that Janus answers by, in the system's order; else why the last one doesn't."""
        failed: Failure | None = Failure.NO_DATA
        for way in ways:
            knock = Knock(self._ctx, self.gate, way)
            try:
                failed = await self._answer(knock, way)
            finally:
                if knock.proven is None:
                    knock.close()
            if failed is None:
                return None
        return failed

    async def _answer(self, knock: Knock, way: Way) -> Failure | None:
        try:
            async with asyncio.timeout(DOOR_SECONDS):
                door = await knock.run()
        except TimeoutError:
            return Failure.TIMEOUT
        info = knock.told()
        if info is None or knock.proven is None:
            return door.failure or Failure.PROTOCOL
        self.proven = knock.proven
        self._ctx.keep.put(f"cascade-door/{self.number}", knock.proven)
        self.told = msgspec.structs.replace(
            self.told,
            endpoint=door.endpoint,
            reached="answer",
            version=info.version,
            version_string=info.version_string,
            rooms="videoroom" in info.plugins if info.plugins else None,
            local_ip=info.local_ip,
            public_ips=info.public_ips,
            host=self.told.host or (way.address if way.proxy is None else None),
        )
        return None

    async def _own_addresses(self, session: JanusSession) -> None:
        """Its host candidates, by its echotest: without that, there is its own word alone."""
        handle = Handle(self._ctx, session, self.number)
        try:
            await handle.call()
        except Refusal:
            return
        hosts = [each.address for each in handle.candidates.found if each.type == "host"]
        self.told = msgspec.structs.replace(self.told, reached="echo", hosts=tuple(dict.fromkeys(hosts)))

    def _fail(self, exc: Exception) -> None:
        code = exc.code if isinstance(exc, Refusal) else None
        failure, detail = (exc.failure, exc.reason) if isinstance(exc, Refusal) else failure_of(exc)
        harmless = self.session.harmless(detail) if self.session is not None else ""
        self.told = msgspec.structs.replace(self.told, failure=failure, detail=harmless, error_code=code)


async def relays(ctx: Context, source: str) -> AsyncIterator[tuple[Relay, CascadeRelay]]:
    """All that were named, one after the other: each with what it is."""
    for number, asked in enumerate(ctx.options.cascade, 1):
        relay = Relay(ctx, number, asked)
        yield relay, await relay.look(source)
