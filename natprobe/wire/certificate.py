"""What a certificate says, read whether or not anybody trusts it. By the cryptography package."""

from __future__ import annotations

import datetime
import ipaddress
import warnings
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256

from natprobe.wire.text import clean

NAMES_MAX = 50
_UNREADABLE = (ValueError, TypeError, x509.InvalidVersion, x509.DuplicateExtension, x509.UnsupportedGeneralNameType)


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
    logged: int


def read(der: bytes, unix_time: float) -> Leaf:
    """The facts in these DER bytes. Raises ValueError."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of what is odd in a certificate, findings tell, not the library
            return _leaf(x509.load_der_x509_certificate(der), unix_time)
    except _UNREADABLE as exc:
        raise ValueError(type(exc).__name__) from None


def _leaf(certificate: x509.Certificate, unix_time: float) -> Leaf:
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
        logged=_logged(certificate),
    )


def matches(names: tuple[str, ...], host: str) -> bool:
    """RFC 9525 section 6.3: the exact name, or a wildcard for the whole left-most label; addresses exactly."""
    try:
        wanted = str(ipaddress.ip_address(host))
    except ValueError:
        parent = host.lower().partition(".")[2]
        fitting = (host.lower(), f"*.{parent}") if parent else (host.lower(),)
        return any(name.lower() in fitting for name in names)
    return wanted in names


def _names(certificate: x509.Certificate) -> tuple[str, ...]:
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, *_UNREADABLE):  # the rest of it is still worth telling
        return ()
    names = [*found.get_values_for_type(x509.DNSName), *map(str, found.get_values_for_type(x509.IPAddress))]
    return tuple(clean(name, 253) for name in names[:NAMES_MAX])


def _logged(certificate: x509.Certificate) -> int:
    """How many public logs have confirmed it, by its own word: their signatures are not checked (RFC 6962, 3.3)."""
    try:
        found = certificate.extensions.get_extension_for_class(x509.PrecertificateSignedCertificateTimestamps)
        return len({each.log_id for each in found.value})
    except (x509.ExtensionNotFound, *_UNREADABLE):
        return 0


def _time(moment: datetime.datetime) -> str:
    return moment.replace(tzinfo=None).isoformat(timespec="seconds") + "Z"
