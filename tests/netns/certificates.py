"""Certificates of servers, every kind that a case has: root (natprobe is told of it), intermediate, leaf."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.netns.addresses import TARGET


@dataclass(frozen=True)
class Files:
    """What a server shows, and the root that clients trust."""

    chain: Path
    key: Path
    root: Path


def write(kind: str, folder: Path, name: str = TARGET) -> Files:
    files = Files(folder / "chain.pem", folder / "key.pem", folder / "root.pem")
    _root().cert_pem.write_to_path(files.root)
    chain, key = _self_signed(name) if kind == "self-signed" else _issued(kind, name)
    files.chain.write_bytes(chain)
    files.key.write_bytes(key)
    return files


@cache
def _root() -> trustme.CA:
    """The same for every server."""
    return trustme.CA()


@cache
def inspector(name: str) -> trustme.CA:
    """The authority of a proxy that opens TLS."""
    return trustme.CA(organization_name=name)


def _issued(kind: str, name: str) -> tuple[bytes, bytes]:
    shown = "other.example.test" if kind == "wrong-name" else name
    leaf = _root().create_child_ca().issue_cert(shown, common_name=shown, not_after=_end(kind))
    pems = [pem.bytes() for pem in leaf.cert_chain_pems]
    served = pems[:1] if kind == "incomplete" else pems
    return b"".join(served), leaf.private_key_pem.bytes()


def _end(kind: str) -> datetime:
    days = {"expired": -1, "expiring": 5}.get(kind, 365)
    return datetime.now(UTC) + timedelta(days=days)


def _self_signed(host: str) -> tuple[bytes, bytes]:
    """Its own issuer, which no authority of trustme would sign."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=365))
    builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
    pem, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    secret = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain)
    return builder.sign(key, hashes.SHA256()).public_bytes(pem), secret
