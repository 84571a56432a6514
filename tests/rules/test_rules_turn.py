"""The rules about relays, on facts made by hand: each finds its own cause and no other one."""

from __future__ import annotations

from typing import Any

import pytest

from natprobe.derive import udp_works
from natprobe.model import Allow, Do, Failure, Observation, Set, Where
from natprobe.rules import CLEAR, NOT_APPLICABLE, rules
from tests.made import (
    LEG,
    PAGE,
    PROHIBITED,
    RELAY,
    RELAY_HOST,
    RELAY_TLS,
    ROUTER,
    STUN1,
    STUN2,
    TIMEOUT,
    TURN,
    UNREACHABLE,
    allocated,
    certificate,
    connected,
    doubt,
    ended,
    facts,
    found,
    judged,
    named,
    page,
    refused,
    relay,
    report,
    saw,
    through,
    unallocated,
    unheard,
    words,
)
from tests.made_relays import (
    CLOSED,
    CUT,
    ELSEWHERE,
    INNER,
    NAME,
    PASSES,
    REFUSED,
    TCP,
    TLS,
    at_relay,
    causes,
    closed_range,
    healthy,
    tls,
    verdict,
    ways,
)

TURN_RULES = [each.cause.name for each in rules() if "NP203" <= each.cause.code <= "NP214"]


STATES: dict[str, tuple[tuple[Observation, ...], str]] = {
    "silent": ((unallocated(TIMEOUT),), "turn-unreachable"),
    "port-unreachable": ((unallocated(UNREACHABLE, reported_by="203.0.113.40"),), "turn-unreachable"),
    "prohibited": ((unallocated(PROHIBITED, reported_by="203.0.113.1"),), "turn-unreachable"),
    "401": ((relay(), refused(401)), "turn-unauthorized"),
    "403": ((relay(), refused(403)), "turn-unauthorized"),
    "empty realm": ((relay(), refused(401, realm="")), "turn-realm-missing"),
    "no realm": ((relay(), refused(401, realm=None, authenticated=False)), "turn-realm-missing"),
    "private": ((relay(), allocated(relayed=INNER)), "turn-relay-address-wrong"),
    "unspecified": ((relay(), allocated(relayed="0.0.0.0:50000")), "turn-relay-address-wrong"),
    "not the one peers see": ((relay(), allocated(), through(seen_from=ELSEWHERE)), "turn-relay-address-wrong"),
    "range closed": (closed_range(), "turn-relay-silent"),
    "486": ((relay(), refused(486)), "turn-capacity"),
    "508": ((relay(), refused(508)), "turn-capacity"),
    "binding only": ((saw(RELAY, origin="target", local=LEG), unallocated(TIMEOUT)), "turn-stalled"),
    "hangs with credentials": ((unallocated(TIMEOUT, challenged=True, tries=10),), "turn-stalled"),
    "442": ((relay(), refused(442)), "turn-transport-disabled"),
    "440": ((relay(), refused(440)), "turn-transport-disabled"),
}


@pytest.mark.parametrize("state", STATES)
def test_one_state_one_cause(state: str) -> None:
    seen, cause = STATES[state]
    assert causes(*PASSES, *seen) == [cause]
    assert verdict(*PASSES, *seen) == "broken"
    (only,) = report(NAME, *PASSES, *seen, target=TURN).findings
    assert (only.severity, only.args["host"], only.args["transport"]) == ("error", RELAY_HOST, "UDP")
    assert RELAY_HOST in only.message
    assert RELAY in only.message
    assert "UDP" in only.message
    assert only.fixes
    assert "{" not in only.message


@pytest.mark.parametrize("transport", ["udp", "tcp", "tls", "dtls"])
def test_a_healthy_relay_has_no_cause(transport: str) -> None:
    seen = healthy(transport)
    assert causes(*PASSES, *seen) == []
    for cause in TURN_RULES:
        assert judged(cause, *PASSES, *seen, target=TURN) in (CLEAR, NOT_APPLICABLE)
    assert verdict(*PASSES, *healthy(), target=TURN) == "good"


def test_without_a_relay_no_rule_applies() -> None:
    assert {judged(cause, *PASSES, target=PAGE) for cause in TURN_RULES} == {NOT_APPLICABLE}


@pytest.mark.parametrize("state", STATES)
def test_it_harms_no_meeting_that_goes_without(state: str) -> None:
    """On the way to a meeting server it is a warning, unless it is why nothing works."""
    seen, cause = STATES[state]
    made = report(named(), page(), *PASSES, *seen, *ended(), target=PAGE)
    assert {each.severity for each in made.findings if each.cause == cause} == {"warning"}


class TestUnreachable:
    def silence(self, transport: str = "udp", **more: Any) -> Observation:
        return unallocated(TIMEOUT, transport, **more)

    def test_silence_where_udp_passes_is_the_relays_firewall(self) -> None:
        only = found("turn-unreachable", *PASSES, self.silence(), target=TURN)
        assert only.where is Where.SERVER_EDGE
        assert [(each.proto, each.ports) for each in only.fixes if isinstance(each, Allow)] == [("udp", ("3478",))]
        assert not only.alternatives

    def test_silence_with_nothing_to_compare(self) -> None:
        only = found("turn-unreachable", self.silence(), target=TURN)
        assert only.where is Where.UNKNOWN
        assert [each.cause for each in only.alternatives] == ["udp-blocked"]

    def test_five_tries_are_too_few(self) -> None:
        assert doubt("turn-unreachable", *PASSES, self.silence(tries=8), target=TURN) == "timeout"
        assert doubt("turn-unreachable", *PASSES, self.silence("tcp", tries=2), target=TCP) == "timeout"
        assert ways(self.silence(tries=8)) == [("unknown", "timeout")]

    def test_silent_connections(self) -> None:
        only = found("turn-unreachable", saw(STUN1, transport="tcp", flow="tcp/*>203.0.113.20:3478"),
                     self.silence("tcp"), target=TCP)  # fmt: skip
        assert only.where is Where.SERVER_EDGE
        assert "to 3 connections" in only.message.format_map(only.args)

    def test_a_network_that_lets_only_the_web_out(self) -> None:
        only = found("turn-unreachable", connected(), self.silence("tcp"), target=TCP)
        assert only.where is Where.UNKNOWN

    def test_udp_that_never_comes_back_is_this_networks(self) -> None:
        dead = (unheard(STUN1, 9), unheard(STUN2, 9), saw(STUN1, transport="tcp"))
        assert causes(*dead, self.silence()) == ["udp-blocked"]
        assert ways(*dead, self.silence()) == [("blocked", "silence")]
        assert verdict(*dead, self.silence()) == "broken"

    def test_rejected_by_this_networks_firewall_with_all_udp(self) -> None:
        dead = [unheard(each, 1, PROHIBITED, reported_by=ROUTER) for each in (STUN1, STUN2)]
        seen = (*dead, saw(STUN1, transport="tcp"), unallocated(PROHIBITED, reported_by=ROUTER))
        assert causes(*seen) == ["udp-blocked"]

    def test_rejected_alone(self) -> None:
        only = found("turn-unreachable", *PASSES, unallocated(PROHIBITED, reported_by=ROUTER), target=TURN)
        assert only.where is Where.LOCAL_NETWORK
        assert ROUTER in only.message.format_map(only.args)

    def test_an_answer_from_the_relay_shows_that_udp_passes(self) -> None:
        dead = (unheard(STUN1, 9), unheard(STUN2, 9), saw(STUN1, transport="tcp"))
        assert udp_works(facts(*dead, refused(401))) is True
        assert udp_works(facts(*dead, refused(401, "tcp"))) is False
        assert udp_works(facts(*dead, refused(401)), 6) is None

    def test_nothing_listens(self) -> None:
        only = found("turn-unreachable", *PASSES, unallocated(REFUSED, "tcp", tries=1), target=TCP)
        assert only.where is Where.SERVER_HOST
        assert not only.alternatives
        assert "Nothing listens for TCP" in only.message.format_map(only.args)

    @pytest.mark.parametrize("transport", ["tls", "dtls"])
    def test_no_tls_beside_a_living_relay_is_mostly_the_certificate(self, transport: str) -> None:
        failure = REFUSED if transport == "tls" else UNREACHABLE
        seen = (*PASSES, at_relay(), unallocated(failure, transport, RELAY_TLS, tries=1))
        only = found("turn-unreachable", *seen, target=TLS)
        assert [each.cause for each in only.alternatives] == ["certificate-unreadable"]
        assert {each.key for each in only.fixes if isinstance(each, Set)} == {"cert", "pkey", "tls-listening-port"}
        assert len(only.evidence) == 2

    @pytest.mark.parametrize("failure", [CUT, CLOSED])
    def test_closed_before_tls_began(self, failure: Failure) -> None:
        only = found("turn-unreachable", *PASSES, unallocated(failure, "tls", RELAY_TLS, tries=1), target=TLS)
        assert [each.cause for each in only.alternatives] == ["turn-443-not-turn"]
        assert "SNI" in only.fixes[0].text  # type: ignore[union-attr]

    def test_a_connection_that_stays_dumb(self) -> None:
        only = found("turn-unreachable", *PASSES, at_relay(), self.silence("tcp", tries=1, local=LEG), target=TCP)
        assert "then says nothing" in only.message
        only = found("turn-unreachable", *PASSES, at_relay(RELAY_TLS), self.silence("tls", server=RELAY_TLS, tries=1),
                     target=TLS)  # fmt: skip
        assert "then says nothing" in only.message

    def test_no_way_there(self) -> None:
        only = found("turn-unreachable", *PASSES, unallocated(Failure.UNREACHABLE_HOST, "tcp", tries=1), target=TCP)
        assert only.where is Where.UNKNOWN

    def test_another_transport_of_the_same_host_works(self) -> None:
        text = words("turn-unreachable", *PASSES, self.silence(), *healthy("tcp"), target=TURN)
        assert text.endswith("; over TCP it answers")
        other = words("turn-unreachable", *PASSES, self.silence(), *healthy("tcp", host="other.test"), target=TURN)
        assert "answers" not in other.rpartition(":")[2]

    def test_one_finding_for_all_addresses_of_a_name(self) -> None:
        second = "203.0.113.41:3478"
        only = found("turn-unreachable", *PASSES, self.silence(), self.silence(server=second), target=TURN)
        assert f"{RELAY} and {second}" in only.message.format_map(only.args)
        assert "18 requests" in only.message.format_map(only.args)

    def test_what_lies_in_this_machine(self) -> None:
        seen = (*PASSES, unallocated(Failure.NO_ROUTE, tries=0))
        assert judged("turn-unreachable", *seen, target=TURN) is CLEAR
        assert ways(*seen) == [("unknown", "no-route")]

    def test_this_machines_firewall(self) -> None:
        seen = (*PASSES, unallocated(Failure.PERMISSION_DENIED, tries=0))
        assert causes(*seen) == ["local-firewall"]
        assert verdict(*seen) == "broken"


class TestUnauthorized:
    def test_what_looks_the_same(self) -> None:
        assert "wrong password" in words("turn-unauthorized", relay(), refused(401), target=TURN)
        assert "timestamp" in words("turn-unauthorized", relay(access="secret"), refused(401), target=TURN)
        only = found("turn-unauthorized", relay(), refused(401), target=TURN)
        assert [each.cause for each in only.alternatives] == ["turn-secret-mismatch", "turn-auth-mode-conflict"]

    def test_what_to_compare(self) -> None:
        only = found("turn-unauthorized", relay(access="secret"), refused(401), target=TURN)
        text = " ".join(each.text for each in only.fixes if isinstance(each, Do))
        compared = ("static-auth-secret", "external_service_secret", "turncredentials_secret", "lt-cred-mech", "user=")
        assert [each for each in compared if each not in text] == []

    def test_without_credentials_it_is_only_guarded(self) -> None:
        seen = (relay(access="none"), refused(401, authenticated=False))
        assert doubt("turn-unauthorized", *seen, target=TURN) == "needs-credentials"
        assert (causes(*seen), verdict(*seen)) == ([], "unknown")

    def test_an_empty_realm_alone_is_no_fault(self) -> None:
        seen = (relay(access="none"), refused(401, authenticated=False, realm=""))
        assert (causes(*seen), verdict(*seen)) == ([], "unknown")
        assert causes(*healthy(realm="")) == []

    def test_an_answer_that_does_not_verify(self) -> None:
        faulty = unallocated(Failure.PROTOCOL, challenged=True, signed=False, detail="wrong-signature")
        assert judged("turn-unauthorized", relay(), faulty, target=TURN) == CLEAR
        assert causes(relay(), faulty) == ["turn-answer-unusable"]


class TestTls:
    def certificate(self, **more: Any) -> Observation:
        return certificate(endpoint=RELAY_TLS, name=RELAY_HOST, **more)

    REFUSED = (unallocated(Failure.TLS_CERTIFICATE, "tls", RELAY_TLS, tries=1), tls(Failure.TLS_CERTIFICATE))

    @pytest.mark.parametrize(
        ("leaf", "said"),
        [
            ({"days_left": -1.0}, "ended on"),
            ({"matches": False, "names": ("other.test",)}, "is for other.test, not for"),
            ({"self_issued": True}, "signed by itself"),
        ],
    )
    def test_a_certificate(self, leaf: dict[str, Any], said: str) -> None:
        seen = (*self.REFUSED, self.certificate(**leaf))
        assert causes(*PASSES, *seen, target=TLS) == ["turn-certificate"]
        assert said in words("turn-certificate", *seen, target=TLS)
        assert verdict(*PASSES, *seen, target=TLS) == "broken"

    def test_one_that_could_not_be_read(self) -> None:
        assert "does not verify" in words("turn-certificate", *self.REFUSED, target=TLS)

    def test_the_intermediate_left_out(self) -> None:
        refused_one = tls(Failure.TLS_CERTIFICATE, detail="unable to get local issuer certificate")
        only = found("turn-certificate", self.REFUSED[0], refused_one, self.certificate(chain=1), target=TLS)
        assert {type(each) for each in only.fixes} == {Set}
        assert [each.cause for each in only.alternatives] == ["tls-intercepted"]

    def test_with_insecure_the_finding_stays(self) -> None:
        seen = (*healthy("tls", RELAY_TLS), self.REFUSED[1], tls(verified=False), self.certificate(days_left=-1.0))
        assert causes(*PASSES, *seen, target=TLS) == ["turn-certificate"]
        assert verdict(*PASSES, *seen, target=TLS) == "broken"

    def test_one_that_ends_soon_is_told_as_ever(self) -> None:
        seen = (*healthy("tls", RELAY_TLS), tls(), self.certificate(days_left=3.0))
        assert causes(*PASSES, *seen, target=TLS) == ["certificate-expiring"]
        assert report(NAME, *seen, target=TLS).findings[0].fixes[0].after == "reload the TURN server"

    @pytest.mark.parametrize(
        "leg",
        [
            unallocated(Failure.PROTOCOL, "tls", RELAY_TLS, tries=1, local=LEG, detail="neither STUN nor channel data"),
            unallocated(Failure.PROTOCOL, "tcp", tries=1, local=LEG, detail="neither STUN nor channel data"),
            unallocated(Failure.TLS_OTHER, "tls", RELAY_TLS, tries=1, detail="wrong version number"),
            unallocated(Failure.TLS_ALERT, "tls", RELAY_TLS, tries=1, detail="tlsv1 unrecognized name"),
            unallocated(CLOSED, "tls", RELAY_TLS, tries=1, local=LEG),
        ],
    )
    def test_something_else(self, leg: Any) -> None:
        target = TLS if leg.transport == "tls" else TCP
        assert causes(*PASSES, leg, target=target) == ["turn-443-not-turn"]
        assert verdict(*PASSES, leg, target=target) == "broken"
        assert "{" not in words("turn-443-not-turn", leg, target=target)

    def test_a_session_that_never_answers(self) -> None:
        leg = unallocated(TIMEOUT, "tls", RELAY_TLS, tries=1, local=LEG)
        assert causes(*PASSES, leg, target=TLS) == ["turn-stalled"]


class TestCapacity:
    def test_which_quota(self) -> None:
        def keys(leg: Observation) -> set[str]:
            return {each.key for each in found("turn-capacity", leg, target=TURN).fixes if isinstance(each, Set)}

        assert keys(refused(486, words="Allocation Quota Reached")) == {"user-quota", "total-quota"}
        assert keys(refused(486, words="Allocation Bandwidth Quota Reached")) == {"bps-capacity"}
        assert keys(refused(508, words="Cannot create socket")) == {"min-port", "max-port"}

    def test_what_we_filled_ourselves(self) -> None:
        seen = (*healthy("tcp"), refused(486))
        assert doubt("turn-capacity", *seen, target=TURN) == "relay-full-by-check"
        assert verdict(*seen) == "unknown"
        assert found("turn-capacity", *healthy("tcp", host="other.test"), refused(486), target=TURN)


class TestStalled:
    def test_a_binding_from_another_address_of_ours_says_nothing(self) -> None:
        seen = (saw(RELAY, origin="target", local="10.20.0.2:4000"), unallocated(TIMEOUT))
        assert causes(*PASSES, *seen) == ["turn-unreachable"]

    def test_nor_does_one_over_another_transport(self) -> None:
        seen = (saw(RELAY, origin="target", transport="tcp"), unallocated(TIMEOUT))
        assert causes(*PASSES, *seen) == ["turn-unreachable"]

    def test_too_few_tries_are_loss(self) -> None:
        few = unallocated(TIMEOUT, "dtls", RELAY_TLS, tries=5, local=LEG)
        assert doubt("turn-unreachable", *PASSES, few, target=TLS) == "timeout"
        seen = (saw(RELAY, origin="target", local=LEG), unallocated(TIMEOUT, tries=5))
        assert causes(*PASSES, *seen) == []

    def test_over_tcp(self) -> None:
        seen = (saw(RELAY, origin="target", transport="tcp"), unallocated(TIMEOUT, "tcp", tries=1, local=LEG))
        assert causes(*PASSES, *seen, target=TCP) == ["turn-stalled"]


class TestWhatExplains:
    def test_udp_is_none_of_a_relays_over_tcp(self) -> None:
        dead = (unheard(STUN1, 9), unheard(STUN2, 9), saw(STUN1, transport="tcp"))
        made = report(NAME, *dead, relay("tcp"), refused(401, "tcp"), target=TCP)
        assert [(each.cause, each.severity) for each in made.findings] == [
            ("turn-unauthorized", "error"),
            ("udp-blocked", "warning"),
        ]
        assert "401" in made.verdict.summary

    def test_nor_is_another_leg(self) -> None:
        made = report(NAME, *PASSES, relay(), refused(401), unallocated(TIMEOUT, "tcp"), target=TURN)
        assert [(each.cause, each.severity) for each in made.findings] == [
            ("turn-unauthorized", "error"),
            ("turn-unreachable", "warning"),
        ]

    def test_where_the_named_one_works_nothing_is_an_error(self) -> None:
        made = report(NAME, *PASSES, *healthy(), unallocated(TIMEOUT, "tcp"), target=TURN)
        assert [(each.cause, each.severity) for each in made.findings] == [("turn-unreachable", "warning")]
        assert made.verdict.status == "good"
