"""The ten ways for media: always all of them, in their order, each no better than its proof."""

from __future__ import annotations

from typing import Any

import pytest

from natprobe.facts import Candidate, HttpReply, Probed
from natprobe.model import PATHS, Failure, Kind, Observation, Path, Target
from natprobe.paths import paths, worst
from tests.made import (
    HOST,
    MEDIA,
    MEDIA6,
    MEDIA_TCP,
    PEER,
    PROHIBITED,
    TIMEOUT,
    UNREACHABLE,
    WEB,
    checked,
    facts,
    named,
    silent,
)

FULL, FULL_LOST = checked(size=1200), silent(size=1200)


def way(name: str, *observations: Observation, target: Target = PEER) -> Path:
    return next(each for each in paths(facts(*observations, target=target)) if each.name == name)


def fate(*observations: Observation) -> tuple[str, str | None, str | None]:
    """Of direct UDP: status, reason, proof."""
    found = way("direct-udp", *observations)
    return found.status, found.reason, found.proof


@pytest.mark.parametrize("kind", ["auto", "jitsi", "janus", "turn", "stun", "natprobe"])
@pytest.mark.parametrize("observed", [(), (checked(),), (silent(), checked(MEDIA_TCP, transport="tcp"))])
def test_always_the_ten_in_order_and_each_says_why_not(kind: Kind, observed: tuple[Observation, ...]) -> None:
    found = paths(facts(*observed, target=Target(input=HOST, host=HOST, port=443, kind=kind)))
    assert tuple(each.name for each in found) == PATHS
    assert [each.name for each in found if each.status != "open" and not each.reason] == []
    assert found[-1].status == "unknown", "p2p is never open without a second client"


@pytest.mark.parametrize(
    ("observed", "expected"),
    [
        ((checked(), FULL), ("open", None, "ice")),
        ((checked(),), ("open", None, "ice")),
        ((FULL,), ("open", None, "ice")),
        ((checked(), FULL_LOST), ("blocked", "large-packets-lost", "ice")),
        ((checked(), checked(size=1200, failure=Failure.TOO_BIG, tries=9)), ("blocked", "large-packets-lost", "ice")),
        ((checked(), checked(size=1200, failure=Failure.TOO_BIG)), ("unknown", "large-packets-unsure", "ice")),
        ((checked(), checked(size=1200, failure=Failure.ERROR_RESPONSE)), ("unknown", "large-packets-unsure", "ice")),
        ((checked(failure=Failure.INTERNAL),), ("unknown", "internal", None)),
        ((checked(), silent(size=1200, tries=5)), ("unknown", "large-packets-unsure", "ice")),
        ((silent(), FULL_LOST), ("blocked", "silence", None)),
        ((silent(tries=4), silent(size=1200, tries=4)), ("unknown", "timeout", None)),
        ((silent(), FULL), ("open", None, "ice")),
        ((checked(failure=UNREACHABLE, reported_by=WEB),), ("blocked", "port-unreachable", None)),
        ((checked(failure=PROHIBITED),), ("blocked", "prohibited", None)),
        ((checked(failure=Failure.UNAUTHORIZED),), ("blocked", "check-refused", None)),
        ((checked(failure=Failure.ERROR_RESPONSE),), ("blocked", "check-refused", None)),
        ((checked(failure=Failure.PERMISSION_DENIED),), ("blocked", "permission-denied", None)),
        ((checked(failure=Failure.NO_ROUTE),), ("blocked", "no-route", None)),
        ((checked(failure=Failure.ADDRESS_IN_USE),), ("unknown", "address-in-use", None)),
        ((checked(failure=Failure.LIMIT),), ("unknown", "limit", None)),
        ((checked(verified=False),), ("unknown", "not-tried", None)),
    ],
)
def test_what_the_checks_say(observed: tuple[Observation, ...], expected: tuple[Any, ...]) -> None:
    assert fate(*observed) == expected


@pytest.mark.parametrize(("tries", "fate"), [(1, ("unknown", "timeout")), (3, ("blocked", "silence"))])
def test_one_silent_connection_may_be_two_lost_packets(tries: int, fate: tuple[str, str]) -> None:
    found = way("direct-tcp", checked(MEDIA_TCP, transport="tcp", failure=TIMEOUT, tries=tries))
    assert (found.status, found.reason) == fate


def test_where_ice_passes_a_browser_stays_whatever_is_not_known_elsewhere() -> None:
    unsure = silent(local="192.168.7.2:5000", tries=4)
    assert fate(checked(), FULL_LOST, unsure) == ("blocked", "large-packets-lost", "ice")


def test_an_open_attempt_decides_and_the_quickest_gives_the_figures() -> None:
    four = (checked(rtt_ms=30.0), checked(local="10.8.0.2:40000", rtt_ms=80.0))
    found = way("direct-udp", silent(MEDIA6, local="[2001:db8:1::2]:40000"), *four)
    assert (found.status, found.rtt_ms) == ("open", 30.0)
    assert [(each.endpoint, each.family, each.local, each.status) for each in found.attempts] == [
        (MEDIA, 4, "10.8.0.2", "open"),
        (MEDIA, 4, "192.168.1.2", "open"),
        (MEDIA6, 6, "2001:db8:1::2", "blocked"),
    ]


def test_an_attempt_has_its_evidence_and_only_that() -> None:
    found = way("direct-udp", checked(), silent(MEDIA6), FULL)
    assert [each.evidence for each in found.attempts] == [(1, 3), (2,)]


def test_full_size_packets_are_said_only_where_they_were_tried() -> None:
    assert way("direct-udp", checked()).attempts[0].large_up is None
    assert way("direct-udp", checked(), FULL).attempts[0].large_up is True
    assert way("direct-udp", checked(), FULL_LOST).attempts[0].large_up is False


class TestNotTried:
    UDP = Candidate(endpoint=MEDIA, transport="udp")

    def test_no_address(self) -> None:
        assert fate(named(failure=Failure.NXDOMAIN)) == ("unknown", "no-address", None)

    def test_no_tcp_port(self) -> None:
        assert way("direct-tcp", named(WEB), self.UDP).status == "not-offered"

    def test_out_of_time_and_left_out(self) -> None:
        assert fate(named(WEB), self.UDP, Probed(probe="media", status="cut")) == ("unknown", "out-of-time", None)
        assert fate(named(WEB), self.UDP, Probed(probe="media", status="skipped")) == ("unknown", "not-tried", None)

    def test_what_the_page_says_decides_what_is_offered(self) -> None:
        target = Target(input=HOST, host=HOST, port=443)
        says = HttpReply(url=f"https://{HOST}/", endpoint=f"{WEB}:443", status=200, says=("jitsi",))
        assert way("turn-tls", named(WEB), says, target=target).reason == "needs-session"
        assert way("turn-tls", says, target=target).reason == "no-address"

    def test_serve_has_no_relay_and_stun_no_media(self) -> None:
        assert way("turn-udp").status == "not-offered"
        stun = Target(input=f"stun:{HOST}", host=HOST, port=3478, kind="stun")
        assert way("direct-udp", target=stun).reason == "no-media-server"
        turn = Target(input=f"turn:{HOST}", host=HOST, port=3478, kind="turn")
        assert (way("turn-udp", target=turn).status, way("direct-udp", target=turn).status) == (
            "unknown",
            "not-offered",
        )


def test_several_vantages_as_the_worst_of_them() -> None:
    good, bad, none = (paths(facts(each)) for each in (checked(), silent(), checked(failure=Failure.LIMIT)))
    merged = worst([good, none, bad])
    assert tuple(each.name for each in merged) == PATHS
    assert (merged[0].status, len(merged[0].attempts)) == ("blocked", 3)
    assert worst([good, none])[0].status == "unknown"
    assert worst([good, good])[0].status == "open"
