"""Ways and verdicts behind a proxy: what a browser that is set to one would use, and what it would not."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from natprobe.facts import Candidate
from natprobe.model import Failure, Observation, Path
from natprobe.verdict import explains
from tests.made import (
    MEDIA_TCP,
    PEER,
    RELAY_HOST,
    STUN,
    STUN1,
    TIMEOUT,
    TURN,
    certificate,
    checked,
    named,
    relay,
    report,
    saw,
    session,
    unallocated,
)
from tests.made_janus import JANUS
from tests.made_jitsi import JITSI, PASSES, jitsi, services
from tests.made_proxy import (
    AT,
    PROXY,
    RELAY_443,
    RELAY_5349,
    SOCKETS_DEAD,
    UDP_WORKS,
    behind,
    choice,
    ice_tcp,
    judged,
    led,
    problem_a,
    relayed,
    tunnel,
)
from tests.made_relays import TCP, TLS, healthy

PROXIED = ("direct-tcp-proxy", "turn-tcp-proxy", "turn-tls-proxy")
RELAY_TLS = "203.0.113.40:443"
OFFERED = services(RELAY_443)
TLS_443 = msgspec.structs.replace(TLS, port=443)
CHOSEN = choice(PROXY, RELAY_HOST, 443, purpose="relay")


def way(name: str, *observations: Observation, target: Any = JITSI) -> Path:
    return next(each for each in report(*observations, target=target).paths if each.name == name)


def fate(name: str, *observations: Observation, target: Any = JITSI) -> tuple[str, str | None, bool]:
    found = way(name, *observations, target=target)
    return found.status, found.reason, found.usable


# --- where there is none


@pytest.mark.parametrize("name", PROXIED)
def test_no_proxy_to_go_through(name: str) -> None:
    assert fate(name, choice(None), *jitsi(*PASSES)) == ("not-offered", "no-proxy", True)


@pytest.mark.parametrize("name", PROXIED)
def test_nobody_looked(name: str) -> None:
    assert fate(name, *jitsi(*PASSES)) == ("unknown", "proxy-not-looked-for", True)


@pytest.mark.parametrize(("target", "reason"), [(STUN, "no-media-server"), (PEER, "no-proxy"), (TURN, "no-proxy")])
def test_no_proxy_for_what_is_no_meeting(target: Any, reason: str) -> None:
    status, why, _ = fate("turn-tls-proxy", choice(None), named(), target=target)
    assert (status, why) == ("not-offered", reason)


def test_a_relay_that_goes_straight_beside_a_page_that_does_not() -> None:
    """By the PAC script's word: its leg was tried straight and through no proxy."""
    seen = behind(*healthy("tls", RELAY_TLS), chosen=choice(), relays=OFFERED)
    straight = choice(None, RELAY_HOST, 443, purpose="relay")
    assert fate("turn-tls-proxy", *seen, straight) == ("not-offered", "no-proxy", True)
    assert way("turn-tls", *seen, straight).usable


# --- relays through it


def test_a_relay_through_the_proxy() -> None:
    found = way("turn-tls-proxy", *problem_a(relays=OFFERED), *relayed())
    assert (found.status, found.proof, found.usable) == ("open", "ice", True)
    (only,) = found.attempts
    assert only.via == PROXY
    assert only.server == f"{RELAY_HOST}:443 tls"


def test_a_relay_that_works_both_ways() -> None:
    """The straight leg is told, and no browser would take it."""
    seen = (*problem_a(relays=OFFERED), *relayed(), *healthy("tls", RELAY_TLS))
    assert way("turn-tls", *seen).usable is False
    assert judged(*seen).verdict.media == "turn-tls-proxy"


def test_a_straight_leg_that_works_helps_nobody() -> None:
    denied = tunnel(RELAY_HOST, 443, "relay", 403)
    seen = (*problem_a(relays=OFFERED), denied, *healthy("tls", RELAY_TLS))
    assert fate("turn-tls-proxy", *seen) == ("blocked", "proxy-refuses-port", True)
    assert fate("turn-tls", *seen)[2] is False
    assert judged(*seen).verdict.status == "broken"


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (tunnel(RELAY_HOST, 443, "relay", 403), "proxy-refuses-port"),
        (tunnel(RELAY_HOST, 443, "relay", 407), "proxy-wants-password"),
        (tunnel(RELAY_HOST, 443, "relay", 503), "proxy-cannot-reach"),
        (tunnel(RELAY_HOST, 443, "relay", None, TIMEOUT), "proxy-leaves-unanswered"),
        (tunnel(RELAY_HOST, 443, "relay", None, Failure.PROHIBITED, reply=2), "proxy-refuses-port"),
        (tunnel(RELAY_HOST, 443, "relay", None, Failure.REFUSED, reply=5), "proxy-cannot-reach"),
    ],
)
def test_a_relay_that_the_proxy_does_not_lead_to(said: Observation, reason: str) -> None:
    nameless = msgspec.structs.replace(relay("tls", RELAY_TLS), address=None)
    found = way("turn-tls-proxy", *problem_a(relays=OFFERED), nameless, said)
    assert (found.status, found.reason) == ("blocked", reason)
    assert (found.attempts[0].via, found.attempts[0].endpoint) == (PROXY, f"{RELAY_HOST}:443")
    assert judged(*problem_a(relays=OFFERED), nameless, said).verdict.status == "broken"


def test_a_proxy_that_says_no_to_all() -> None:
    refused = tunnel(status=403)
    seen = (choice(), *SOCKETS_DEAD, refused, relay("tls", RELAY_TLS), tunnel(RELAY_HOST, 443, "relay", 403))
    assert fate("turn-tls-proxy", *seen)[:2] == ("blocked", "proxy-refuses")


def test_inspection_kills_the_relay() -> None:
    """Its certificate is the proxy's: the leg dies, and the way says why."""
    shown = certificate(name=RELAY_HOST, issuer="CN=Zscaler Root CA", probe="turn")
    steps = led(session(name=RELAY_HOST, probe="turn", failure=Failure.TLS_CERTIFICATE), shown)
    dead = unallocated(Failure.TLS_CERTIFICATE, "tls", AT, via=PROXY, port=443)
    seen = (*problem_a(relays=OFFERED), relay("tls", RELAY_TLS), tunnel(RELAY_HOST, 443, "relay"), *steps, dead)
    assert fate("turn-tls-proxy", *seen) == ("blocked", "tls-intercepted", True)
    assert "tls-intercepted" in {each.cause for each in judged(*seen).findings}


def test_what_the_client_would_not_take() -> None:
    """Two relays behind one proxy's endpoint: each by its own port."""
    seen = (*problem_a(relays=services(RELAY_5349)), *relayed(443))
    assert fate("turn-tls-proxy", *seen) == ("open", "relay-not-taken", False)


def test_a_relay_that_is_not_handed_out() -> None:
    assert fate("turn-tls-proxy", *problem_a()) == ("not-offered", "relay-not-offered", True)
    assert judged(*problem_a()).verdict.status == "broken"


# --- TCP to the media server


TCP_OFFER = Candidate(endpoint=MEDIA_TCP, transport="tcp", session="media/1")


def test_direct_tcp_through_the_proxy() -> None:
    straight = checked(MEDIA_TCP, transport="tcp")
    seen = (*problem_a(), TCP_OFFER, straight, ice_tcp(MEDIA_TCP), ice_tcp(MEDIA_TCP, size=1200))
    found = way("direct-tcp-proxy", *seen)
    assert (found.status, found.attempts[0].via, found.attempts[0].server) == ("open", PROXY, f"{MEDIA_TCP} tcp")
    assert fate("direct-tcp", *seen) == ("open", "browser-uses-proxy", False)
    assert judged(*seen).verdict.media == "direct-tcp-proxy"
    assert "proxy-ignores-media" not in {each.cause for each in judged(*seen).findings}


def test_no_tcp_candidate() -> None:
    assert fate("direct-tcp-proxy", *problem_a())[:2] == ("not-offered", "no-tcp-candidates")


# --- verdicts


def test_good_with_udp_beside_the_proxy() -> None:
    verdict = judged(*behind(*PASSES, network=UDP_WORKS)).verdict
    assert (verdict.status, verdict.media) == ("good", "direct-udp")


def test_a_relays_own_check_goes_the_browsers_way() -> None:
    seen = (CHOSEN, named(name=RELAY_HOST, failure=Failure.NXDOMAIN), *relayed()[:4])
    verdict = report(*seen, target=TLS_443).verdict
    assert (verdict.status, verdict.media, verdict.stages.name) == ("good", "turn-tls-proxy", "ok")
    refused = (*seen[:2], relay("tls", RELAY_TLS), tunnel(RELAY_HOST, 443, "relay", 403))
    assert report(*refused, target=TLS_443).verdict.status == "broken"


def test_a_relay_over_udp_goes_past_it() -> None:
    seen = (choice(PROXY, RELAY_HOST, 3478, purpose="relay"), saw(STUN1), *healthy())
    assert report(named("203.0.113.40", name=RELAY_HOST), *seen, target=TURN).verdict.status == "good"
    over_tcp = (choice(PROXY, RELAY_HOST, 3478, purpose="relay"), *healthy("tcp"))
    assert report(named("203.0.113.40", name=RELAY_HOST), *over_tcp, target=TCP).verdict.status == "unknown"


def test_a_janus_behind_a_proxy() -> None:
    got = report(choice(host=JANUS.host, port=JANUS.port), named(failure=Failure.NXDOMAIN), tunnel(), target=JANUS)
    assert got.verdict.stages.name == "ok"
    assert {each.reason for each in got.paths} & {"no-address"} == set()


def test_what_the_proxy_says_of_the_page_explains_no_media() -> None:
    """And the other way round."""
    seen = (*problem_a(relays=OFFERED), relay("tls", RELAY_TLS), tunnel(RELAY_HOST, 443, "relay", 403))
    got = judged(*seen)
    port = next(each for each in got.findings if each.cause == "proxy-refuses-port")
    ok = got.verdict.stages
    assert explains(port, "broken", ok, JITSI)
    assert not explains(port, "broken", msgspec.structs.replace(ok, web="failed"), JITSI)
