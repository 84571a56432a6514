"""Tunnels through a proxy, and the fact that each of them is: asked for once, and again where a password is wanted."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack
from typing import Literal

from natprobe.asking.ways import REFUSED, Way, access_to
from natprobe.context import Context
from natprobe.facts import Tunnel
from natprobe.model import Endpoint, Failure, HostName, flow, join
from natprobe.net.api import Denied, Said
from natprobe.net.failure import failure_of
from natprobe.net.tunnel import Tunnelled, tunnelled
from natprobe.proxy import Proxy

# For a connection to the proxy and its answer.
TUNNEL_SECONDS = 3.0
Purpose = Literal["web", "relay", "port", "control"]


class Opening:
    """One tunnel on its way. `local`: our end of its last connection; `rtt`: seconds from request to answer."""

    def __init__(self, ctx: Context, way: Way, proxy: Proxy, host: HostName, port: int) -> None:
        self._ctx, self._way, self._proxy = ctx, way, proxy
        self._host, self._port = host, port
        self.local: Endpoint | None = None
        self.rtt: float | None = None

    async def open(self) -> Tunnelled:
        """Raises what net.tunnel.tunnelled raises. A proxy that closes when it asks for a password is asked again."""
        try:
            return await self._once(asked=False)
        except Denied as exc:
            if not exc.reconnect:
                raise
        return await self._once(asked=True)

    async def _once(self, *, asked: bool) -> Tunnelled:
        ctx, proxy = self._ctx, self._proxy
        with ExitStack() as failing:
            stream = await ctx.tcp((self._way.address, proxy.port))
            failing.callback(stream.close)
            self.local, began = join(*stream.local), ctx.net.now()
            access, trust = access_to(ctx, proxy), ctx.options.ca_pem
            try:
                opened = await tunnelled(stream, proxy, self._host, self._port, access, trust, asked=asked)
            except Denied as exc:
                self.rtt = ctx.net.now() - began
                if exc.said.authenticated and failure_of(exc)[0] is Failure.UNAUTHORIZED:
                    ctx.keep.put(REFUSED + proxy.shown, True)
                raise
            self.rtt = ctx.net.now() - began
            failing.pop_all()
        return opened


async def lead(
    ctx: Context, way: Way, host: HostName, port: int, purpose: Purpose, seconds: float = TUNNEL_SECONDS
) -> tuple[Tunnel, Tunnelled | None]:
    """One tunnel on this way, which has a proxy, as a fact; and the stream, the caller's to close, where it stands."""
    assert way.proxy is not None
    opening = Opening(ctx, way, way.proxy, host, port)
    said, failure, detail, stream = Said(), None, "", None
    try:
        async with asyncio.timeout(seconds):
            stream = await opening.open()
        said = stream.said
    except (OSError, TimeoutError) as exc:
        failure, detail = failure_of(exc)
        said = exc.said if isinstance(exc, Denied) else said
    return _fact(way, opening, host, port, purpose, said, failure, detail), stream


def _fact(
    way: Way,
    opening: Opening,
    host: HostName,
    port: int,
    purpose: Purpose,
    said: Said,
    failure: Failure | None,
    detail: str,
) -> Tunnel:
    endpoint = way.endpoint(port)
    return Tunnel(
        via=way.via or "",
        endpoint=endpoint,
        local=opening.local,
        host=host,
        port=port,
        purpose=purpose,
        status=said.status,
        reply=said.reply,
        schemes=said.schemes,
        authenticated=said.authenticated,
        error=said.error,
        software=said.software,
        rtt_ms=None if opening.rtt is None else round(opening.rtt * 1000, 2),
        flow=flow("tcp", opening.local, endpoint),
        failure=failure,
        detail=detail,
    )
