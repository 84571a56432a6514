"""Fixes that several rules give."""

from __future__ import annotations

import pytest

from natprobe.facts import Facts
from natprobe.fixes import relay_over_tls
from natprobe.model import Observation
from tests.made import RELAY, RELAY_TLS, allocated, refused
from tests.made_jitsi import JITSI

ON_443 = "203.0.113.40:443"


@pytest.mark.parametrize(
    ("relay", "advised"),
    [
        (allocated("tls", ON_443), False),
        (allocated("tls", ON_443, offered=("stun.turn",)), True),  # as no browser asks
        (allocated("tls", RELAY_TLS), True),  # a port that such networks shut
        (allocated("udp", ON_443), True),
        (refused(486, "tls", ON_443), True),
        (allocated("tcp", RELAY), True),
    ],
)
def test_a_relay_that_is_there_is_not_advised(relay: Observation, advised: bool) -> None:
    assert bool(relay_over_tls(Facts(JITSI, (relay,)))) is advised
