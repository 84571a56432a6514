"""PEM files of odd kinds: read as far as they can be, and never a crash."""

from __future__ import annotations

import pytest

from natprobe.wire import pem

# Of secp112r1, a curve that cryptography does not have; made with openssl.
CERTIFICATE = """\
-----BEGIN CERTIFICATE-----
MIIBIDCB7KADAgECAhQVSM1+YcGF9WieRuXoGiQ2QjCV7TAKBggqhkjOPQQDAjAM
MQowCAYDVQQDDAFhMB4XDTI2MTEyMjAyMzkyNVoXDTI2MTEyNTAyMzkyNVowDDEK
MAgGA1UEAwwBYTAyMBAGByqGSM49AgEGBSuBBAAGAx4ABNUIjXsney8PixE9ncVG
iZWAEiA7yDpNV/WVbg2jUzBRMB0GA1UdDgQWBBRxPlFdoLOWFPaXFSSZtsEkCaAy
XjAfBgNVHSMEGDAWgBRxPlFdoLOWFPaXFSSZtsEkCaAyXjAPBgNVHRMBAf8EBTAD
AQH/MAoGCCqGSM49BAMCAyMAMCACDi0fRaMHOyM+zsXaAHYDAg5a4gNWGF19yNQU
X/bLxg==
-----END CERTIFICATE-----
"""


def test_a_key_of_an_unknown_curve_leaves_the_certificate() -> None:
    chain = pem.chain(CERTIFICATE.encode(), 1_795_314_000.0)
    assert (chain.leaf.subject, chain.key, chain.length) == ("CN=a", None, 1)


@pytest.mark.parametrize("data", [b"", b"-----BEGIN CERTIFICATE-----", b"-----BEGIN PRIVATE KEY-----\n" * 9])
def test_what_is_none_is_a_value_error(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        pem.chain(data, 0.0)
    with pytest.raises(ValueError, match=r"."):
        pem.public_key(data)
