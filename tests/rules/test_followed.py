"""Which exchange is followed hop by hop, from hand-made facts; and what the rules say of connections that were."""

from __future__ import annotations

from typing import Any

import pytest

from natprobe.derive.followed import Subject, other_listener, subject, tcp_port, udp_port
from natprobe.derive.place import FLOWS
from natprobe.facts import ProxyChoice, Run, Trail, TrailHop
from natprobe.model import Allow, Failure, Observation, Target, Where
from natprobe.render._nat import SAY
from natprobe.render._trace import trace
from natprobe.render._ways import ways
from tests.made import (
    HOST,
    PAGE,
    PEER,
    RELAY,
    RELAY_TLS,
    STUN1,
    STUN1_6,
    STUN2,
    TIMEOUT,
    TURN,
    WEB,
    WEB6,
    WEB_OTHER,
    address,
    allocated,
    connected,
    facts,
    found,
    named,
    online,
    relay,
    report,
    route,
    saw,
    session,
    silent,
    unallocated,
    unheard,
)
from tests.made_relays import NAME, PASSES, TCP, TLS

HOME, CARRIER, FAR = "192.168.1.1", "100.64.0.1", "198.51.100.9"
FRONT, OTHER = f"{WEB}:443", f"{WEB_OTHER}:443"
STUNS = Target(input=f"stuns:{HOST}", host=HOST, port=5349, kind="stun", scheme="stuns")
TRACED = Run(version="0", started="2026-11-22T08:00:00Z", session="abcd1234", trace=True)
# The page's port says nothing, another one does.
DEAD = (named(WEB), connected(FRONT, TIMEOUT), connected(f"{WEB}:80", Failure.REFUSED))
MUTE = (named(WEB), connected(FRONT, TIMEOUT), connected(f"{WEB}:80", TIMEOUT))


def tcp(endpoint: str) -> Subject:
    return Subject(endpoint, None, check=False, transport="tcp")


def chosen(*observations: Observation, target: Target = PAGE) -> Subject | None:
    return subject(facts(*observations, target=target))


def test_a_page_that_no_address_answers_is_followed() -> None:
    assert chosen(*DEAD) == tcp(FRONT)
    both = (named(WEB, WEB_OTHER), connected(FRONT, Failure.NO_ROUTE), connected(OTHER, TIMEOUT))
    assert chosen(*both, connected(f"{WEB_OTHER}:80", Failure.REFUSED)) == tcp(OTHER)


def test_a_host_that_says_nothing_at_all_is_followed_only_where_that_is_asked_for() -> None:
    assert chosen(*MUTE) is None
    assert chosen(*MUTE, TRACED) == tcp(FRONT)
    assert chosen(*MUTE, saw(f"{WEB}:3478")) == tcp(FRONT)


def test_over_an_ipv6_that_leads_nowhere_nothing_is_the_pages() -> None:
    six = (address("2001:db8:1::2", "public"), route(6, "fe80::1"), unheard(STUN1_6, 9), saw(STUN1))
    dead = (TRACED, named(WEB6, WEB), connected(f"[{WEB6}]:443", TIMEOUT), connected(FRONT, TIMEOUT))
    assert chosen(*dead) == tcp(f"[{WEB6}]:443")
    assert chosen(*dead, *six) == tcp(FRONT)


NOT_FOLLOWED: dict[str, tuple[Observation, ...]] = {
    "it lives": (named(WEB), connected(FRONT), session(FRONT)),
    "refused": (named(WEB), connected(FRONT, Failure.REFUSED)),
    "somebody says no": (named(WEB), connected(FRONT, Failure.UNREACHABLE_HOST)),
    "another address lives": (named(WEB, WEB_OTHER), connected(FRONT, TIMEOUT), connected(OTHER)),
    "this machine's own": (named(WEB6), connected(f"[{WEB6}]:443", Failure.NO_ROUTE)),
    "its firewall": (named(WEB), connected(FRONT, Failure.PERMISSION_DENIED)),
    "loopback": (named("127.0.0.1"), connected("127.0.0.1:443", TIMEOUT)),
    "browsers go by a proxy": (*DEAD, ProxyChoice(host=HOST, port=443, ways=("http://p:3128",), via="http://p:3128")),
    "nobody tried": (named(WEB),),
}


@pytest.mark.parametrize("why", NOT_FOLLOWED)
def test_nothing_else_is(why: str) -> None:
    assert chosen(*NOT_FOLLOWED[why]) is None


def test_udp_comes_first_where_the_host_is_there() -> None:
    dropped = (named(WEB), silent(), connected(FRONT, TIMEOUT))
    assert chosen(*dropped, connected(f"{WEB}:80", Failure.REFUSED)) == Subject(f"{WEB}:10000", silent().local, True)
    assert chosen(*dropped, target=PEER) is None  # a host that says nothing at all, and no page
    assert chosen(*dropped, TRACED) == tcp(FRONT)


@pytest.mark.parametrize(("transport", "server"), [("tcp", RELAY), ("tls", RELAY_TLS)])
@pytest.mark.parametrize("target", [TURN, PAGE])
def test_relays_that_take_no_connection_are(transport: str, server: str, target: Target) -> None:
    """Also those that the target hands out."""
    leg = unallocated(TIMEOUT, transport, server)
    known = (NAME, relay(transport, server), *PASSES)
    assert chosen(*known, leg, target=target) == tcp(server)
    assert chosen(*known, leg, connected(server, probe="turn"), target=target) is None
    refused = unallocated(Failure.REFUSED, transport, server)
    assert chosen(*known, refused, target=target) is None


def test_a_silent_relay_over_udp_is_whoever_hands_it_out() -> None:
    leg = unallocated(TIMEOUT)
    for target in (TURN, PAGE):
        assert chosen(NAME, relay(), *PASSES, leg, target=target) == Subject(RELAY, leg.local, False)
    blocked = (unheard(STUN1, 9), unheard(STUN2, 9), saw(STUN1, transport="tcp"))
    other = chosen(NAME, relay(), *blocked, leg)
    assert other is not None
    assert other.endpoint == STUN2  # that is all UDP's matter, not the relay's


def test_a_stun_server_that_takes_no_connection_is() -> None:
    asked: dict[str, Any] = {"transport": "tls", "origin": "target"}
    over_tls = unheard(f"{WEB}:5349", 3, local=None, **asked)
    assert chosen(named(WEB), over_tls, target=STUNS) == tcp(f"{WEB}:5349")
    stands = unheard(f"{WEB}:5349", 3, **asked)
    assert chosen(named(WEB), stands, target=STUNS) is None
    answered = saw(f"{WEB}:5349", transport="dtls", origin="target")
    assert chosen(named(WEB), over_tls, answered, target=STUNS) is None


def test_the_controls_go_where_something_answers() -> None:
    known = facts(*MUTE, connected(f"{WEB}:8443", Failure.REFUSED), online("203.0.113.77", 80), online("10.0.0.9"))
    assert (tcp_port(known, WEB, 443), tcp_port(known, WEB), tcp_port(known, WEB_OTHER, 443)) == (8443, 8443, 80)
    assert other_listener(known, WEB, 443) == "203.0.113.77"
    assert other_listener(facts(*MUTE, saw(STUN1, transport="tcp"), online("203.0.113.77")), WEB, 443) == "203.0.113.77"
    assert other_listener(facts(*MUTE, saw(STUN1_6, transport="tcp")), WEB, 443) is None
    by_stream = facts(NAME, relay("tcp"), allocated("tcp"), target=TURN)
    assert tcp_port(by_stream, "203.0.113.40", 5349) == 3478
    by_datagram = facts(NAME, relay(), allocated(), target=TURN)
    assert [udp_port(by_datagram, "203.0.113.40", but) for but in (0, 3478)] == [3478, 443]


# --- what is said of it


def followed(endpoint: str, last: int) -> tuple[Trail, Trail]:
    """SYNs that come as far as this hop, and those to another port, which come by three."""
    way = {1: HOME, 2: CARRIER, 3: FAR}
    own = [TrailHop(ttl=n, sent=1, answered=1, address=way[n]) for n in range(1, last + 1)]
    own += [TrailHop(ttl=n, sent=6) for n in range(last + 1, last + 4)]
    beside = [TrailHop(ttl=n, sent=FLOWS, answered=FLOWS, address=way[n]) for n in way]
    syns: dict[str, Any] = {"subject": endpoint, "transport": "tcp", "payload": "syn", "flows": FLOWS}
    other = f"{endpoint.rpartition(':')[0]}:80"
    return (
        Trail(towards=endpoint, hops=tuple(own), **syns),
        Trail(control="port", towards=other, hops=tuple(beside), **syns),
    )


@pytest.mark.parametrize(
    ("last", "where", "device"),
    [
        (0, Where.LOCAL_NETWORK, f"this machine's own firewall, or one on the way up to {HOME}"),
        (1, Where.LOCAL_NETWORK, f"the firewall at {HOME}, or at {CARRIER} right behind it"),
        (2, Where.PROVIDER, f"the firewall at {CARRIER}, or at {FAR} right behind it"),
    ],
)
def test_the_page_is_lost_where_its_syns_are(last: int, where: Where, device: str) -> None:
    """TCP to another server works, so without a place it would be the server's edge."""
    seen = (*MUTE, online(), *followed(FRONT, last))
    only = found("web-unreachable", *seen, target=PAGE)
    fix = only.fixes[0]
    assert isinstance(fix, Allow)
    assert (only.where, fix.at, fix.direction) == (where, device, "out")
    assert set(only.evidence) >= {5, 6}
    assert only.args["next"] == (HOME, CARRIER, FAR)[last]
    blind = found("web-unreachable", *MUTE, online(), target=PAGE)
    assert (blind.where, blind.fixes[0].direction) == (Where.SERVER_EDGE, "in")  # type: ignore[union-attr]


def test_a_place_of_udp_is_none_of_tcp() -> None:
    udp = [
        Trail(
            **{
                **{f: getattr(each, f) for f in ("subject", "control", "towards", "hops", "flows")},
                "payload": "binding",
            }
        )
        for each in followed(FRONT, 1)
    ]
    only = found("web-unreachable", *MUTE, online(), *udp, target=PAGE)
    assert only.where is Where.SERVER_EDGE
    assert "last" not in only.args


@pytest.mark.parametrize(("transport", "server", "target"), [("tcp", RELAY, TCP), ("tls", RELAY_TLS, TLS)])
def test_a_relays_connections_are_lost_where_their_syns_are(transport: str, server: str, target: Target) -> None:
    leg = (NAME, relay(transport, server), *PASSES, unallocated(TIMEOUT, transport, server))
    only = found("turn-unreachable", *leg, *followed(server, 1), target=target)
    assert (only.where, only.args["last"], only.args["next"]) == (Where.LOCAL_NETWORK, HOME, CARRIER)
    way = next(each for each in ways(report(*leg, *followed(server, 1), target=target)) if each.legs)
    assert [(each.stop, each.proto, each.state) for each in way.legs] == [
        ("router", "TCP", "open"),
        ("relay", transport.upper(), "blocked"),
        ("peer", "UDP", "none"),
    ]
    assert way.legs[0].at == HOME


def test_what_was_followed_in_words() -> None:
    syns: dict[str, Any] = {"subject": FRONT, "transport": "tcp", "payload": "syn"}
    hops = (
        TrailHop(ttl=1, sent=FLOWS, answered=FLOWS, address=HOME),
        TrailHop(ttl=2, sent=FLOWS, answered=FLOWS, address=FAR),
    )
    beside = Trail(control="udp", payload="binding", subject=FRONT, towards=FRONT, hops=hops)
    elsewhere = Trail(control="host", towards=OTHER, hops=hops, **syns)
    known = facts(*followed(FRONT, 1), beside, elsewhere, target=PAGE)
    assert list(trace(known)) == [
        f"TCP to {FRONT}: 1. {HOME}, an inner one; then silence.",
        f"TCP to {WEB}:80 comes further: 2. {CARRIER}, the provider's own, 3. {FAR}.",
        f"UDP to {FRONT} comes further: 2. {FAR}.",
        f"TCP to {OTHER} comes further: 2. {FAR}.",
    ]
    by = f"answered by {HOME} (1), {FAR} (2)"
    assert [SAY[Trail](each) for each in known.of(Trail)[2:]] == [
        f"UDP to {FRONT}, one hop further each, {by}",
        f"TCP to the same port of another host, {OTHER}, {by}",
    ]
    untold = Trail(towards=FRONT, failure=Failure.UNSUPPORTED, detail="why", **syns)
    assert list(trace(facts(untold, target=PAGE))) == [f"TCP to {FRONT} was not followed: why."]
    mute = Trail(towards=FRONT, hops=(TrailHop(ttl=1, sent=9),), **syns)
    assert list(trace(facts(mute, target=PAGE))) == [f"TCP to {FRONT}: no router says anything."]
