"""NP110, and what DTLS on one pair says of the others: made by hand."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from natprobe.facts import Allocation, IceCheck, MediaHandshake, Service
from natprobe.model import Allow, Failure, Observation
from natprobe.rules import CLEAR, NOT_APPLICABLE, CouldNotTell
from tests.made import (
    LOCAL,
    MEDIA,
    MEDIA6,
    RELAY,
    RELAY_HOST,
    RELAYED,
    TIMEOUT,
    allocated,
    checked,
    found,
    judged,
    report,
    silent,
    words,
)
from tests.made_jitsi import JITSI, PASSES, answering, candidate, config, jitsi, relayed, services, socket, unanswered

CAUSE = "dtls-filtered"
TURN_TCP = Service(type="turn", host=RELAY_HOST, port=3478, transport="tcp", credentials=True)
OTHER_RELAY, OTHER_RELAYED = "203.0.113.41:3478", "203.0.113.41:50000"


def handshake(failure: Failure | None = TIMEOUT, **more: Any) -> MediaHandshake:
    """One that nothing came back to, while checks on its pair were answered."""
    mute = {"tries": 9, "control": True} if failure else {"fingerprint": True}
    return MediaHandshake(failure=failure, **{"endpoint": MEDIA, "local": LOCAL} | mute | more)


def behind(failure: Failure | None = TIMEOUT, **more: Any) -> MediaHandshake:
    return handshake(failure, **{"server": RELAY, "leg": "tcp", "relayed": RELAYED, "local": None} | more)


class TestDirect:
    def test_the_port_is_to_be_let_through(self) -> None:
        only = found(CAUSE, *jitsi(*PASSES, handshake()), target=JITSI)
        assert only.message.startswith("ICE reaches")
        assert [(each.to, each.ports) for each in only.fixes if isinstance(each, Allow)] == [
            ("203.0.113.10", ("10000",))
        ]

    def test_what_is_no_filter(self) -> None:
        assert judged(CAUSE, *jitsi(*PASSES, handshake(None)), target=JITSI) is CLEAR
        assert judged(CAUSE, *jitsi(*PASSES), target=JITSI) is NOT_APPLICABLE
        for unsure in (handshake(tries=8), handshake(control=False), handshake(control=None)):
            assert isinstance(judged(CAUSE, *jitsi(*PASSES, unsure), target=JITSI), CouldNotTell)


class TestBehindARelay:
    """With --deep, beside a direct pair on which all is well."""

    SEEN = (*jitsi(*PASSES, handshake(None)), allocated("tcp"), relayed(), behind())

    def test_it_names_the_relay_and_not_the_direct_way(self) -> None:
        assert words(CAUSE, *self.SEEN, target=JITSI).startswith(f"Through the relay {RELAY} over TCP, ICE reaches ")
        only = found(CAUSE, *self.SEEN, target=JITSI)
        assert not any(isinstance(each, Allow) for each in only.fixes)
        assert [each.audience for each in only.fixes] == ["server"]

    def test_the_call_is_well(self) -> None:
        made = report(*self.SEEN, target=JITSI)
        assert (made.verdict.status, made.paths[0].proof) == ("good", "media")
        assert [each.severity for each in made.findings if each.cause == CAUSE] == ["warning"]


BAD = [
    pytest.param({}, CAUSE, id="filtered"),
    pytest.param({"failure": Failure.TLS_CERTIFICATE, "fingerprint": False}, "another-certificate", id="stranger"),
]


@pytest.mark.parametrize(("how", "reason"), BAD)
def test_the_nominated_pair_decides(how: dict[str, Any], reason: str) -> None:
    """The other address family answered its checks, and nothing deeper was tried there."""
    made = report(*jitsi(*PASSES, *answering(MEDIA6), handshake(**how)), target=JITSI)
    assert sorted(each.status for each in made.paths[0].attempts) == ["blocked", "open"]
    assert (made.paths[0].status, made.paths[0].reason, made.verdict.status) == ("blocked", reason, "broken")


def test_full_size_packets_lost_on_the_nominated_pair_too() -> None:
    """DTLS stood there, so that a browser stays."""
    lossy = (candidate(), checked(), silent(MEDIA, size=1200))
    made = report(*jitsi(*lossy, *answering(MEDIA6), handshake(None)), target=JITSI)
    assert (made.paths[0].status, made.paths[0].reason) == ("blocked", "large-packets-lost")
    assert made.verdict.status == "broken"
    assert report(*jitsi(*lossy, *answering(MEDIA6)), target=JITSI).paths[0].status == "open"


def test_the_nominated_pair_is_the_paths_proof() -> None:
    slow = (candidate(), checked(rtt_ms=50.0), checked(size=1200, rtt_ms=50.0))
    made = report(*jitsi(*slow, *answering(MEDIA6), handshake(None)), target=JITSI)
    assert (made.paths[0].status, made.paths[0].proof, made.paths[0].rtt_ms) == ("open", "media", 50.0)


def test_a_pair_that_carries_media_outweighs_one_that_does_not() -> None:
    both = (*PASSES, *answering(MEDIA6), handshake(), handshake(None, endpoint=MEDIA6))
    assert report(*jitsi(*both), target=JITSI).paths[0].status == "open"


def through(leg: Allocation) -> IceCheck:
    check = checked(MEDIA, server=leg.server, leg="tcp", relayed=leg.relayed)
    return msgspec.structs.replace(check, flow=leg.flow)


@pytest.mark.parametrize(("how", "reason"), BAD)
def test_of_two_relays_of_one_kind_too(how: dict[str, Any], reason: str) -> None:
    legs = (allocated("tcp"), allocated("tcp", OTHER_RELAY, relayed=OTHER_RELAYED))
    seen: list[Observation] = [*legs, *map(through, legs), behind(**how)]
    made = report(*jitsi(*unanswered(), signed=(config(), socket(), services(TURN_TCP))), *seen, target=JITSI)
    way = next(each for each in made.paths if each.name == "turn-tcp")
    assert sorted(each.status for each in way.attempts) == ["blocked", "open"]
    assert (way.status, way.reason, made.verdict.status) == ("blocked", reason, "broken")
