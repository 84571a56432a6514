"""What is said of networks that look into STUN: dropped, altered, and what must not be said beside it."""

from __future__ import annotations

import pytest

from natprobe.derive import udp_works
from natprobe.derive.cookie import stun_filtered
from natprobe.facts import OtherPayload, Stray
from natprobe.model import Failure, Severity, Where
from natprobe.rules import CLEAR, NOT_APPLICABLE
from tests.made import (
    LOCAL,
    LOCAL6,
    MEDIA,
    STUN,
    STUN1,
    STUN1_6,
    STUN2,
    TIMEOUT,
    checked,
    doubt,
    facts,
    found,
    judged,
    online,
    saw,
    silent,
    unheard,
    words,
)


def old_kind(server: str = STUN1, answers: int = 6, tries: int = 6, local: str = LOCAL) -> OtherPayload:
    failure = None if answers else TIMEOUT
    return OtherPayload(
        server=server, local=local, payload="classic-stun", tries=tries, answers=answers, failure=failure
    )


def fingerprint(server: str = STUN1, failure: Failure | None = None) -> OtherPayload:
    return OtherPayload(
        server=server, local=LOCAL, payload="fingerprint", tries=1, answers=int(failure is None), failure=failure
    )


def altered(server: str = STUN1) -> Stray:
    return Stray(local=LOCAL, sender=server, fault="altered", count=2)


class TestFiltered:
    BOTH = (unheard(STUN1), unheard(STUN2), old_kind(STUN1), old_kind(STUN2))

    def test_two_servers_lay_it_to_this_network(self) -> None:
        assert found("stun-filtered", *self.BOTH).where is None
        assert "12 of 12" in words("stun-filtered", *self.BOTH)
        assert "none of 10" in words("stun-filtered", *self.BOTH)
        assert udp_works(facts(*self.BOTH)) is True
        assert judged("udp-blocked", *self.BOTH, online("203.0.113.20", 3478)) is CLEAR

    def test_one_may_have_the_filter_before_itself(self) -> None:
        assert found("stun-filtered", unheard(tries=9), old_kind()).where is Where.UNKNOWN

    @pytest.mark.parametrize(
        ("tries", "answers", "sent"),
        [(8, 6, 6), (9, 5, 9), (9, 6, 13), (5, 6, 6)],
    )
    def test_too_little_to_tell(self, tries: int, answers: int, sent: int) -> None:
        seen = (unheard(tries=tries), old_kind(answers=answers, tries=sent))
        assert stun_filtered(facts(*seen)) is None
        assert doubt("stun-filtered", *seen) == "few-controls"

    def test_without_a_control_nothing_is_said(self) -> None:
        seen = (unheard(tries=9), old_kind(answers=0, tries=9))
        assert stun_filtered(facts(*seen)) is None
        assert judged("stun-filtered", *seen) is NOT_APPLICABLE

    def test_a_control_from_another_socket_or_server_is_none(self) -> None:
        assert stun_filtered(facts(unheard(tries=9), old_kind(local="192.168.1.2:40001"))) is None
        assert stun_filtered(facts(unheard(tries=9), old_kind("203.0.113.20:3479"))) is None

    def test_stun_that_comes_back_clears(self) -> None:
        assert stun_filtered(facts(saw())) is False
        assert stun_filtered(facts(saw(failure=Failure.ERROR_RESPONSE))) is False
        assert judged("stun-filtered", saw(), unheard(STUN2, tries=9), old_kind(STUN2)) is CLEAR

    def test_icmp_is_no_stun(self) -> None:
        closed = unheard(STUN2, failure=Failure.PORT_UNREACHABLE, reported_by="203.0.113.30")
        assert stun_filtered(facts(closed)) is None

    def test_each_family_by_itself(self) -> None:
        """IPv6 passes: the filter is in IPv4's way only."""
        seen = (*self.BOTH, saw(STUN1_6, "[2001:db8:1::2]:40000", LOCAL6))
        assert stun_filtered(facts(*seen), 4) is True
        assert stun_filtered(facts(*seen), 6) is False
        assert found("stun-filtered", *seen)

    def test_the_media_port_counts_by_itself(self) -> None:
        seen = (saw(), silent(), silent(size=1200), old_kind(MEDIA))
        assert found("stun-filtered", *seen).where is Where.UNKNOWN
        assert "STUN to other servers works" in words("stun-filtered", *seen)
        assert judged("media-port-silent", *seen) is CLEAR

    def test_a_media_port_that_answers_another_address_of_ours_is_no_question(self) -> None:
        seen = (saw(), checked(local="10.20.0.2:40000"), silent(), old_kind(MEDIA))
        assert judged("stun-filtered", *seen) is CLEAR

    def test_a_media_port_that_answers_nothing_is_silent(self) -> None:
        seen = (saw(), silent(), old_kind(MEDIA, answers=0, tries=9))
        assert judged("stun-filtered", *seen) is CLEAR
        assert found("media-port-silent", *seen)

    def test_a_stun_server_behind_it_is_not_to_blame(self) -> None:
        seen = (unheard(tries=9, origin="target"), old_kind())
        assert judged("stun-unreachable", *seen, target=STUN) is CLEAR
        assert found("stun-unreachable", seen[0], target=STUN)


class TestAltered:
    def test_whose_own_address_is_not_told(self) -> None:
        """A saved report may leave it out."""
        odd = saw(mapped_plain="203.0.113.9:9", local=None)  # type: ignore[arg-type]
        assert doubt("stun-rewritten", odd) == "few-servers"

    def test_two_operators_make_it_the_way(self) -> None:
        seen = (saw(), saw(STUN2), altered(STUN1), altered(STUN2), fingerprint(STUN1, Failure.PROTOCOL))
        assert "2 independent servers" in words("stun-rewritten", *seen)
        assert found("stun-rewritten", *seen).severity is None

    def test_one_that_others_contradict_is_that_servers_own_fault(self) -> None:
        seen = (saw(), saw(STUN2), altered(STUN1), fingerprint(STUN1, Failure.PROTOCOL), fingerprint(STUN2))
        assert judged("stun-rewritten", *seen) is CLEAR

    def test_one_alone_decides_nothing(self) -> None:
        seen = (saw(), altered(STUN1), fingerprint(STUN1, Failure.PROTOCOL))
        assert doubt("stun-rewritten", *seen) == "few-servers"

    def test_two_addresses_of_one_operator_are_one(self) -> None:
        other = "203.0.113.21:3478"
        seen = (saw(operator="one"), saw(other, operator="one"), altered(STUN1), altered(other))
        assert doubt("stun-rewritten", *seen) == "few-servers"

    def test_signed_checks_make_it_grave_and_are_no_refusal(self) -> None:
        dead = checked(failure=Failure.PROTOCOL)
        seen = (saw(), dead, altered(STUN1), altered(MEDIA))
        assert found("stun-rewritten", *seen).severity is Severity.ERROR
        assert judged("media-refuses-check", *seen) is CLEAR
        assert found("media-refuses-check", saw(), dead)

    def test_garbage_is_nothing_altered(self) -> None:
        noise = [Stray(local=LOCAL, sender=each, fault="garbage") for each in (STUN1, STUN2)]
        assert judged("stun-rewritten", saw(), saw(STUN2), *noise) is NOT_APPLICABLE
