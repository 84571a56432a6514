"""What else stands open at a Jitsi server: TCP 4443, as of old bridges, and the bridge's private HTTP API on 8080.

Neither needs a session. One connection each, for a second: where nothing answers there is nothing to tell.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from natprobe.asking.pseudo_tls import greet
from natprobe.asking.together import as_they_come
from natprobe.context import Context
from natprobe.derive import target_addresses
from natprobe.facts import Connected, Facts, HttpReply, PseudoTls, Resolved, server_kind
from natprobe.model import Address, Failure, Observation, clip, family, flow, join, split
from natprobe.net.api import Stream
from natprobe.net.failure import failure_of
from natprobe.wire.stun import StunError
from natprobe.wire.text import clean

if TYPE_CHECKING:
    from natprobe.net.http import Client, Reply

REQUIRES = (Resolved,)
TAKES = ()
# Whether this is a Jitsi, and which of its addresses answer: the silent ones of the page's ports are not waited for.
WATCHES = (Connected, HttpReply)
YIELDS = (PseudoTls, HttpReply)
TIMEOUT = 18.0

# Seconds for the connection, and for what is said on it: nobody waits longer for a server that is well.
CONNECT_SECONDS = 1.0
ANSWER_SECONDS = 1.0
ADDRESSES_MAX = 6
LOOK_SECONDS = 0.01
KINDS = ("auto", "jitsi")
# Who may say that it is a Jitsi.
_PAGES = ("web", "config")
# Of the bridge (jvb.conf): ice.tcp.port's second choice until 2024, and http-servers.private.
OLD_PORT, PRIVATE_PORT = 4443, 8080
HEALTH, VERSION = "/about/health", "/about/version"
BODY_MAX = 4096


async def probe(ctx: Context, facts: Facts) -> AsyncIterator[Observation]:
    """Of Jitsi servers only, all at once. Where the page's port stayed silent nothing else is asked."""
    wanted = [each for each in target_addresses(facts)[:ADDRESSES_MAX] if family(each) in ctx.options.families]
    if ctx.target.kind not in KINDS or not wanted or not await _is_jitsi(ctx, facts):
        return
    async for seen in as_they_come(_at(ctx, facts, each) for each in wanted):
        yield seen


async def _is_jitsi(ctx: Context, facts: Facts) -> bool:
    """As soon as an answer says so, the user or the server's own."""
    while server_kind(facts) != "jitsi" or not facts.ok(HttpReply):
        if all(facts.probe(each) is not None for each in _PAGES):
            return False
        await ctx.net.sleep(LOOK_SECONDS)
    return True


async def _at(ctx: Context, facts: Facts, address: Address) -> AsyncIterator[Observation]:
    """Both ports, as soon as one of the page's has answered, or where nobody has asked those."""
    while facts.probe("web") is None and not _answered(facts, address):
        await ctx.net.sleep(LOOK_SECONDS)
    if _answered(facts, address) or not _asked(facts, address):
        async for seen in as_they_come((_old_bridge(ctx, address), _private_api(ctx, address))):
            yield seen


def _asked(facts: Facts, address: Address) -> list[Connected]:
    """What the page's ports there have done so far."""
    straight = facts.of(Connected, lambda each: each.probe == "web" and each.via is None)
    return [each for each in straight if split(each.endpoint)[0] == address]


def _answered(facts: Facts, address: Address) -> bool:
    """Whether one of them took a connection, or refused one."""
    return any(each.failure is not Failure.TIMEOUT for each in _asked(facts, address))


async def _connected(ctx: Context, to: tuple[str, int]) -> Stream | None:
    try:
        async with asyncio.timeout(CONNECT_SECONDS):
            return await ctx.tcp(to)
    except (OSError, TimeoutError):  # whether the port is open, the reach probe says
        return None


async def _old_bridge(ctx: Context, address: Address) -> AsyncIterator[Observation]:
    """Whatever TLS stands on such a port answers its own way, or hangs: no proof against an old bridge elsewhere."""
    stream = await _connected(ctx, (address, OLD_PORT))
    if stream is None:
        return
    endpoint, local, began = join(address, OLD_PORT), join(*stream.local), ctx.net.now()
    failure, detail, rtt = None, "", None
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            await greet(stream)
        rtt = round((ctx.net.now() - began) * 1000, 2)
    except (OSError, EOFError, TimeoutError, StunError) as exc:
        failure, detail = failure_of(exc)
    finally:
        stream.close()
    yield PseudoTls(
        endpoint=endpoint,
        local=local,
        rtt_ms=rtt,
        flow=flow("tcp", local, endpoint),
        failure=failure,
        detail=detail,
    )


async def _private_api(ctx: Context, address: Address) -> AsyncIterator[Observation]:
    """Its health, and where that looks like the bridge's but doesn't name its server, its version too."""
    from natprobe.net.http import FAULTS, Client

    stream = await _connected(ctx, (address, PRIVATE_PORT))
    if stream is None:
        return
    local, began = join(*stream.local), ctx.net.now()
    client = Client(stream, join(address, PRIVATE_PORT))
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            health = await client.get(HEALTH, BODY_MAX)
            rtt = round((ctx.net.now() - began) * 1000, 2)
            bridge = _like_health(health) and (_jetty(health) or await _names_itself(client))
    except FAULTS:
        return
    finally:
        stream.close()
    endpoint = join(address, PRIVATE_PORT)
    yield HttpReply(
        url=f"http://{endpoint}{HEALTH}",
        endpoint=endpoint,
        status=health.status,
        server=_head(health, "server"),
        content_type=_head(health, "content-type"),
        says=("jvb",) if bridge else (),
        rtt_ms=rtt,
        flow=flow("tcp", local, endpoint),
    )


def _like_health(reply: Reply) -> bool:
    """200 without content, or with JSON."""
    return reply.status == 200 and (not reply.body.strip() or _json(reply) is not None)


def _jetty(reply: Reply) -> bool:
    """As older bridges name their server; newer ones name none."""
    return (_head(reply, "server") or "").lower().startswith("jetty")


async def _names_itself(client: Client) -> bool:
    found = _json(await client.get(VERSION, BODY_MAX)) if client.open else None
    return isinstance(found, dict) and found.get("name") == "JVB"


def _json(reply: Reply) -> object:
    try:
        return json.loads(reply.body)  # type: ignore[no-any-return,unused-ignore]
    except (ValueError, RecursionError):
        return None


def _head(reply: Reply, name: str) -> str | None:
    value = next((value for key, value in reply.headers.items() if key.lower() == name), "")
    return clip(clean(value), 200) or None
