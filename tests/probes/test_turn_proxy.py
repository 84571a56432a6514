"""Relays through the browser's proxy: by name, over TCP and TLS, with data; and what a proxy makes of them."""

from __future__ import annotations

from typing import Any

import pytest

from natprobe.derive import FULL_SIZE
from natprobe.derive.proxies import via_to
from natprobe.derive.relays import legs, state
from natprobe.diagnose import diagnose
from natprobe.facts import (
    Allocation,
    Certificate,
    Connected,
    Facts,
    Relayed,
    TlsSession,
    Tunnel,
    TurnServer,
)
from natprobe.model import Failure, Observation, Path, Report
from natprobe.proxy import Proxy
from natprobe.target import parse, turn_server
from tests.case import Dns, Network, Relay
from tests.lab import check
from tests.lab.build import Lab
from tests.lab.client import lab_of
from tests.lab.proxies import HttpProxy, SocksProxy
from tests.netns import addresses as at
from tests.probes.relaying import ALICE, HEALTHY, NAME, TARGETS, but
from tests.probes.seen import of, seen
from tests.probes.test_proxies import env, script

# Any host of the lab will do.
HOST = at.STUN2
VIA = f"http://{HOST}:3128"
HTTP = Proxy(scheme="http", host=HOST, port=3128)
PROBES = ("interfaces", "proxies", "names", "turn")
# Nothing gets out but to the proxy.
SHUT = Network(udp="drop", tcp="drop", tcp_open=(3128,))


def http(lab: Lab, **options: Any) -> HttpProxy:
    proxy = HttpProxy(net=lab.servers["stun2"], **{"ports": None} | options)
    proxy.listen()
    return proxy


def mute(lab: Lab) -> Lab:
    """Whoever should resolve names says nothing at all."""
    lab.client._resolvers = (at.RELAY_ELSEWHERE,)
    return lab


def asked(lab: Lab, target: str, **options: Any) -> list[Observation]:
    return seen(lab, target, PROBES, **{"access": ALICE, "proxy": HTTP} | options)


def proxied(found: list[Observation]) -> Allocation:
    (one,) = [each for each in of(found, Allocation) if each.via and not each.offered]
    return one


def reported(lab: Lab, target: str, **options: Any) -> Report:
    session = check.session(lab, target, access=ALICE, proxy=HTTP, **options)
    return diagnose(parse(target).target, session.observations, [session.source])


def path(report: Report, name: str) -> Path:
    return next(each for each in report.paths if each.name == name)


class TestThroughIt:
    @pytest.mark.parametrize("transport", ["tcp", "tls"])
    def test_both_ways_are_tried_and_data_passes(self, transport: str) -> None:
        lab = lab_of(relay=HEALTHY)
        proxy = http(lab)
        found = asked(lab, TARGETS[transport])
        led, straight = sorted(of(found, Allocation), key=lambda each: each.via is None)
        assert (led.via, led.server, led.port) == (VIA, f"{HOST}:3128", 5349 if transport == "tls" else 3478)
        assert (straight.via, straight.port, led.host, led.transport) == (None, None, NAME, transport)
        assert (led.failure, straight.failure, led.authenticated) == (None, None, True)
        passed = [each for each in of(found, Relayed) if each.flow == led.flow]
        assert {(each.by, each.direction, each.size >= FULL_SIZE, each.failure) for each in passed} == {
            (by, direction, large, None)
            for by, direction in (("stun", "both"), ("own-socket", "in"), ("own-socket", "out"))
            for large in (False, True)
        }
        assert {each.relayed for each in passed} == {led.relayed}
        assert led.relayed != straight.relayed
        assert proxy.seen == [(NAME, led.port)]
        assert lab.relay is not None
        assert lab.relay.allocations == []

    def test_the_steps_name_the_proxy(self) -> None:
        lab = lab_of(relay=HEALTHY)
        http(lab)
        found = asked(lab, TARGETS["tls"])
        (tunnel,) = of(found, Tunnel)
        assert (tunnel.purpose, tunnel.host, tunnel.port, tunnel.status) == ("relay", NAME, 5349, 200)
        for steps in (of(found, Connected), of(found, TlsSession), of(found, Certificate)):
            (step,) = [each for each in steps if each.via]
            assert (step.via, step.endpoint, step.flow) == (VIA, tunnel.endpoint, tunnel.flow)
        assert proxied(found).flow == tunnel.flow

    @pytest.mark.parametrize("transport", ["udp", "dtls"])
    def test_udp_goes_through_no_proxy(self, transport: str) -> None:
        lab = lab_of(relay=HEALTHY)
        proxy = http(lab)
        found = asked(lab, TARGETS[transport])
        assert ([each.via for each in of(found, Allocation)], of(found, Tunnel), proxy.seen) == ([None], [], [])

    def test_one_leg_for_all_addresses_of_a_name(self) -> None:
        lab = lab_of(relay=HEALTHY, network=Network(ipv6="works"), dns=Dns(ipv6=True))
        proxy = http(lab)
        found = asked(lab, TARGETS["tcp"])
        assert len([each for each in of(found, Allocation) if each.via is None]) == 2
        assert len(proxy.seen) == 1

    def test_socks_too(self) -> None:
        lab = lab_of(relay=HEALTHY)
        proxy = SocksProxy(net=lab.servers["stun2"], address=HOST)
        proxy.listen()
        found = asked(lab, TARGETS["tls"], proxy=Proxy(scheme="socks5", host=HOST, port=1080))
        assert (proxied(found).via, proxied(found).failure) == (f"socks5://{HOST}:1080", None)
        assert proxy.seen == [(NAME, 5349)]

    def test_where_none_is_set_nothing_is_asked(self) -> None:
        lab = lab_of(relay=HEALTHY)
        proxy = http(lab)
        found = asked(lab, TARGETS["tls"], proxy="none")
        assert ([each.via for each in of(found, Allocation)], proxy.seen) == ([None], [])

    def test_two_relays_behind_one_proxy_are_told_apart(self) -> None:
        """The same endpoint, and other names or ports: of each its own facts."""
        lab = lab_of(relay=but(front="name"))
        http(lab)
        found = asked(lab, TARGETS["tls"], turn=(turn_server(f"turns:{NAME}:443"), turn_server(TARGETS["tcp"])))
        through = [each for each in of(found, Allocation) if each.via]
        assert {each.port for each in through} == {443, 5349, 3478}
        assert len({each.flow for each in through}) == 3
        known = Facts(parse(TARGETS["tls"]).target, found)
        for leg in legs(known):
            assert {each.relayed for each in leg.data} == {leg.allocation.relayed}
            assert {each.relayed for each in leg.permissions} == {leg.allocation.relayed}
            assert state(known, leg) == "open"

    def test_a_script_that_leads_the_relay_alone_to_nobody(self) -> None:
        """Straight it works, and no browser here takes it."""
        lab = lab_of(relay=HEALTHY)
        lab.client.proxies = [
            env(pac=script(f"return host == '{NAME}' ? 'PROXY nowhere.example.test:3128' : 'DIRECT'"))
        ]
        found = asked(lab, at.TARGET, proxy="auto", turn=(turn_server(TARGETS["tcp"]),))
        (lost,) = of(found, Tunnel)
        assert (lost.via, lost.host, lost.failure) == ("http://nowhere.example.test:3128", NAME, Failure.NXDOMAIN)
        assert [each.failure for each in of(found, Allocation)] == [None]
        known = Facts(parse(at.TARGET).target, found)
        assert via_to(known, NAME, at.TURN_PORT) == lost.via


class TestOnlyIt:
    """A network that leads out by its proxy alone."""

    def test_no_name_resolves_and_the_relay_is_asked_all_the_same(self) -> None:
        lab = mute(lab_of(relay=HEALTHY, network=SHUT))
        http(lab)
        began = lab.clock.now
        found = asked(lab, TARGETS["tls"])
        assert [each.address for each in of(found, TurnServer)] == [None]
        (one,) = of(found, Allocation)
        assert (one.via, one.failure, one.challenged) == (VIA, None, True)
        assert lab.clock.now - began < 20

    def test_of_options_too(self) -> None:
        lab = mute(lab_of(relay=HEALTHY, network=SHUT))
        http(lab)
        found = asked(lab, at.TARGET, turn=(turn_server(TARGETS["tcp"]), turn_server(TARGETS["udp"])))
        assert [(each.address, each.transport) for each in of(found, TurnServer)] == [(None, "tcp")]
        assert proxied(found).failure is None

    @pytest.mark.parametrize("transport", ["tcp", "tls"])
    def test_a_relay_of_its_own_is_good_through_it(self, transport: str) -> None:
        lab = lab_of(relay=HEALTHY, network=SHUT)
        http(lab)
        report = reported(lab, TARGETS[transport])
        best = path(report, f"turn-{transport}-proxy")
        assert (best.status, best.proof, best.attempts[0].via) == ("open", "relay", VIA)
        straight = path(report, f"turn-{transport}")
        assert (straight.status, straight.usable) == ("blocked", False)
        assert "turn-unreachable" not in {each.cause for each in report.findings}
        assert report.verdict.status == "good"


class TestDenied:
    def test_by_the_usual_squid_another_port(self) -> None:
        lab = lab_of(relay=HEALTHY, network=SHUT)
        http(lab, ports={443})
        found = asked(lab, TARGETS["tls"])
        (tunnel,) = of(found, Tunnel)
        assert (tunnel.failure, tunnel.status, tunnel.purpose) == (Failure.HTTP_STATUS, 403, "relay")
        assert [each.via for each in of(found, Allocation)] == [None]
        report = reported(lab_shut(ports={443}), TARGETS["tls"])
        causes = {each.cause for each in report.findings}
        assert "turn-unreachable" not in causes
        assert path(report, "turn-tls-proxy").status == "blocked"

    def test_that_hangs(self) -> None:
        lab = lab_of(relay=HEALTHY, network=SHUT)
        http(lab, mood="hangs")
        (tunnel,) = of(asked(lab, TARGETS["tcp"]), Tunnel)
        assert (tunnel.failure, tunnel.status) == (Failure.TIMEOUT, None)

    def test_a_relay_that_is_down_is_the_relays_matter(self) -> None:
        """Squid may go there, and finds nobody: what closes the port is said, be the direct way shut or not."""
        for network in (SHUT, Network()):
            lab = lab_of(relay=but(tcp="refused"), network=network)
            http(lab)
            report = reported(lab, TARGETS["tcp"])
            assert "turn-unreachable" in {each.cause for each in report.findings}
        lab = mute(lab_of(relay=but(tcp="refused"), network=SHUT))
        http(lab)
        report = reported(lab, TARGETS["tcp"])
        (one,) = [each for each in report.findings if each.cause == "turn-unreachable"]
        words = f"The proxy {VIA} does not get to port 3478 of the relay {NAME} (TCP): ERR_CONNECT_FAIL 111"
        assert words in one.message


def lab_shut(**options: Any) -> Lab:
    lab = lab_of(relay=HEALTHY, network=SHUT)
    http(lab, **options)
    return lab


class TestTheRelaysOwnFaults:
    @pytest.mark.parametrize(
        ("relay", "target", "cause"),
        [
            (but(access="secret"), "tcp", "turn-unauthorized"),
            (but(state="full"), "tls", "turn-capacity"),
            (but(state="stalled"), "tls", "turn-stalled"),
            (but(tls="expired"), "tls", "turn-certificate"),
            (but(tls="http"), "tls", "turn-443-not-turn"),
            (but(state="realm-missing"), "tcp", "turn-realm-missing"),
        ],
    )
    def test_stay_the_relays(self, relay: Relay, target: str, cause: str) -> None:
        lab = lab_of(relay=relay, network=SHUT)
        http(lab)
        report = reported(lab, TARGETS[target])
        (one,) = [each for each in report.findings if each.cause.startswith("turn-")]
        assert one.cause == cause
        assert f"{NAME}:{5349 if target == 'tls' else 3478} through {VIA}" in one.message

    def test_a_redirect_is_followed_by_address(self) -> None:
        lab = lab_of(relay=but(state="redirects"))
        proxy = http(lab)
        found = asked(lab, TARGETS["tcp"])
        assert proxy.seen == [(NAME, at.TURN_PORT), (at.RELAY, at.ALTERNATE_TURN_PORT)]
        through = [each for each in of(found, Allocation) if each.via]
        assert [(each.error_code, each.failure, each.port) for each in through] == [
            (300, Failure.ERROR_RESPONSE, at.TURN_PORT),
            (None, None, at.ALTERNATE_TURN_PORT),
        ]
        known = Facts(parse(TARGETS["tcp"]).target, found)
        assert [state(known, each) for each in legs(known) if each.allocation.via] == ["redirected", "open"]


class TestBrokenByIt:
    @pytest.mark.parametrize("behind", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"SSH-2.0-inspector\r\n"])
    def test_what_answers_straight_and_not_through_it(self, behind: bytes) -> None:
        lab = lab_of(relay=HEALTHY)
        http(lab, behind=behind)
        report = reported(lab, TARGETS["tls"])
        assert path(report, "turn-tls-proxy").reason == "proxy-breaks-relay"
        assert (path(report, "turn-tls").status, path(report, "turn-tls").usable) == ("open", False)
        (one,) = [each for each in report.findings if each.severity == "error"]
        assert one.cause == "proxy-refuses-port"
        assert report.verdict.status == "broken"

    def test_without_the_straight_way_nobody_is_sure(self) -> None:
        lab = lab_of(relay=HEALTHY, network=SHUT)
        http(lab, behind=b"SSH-2.0-inspector\r\n")
        found = [each.cause for each in reported(lab, TARGETS["tls"]).findings if each.severity == "error"]
        assert found == ["turn-443-not-turn"]
