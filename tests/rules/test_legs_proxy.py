"""Legs to relays by two ways, straight and through the browser's proxy: each with its own facts, and one cause."""

from __future__ import annotations

from typing import Any

import pytest

from natprobe.derive.relays import access, connected, ends, legs, outcome, refused_sessions, sorted_by_alpn, state
from natprobe.facts import Allocation, Certificate, TlsSession, Tunnel
from natprobe.model import Failure, Observation, flow
from tests.made import RELAY, RELAY_HOST, RELAY_TLS, TURN, allocated, certificate, facts, refused, relay, unallocated
from tests.made_relays import TCP, TLS, causes

PROXY, VIA = "10.30.0.3:3128", "http://proxy.example.test:3128"
LOCALS = iter(range(40000, 50000))


def local() -> str:
    return f"192.168.1.2:{next(LOCALS)}"


def tunnel(port: int = 5349, failure: Failure | None = None, **more: Any) -> Tunnel:
    fields: dict[str, Any] = {"status": 200 if failure is None else 403, "purpose": "relay", "probe": "turn"}
    return Tunnel(via=VIA, endpoint=PROXY, host=RELAY_HOST, port=port, failure=failure, **fields | more)


def led(failure: Failure | None = None, port: int = 5349, transport: str = "tls", **more: Any) -> Allocation:
    """A leg through the proxy; with a failure, one of which nothing of TURN came back."""
    fields: dict[str, Any] = {"server": PROXY, "via": VIA, "port": port, "transport": transport}
    if failure is None:
        return allocated(**{"local": local()} | fields | more)
    return unallocated(failure, **{"local": None} | fields | more)


def states(*observations: Observation, target: Any = TLS) -> list[str]:
    known = facts(*observations, target=target)
    return [state(known, each) for each in legs(known)]


def shook(leg: Allocation, failure: Failure | None = None, *, verified: bool = True) -> TlsSession:
    at = leg.flow if leg.local else flow("tls", local(), PROXY)
    return TlsSession(
        endpoint=leg.server,
        via=leg.via,
        name=leg.host,
        verified=verified and failure is None,
        failure=failure,
        probe="turn",
        flow=at,
    )


STRAIGHT = allocated("tls", RELAY_TLS, local="192.168.1.2:39000")
MUTE = unallocated(Failure.TIMEOUT, "tls", RELAY_TLS)


class TestTheStraightLegBesideAProxy:
    @pytest.mark.parametrize("failure", [Failure.TIMEOUT, Failure.REFUSED, Failure.RESET, Failure.NO_ROUTE])
    def test_its_silence_is_nobodys_fault(self, failure: Failure) -> None:
        mute = unallocated(failure, "tls", RELAY_TLS)
        assert states(tunnel(), led(), mute) == ["peer-unreached", "past-proxy"]
        assert "turn-unreachable" not in causes(tunnel(), led(), mute, target=TLS)

    def test_nor_where_the_proxy_refuses(self) -> None:
        seen = (tunnel(failure=Failure.HTTP_STATUS), MUTE)
        assert states(*seen) == ["past-proxy"]
        assert "turn-unreachable" not in causes(*seen, target=TLS)

    def test_without_a_proxy_it_is(self) -> None:
        assert states(MUTE) == ["unreachable"]
        assert "turn-unreachable" in causes(MUTE, target=TLS)

    def test_over_udp_it_stays(self) -> None:
        assert states(tunnel(3478), unallocated(Failure.TIMEOUT), target=TURN) == ["unreachable"]

    def test_what_the_relay_itself_says_counts_on_every_way(self) -> None:
        no = refused(401, "tls", RELAY_TLS)
        assert states(tunnel(), led(None), no, relay("tls", RELAY_TLS))[1] == "unauthorized"


class TestTheLegThroughIt:
    @pytest.mark.parametrize("failure", [Failure.TIMEOUT, Failure.RESET, Failure.CLOSED, Failure.TLS_OTHER])
    def test_cut_while_the_relay_answers_straight(self, failure: Failure) -> None:
        seen = (tunnel(), led(failure), STRAIGHT)
        known = facts(*seen, target=TLS)
        assert outcome(known, legs(known)[0]) == ("blocked", "proxy-breaks-relay")
        assert "proxy-refuses-port" in causes(*seen, target=TLS)

    def test_cut_and_nobody_knows_better(self) -> None:
        assert states(tunnel(), led(Failure.TIMEOUT)) == ["unreachable"]
        assert states(tunnel(), led(Failure.CLOSED, local=local())) == ["not-turn"]

    def test_credentials_are_those_of_its_name(self) -> None:
        server = relay("tls", RELAY_TLS, access="given")
        known = facts(server, led(), target=TLS)
        assert access(known, led()) == "given"
        assert access(known, led(port=443)) == "none"

    def test_a_wrong_password_is_the_relays_word(self) -> None:
        no = refused(401, "tls", PROXY, via=VIA, port=5349, local=local())
        assert states(tunnel(), no, relay("tls", RELAY_TLS)) == ["unauthorized"]

    def test_a_tunnel_is_its_connection(self) -> None:
        known = facts(tunnel(), tunnel(443), led(), target=TLS)
        (leg,) = legs(known)
        assert [each.port for each in connected(known, leg) if isinstance(each, Tunnel)] == [5349]

    def test_a_private_relayed_address_may_be_right_behind_it(self) -> None:
        """The proxy's own address says nothing of the relay's."""
        one = led(relayed="10.7.0.9:50000", server="198.51.100.80:3128")
        assert states(tunnel(), one) == ["peer-unreached"]
        assert states(tunnel(), led(relayed="127.0.0.1:50000")) == ["address-wrong"]


class TestSeveralBehindOneProxy:
    def test_a_certificate_is_that_of_its_own_relay(self) -> None:
        other = led(host="other.example.test")
        bad = led(Failure.TLS_CERTIFICATE, detail="certificate has expired")
        seen = (tunnel(), other, shook(other), bad, shook(bad, Failure.TLS_CERTIFICATE))
        known = facts(*seen, target=TLS)
        assert [len(refused_sessions(known, each)) for each in legs(known)] == [0, 1]
        assert states(*seen) == ["peer-unreached", "certificate"]

    def test_and_of_its_own_port(self) -> None:
        good, bad = led(port=443), led(Failure.TLS_CERTIFICATE)
        known = facts(good, shook(good), bad, shook(bad, Failure.TLS_CERTIFICATE), target=TLS)
        assert [len(refused_sessions(known, each)) for each in legs(known)] == [0, 1]

    def test_what_goes_by_alpn_is_one_of_them(self) -> None:
        looked = led(None, port=443, offered=("stun.turn",))
        known = facts(led(Failure.CLOSED, port=443), led(Failure.CLOSED), looked, target=TLS)
        assert [bool(sorted_by_alpn(known, each)) for each in legs(known)] == [True, False]

    def test_who_was_sent_on_is_followed_behind_it(self) -> None:
        sent = led(Failure.ERROR_RESPONSE, local=local(), error_code=300, alternate="203.0.113.99:5349", tries=1)
        known = facts(sent, led(), target=TLS)
        assert [each.allocation.failure for each in ends(known)] == [None]
        assert states(sent, led()) == ["redirected", "peer-unreached"]
        assert len(ends(facts(sent, led(port=443), target=TLS))) == 2


FOREIGN: Any = {"issuer": "CN=Example Web Gateway CA", "sha256": "b" * 64, "self_issued": False}


class TestSomebodyBetween:
    def shown(self, leg: Allocation, session: TlsSession, **more: Any) -> Certificate:
        fields = {"endpoint": leg.server, "via": leg.via, "name": leg.host, "probe": "turn", "flow": session.flow}
        return certificate(**fields | more)

    def test_another_certificate_than_straight_is_no_fault_of_the_relays(self) -> None:
        bad = led(Failure.TLS_CERTIFICATE, detail="unable to get local issuer certificate")
        refusal, read, own = shook(bad, Failure.TLS_CERTIFICATE), shook(bad, verified=False), shook(STRAIGHT)
        there = (tunnel(), refusal, read, self.shown(bad, read, **FOREIGN), bad)
        seen = (*there, own, self.shown(STRAIGHT, own), STRAIGHT)
        assert states(*seen)[0] == "intercepted"
        found = causes(*seen, target=TLS)
        assert "tls-intercepted" in found
        assert "turn-certificate" not in found

    def test_a_bad_one_alone_is_the_relays(self) -> None:
        bad = led(Failure.TLS_CERTIFICATE, detail="certificate has expired")
        seen = (tunnel(), shook(bad, Failure.TLS_CERTIFICATE), bad)
        assert states(*seen) == ["certificate"]
        assert "turn-certificate" in causes(*seen, target=TLS)


class TestUnreachableBeyondIt:
    def test_the_proxys_word_counts(self) -> None:
        down = tunnel(3478, Failure.HTTP_STATUS, status=503, error="ERR_CONNECT_FAIL 111")
        assert "turn-unreachable" in causes(down, relay("tcp", RELAY), target=TCP)

    def test_a_refusal_is_none(self) -> None:
        assert "turn-unreachable" not in causes(tunnel(3478, Failure.HTTP_STATUS), target=TCP)
