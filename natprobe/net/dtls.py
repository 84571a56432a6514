"""DTLS 1.2 (RFC 6347) to one peer of a Udp, by OpenSSL in memory.

It fails as net/tls.py does, by ssl.SSLError, EOFError and OSError, so that whoever uses either needs to know one kind.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from cryptography import x509
from OpenSSL import SSL, crypto

from natprobe.net.api import DATAGRAM_MAX, IcmpError, Reported, Udp, same_peer
from natprobe.target import is_address
from natprobe.wire import certificate
from natprobe.wire.identity import Identity

T = TypeVar("T")

# Bytes of UDP payload: what browsers take for media.
MTU = 1200
_RECORD_HEADER = 13
# RFC 7983 section 7: the first byte of what is DTLS.
_FIRST_BYTES = range(20, 64)
# OpenSSL's X509_V_ERR_*, in its own words: Python's ssl has them from there too.
_REFUSALS = {
    9: "certificate is not yet valid",
    10: "certificate has expired",
    18: "self-signed certificate",
    19: "self-signed certificate in certificate chain",
    20: "unable to get local issuer certificate",
    21: "unable to verify the first certificate",
}


class DtlsSession:
    """The client's end. It owns the Udp, and hears nobody but `peer`. Media servers have no `name`.

    `hello` and `handshake` raise ssl.SSLError, EOFError when the peer closes, OSError. The deadline is the caller's.
    """

    def __init__(self, udp: Udp, peer: tuple[str, int], context: SSL.Context, name: str) -> None:
        self._udp, self.remote = udp, peer
        self._name, self._refused = name, ""
        self._tls = SSL.Connection(context, None)
        self._tls.set_app_data(self)
        self._tls.set_ciphertext_mtu(MTU)
        if name and not is_address(name):  # RFC 6066 section 3: no address goes there
            self._tls.set_tlsext_host_name(name.encode())
        self._tls.set_connect_state()
        self._closed = False

    @property
    def local(self) -> tuple[str, int]:
        """Our end."""
        return self._udp.local

    async def hello(self) -> None:
        """Sends the first message, once, and waits for anything from the peer; `handshake` goes on from there.

        OpenSSL repeats a message after a second at the earliest. Who wants an answer sooner starts another session.
        """
        self._step(self._tls.do_handshake)
        self._tls.bio_write(await self._arrived())

    async def handshake(self) -> None:
        """The whole of it, or what is left after `hello`; sends again what stays unanswered (section 4.2.4)."""
        await self._pump(self._tls.do_handshake)

    def send(self, data: bytes) -> None:
        """One record, in a datagram. Raises OSError."""
        self._step(lambda: self._tls.send(data))

    async def receive(self) -> bytes:
        """The next record's content. Raises EOFError once the peer has closed, OSError."""
        return await self._pump(lambda: self._tls.recv(DATAGRAM_MAX)) or b""

    def close(self) -> None:
        """Says so to the peer (close_notify), where there is a session, and closes the Udp. Idempotent."""
        if self._closed:
            return
        self._closed = True
        with contextlib.suppress(OSError, EOFError):
            self._step(self._tls.shutdown)
        self._udp.close()

    @property
    def protocol(self) -> str | None:
        """Such as `DTLSv1.2`."""
        return self._tls.get_protocol_version_name()

    @property
    def cipher(self) -> str | None:
        """The suite's name."""
        return self._tls.get_cipher_name()

    @property
    def alpn(self) -> str | None:
        """The application protocol that the server chose (RFC 7301)."""
        return self._tls.get_alpn_proto_negotiated().decode("ascii", "replace") or None

    @property
    def srtp_profile(self) -> str:
        """What both sides agreed on for media (RFC 5764), by OpenSSL's name; empty: nothing."""
        return self._tls.get_selected_srtp_profile().decode("ascii", "replace")

    def exported(self, label: bytes, size: int) -> bytes:
        """Key material for a protocol beside this one (RFC 5705), the same at both ends."""
        return self._tls.export_keying_material(label, size)

    def chain(self) -> list[bytes]:
        """The certificates as the server sent them, leaf first, DER."""
        found = self._tls.get_peer_cert_chain() or []
        return [crypto.dump_certificate(crypto.FILETYPE_ASN1, each) for each in found]

    def judge(self, leaf: crypto.X509, error: int, depth: int, fine: bool) -> bool:
        """What the context asks of every certificate of the chain, the leaf last: OpenSSL's word, then the name."""
        if not fine:
            self._refused = self._refused or _REFUSALS.get(error, f"certificate verify failed (error {error})")
        elif depth == 0 and not _names(leaf, self._name):
            self._refused = f"Hostname mismatch, certificate is not valid for '{self._name}'."
        return not self._refused

    async def _pump(self, step: Callable[[], T]) -> T:
        while True:
            done, result = self._step(step)
            if done:
                return result  # type: ignore[return-value]  # the step's own
            await self._feed()

    def _step(self, step: Callable[[], T]) -> tuple[bool, T | None]:
        """Whether it is done, and its result; whatever OpenSSL wants to send is sent, alerts too."""
        try:
            return True, step()
        except SSL.WantReadError:
            return False, None
        except SSL.ZeroReturnError:
            raise EOFError("the peer has closed the session") from None
        except SSL.Error as exc:
            raise self._named(exc) from None
        finally:
            self._flush()

    async def _feed(self) -> None:
        """The next datagram; until it comes, what it is to answer goes out again and again."""
        while True:
            try:
                async with asyncio.timeout(self._tls.DTLSv1_get_timeout()):
                    self._tls.bio_write(await self._arrived())
                    return
            except TimeoutError:
                self._step(self._tls.DTLSv1_handle_timeout)

    async def _arrived(self) -> bytes:
        while True:
            event = await self._udp.receive()
            if isinstance(event, IcmpError):
                if event.ends(self.remote):
                    raise Reported(event)
            elif same_peer(event.source, self.remote) and _is_dtls(event.data):
                return event.data

    def _flush(self) -> None:
        with contextlib.suppress(SSL.WantReadError):  # nothing to send
            for datagram in _datagrams(self._tls.bio_read(1 << 18)):
                self._udp.send(datagram, self.remote)

    def _named(self, exc: SSL.Error) -> ssl.SSLError | EOFError:
        if self._refused:
            refusal = ssl.SSLCertVerificationError(1, self._refused)
            refusal.verify_message = self._refused
            return refusal
        if isinstance(exc, SSL.SysCallError):
            return EOFError("the session was ended in the middle")
        words = exc.args[0][0][-1] if exc.args and exc.args[0] else "no reason given"
        error = ssl.SSLError(1, words)
        error.reason = words.upper().replace(" ", "_")
        return error


def verified_context(ca_pem: str | None, alpn: Sequence[str]) -> SSL.Context:
    """Trust as the operating system has it, or only the given roots."""
    context = _context(alpn)
    context.set_verify(SSL.VERIFY_PEER, _judge)
    if ca_pem is not None:
        roots = [crypto.X509.from_cryptography(each) for each in x509.load_pem_x509_certificates(ca_pem.encode())]
    else:
        context.set_default_verify_paths()
        # Elsewhere OpenSSL finds no certificates of the system's by itself; Python does.
        found = [] if sys.platform == "linux" else ssl.create_default_context().get_ca_certs(binary_form=True)
        roots = [crypto.load_certificate(crypto.FILETYPE_ASN1, each) for each in found]
    store = context.get_cert_store()
    assert store is not None  # every context has one
    for root in roots:
        store.add_cert(root)
    return context


def reading_context(alpn: Sequence[str]) -> SSL.Context:
    """No verification: only to read the certificate that did not verify, never to send anything secret."""
    context = _context(alpn)
    context.set_verify(SSL.VERIFY_NONE)
    return context


def media_context(identity: Identity) -> SSL.Context:
    """Media's own (RFC 5763 section 5): both sides show certificates that nobody signed; whose they are the fingerprint
    in signalling says, which is the caller's to compare. A media server refuses who doesn't offer SRTP (RFC 5764).
    """
    context = _context(())
    context.set_verify(SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT, lambda *_: True)
    context.use_certificate(identity.certificate)
    context.use_privatekey(identity.key)
    context.set_tlsext_use_srtp(b"SRTP_AEAD_AES_128_GCM:SRTP_AES128_CM_SHA1_80")
    return context


def _context(alpn: Sequence[str]) -> SSL.Context:
    context = SSL.Context(SSL.DTLS_CLIENT_METHOD)
    context.set_options(SSL.OP_NO_QUERY_MTU | SSL.OP_NO_RENEGOTIATION | SSL.OP_NO_TICKET)
    if alpn:
        context.set_alpn_protos([each.encode() for each in alpn])
    return context


def _judge(connection: SSL.Connection, shown: crypto.X509, error: int, depth: int, fine: int) -> bool:
    session: DtlsSession = connection.get_app_data()
    return session.judge(shown, error, depth, bool(fine))


def _names(leaf: crypto.X509, name: str) -> bool:
    """RFC 9525: a subjectAltName of it is this name. A certificate that nobody can read is nobody's."""
    try:
        shown = certificate.read(crypto.dump_certificate(crypto.FILETYPE_ASN1, leaf), 0.0)
    except ValueError:
        return False
    return certificate.matches(shown.names, name)


def _is_dtls(data: bytes) -> bool:
    return 0 < len(data) <= DATAGRAM_MAX and data[0] in _FIRST_BYTES


def _datagrams(flight: bytes) -> Iterator[bytes]:
    """OpenSSL writes record after record: as many whole ones together as the path takes."""
    start = end = 0
    while end < len(flight):
        after = end + _RECORD_HEADER + int.from_bytes(flight[end + 11 : end + 13], "big")
        if after - start > MTU and end > start:
            yield flight[start:end]
            start = end
        end = after
    if start < end:
        yield flight[start:end]
