"""TLS and DTLS as probes make them: a handshake that verifies; where it refuses the certificate, one that reads it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Generic, Literal, Protocol, TypeVar

from natprobe.context import Context
from natprobe.facts import Certificate, TlsSession
from natprobe.model import Endpoint, Failure, HostName, Observation, flow, join
from natprobe.net.failure import failure_of
from natprobe.wire.text import clean

HANDSHAKE_SECONDS = 3.0


class Session(Protocol):
    """What net.tls.TlsStream and net.dtls.DtlsSession have in common."""

    @property
    def local(self) -> tuple[str, int]:
        """Our end."""

    @property
    def protocol(self) -> str | None:
        """Such as `TLSv1.3`."""

    @property
    def cipher(self) -> str | None:
        """The suite's name."""

    @property
    def alpn(self) -> str | None:
        """What the server chose (RFC 7301)."""

    async def handshake(self) -> None:
        """Raises OSError and EOFError."""

    def chain(self) -> list[bytes]:
        """Leaf first, DER."""

    def close(self) -> None:
        """Idempotent."""


S = TypeVar("S", bound=Session)


class Handshake(Generic[S]):
    """With the server that `endpoint` is to be, `name`. Closes every session that it was given.

    `failure` and `detail` are those of the verified handshake; `session` is the one to go on with: verified
    where `failure` is None, else one that only reads, or None. `offered` are the ALPN names that its sessions offer.
    `via`: through this proxy, whose endpoint is `endpoint` then.
    """

    def __init__(
        self,
        ctx: Context,
        transport: Literal["tls", "dtls"],
        endpoint: Endpoint,
        name: HostName,
        offered: tuple[str, ...] = (),
        via: str | None = None,
    ) -> None:
        self._ctx, self._transport, self._endpoint, self._name = ctx, transport, endpoint, name
        self._offered, self._via = offered, via
        self.session: S | None = None
        self.failure: Failure | None = None
        self.detail = ""

    async def observe(self, first: S, again: Callable[[], Awaitable[S | None]]) -> AsyncIterator[Observation]:
        """The handshake of `first`, which verifies; where it has to be, that of `again`; and the certificate."""
        seen = await self._tried(first, verified=True)
        self.failure, self.detail = seen.failure, seen.detail
        yield seen
        if seen.failure is Failure.TLS_CERTIFICATE and (reading := await again()) is not None:
            yield await self._tried(reading, verified=False)
        if self.session is not None and (shown := self._certificate(self.session)) is not None:
            yield shown

    def close(self) -> None:
        """Ends the session, if there is one."""
        if self.session is not None:
            self.session.close()

    async def _tried(self, session: S, *, verified: bool) -> TlsSession:
        began, passed = self._ctx.net.now(), False
        try:
            async with asyncio.timeout(HANDSHAKE_SECONDS):
                await session.handshake()
            passed = True
        except (OSError, EOFError, TimeoutError) as exc:
            failure, detail = failure_of(exc)
            return self._fact(session, False, failure=failure, detail=detail)
        finally:
            if not passed:
                session.close()
        self.session = session
        return self._fact(
            session,
            verified,
            protocol=session.protocol,
            cipher=session.cipher,
            alpn=session.alpn and clean(session.alpn),
            rtt_ms=round((self._ctx.net.now() - began) * 1000, 2),
        )

    def _fact(self, session: S, verified: bool, **seen: object) -> TlsSession:
        return TlsSession(
            endpoint=self._endpoint,
            via=self._via,
            transport=self._transport,
            name=self._name,
            verified=verified,
            offered=self._offered,
            flow=self._flow(session),
            **seen,  # type: ignore[arg-type]  # of its own fields
        )

    def _certificate(self, session: S) -> Certificate | None:
        from natprobe.wire import certificate

        chain = session.chain()
        try:
            leaf = certificate.read(chain[0], self._ctx.unix_time)
        except (ValueError, IndexError):
            return None
        return Certificate(
            endpoint=self._endpoint,
            via=self._via,
            transport=self._transport,
            name=self._name,
            matches=certificate.matches(leaf.names, self._name),
            chain=len(chain),
            flow=self._flow(session),
            **leaf._asdict(),
        )

    def _flow(self, session: S) -> str:
        return flow(self._transport, join(*session.local), self._endpoint)
