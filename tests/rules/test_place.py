"""Where packets are lost, from hand-made trails: the right pair of routers, or none."""

from __future__ import annotations

from typing import Any

import pytest

from natprobe.derive.place import Place, place
from natprobe.facts import Arrived, Facts, HopName, Run, Trail, TrailHop, Watched
from natprobe.model import Where
from natprobe.rules._place import words
from tests.made import LOCAL, MEDIA, PEER, WEB, silent

HOME, CARRIER, FAR, NEAR = "192.168.1.1", "100.64.0.1", "198.51.100.9", "203.0.113.1"
WAY = (HOME, CARRIER, FAR, NEAR, WEB)
# An answer each, or none: who, and how often of how many.
Hops = dict[int, tuple[str | None, int, int]]


def trail(control: str, hops: Hops, **also: Any) -> Trail:
    """To port 10000 the failing kind, to 443 the controls; each of these from eight ports where it counts."""
    made = also.pop("exactly", None) or tuple(
        TrailHop(ttl=ttl, sent=sent, answered=answered, address=who, reached=who == WEB)
        for ttl, (who, answered, sent) in hops.items()
    )
    towards = MEDIA if control in ("none", "payload") else f"{WEB}:443"
    told = {"payload": "check", "flows": 1 if control in ("none", "payload") else 8, "hops": made, **also}
    return Trail(subject=MEDIA, control=control, towards=towards, local=LOCAL, **told)  # type: ignore[arg-type]


def failing(last: int, **also: Any) -> Trail:
    """Answered as far as this hop, and six times in vain behind it."""
    return trail("none", {n: (WAY[n - 1], 1, 1) if n <= last else (None, 0, 6) for n in range(1, 9)}, **also)


def passing(control: str, first: int, **also: Any) -> Trail:
    """Each hop answers, the first of these eight times of eight."""
    made: Hops = {n: (WAY[min(n, 5) - 1], 8, 8) if n == first else (WAY[min(n, 5) - 1], 1, 1) for n in range(1, 6)}
    return trail(control, made, **also)


def found(*trails: Trail) -> Place | None:
    return place(Facts(PEER, trails), MEDIA)


@pytest.mark.parametrize(
    ("last", "pair", "where"),
    [
        (0, (None, HOME), Where.LOCAL_NETWORK),
        (1, (HOME, CARRIER), Where.LOCAL_NETWORK),
        (2, (CARRIER, FAR), Where.PROVIDER),
        (3, (FAR, NEAR), Where.PROVIDER),
        (4, (NEAR, None), Where.UNKNOWN),  # or the answers are lost on their way back
    ],
)
@pytest.mark.parametrize("control", ["port", "tcp"])
def test_between_the_last_that_answers_and_the_first_that_answers_others(
    last: int, pair: tuple[str | None, str | None], where: Where, control: str
) -> None:
    seen = found(failing(last), passing(control, last + 1))
    assert seen is not None
    assert (seen.last, seen.next, seen.where, seen.edge) == (*pair, where, last == 4)
    assert seen.before_server is (last < 4)


def test_the_last_router_before_the_server_is_told_by_how_far_tcp_has_to_go() -> None:
    """Where no router answers the controls any more, a connection with just so many hops to live stands."""
    tcp = trail("tcp", {4: (None, 0, 1), 5: (WEB, 1, 1)})
    seen = found(failing(4), tcp)
    assert seen is not None
    assert (seen.last, seen.edge, seen.where) == (NEAR, True, Where.UNKNOWN)
    behind = found(failing(3), tcp)
    assert behind is not None
    assert (behind.last, behind.next, behind.where) == (FAR, None, Where.UNKNOWN)


RUN = Run(version="0", started="2026-11-22T08:00:00Z", session="abcd1234")
COUNTED = (RUN, silent(), Watched(proto="udp", port=10000, seconds=60))
CAME = Arrived(proto="udp", what="check", local=MEDIA, sender=LOCAL, session=RUN.session, packets=9, answered=9)


def test_in_which_direction_they_are_lost_behind_the_last_router_only_the_server_can_tell() -> None:
    """Its answers may come back by another way, and be lost there."""
    lost = (failing(4), passing("port", 5))
    at = place(Facts(PEER, [*COUNTED, *lost]), MEDIA)
    assert at is not None
    assert (at.last, at.next, at.where, at.edge, at.before_server) == (NEAR, WEB, Where.SERVER_EDGE, True, False)
    assert place(Facts(PEER, [*COUNTED, CAME, *lost]), MEDIA) is None


def test_the_first_router_is_this_networks_whatever_its_address() -> None:
    """Over IPv6 it has a public one."""
    public = failing(1, exactly=(TrailHop(ttl=1, sent=1, answered=1, address=FAR), TrailHop(ttl=2, sent=9)))
    seen = found(public, trail("port", {1: (FAR, 1, 1), 2: ("192.0.2.9", 8, 8)}))
    assert seen is not None
    assert (seen.last, seen.next, seen.where) == (FAR, "192.0.2.9", Where.LOCAL_NETWORK)


DOUBTS = {
    "nobody else was asked": (failing(2),),
    "limited": (failing(2), trail("port", {1: (HOME, 1, 1), 3: (FAR, 7, 8)})),
    "seldom": (failing(2), trail("port", {1: (HOME, 1, 1), 3: (FAR, 5, 5)})),
    "lost by chance too": (failing(2), trail("payload", {3: (FAR, 6, 6)}), trail("port", {3: (FAR, 5, 10)})),
    "one port": (failing(2), passing("port", 3, flows=1)),
    "two ways of equal cost": (
        failing(2),
        passing("port", 3, exactly=(TrailHop(ttl=3, sent=8, answered=8, address=FAR, others=("198.51.100.8",)),)),
    ),
    "another way": (
        failing(2),
        passing(
            "port",
            3,
            exactly=(
                TrailHop(ttl=2, sent=1, answered=1, address="198.51.100.77"),
                TrailHop(ttl=3, sent=8, answered=8, address=FAR),
            ),
        ),
    ),
}


@pytest.mark.parametrize("doubt", DOUBTS)
def test_what_is_behind_is_not_told_where_it_is_in_doubt(doubt: str) -> None:
    seen = found(*DOUBTS[doubt])
    assert seen is not None
    assert (seen.last, seen.next, seen.where) == (CARRIER, None, Where.UNKNOWN)


def test_a_router_that_says_nothing_hides_whose_it_is() -> None:
    """The first one keeps back its answers, and drops."""
    seen = found(failing(0), trail("tcp", {1: (None, 0, 3), 2: (FAR, 8, 8)}))
    assert seen is not None
    assert (seen.last, seen.next, seen.where, seen.before_server) == (None, FAR, Where.UNKNOWN, True)
    inner = found(failing(0), trail("tcp", {1: (None, 0, 3), 2: ("10.0.0.1", 8, 8)}))
    assert inner is not None
    assert (inner.next, inner.where) == ("10.0.0.1", Where.LOCAL_NETWORK)
    assert found(failing(0), trail("tcp", {1: (None, 0, 3), 2: (WEB, 8, 8)})) is None


def test_no_place_at_all() -> None:
    assert found() is None
    assert found(passing("port", 1)) is None
    assert found(failing(0)) is None  # no router says anything
    assert found(failing(2, unattributed=1), passing("port", 3)) is None
    assert found(trail("none", {1: (HOME, 1, 1), 2: (None, 0, 6)}), passing("port", 2)) is None  # too few
    arrives = trail("none", {n: (WAY[n - 1], 1, 1) for n in range(1, 6)})
    assert found(arrives, passing("port", 1)) is None


def test_another_payload_goes_the_very_same_way() -> None:
    """So one port is enough, and it is told before the others."""
    seen = found(failing(1), passing("tcp", 2), trail("payload", {2: (CARRIER, 6, 6)}))
    assert seen is not None
    assert (seen.last, seen.next, seen.control) == (HOME, CARRIER, "payload")


def test_in_words() -> None:
    facts = Facts(PEER, [failing(1), passing("port", 2), HopName(address=CARRIER, name="gw.provider.example")])
    seen = place(facts, MEDIA)
    assert seen is not None
    assert words(facts, seen) == (
        "packets come to 192.168.1.1 and no further, while UDP to another port of the same server comes to 100.64.0.1"
        " (gw.provider.example) behind it"
    )
