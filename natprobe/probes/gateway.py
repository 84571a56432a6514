"""The ways into Janus's API: what the target names, the web front's paths, the usual ports, each asked for `info`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from importlib import import_module

from natprobe.asking.gateways import Gate, Knock, Transport, gate_on, page_of
from natprobe.asking.patience import Patience
from natprobe.asking.together import as_they_come
from natprobe.asking.ways import Way, by_proxy, straight
from natprobe.context import Context
from natprobe.derive import target_addresses
from natprobe.facts import (
    Connected,
    Facts,
    HttpReply,
    JanusDoor,
    JanusInfo,
    JitsiConfig,
    ProxyChoice,
    Resolved,
    server_kind,
)
from natprobe.model import Address, Observation, Target, family

REQUIRES = ()
TAKES = (ProxyChoice, Resolved)
# Whether this is a Janus. Were we to wait for the page, whoever waits for us would wait for all of its addresses.
WATCHES = (Connected, HttpReply, JitsiConfig)
YIELDS = (JanusDoor, JanusInfo)
TIMEOUT = 18.0

# All steps of a door (seconds); where nobody said that there is a Janus, fewer.
DOOR_SECONDS, GUESS_SECONDS = 3.0, 2.0
# Once one has answered, each of the others has so long from its own beginning, or so many times what that one took.
LATE_SECONDS, LATE_TIMES = 1.0, 3.0
ADDRESSES_MAX, USUAL_MAX = 6, 2
# So many addresses at once of what the target names.
AT_ONCE = 2
LOOK_SECONDS = 0.01
# A web front that has taken no connection for so long is given up by the guess: both together take three seconds.
SILENT_SECONDS = 1.1
PATH = "/janus"
INFO = f"{PATH}/info"
# Where a proxy has the WebSocket beside the page, and the ports of Janus's own (as its sample configuration has them).
SOCKET_PATHS = ("/janus-ws", "/ws", "/websocket", PATH)
PORTS: tuple[tuple[Transport, bool, int, str], ...] = (
    ("http", True, 8089, PATH),
    ("http", False, 8088, PATH),
    ("websocket", True, 8989, "/"),
    ("websocket", False, 8188, "/"),
)
_HEAVY = ("natprobe.net.janus", "natprobe.net.websocket", "websockets.client")


async def probe(ctx: Context, facts: Facts) -> AsyncIterator[Observation]:
    """What is named first, and what is usual where that fails, or where nothing is named."""
    addresses = [each for each in target_addresses(facts) if family(each) in ctx.options.families]
    page = (ctx.target.host, page_of(ctx.target)[0])
    reachable = addresses or await by_proxy(ctx, *page)
    if ctx.target.kind not in ("auto", "janus") or not reachable or not await _wanted(ctx, facts):
        return
    _load()
    named = _named(ctx.target)
    if named is not None:
        first = Visit(ctx, DOOR_SECONDS)
        async for seen in first.observe([named], addresses[:ADDRESSES_MAX], AT_ONCE):
            yield seen
        if first.answered:
            return
    surely = server_kind(facts) == "janus"
    gates = [*(_beside_page(ctx.target) if surely else []), *_ports(ctx.target)]
    new = {each.url: each for each in gates if named is None or each.url != named.url}
    visit = Visit(ctx, DOOR_SECONDS if surely else GUESS_SECONDS)
    async for seen in visit.observe(list(new.values()), addresses[:USUAL_MAX]):
        yield seen
    if not surely and not visit.answered and await _told_late(ctx, facts):
        async for seen in Visit(ctx, DOOR_SECONDS).observe(_beside_page(ctx.target), addresses[:USUAL_MAX]):
            yield seen


def _load() -> None:
    """What only this needs, before anything is sent: later it would hold up answers that are being timed."""
    for each in _HEAVY:
        import_module(each)


async def _wanted(ctx: Context, facts: Facts) -> bool:
    """Whether this may be a Janus: not where a page says that it is a Jitsi. A silent web front is not waited for."""
    silent = ctx.net.now() + SILENT_SECONDS
    while ctx.target.kind == "auto":
        if facts.ok(JitsiConfig) or server_kind(facts) == "jitsi":
            return False
        if facts.ok(HttpReply, lambda each: each.probe == "web" and each.status == 200):
            _load()
        if server_kind(facts) == "janus" or facts.probe("web") is not None:
            break
        if facts.of(HttpReply, lambda each: each.url.endswith(INFO)):
            break
        if ctx.net.now() > silent and not facts.ok(Connected):
            break
        await ctx.net.sleep(LOOK_SECONDS)
    return True


async def _told_late(ctx: Context, facts: Facts) -> bool:
    """Whether the page says that it is Janus's at another of its addresses than the one that was looked at first."""
    while server_kind(facts) == "auto" and ctx.options.wants("web"):
        if facts.probe("web") is not None or facts.ok(JitsiConfig):
            break
        await ctx.net.sleep(LOOK_SECONDS)
    return server_kind(facts) == "janus"


# --- gates


def _named(target: Target) -> Gate | None:
    """What a `janus+https:` or `janus+wss:` URL names."""
    if target.scheme == "janus+https":
        return gate_on(target, "http", target.port, target.path or PATH, why="target")
    if target.scheme == "janus+wss":
        return gate_on(target, "websocket", target.port, target.path or "/", why="target")
    return None


def _beside_page(target: Target) -> list[Gate]:
    """What a proxy passes on beside the page."""
    port, secure = page_of(target)
    paths = [gate_on(target, "websocket", port, each, secure=secure) for each in SOCKET_PATHS]
    return [gate_on(target, "http", port, PATH, secure=secure), *paths]


def _ports(target: Target) -> list[Gate]:
    """Janus's own."""
    return [gate_on(target, transport, port, path, secure=secure) for transport, secure, port, path in PORTS]


# --- asking


class Visit:
    """All gates by all ways. `answered`: Janus has, at one of them."""

    def __init__(self, ctx: Context, seconds: float) -> None:
        self._ctx, self._patience, self.answered = ctx, Patience(seconds), False
        self._told: set[Way] = set()

    async def observe(
        self, gates: Sequence[Gate], addresses: Sequence[Address], at_once: int = 100
    ) -> AsyncIterator[Observation]:
        """Each by itself, so many at once: by the browser's proxy where one leads there, else at each address."""
        slots = asyncio.Semaphore(at_once)
        proxied = {gate: await by_proxy(self._ctx, gate.host, gate.port) for gate in gates}
        ways = {gate: proxied[gate][:1] or straight(addresses) for gate in gates}
        most = max((len(each) for each in ways.values()), default=0)
        streams = [
            self._one(slots, gate, ways[gate][number])
            for number in range(most)
            for gate in gates
            if number < len(ways[gate])
        ]
        async for seen in as_they_come(streams):
            yield seen

    async def _one(self, slots: asyncio.Semaphore, gate: Gate, way: Way) -> AsyncIterator[Observation]:
        async with slots:
            knock = Knock(self._ctx, gate, way)
            try:
                door = await self._in_time(knock)
            finally:
                if knock.proven is None:
                    knock.close()
        if knock.proven is not None:
            self._ctx.keep.put(f"janus-door/{gate.url}@{way.endpoint(gate.port)}", knock.proven)
            self._shorten(knock.proven.took)
        yield door
        told = knock.told()
        if told is not None and way not in self._told:
            self._told.add(way)
            yield told

    async def _in_time(self, knock: Knock) -> JanusDoor:
        try:
            async with self._patience.bounded():
                return await knock.run()
        except TimeoutError:
            return knock.late()

    def _shorten(self, took: float) -> None:
        """The others needn't be waited for any longer than what answers takes."""
        if not self.answered:
            self.answered = True
            self._patience.shorten(max(LATE_SECONDS, LATE_TIMES * took))
