"""The bridge's end of DTLS (RFC 5763): passive, one self-signed certificate for all, known by its fingerprint."""

from __future__ import annotations

import struct
from datetime import UTC, datetime, timedelta
from functools import cache

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from OpenSSL import SSL

from tests.jitsi.sctp import Echo

MTU = 1200
# RFC 6347 section 4.1: type, version, epoch, sequence number, length.
_HEADER = 13
_PROFILES = b"SRTP_AES128_CM_SHA1_80"


def certified(context: SSL.Context) -> str:
    """Gives the context a new certificate; its fingerprint as SDP writes it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "JVB 0.1.lab")])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=7))
    certificate = builder.sign(key, hashes.SHA256())
    context.use_privatekey(key)
    context.use_certificate(certificate)
    return certificate.fingerprint(hashes.SHA256()).hex(":").upper()


@cache
def identity() -> tuple[SSL.Context, str]:
    """What every session of the bridge shows, and its fingerprint."""
    context = SSL.Context(SSL.DTLS_SERVER_METHOD)
    fingerprint = certified(context)
    context.set_options(SSL.OP_NO_QUERY_MTU)
    context.set_tlsext_use_srtp(_PROFILES)
    # Clients show self-signed certificates: the fingerprint is what counts.
    context.set_verify(SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT, lambda *_: True)
    return context, fingerprint


class Dtls:
    """One session. `done` says that the handshake is over, `trusted` that the client's certificate is the signalled
    one. What comes then is data channels', and goes back to who has that certificate.
    """

    def __init__(self, fingerprint: str = "") -> None:
        self._expected = fingerprint.upper()
        self._session = SSL.Connection(identity()[0], None)
        self._session.set_ciphertext_mtu(MTU)
        self._session.set_accept_state()
        self.done = self.trusted = False
        self.due: float | None = None
        self._echo = Echo()

    def received(self, data: bytes, now: float) -> list[bytes]:
        """The datagrams that answer this one."""
        self._session.bio_write(data)
        try:
            if not self.done:
                self._session.do_handshake()
                self._finished()
            while packet := self._session.recv(65536):
                for answer in self._echo.received(packet) if self.trusted else []:
                    self._session.send(answer)
        except SSL.Error:
            pass
        return self._waiting(now)

    def timeout(self, now: float) -> list[bytes]:
        """A flight that was not answered goes again (RFC 6347 section 4.2.4)."""
        if self.done or self.due is None or now < self.due:
            return []
        self._session.DTLSv1_handle_timeout()
        return self._waiting(now)

    def _finished(self) -> None:
        self.done = True
        shown = self._session.get_peer_certificate(as_cryptography=True)
        self.trusted = shown is not None and shown.fingerprint(hashes.SHA256()).hex(":").upper() == self._expected

    def _waiting(self, now: float) -> list[bytes]:
        try:
            written = self._session.bio_read(65536)
        except SSL.WantReadError:
            written = b""
        left = self._session.DTLSv1_get_timeout()
        self.due = None if self.done or left is None else now + max(left, 0.01)
        return datagrams(written)


def datagrams(written: bytes) -> list[bytes]:
    """OpenSSL's memory holds records end to end: as many as fit go into one datagram."""
    found: list[bytes] = []
    while len(written) >= _HEADER:
        (length,) = struct.unpack_from("!H", written, _HEADER - 2)
        record, written = written[: _HEADER + length], written[_HEADER + length :]
        if found and len(found[-1]) + len(record) <= MTU:
            found[-1] += record
        else:
            found.append(record)
    return found
