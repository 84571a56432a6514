"""--bitrate: what it takes, in bits per second."""

from __future__ import annotations

import pytest

from natprobe.cli.check import Asked, bitrate, understood
from natprobe.cli.errors import UsageError


@pytest.mark.parametrize(
    ("word", "bits"),
    [
        ("", 0),
        ("32k", 32_000),
        ("500k", 500_000),
        ("2.5M", 2_500_000),
        ("0.5M", 500_000),
        ("2500000", 2_500_000),
        ("20M", 20_000_000),
    ],
)
def test_a_rate_is_read(word: str, bits: int) -> None:
    assert bitrate(word) == bits
    assert understood(Asked(target="turn:h.test", bitrate=word))[1].bitrate == bits


@pytest.mark.parametrize(
    "word", ["0", "1", "31.9k", "20.1M", "2.5m", "2.5 M", "1e6", "M", "+1M", "٥M", "9" * 99, "nan"]
)
def test_anything_else_is_none(word: str) -> None:
    with pytest.raises(UsageError, match="--bitrate wants"):
        bitrate(word)


def test_an_audit_is_off_unless_asked_for() -> None:
    assert not understood(Asked(target="turn:h.test"))[1].audit_relay
    assert understood(Asked(target="turn:h.test", audit_relay=True))[1].audit_relay
