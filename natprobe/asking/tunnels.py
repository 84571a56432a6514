"""Tunnels through a proxy, and the fact that each of them is: asked for once, and again where a password is wanted."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
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
# With a proxy's `shown`: it has taken our password; and who tells it, as long as nobody knows that.
_TAKEN, _FIRST = "proxy-access-taken/", "proxy-access-first/"
# Who tells it first is waited for so long (seconds): a refusal comes at once; later the proxy is on its way already.
_FIRST_SECONDS = 1.0
Purpose = Literal["web", "relay", "port", "control"]


class Opening:
    """One tunnel on its way. `local`: our end of its last connection; `rtt`: seconds from request to answer."""

    def __init__(self, ctx: Context, way: Way, proxy: Proxy, host: HostName, port: int) -> None:
        self._ctx, self._way, self._proxy = ctx, way, proxy
        self._host, self._port = host, port
        self.local: Endpoint | None = None
        self.rtt: float | None = None
        self._waited = 0.0

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
            self.local, began, self._waited = join(*stream.local), ctx.net.now(), 0.0
            access, trust = access_to(ctx, proxy), ctx.options.ca_pem
            try:
                opened = await tunnelled(
                    stream, proxy, self._host, self._port, access, trust, asked=asked, leave=self._leave
                )
            except Denied as exc:
                self.rtt = ctx.net.now() - began - self._waited
                self._learn(exc.said, refused=failure_of(exc)[0] is Failure.UNAUTHORIZED)
                raise
            self.rtt = ctx.net.now() - began - self._waited
            self._learn(opened.said, refused=False)
            failing.pop_all()
        return opened

    def _learn(self, said: Said, *, refused: bool) -> None:
        if said.authenticated:
            self._ctx.keep.put((REFUSED if refused else _TAKEN) + self._proxy.shown, True)

    @asynccontextmanager
    async def _leave(self) -> AsyncIterator[bool]:
        """Whether our password may be told. Of many tunnels at once one tells it first, and the others where it was
        taken: an account may be locked after a few wrong passwords.
        """
        keep, shown, began = self._ctx.keep, self._proxy.shown, self._ctx.net.now()
        first = keep.get(_FIRST + shown, asyncio.Lock) or asyncio.Lock()
        keep.put(_FIRST + shown, first)
        mine = False
        if not keep.get(_TAKEN + shown, bool):
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_FIRST_SECONDS):
                    mine = await first.acquire()
        self._waited += self._ctx.net.now() - began
        try:
            yield not keep.get(REFUSED + shown, bool)
        finally:
            if mine:
                first.release()


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
