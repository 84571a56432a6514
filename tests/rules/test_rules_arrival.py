"""What a `natprobe serve` counted, and what follows from it: in which direction packets are lost, and of which size."""

from __future__ import annotations

from typing import Any

import pytest

from natprobe.derive import arrival
from natprobe.facts import Arrived, Run, Watched
from natprobe.model import Observation
from tests.made import (
    LOCAL,
    MEDIA,
    MEDIA6,
    MEDIA_TCP,
    OUTSIDE,
    STUN1,
    STUN2,
    checked,
    facts,
    found,
    judged,
    report,
    saw,
    silent,
    unheard,
)

BEHIND_NAT = "10.0.0.5:10000"
RUN = Run(version="0", started="2026-11-21T08:00:00Z", session="abcd1234")
WATCHED = Watched(proto="udp", port=10000, seconds=60)
SILENT = (silent(), silent(size=1200))
OVER_TCP = checked(MEDIA_TCP, transport="tcp")


def came(local: str = MEDIA, packets: int = 18, answered: int = 18, **more: Any) -> Arrived:
    given: dict[str, Any] = {"proto": "udp", "what": "check", "verified": True, "session": RUN.session} | more
    return Arrived(local=local, sender=OUTSIDE, packets=packets, answered=answered, **given)


@pytest.mark.parametrize(
    ("seen", "arrived", "lost"),
    [
        ((*SILENT, WATCHED), False, "up"),
        ((*SILENT, WATCHED, came()), True, "down"),
        ((*SILENT, WATCHED, came(answered=0)), True, "unanswered"),
        ((*SILENT, WATCHED, came(BEHIND_NAT)), True, "down"),
        ((*SILENT, WATCHED, came(session="somebody")), False, "up"),
        ((*SILENT, WATCHED, came(f"[::1]:{10000}")), False, "up"),
        ((*SILENT, WATCHED, came(proto="tcp")), False, "up"),
        (SILENT, None, None),
        ((*SILENT, came()), None, None),
        ((*SILENT, Watched(proto="tcp", port=10000)), None, None),
        ((*SILENT, Watched(proto="udp", port=20000), came("10.0.0.5:20000")), True, "down"),
        ((*SILENT, Watched(proto="udp", port=1), Watched(proto="udp", port=2)), None, None),
        ((silent(tries=3), WATCHED), None, None),
        ((silent(tries=3), WATCHED, came(packets=1)), True, "down"),
        ((checked(), silent(size=1200), WATCHED, came()), True, None),
        # One of two addresses of the server: its own name for itself tells which.
        ((*SILENT, silent("203.0.113.11:10000"), WATCHED, came()), True, "down"),
        ((*SILENT, silent("203.0.113.11:10000"), WATCHED, came("203.0.113.11:10000")), False, "up"),
        ((*SILENT, silent("203.0.113.11:10000"), WATCHED, came(BEHIND_NAT)), None, None),
        ((*SILENT, silent(MEDIA6), WATCHED, came(MEDIA6)), False, "up"),
        # What a proxy or a relay sent on says nothing of the way from here.
        ((*SILENT, silent("203.0.113.11:10000", via="p"), WATCHED, came(BEHIND_NAT)), True, "down"),
    ],
)
def test_direction(seen: tuple[Observation, ...], arrived: bool | None, lost: str | None) -> None:
    told = facts(RUN, *seen)
    assert arrival.arrived(told, MEDIA) is arrived
    assert arrival.lost(told, MEDIA) == lost


def test_direction_over_tcp() -> None:
    told = facts(RUN, silent(MEDIA_TCP, transport="tcp", tries=3), Watched(proto="tcp", port=4443))
    assert arrival.lost(told, MEDIA_TCP, "tcp") == "up"


@pytest.mark.parametrize(
    ("seen", "says", "causes"),
    [
        (
            (WATCHED,),
            "Not one of the 18 checks to UDP port 203.0.113.10:10000 arrived",
            ["media-port-blocked-here", "firewall-closed", "cloud-firewall", "port-not-forwarded"],
        ),
        (
            (WATCHED, came(packets=18, answered=17)),
            "18 of the 18 checks to UDP port 203.0.113.10:10000 arrived at the server, which answered 17 of them",
            ["egress-closed", "udp-blocked", "replies-from-other-address"],
        ),
        ((WATCHED, came(answered=0)), "none of its answers could leave it", ["egress-closed"]),
    ],
)
def test_silent_port(seen: tuple[Observation, ...], says: str, causes: list[str]) -> None:
    told = (RUN, *SILENT, OVER_TCP, saw(), *seen)
    finding = found("media-port-silent", *told)
    assert says in finding.message.format_map(finding.args)
    assert [each.cause for each in finding.alternatives] == causes
    assert set(finding.evidence) >= {2, 3, *range(6, 6 + len(seen))}
    assert finding.fixes


def test_silent_port_where_nobody_counted() -> None:
    finding = found("media-port-silent", RUN, *SILENT, OVER_TCP, saw())
    assert "never answered" in finding.message
    assert "not-listening" in [each.cause for each in finding.alternatives]


LARGE = checked(size=1200)


@pytest.mark.parametrize(
    ("checks", "up", "down", "status"),
    [
        ((checked(), LARGE, checked(size=1200, both_ways=True)), True, True, "open"),
        ((checked(), LARGE, silent(size=1200, both_ways=True)), True, False, "blocked"),
        ((checked(), LARGE, silent(size=1200, both_ways=True, tries=4)), True, None, "open"),
        ((checked(), silent(size=1200), silent(size=1200, both_ways=True)), False, None, "blocked"),
        ((checked(), silent(size=1200, tries=3), checked(size=1200, both_ways=True)), True, True, "open"),
        ((checked(), LARGE), True, None, "open"),
    ],
)
def test_full_size_by_direction(
    checks: tuple[Observation, ...], up: bool | None, down: bool | None, status: str
) -> None:
    (way,) = [each for each in report(*checks).paths if each.name == "direct-udp"]
    (attempt,) = way.attempts
    assert (attempt.large_up, attempt.large_down, way.status) == (up, down, status)


def test_answers_of_full_size_that_do_not_come_back() -> None:
    finding = found("mtu-blackhole", checked(), LARGE, silent(size=1200, both_ways=True))
    assert "answers of that size do not come back" in finding.message
    assert finding.evidence == (1, 2, 3)
    for good in (checked(size=1200, both_ways=True), silent(size=1200, both_ways=True, tries=8)):
        assert not isinstance(judged("mtu-blackhole", checked(), LARGE, good), list)
    other = silent(size=1200, both_ways=True, local=LOCAL.replace(":40000", ":40001"))
    assert not isinstance(judged("mtu-blackhole", checked(), LARGE, other), list)


@pytest.mark.parametrize(
    ("seen", "says"),
    [
        ((WATCHED,), "; nothing of ours arrived at the target"),
        ((WATCHED, came(packets=9)), "; what is sent gets out: 9 packets arrived at the target"),
        ((), "TCP to 203.0.113.20:3478 works"),
    ],
)
def test_no_udp_at_all(seen: tuple[Observation, ...], says: str) -> None:
    control = saw(STUN1, transport="tcp")
    finding = found("udp-blocked", RUN, *SILENT, OVER_TCP, unheard(STUN1), unheard(STUN2), control, *seen)
    assert says in finding.message.format_map(finding.args)
    assert set(finding.evidence) >= {8 + number for number in range(len(seen))}
