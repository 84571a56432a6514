"""TLS over any Stream, by OpenSSL in memory: TCP, a proxy's tunnel, or the tests' in-memory internet alike."""

from __future__ import annotations

import ssl
import sys
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import TypeVar

from natprobe.net.api import Stream

T = TypeVar("T")


class TlsStream:
    """A TLS session over a stream; itself a stream."""

    def __init__(self, stream: Stream, context: ssl.SSLContext, name: str) -> None:
        self._stream = stream
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname=name)
        self.local, self.remote = stream.local, stream.remote
        self.hello = 0  # bytes of what we began with

    async def handshake(self) -> None:
        """Raises ssl.SSLError, EOFError when the peer closes, OSError."""
        try:
            await self._pump(self._tls.do_handshake)
        except ssl.SSLError:
            await self._flush()  # the alert that says what we didn't like
            raise

    async def read(self, limit: int = 65536) -> bytes:
        """See api.Stream."""
        try:
            return await self._pump(lambda: self._tls.read(limit))
        except (ssl.SSLZeroReturnError, ssl.SSLEOFError, EOFError):
            return b""

    async def write(self, data: bytes) -> None:
        """See api.Stream."""
        await self._pump(lambda: self._tls.write(data))

    def close(self) -> None:
        """See api.Stream."""
        self._stream.close()

    @property
    def protocol(self) -> str | None:
        """Such as `TLSv1.3`."""
        return self._tls.version()

    @property
    def cipher(self) -> str | None:
        """The suite's name."""
        found = self._tls.cipher()
        return found[0] if found else None

    @property
    def alpn(self) -> str | None:
        """The application protocol that the server chose (RFC 7301)."""
        return self._tls.selected_alpn_protocol()

    def chain(self) -> list[bytes]:
        """The certificates as the server sent them, leaf first, DER."""
        if hasattr(self._tls, "get_unverified_chain"):  # Python 3.13
            return [bytes(each) for each in self._tls.get_unverified_chain()]
        inner = getattr(self._tls, "_sslobj", None)  # until then the same method hides one level down
        found = inner.get_unverified_chain() if inner is not None else None
        if found:
            return [each.public_bytes(2) for each in found]  # 2: DER (ssl._ENCODING_DER)
        leaf = self._tls.getpeercert(binary_form=True)
        return [leaf] if leaf else []

    async def _pump(self, step: Callable[[], T]) -> T:
        while True:
            try:
                result = step()
            except ssl.SSLWantReadError:
                await self._flush()
                await self._feed()
            else:
                await self._flush()
                return result

    async def _flush(self) -> None:
        if data := self._outgoing.read():
            self.hello = self.hello or len(data)
            await self._stream.write(data)

    async def _feed(self) -> None:
        data = await self._stream.read()
        if not data:
            raise EOFError("the connection was closed in the middle of TLS")
        self._incoming.write(data)


@lru_cache(maxsize=8)
def client_context(ca_pem: str | None, alpn: tuple[str, ...], *, verified: bool) -> ssl.SSLContext:
    """What sessions begin with, as browsers trust or only to read: one for all, since the system's roots are many."""
    return verified_context(ca_pem, alpn) if verified else reading_context(alpn)


def verified_context(ca_pem: str | None, alpn: Sequence[str]) -> ssl.SSLContext:
    """Trust as the operating system's browsers have it, or only the given roots."""
    if ca_pem is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(cadata=ca_pem)
    else:
        context = _system_context()
    context.set_alpn_protocols(list(alpn))
    return context


def _system_context() -> ssl.SSLContext:
    """Where Linux has its roots in one file, as truststore does it, which reads the file again for every session: 15 ms
    each, in which nothing else runs.
    """
    if sys.platform == "linux" and ssl.get_default_verify_paths().cafile is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.set_default_verify_paths()
        return context
    import truststore

    return truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def reading_context(alpn: Sequence[str]) -> ssl.SSLContext:
    """No verification: only to read the certificate that did not verify, never to send anything."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_alpn_protocols(list(alpn))
    return context
