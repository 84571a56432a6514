"""Sockets on the ports next to one that was just seen behind a NAT: does it keep ports, and neighbours, and addresses?

What one socket shows of port assignment and address pooling (RFC 4787 sections 4.1 and 4.2) may be chance.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

from natprobe.addresses import address_class
from natprobe.asking.together import as_they_come
from natprobe.asking.transactions import binding_of, strays_of
from natprobe.context import Context
from natprobe.facts import Binding, StunServer
from natprobe.model import Observation, family, join, split
from natprobe.net.api import Net, Udp
from natprobe.net.stun import StunSocket
from natprobe.wire import stun

# So many sockets beside the first, and so far away from its port at most where others hold the next ones.
COUNT, REACH = 5, 12


class Neighbours:
    """The neighbours of one socket. They ask once, and one server only."""

    def __init__(self, ctx: Context, sock: StunSocket) -> None:
        self._ctx, self._sock, self._asked = ctx, sock, False

    def wanted(self, binding: Binding, server: StunServer) -> bool:
        """Whether this answer is the first to show a NAT: a public server saw another address than the socket's own.

        Only IPv4: elsewhere ports are translated so seldom that the packets would be for nothing.
        """
        local, mapped = self._sock.local[0], split(binding.mapped)[0] if binding.mapped else ""
        translated = mapped not in ("", local) and address_class(mapped) == "public"
        behind = translated and family(local) == family(mapped) == 4
        first = behind and address_class(server.address) == "public" and not self._asked
        self._asked = self._asked or first
        return first

    async def ask(self, server: StunServer) -> AsyncIterator[Observation]:
        """All at once, the furthest first: so outside ports that follow the order of sending run against the order
        of the inside ports, and a NAT that keeps neighbours together looks different (RFC 4787 section 4.2.3).
        """
        async with AsyncExitStack() as opened:
            free = _next_to(self._ctx.net, self._sock.local)
            socks = [await opened.enter_async_context(StunSocket(self._ctx.net, udp)) for udp in reversed(free)]
            async for observation in as_they_come(self._ask(sock, server) for sock in socks):
                yield observation

    async def _ask(self, sock: StunSocket, server: StunServer) -> AsyncIterator[Observation]:
        outcome = await sock.ask(stun.binding_request(self._ctx.transaction_id()), (server.address, server.port))
        yield binding_of(server, "udp", join(*sock.local), outcome)
        for stray in strays_of(sock):
            yield stray


def _next_to(net: Net, local: tuple[str, int]) -> list[Udp]:
    """Sockets on the first free ports above this one."""
    found: list[Udp] = []
    for port in range(local[1] + 1, min(local[1] + REACH, (1 << 16) - 1) + 1):
        if len(found) == COUNT:
            break
        with contextlib.suppress(OSError):  # somebody else's
            found.append(net.udp(family(local[0]), local[0], port))
    return found
