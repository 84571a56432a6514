"""Certificates of servers, made once per process: a root, an intermediate, and every kind of case.Web and Stun."""

from __future__ import annotations

import ssl
import tempfile
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

_DAYS = {"expired": -1, "expiring": 5}


class _Authority(NamedTuple):
    root: trustme.CA
    intermediate: trustme.CA


def root_pem() -> str:
    """What clients trust."""
    return _authority().root.cert_pem.bytes().decode()


@lru_cache
def server_context(kind: str, name: str) -> ssl.SSLContext:
    """A server side that shows a certificate of this kind for `name`."""
    pem = server_pem(kind, name)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_alpn_protocols(["http/1.1", "stun.turn"])
    with tempfile.TemporaryDirectory() as folder:  # ssl reads keys from files only
        path = Path(folder) / "chain.pem"
        path.write_bytes(pem)
        context.load_cert_chain(path)
    return context


@lru_cache
def server_pem(kind: str, name: str) -> bytes:
    """Key and certificates of this kind for `name`."""
    return _self_signed(name) if kind == "self-signed" else _issued(kind, name)


@lru_cache
def _authority() -> _Authority:
    root = trustme.CA()
    return _Authority(root, root.create_child_ca())


def _issued(kind: str, name: str) -> bytes:
    shown = "other.example.test" if kind == "wrong-name" else name
    end = datetime.now(UTC) + timedelta(days=_DAYS.get(kind, 365))
    leaf = _authority().intermediate.issue_cert(shown, common_name=shown, not_after=end)
    chain = [pem.bytes() for pem in leaf.cert_chain_pems]
    return leaf.private_key_pem.bytes() + b"".join(chain[:1] if kind == "incomplete" else chain)


def _self_signed(name: str) -> bytes:
    """Its own issuer, which trustme makes only of authorities."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject, now = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]), datetime.now(UTC)
    builder = x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=365))
    builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
    pem, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    secret = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain)
    return secret + builder.sign(key, hashes.SHA256()).public_bytes(pem)
