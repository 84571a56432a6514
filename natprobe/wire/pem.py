"""PEM files (RFC 7468): what the certificates in one say, and whether a key is theirs. The key itself goes nowhere."""

from __future__ import annotations

import warnings
from typing import NamedTuple

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

from natprobe.wire.certificate import Leaf, read

CERTIFICATES_MAX = 20
_MARK = b"-----BEGIN CERTIFICATE-----"


class Chain(NamedTuple):
    """The first certificate of a file, its public key (SubjectPublicKeyInfo in DER; None: of a kind that is not known
    here), and how many are in it.
    """

    leaf: Leaf
    key: bytes | None
    length: int


def chain(data: bytes, unix_time: float) -> Chain:
    """Raises ValueError where no certificate is in it."""
    count = data.count(_MARK)
    begin = data.find(_MARK)
    if begin < 0:
        raise ValueError("no certificate is in it")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        first = x509.load_pem_x509_certificate(data[begin:])
        key = _spki(first)
    return Chain(read(first.public_bytes(Encoding.DER), unix_time), key, min(count, CERTIFICATES_MAX))


def _spki(certificate: x509.Certificate) -> bytes | None:
    try:
        return certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    except UnsupportedAlgorithm:
        return None


def public_key(data: bytes) -> bytes | None:
    """That of a private key, as in Chain; None where it needs a password. Raises ValueError where it is no key."""
    try:
        key = load_pem_private_key(data, None)
    except (TypeError, UnsupportedAlgorithm):
        return None
    return key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
