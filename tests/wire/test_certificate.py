"""What a certificate says, whoever made it and however badly."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from natprobe.facts import Certificate
from natprobe.wire import certificate
from natprobe.wire.certificate import matches, read

NOW = datetime(2026, 11, 21, 8, tzinfo=UTC)
KEY = ec.generate_private_key(ec.SECP256R1())


def made(
    names: tuple[x509.GeneralName, ...] | None = (x509.DNSName("meet.example.test"),),
    subject: str = "meet.example.test",
    start: datetime = NOW - timedelta(days=1),
    end: datetime = NOW + timedelta(days=10),
    issuer: str | None = None,
    logs: bytes | None = None,
) -> bytes:
    def named(word: str) -> x509.Name:
        return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, word)] if word else [])

    builder = x509.CertificateBuilder(named(issuer or subject), named(subject), KEY.public_key(), 7)
    builder = builder.not_valid_before(start).not_valid_after(end)
    if names is not None:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    if logs is not None:
        builder = builder.add_extension(x509.UnrecognizedExtension(_LOGS, logs), critical=False)
    return builder.sign(KEY, hashes.SHA256()).public_bytes(serialization.Encoding.DER)


# RFC 6962 section 3.3.
_LOGS = x509.ObjectIdentifier("1.3.6.1.4.1.11129.2.4.2")


def logged_by(*logs: int) -> bytes:
    """The extension with a timestamp of each of these logs, whose signatures are made up."""
    each = [bytes(1) + bytes([log]) * 32 + bytes(10) + b"\x04\x03\x00\x08" + bytes(8) for log in logs]
    listed = b"".join(len(one).to_bytes(2, "big") + one for one in each)
    whole = len(listed).to_bytes(2, "big") + listed
    size = bytes([len(whole)]) if len(whole) < 128 else b"\x81" + bytes([len(whole)])
    return b"\x04" + size + whole


@pytest.mark.parametrize(
    ("logs", "count"),
    [(None, 0), (logged_by(1), 1), (logged_by(1, 2), 2), (logged_by(1, 1), 1), (b"\x04\x02\x00\x09", 0), (b"", 0)],
    ids=["none", "one", "two", "one twice", "cut short", "nothing"],
)
def test_how_many_logs_have_it(logs: bytes | None, count: int) -> None:
    leaf = read(made(logs=logs), NOW.timestamp())
    assert (leaf.logged, leaf.subject) == (count, "CN=meet.example.test")


def test_the_facts() -> None:
    leaf = read(made(), NOW.timestamp())
    assert (leaf.subject, leaf.issuer, leaf.names) == ("CN=meet.example.test",) * 2 + (("meet.example.test",),)
    assert (leaf.not_before, leaf.not_after) == ("2026-11-20T08:00:00Z", "2026-12-01T08:00:00Z")
    assert (leaf.days_left, leaf.self_issued) == (10.0, True)
    assert len(leaf.sha256) == 64
    assert not read(made(issuer="Root"), NOW.timestamp()).self_issued


@pytest.mark.parametrize(("days", "left"), [(0.5, 0.5), (-3, -3.0), (0, 0.0)])
def test_days_left(days: float, left: float) -> None:
    der = made(start=NOW - timedelta(days=99), end=NOW + timedelta(days=days))
    assert read(der, NOW.timestamp()).days_left == left


@pytest.mark.parametrize(
    ("moment", "shown"),
    [
        (datetime(1950, 1, 1, tzinfo=UTC), "1950-01-01T00:00:00Z"),
        (datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC), "9999-12-31T23:59:59Z"),
    ],
)
def test_times_far_away_are_times_of_a_report(moment: datetime, shown: str) -> None:
    leaf = read(made(start=min(moment, NOW), end=max(moment, NOW)), NOW.timestamp())
    assert shown in (leaf.not_before, leaf.not_after)


def test_a_year_before_1000_has_four_digits() -> None:
    """No library makes such a certificate; a server may show one all the same."""
    der = made(start=datetime(1950, 1, 1, tzinfo=UTC), end=datetime(2060, 1, 1, tzinfo=UTC))
    early = der.replace(
        b"\x17\x0d500101000000Z\x18\x0f20600101000000Z", b"\x18\x0f00010101000000Z\x17\x0d491231235959Z"
    )
    assert early != der
    assert read(early, NOW.timestamp()).not_before == "0001-01-01T00:00:00Z"


@pytest.mark.parametrize(
    ("names", "shown"),
    [
        (None, ()),
        ((x509.IPAddress(__import__("ipaddress").ip_address("2001:db8::1")),), ("2001:db8::1",)),
        ((x509.DNSName("*.example.test"), x509.RFC822Name("a@b.test")), ("*.example.test",)),
        (tuple(x509.DNSName(f"n{n}.test") for n in range(60)), tuple(f"n{n}.test" for n in range(50))),
        ((x509.DNSName("x" * 300),), ("x" * 252 + "…",)),
    ],
)
def test_names(names: tuple[x509.GeneralName, ...] | None, shown: tuple[str, ...]) -> None:
    assert read(made(names), NOW.timestamp()).names == shown


def test_free_text_is_cleaned() -> None:
    leaf = read(made(subject="evil\x1b[31m\u202e"), NOW.timestamp())
    assert leaf.subject.isprintable()
    assert read(made(subject=""), NOW.timestamp()).subject == ""


@pytest.mark.parametrize("der", [b"", b"\0", b"\x30\x00", b"x" * 5000, made()[:-1], made() + b"x"])
def test_what_is_no_certificate(der: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  # whatever its words
        read(der, 0.0)


def test_any_bytes_are_a_certificate_or_a_value_error() -> None:
    chance, good, fine = random.Random(0), made((x509.DNSName("a.test"), x509.DNSName("b.test"))), 0
    for _ in range(20_000):
        der = bytearray(good)
        for _ in range(chance.randint(1, 3)):
            der[chance.randrange(len(der))] = chance.choice((0, 1, 0x30, 0x80, 0xFF, chance.randrange(256)))
        try:
            leaf = read(bytes(der), NOW.timestamp())
        except ValueError:
            continue
        fine += 1
        fact = {"endpoint": "1.2.3.4:5", "name": "a", "matches": True, "chain": 1} | leaf._asdict()
        certificate_fact(fact)
    assert fine > 1000


def certificate_fact(fields: dict[str, object]) -> Certificate:
    """As a saved report would be read: strictly."""
    import msgspec

    return msgspec.convert({"kind": "Certificate"} | fields, Certificate)


@pytest.mark.parametrize(
    ("names", "host", "yes"),
    [
        (("meet.example.test",), "meet.example.test", True),
        (("MEET.Example.test",), "meet.example.test", True),
        (("other.example.test",), "meet.example.test", False),
        (("*.example.test",), "meet.example.test", True),
        (("*.EXAMPLE.test",), "meet.example.test", True),
        (("*.example.test",), "a.meet.example.test", False),
        (("*.example.test",), "example.test", False),
        (("*.test",), "example.test", True),
        (("m*.example.test",), "meet.example.test", False),
        (("*",), "localhost", False),
        (("*.",), "localhost", False),
        (("localhost",), "localhost", True),
        (("LocalHost",), "localhost", True),
        (("192.0.2.7",), "192.0.2.7", True),
        (("*.0.2.7",), "192.0.2.7", False),
        (("2001:db8::1",), "2001:DB8:0::1", True),
        ((), "meet.example.test", False),
        (("",), "meet.example.test", False),
    ],
)
def test_matches(names: tuple[str, ...], host: str, yes: bool) -> None:
    assert certificate.matches(names, host) is yes
    assert matches((*names, "x.test"), host) is yes
