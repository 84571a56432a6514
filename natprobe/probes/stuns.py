"""STUN over TLS and DTLS, as `stuns:` means it (RFC 7064, RFC 7350): handshake, certificate, and a Binding inside."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import closing
from functools import partial
from typing import Literal

from natprobe.asking.checks import GIVE_UP, SEND_TIMES
from natprobe.asking.handshakes import Handshake
from natprobe.asking.secured import Connection, Secured, preload
from natprobe.asking.sources import source
from natprobe.asking.together import as_they_come
from natprobe.asking.transactions import binding_of, servers_of
from natprobe.context import Context
from natprobe.facts import Binding, Certificate, Facts, LocalAddress, StunServer, TlsSession
from natprobe.model import Observation, join
from natprobe.net.api import Reported
from natprobe.net.failure import failure_of
from natprobe.net.stun import Outcome, ask_session, ask_stream
from natprobe.net.tls import TlsStream
from natprobe.wire import stun

REQUIRES = (StunServer,)
TAKES = (LocalAddress,)
YIELDS = (TlsSession, Certificate, Binding)
TIMEOUT = 10.0

# Time for an answer, once there is a session.
ANSWER_SECONDS = 3.0
# RFC 7443. Who knows only other protocols may refuse it (RFC 7301 section 3.2), and is asked without.
ALPN = ("stun.nat-discovery",)
_NO_PROTOCOL = "no application protocol"


async def probe(ctx: Context, facts: Facts) -> AsyncIterator[Observation]:
    """Every server once over each of the two that it was named for, all at once."""
    transports: tuple[Literal["tls", "dtls"], ...] = ("tls", "dtls")
    visits = [
        Visit(ctx, facts, server, transport)
        for version in ctx.options.families
        for transport in transports
        for server in servers_of(facts, version, transport)
    ]
    if not visits:
        return
    preload()
    async for observation in as_they_come(visit.observe() for visit in visits):
        yield observation


class Visit:
    """One server over one transport."""

    def __init__(self, ctx: Context, facts: Facts, server: StunServer, transport: Literal["tls", "dtls"]) -> None:
        self._ctx, self._server, self._transport = ctx, server, transport
        self._remote = (server.address, server.port)
        # A domain that names its server by SRV is who the certificate is for (RFC 9525 section 6.1: the input).
        self._name = server.operator if server.origin == "srv" else server.host
        times, give_up = (SEND_TIMES, GIVE_UP) if server.origin == "target" else (stun.SEND_TIMES, stun.GIVE_UP)
        local = source(ctx, facts, server.address)
        self._way = Secured(ctx, transport, self._remote, self._name, local, times, give_up)

    async def observe(self) -> AsyncIterator[Observation]:
        """The handshake, again without ALPN where that was the trouble, and the answer to a Binding request."""
        for alpn in (ALPN, ()):
            try:
                connection = await self._way.connect(alpn, verified=True)
            except (OSError, TimeoutError) as exc:
                yield self._binding(_unanswered(exc, self._way.tries))
                return
            made: Handshake[Connection] = Handshake(self._ctx, self._transport, join(*self._remote), self._name, alpn)
            with closing(made):
                async for seen in made.observe(connection, partial(self._way.reading, alpn)):
                    yield seen
                if _NO_PROTOCOL not in made.detail or not alpn:
                    yield self._binding(await self._answer(made))
                    return

    async def _answer(self, made: Handshake[Connection]) -> Outcome:
        """A certificate that is refused ends it here, unless the user does not mind."""
        session, tries = made.session, self._way.tries
        if session is None or (made.failure is not None and not self._ctx.options.insecure):
            return Outcome(None, made.failure, made.detail, tries)
        request = stun.binding_request(self._ctx.transaction_id())
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                if isinstance(session, TlsStream):
                    return await ask_stream(self._ctx.net, session, request)
                return await ask_session(self._ctx.net, session, request)
        except (OSError, EOFError, TimeoutError, stun.StunError) as exc:
            return _unanswered(exc, 1)

    def _binding(self, outcome: Outcome) -> Binding:
        return binding_of(self._server, self._transport, self._way.seen_from, outcome)


def _unanswered(exc: BaseException, tries: int) -> Outcome:
    failure, detail = failure_of(exc)
    reported = exc.error if isinstance(exc, Reported) else None
    if reported is None:
        return Outcome(None, failure, detail, tries)
    return Outcome(None, failure, "", tries, icmp=reported.icmp or None, reported_by=reported.reported_by)
