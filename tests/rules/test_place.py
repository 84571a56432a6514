"""Where packets are lost, from hand-made trails: the right pair of routers, or none."""

from __future__ import annotations

from typing import Any

import pytest

from natprobe.derive.place import FLOWS, Place, place
from natprobe.facts import Arrived, Facts, HopName, Run, Trail, TrailHop, Watched
from natprobe.model import Where
from natprobe.rules._place import words
from tests.made import LOCAL, MEDIA, PEER, WEB, silent

HOME, CARRIER, FAR, NEAR = "192.168.1.1", "100.64.0.1", "198.51.100.9", "203.0.113.1"
WAY = (HOME, CARRIER, FAR, NEAR, WEB)
# An answer each, or none: who, and how often of how many.
Hops = dict[int, tuple[str | None, int, int]]


def trail(control: str, hops: Hops, **also: Any) -> Trail:
    """To port 10000 the failing kind, to 443 the controls; each of these from as many ports as it takes."""
    made = also.pop("exactly", None) or tuple(
        TrailHop(ttl=ttl, sent=sent, answered=answered, address=who, reached=who == WEB)
        for ttl, (who, answered, sent) in hops.items()
    )
    towards = MEDIA if control in ("none", "payload") else f"{WEB}:443"
    told: dict[str, Any] = {
        "payload": "check",
        "flows": 1 if control in ("none", "payload") else FLOWS,
        "hops": made,
        **also,
    }
    return Trail(subject=MEDIA, control=control, towards=towards, local=LOCAL, **told)  # type: ignore[arg-type]


def failing(last: int, **also: Any) -> Trail:
    """Answered as far as this hop, and six times in vain behind it."""
    return trail("none", {n: (WAY[n - 1], 1, 1) if n <= last else (None, 0, 6) for n in range(1, 9)}, **also)


def passing(control: str, first: int, **also: Any) -> Trail:
    """Each hop answers, the first of these as often as it takes."""
    made: Hops = {
        n: (WAY[min(n, 5) - 1], FLOWS, FLOWS) if n == first else (WAY[min(n, 5) - 1], 1, 1) for n in range(1, 6)
    }
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
    seen = found(public, trail("port", {1: (FAR, 1, 1), 2: ("192.0.2.9", FLOWS, FLOWS)}))
    assert seen is not None
    assert (seen.last, seen.next, seen.where) == (FAR, "192.0.2.9", Where.LOCAL_NETWORK)


DOUBTS = {
    "nobody else was asked": (failing(2),),
    "limited": (failing(2), trail("port", {1: (HOME, 1, 1), 3: (FAR, FLOWS - 1, FLOWS)})),
    "seldom": (failing(2), trail("port", {1: (HOME, 1, 1), 3: (FAR, 5, 5)})),
    "lost by chance too": (failing(2), trail("payload", {3: (FAR, 6, 6)}), trail("port", {3: (FAR, 5, 10)})),
    "one port": (failing(2), passing("port", 3, flows=1)),
    "a twin that tells nobody": (
        failing(2),
        passing("tcp", 3),
        trail("port", {2: (CARRIER, 1, 1), 3: (None, 0, 8), 4: (NEAR, 6, 6)}),
    ),
    "two ways of equal cost": (
        failing(2),
        passing(
            "port", 3, exactly=(TrailHop(ttl=3, sent=FLOWS, answered=FLOWS, address=FAR, others=("198.51.100.8",)),)
        ),
    ),
    "another way": (
        failing(2),
        passing(
            "port",
            3,
            exactly=(
                TrailHop(ttl=2, sent=1, answered=1, address="198.51.100.77"),
                TrailHop(ttl=3, sent=FLOWS, answered=FLOWS, address=FAR),
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
    seen = found(failing(0), trail("tcp", {1: (None, 0, 3), 2: (FAR, FLOWS, FLOWS)}))
    assert seen is not None
    assert (seen.last, seen.next, seen.where, seen.before_server) == (None, FAR, Where.UNKNOWN, True)
    inner = found(failing(0), trail("tcp", {1: (None, 0, 3), 2: ("10.0.0.1", FLOWS, FLOWS)}))
    assert inner is not None
    assert (inner.next, inner.where) == ("10.0.0.1", Where.LOCAL_NETWORK)
    assert found(failing(0), trail("tcp", {1: (None, 0, 3), 2: (WEB, FLOWS, FLOWS)})) is None


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


SYNS: dict[str, Any] = {"transport": "tcp", "payload": "syn"}
ARRIVES: Hops = {n: (WAY[n - 1], FLOWS, FLOWS) for n in range(1, 6)}


def lost(last: int, *controls: Trail, **also: Any) -> Place | None:
    """Of connections that come as far as this hop."""
    return place(Facts(PEER, [failing(last, flows=9, **SYNS | also), *controls]), MEDIA, "tcp")


def over(control: str, hops: Hops, **also: Any) -> Trail:
    """Beside lost TCP: TCP to other ports and hosts, and UDP."""
    return trail(control, hops, **({"payload": "binding"} if control == "udp" else SYNS) | {"flows": FLOWS} | also)


@pytest.mark.parametrize(("last", "pair"), [(0, (None, HOME)), (1, (HOME, CARRIER)), (3, (FAR, NEAR))])
@pytest.mark.parametrize("control", ["port", "udp"])
def test_connections_are_lost_by_the_same_laws(last: int, pair: tuple[str | None, str | None], control: str) -> None:
    seen = lost(last, over(control, ARRIVES))
    assert seen is not None
    assert (seen.last, seen.next, seen.control, seen.transport) == (*pair, control, "tcp")
    assert seen.before_server
    assert place(Facts(PEER, [failing(last, **SYNS), over(control, ARRIVES)]), MEDIA) is None  # of UDP it says nothing


def test_tcp_that_another_answers_in_the_servers_name_makes_no_last_router() -> None:
    """A proxy on the way, that nobody sees, has port 80; a firewall refuses UDP in the server's name."""
    nearer: Hops = {1: (HOME, FLOWS, FLOWS), 2: (WEB, FLOWS, FLOWS)}
    for controls in ((over("port", nearer),), (over("port", nearer), over("udp", ARRIVES))):
        seen = lost(1, *controls)
        assert seen is not None
        assert (seen.last, seen.edge) == (HOME, False)
    far = lost(4, over("port", nearer), over("udp", ARRIVES))
    assert far is not None
    assert (far.last, far.edge) == (NEAR, False)
    agreed = lost(4, over("port", ARRIVES), over("udp", ARRIVES))
    assert agreed is not None
    assert (agreed.last, agreed.next, agreed.edge, agreed.where) == (NEAR, None, True, Where.UNKNOWN)


def test_another_hosts_way_may_part_from_this_one_at_the_border() -> None:
    elsewhere = over(
        "host",
        {n: (f"198.51.100.{n + 50}", FLOWS, FLOWS) if n > 2 else (WAY[n - 1], FLOWS, FLOWS) for n in range(1, 6)},
    )
    seen = lost(2, elsewhere)
    assert seen is not None
    assert (seen.last, seen.next) == (CARRIER, None)


def test_where_syns_meet_several_routers_at_one_hop_the_last_is_still_true() -> None:
    twins = (
        TrailHop(ttl=1, sent=1, answered=1, address=HOME),
        TrailHop(ttl=2, sent=4, answered=4, address=CARRIER, others=("100.64.0.2",)),
        *(TrailHop(ttl=ttl, sent=6) for ttl in range(3, 8)),
    )
    seen = lost(2, over("port", ARRIVES), exactly=twins)
    assert seen is not None
    assert (seen.last, seen.next, seen.edge) == (CARRIER, None, False)
    beside = over(
        "port", ARRIVES, exactly=(*twins[:1], TrailHop(ttl=2, sent=FLOWS, answered=FLOWS, address=FAR, others=(NEAR,)))
    )
    alone = lost(1, beside)
    assert alone is not None
    assert (alone.last, alone.next) == (HOME, None)


def test_a_syn_that_arrives_is_not_lost() -> None:
    refused = tuple(TrailHop(ttl=n, sent=3, answered=3, address=WAY[n - 1], reached=n == 5) for n in range(1, 6))
    assert lost(4, over("port", ARRIVES), exactly=refused) is None
    shut = (*refused[:3], TrailHop(ttl=4, sent=9, answered=1, address=NEAR, icmp="3/13"))
    assert lost(3, over("port", ARRIVES), exactly=shut) is None


def test_in_words_of_tcp() -> None:
    facts = Facts(PEER, [failing(1, **SYNS), over("udp", ARRIVES)])
    seen = place(facts, MEDIA, "tcp")
    assert seen is not None
    assert words(facts, seen) == "packets come to 192.168.1.1 and no further, while UDP comes to 100.64.0.1 behind it"
    other = lost(0, over("port", ARRIVES))
    assert other is not None
    assert words(facts, other) == (
        "packets do not even come to 192.168.1.1, the first router that answers, while TCP to another port of the same"
        " server does"
    )


def test_in_words() -> None:
    facts = Facts(PEER, [failing(1), passing("port", 2), HopName(address=CARRIER, name="gw.provider.example")])
    seen = place(facts, MEDIA)
    assert seen is not None
    assert words(facts, seen) == (
        "packets come to 192.168.1.1 and no further, while UDP to another port of the same server comes to 100.64.0.1"
        " (gw.provider.example) behind it"
    )
