"""What a certificate says, read whether or not anybody trusts it. By the cryptography package."""

from __future__ import annotations

import datetime
import ipaddress
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256

from natprobe.wire.text import clean

NAMES_MAX = 50


class Leaf(NamedTuple):
    """The facts of a leaf certificate; times in UTC, RFC 3339."""

    subject: str
    issuer: str
    names: tuple[str, ...]
    not_before: str
    not_after: str
    days_left: float
    self_issued: bool
    sha256: str


def read(der: bytes, unix_time: float) -> Leaf:
    """The facts in these DER bytes. Raises ValueError."""
    certificate = x509.load_der_x509_certificate(der)
    end = certificate.not_valid_after_utc
    return Leaf(
        subject=clean(certificate.subject.rfc4514_string()),
        issuer=clean(certificate.issuer.rfc4514_string()),
        names=_names(certificate),
        not_before=_time(certificate.not_valid_before_utc),
        not_after=_time(end),
        days_left=round((end.timestamp() - unix_time) / 86400, 1),
        self_issued=certificate.subject == certificate.issuer,
        sha256=certificate.fingerprint(SHA256()).hex(),
    )


def matches(names: tuple[str, ...], host: str) -> bool:
    """RFC 9525 section 6.3: the exact name, or a wildcard for the whole left-most label; addresses exactly."""
    try:
        wanted = str(ipaddress.ip_address(host))
    except ValueError:
        parent = host.partition(".")[2]
        return any(name.lower() in (host.lower(), f"*.{parent.lower()}") for name in names if parent or name == host)
    return wanted in names


def _names(certificate: x509.Certificate) -> tuple[str, ...]:
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, ValueError):
        return ()
    names = [*found.get_values_for_type(x509.DNSName), *map(str, found.get_values_for_type(x509.IPAddress))]
    return tuple(clean(name, 253) for name in names[:NAMES_MAX])


def _time(moment: datetime.datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
