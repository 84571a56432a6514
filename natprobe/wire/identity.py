"""Who a side of a media session is: a certificate that nobody signed, and its fingerprint in signalling (RFC 8122)."""

from __future__ import annotations

import datetime
import hashlib
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509.oid import NameOID

# RFC 8122 section 5: names of hash functions, those that are still good.
_HASHES = ("sha-256", "sha-384", "sha-512", "sha-1")
_DAY = datetime.timedelta(days=1)


class Identity(NamedTuple):
    """A certificate and its key, for one session."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @property
    def fingerprint(self) -> str:
        """Of SHA-256, as signalling writes it."""
        return fingerprint(self.certificate.fingerprint(SHA256()))


def new_identity(unix_time: float) -> Identity:
    """As browsers make theirs (P-256), good for a day around this time. The key's chance is the system's own."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "WebRTC")])
    now = datetime.datetime.fromtimestamp(unix_time, datetime.UTC)
    certificate = (
        x509.CertificateBuilder(issuer_name=name, subject_name=name, public_key=key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _DAY)
        .not_valid_after(now + _DAY)
        .sign(key, SHA256())
    )
    return Identity(certificate, key)


def fingerprint(digest: bytes) -> str:
    """Upper-case hexadecimal bytes with colons between."""
    return digest.hex(":").upper()


def is_announced(der: bytes, announced: tuple[tuple[str, str], ...]) -> bool:
    """Whether this certificate is one that signalling named, as (hash function, fingerprint)."""
    named = {(name.lower(), value.upper()) for name, value in announced}
    return any(
        (name, fingerprint(hashlib.new(name.replace("-", ""), der).digest())) in named
        for name in _HASHES
        if any(name == each for each, _ in named)
    )
