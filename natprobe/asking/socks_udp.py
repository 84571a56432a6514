"""A STUN Binding over UDP through a SOCKS5 proxy, as a fact."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack

from msgspec.structs import replace

from natprobe.asking.tunnels import TUNNEL_SECONDS
from natprobe.asking.ways import Way
from natprobe.context import Context
from natprobe.facts import SocksUdp
from natprobe.model import HostName, flow, join
from natprobe.net.api import Denied
from natprobe.net.failure import failure_of
from natprobe.net.socks import ProxiedUdp, associated
from natprobe.net.stun import StunSocket
from natprobe.target import is_address
from natprobe.wire import socks, stun


async def by_socks(ctx: Context, way: Way, host: HostName, port: int) -> SocksUdp:
    """`host`: of the STUN server, a name where the proxy is to look it up."""
    told = SocksUdp(via=way.via or "", host=host, port=port, server=join(host, port) if is_address(host) else None)
    try:
        async with asyncio.timeout(TUNNEL_SECONDS):
            udp = await _socket(ctx, way, (host, port))
    except (OSError, TimeoutError) as exc:
        failure, detail = failure_of(exc)
        reply = exc.said.reply if isinstance(exc, Denied) else None
        return replace(told, reply=reply, failure=failure, detail=detail)
    return await _asked(ctx, udp, replace(told, reply=socks.SUCCEEDED, relay=join(*udp.relay)))


async def _socket(ctx: Context, way: Way, peer: tuple[str, int]) -> ProxiedUdp:
    assert way.proxy is not None
    with ExitStack() as failing:
        stream = await ctx.tcp((way.address, way.proxy.port))
        failing.callback(stream.close)
        udp = await associated(ctx.net, stream, peer)
        failing.pop_all()
    return udp


async def _asked(ctx: Context, udp: ProxiedUdp, told: SocksUdp) -> SocksUdp:
    async with StunSocket(ctx.net, udp) as sock:
        outcome = await sock.ask(stun.binding_request(ctx.transaction_id()), (told.host, told.port))
    attributes = outcome.packet.message.attributes if outcome.packet else {}
    mapped = attributes.get("XOR-MAPPED-ADDRESS") or attributes.get("MAPPED-ADDRESS")
    return replace(
        told,
        mapped=join(*mapped) if mapped else None,
        tries=outcome.tries,
        rtt_ms=outcome.rtt_ms,
        flow=flow("udp", join(*udp.local), told.relay or ""),
        failure=outcome.failure,
        detail=outcome.detail,
    )
