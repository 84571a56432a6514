"""STUN over TLS and DTLS, judged: what proves that neither works, and whose certificate it is."""

from __future__ import annotations

import msgspec
import pytest

from natprobe.derive import came_back, secure_pages, stun_asked, trusted, udp_works
from natprobe.facts import TlsSession
from natprobe.model import Allow, Do, Failure, Observation, Severity, Where
from natprobe.rules import CLEAR, NOT_APPLICABLE
from tests.made import (
    HOST,
    PAGE,
    PROHIBITED,
    STUN,
    STUN1,
    STUN2,
    TIMEOUT,
    UNREACHABLE,
    WEB,
    certificate,
    connected,
    doubt,
    ended,
    facts,
    found,
    judged,
    named,
    page,
    report,
    saw,
    session,
    unheard,
    words,
)

TARGET = msgspec.structs.replace(STUN, input=f"stuns:{HOST}", port=5349, scheme="stuns", transport=None)
AT, NAME = f"{WEB}:5349", named(WEB)
REFUSED, REJECTED = Failure.REFUSED, Failure.TLS_CERTIFICATE


def tls(failure: Failure | None = None, tries: int = 3, transport: str = "tls") -> Observation:
    if failure is None:
        return saw(AT, origin="target", transport=transport)
    return unheard(AT, tries, failure, origin="target", transport=transport)


def dtls(failure: Failure | None = None, tries: int = 9) -> Observation:
    return tls(failure, tries, "dtls")


def hands(failure: Failure | None = None, transport: str = "tls", endpoint: str = AT) -> TlsSession:
    return session(endpoint, failure, probe="stuns", transport=transport)


def verdict(*observations: Observation) -> str:
    return report(NAME, *observations, target=TARGET).verdict.status


@pytest.mark.parametrize(
    ("observations", "status"),
    [
        ((tls(), hands(), dtls(TIMEOUT)), "good"),
        ((tls(TIMEOUT), dtls(), hands(transport="dtls")), "good"),
        ((tls(), hands(), dtls(REJECTED)), "good"),
        ((tls(TIMEOUT), dtls(TIMEOUT)), "broken"),
        ((tls(REFUSED), dtls(UNREACHABLE)), "broken"),
        ((tls(REJECTED), dtls(TIMEOUT)), "broken"),
        ((tls(TIMEOUT), dtls(TIMEOUT, 5)), "unknown"),  # too short a silence
        ((tls(TIMEOUT, 1), dtls(TIMEOUT)), "unknown"),
        ((tls(TIMEOUT),), "unknown"),  # the other was not asked
        ((tls(Failure.NO_ROUTE), dtls(Failure.NO_ROUTE)), "unknown"),
        ((tls(), hands(REJECTED), dtls(), hands(REJECTED, "dtls")), "broken"),  # --insecure
        ((tls(), hands(transport="dtls"), dtls(TIMEOUT)), "broken"),  # verified, but that was the other one
        ((), "unknown"),
    ],
)
def test_the_verdict(observations: tuple[Observation, ...], status: str) -> None:
    assert verdict(*observations) == status


@pytest.mark.parametrize(
    ("observations", "over"),
    [
        ((tls(), hands(), dtls(TIMEOUT)), "TLS"),
        ((dtls(), hands(transport="dtls"), tls(TIMEOUT)), "DTLS"),
        ((dtls(), hands(transport="dtls"), tls(), hands()), "TLS and DTLS"),
    ],
)
def test_the_summary_says_over_what(observations: tuple[Observation, ...], over: str) -> None:
    assert report(NAME, *observations, target=TARGET).verdict.summary == f"{HOST} answers STUN over {over} from here"


class TestStunUnreachable:
    def test_neither(self) -> None:
        only = found("stun-unreachable", tls(TIMEOUT), dtls(TIMEOUT), saw(), target=TARGET)
        assert "neither over TLS nor over DTLS: no answer in time" in only.message.format_map(only.args)
        fixes = [(each.proto, each.ports) for each in only.fixes if isinstance(each, Allow)]
        assert fixes == [("tcp", ("5349",)), ("udp", ("5349",))]

    def test_nothing_listens(self) -> None:
        only = found("stun-unreachable", tls(REFUSED), dtls(UNREACHABLE, 1), target=TARGET)
        assert only.where is Where.SERVER_HOST
        assert [type(each) for each in only.fixes] == [Do]
        assert "with a certificate" in only.fixes[0].text  # type: ignore[union-attr]

    def test_one_refused_and_the_other_prohibited(self) -> None:
        only = found("stun-unreachable", tls(REFUSED), dtls(PROHIBITED, 1), connected(), target=TARGET)
        assert [type(each) for each in only.fixes] == [Do, Allow]
        assert only.where is Where.SERVER_EDGE

    def test_nothing_to_compare_with(self) -> None:
        only = found("stun-unreachable", tls(TIMEOUT), dtls(TIMEOUT), target=TARGET)
        assert only.where is Where.UNKNOWN

    def test_what_speaks_something_else(self) -> None:
        only = found("stun-unreachable", tls(Failure.TLS_OTHER), dtls(TIMEOUT), target=TARGET)
        assert only.where is Where.SERVER_PROCESS

    def test_one_transport_of_the_address(self) -> None:
        only = msgspec.structs.replace(TARGET, transport="udp")
        assert "over DTLS: no answer in time" in words("stun-unreachable", dtls(TIMEOUT), target=only)

    @pytest.mark.parametrize(
        "observations",
        [
            (tls(), dtls(TIMEOUT)),
            (tls(TIMEOUT), dtls()),
            (tls(REJECTED), dtls(TIMEOUT)),
        ],
    )
    def test_it_answers(self, observations: tuple[Observation, ...]) -> None:
        assert judged("stun-unreachable", *observations, target=TARGET) is CLEAR

    def test_what_does_not_decide(self) -> None:
        assert doubt("stun-unreachable", tls(TIMEOUT), dtls(TIMEOUT, 5), target=TARGET) == "timeout"
        assert doubt("stun-unreachable", tls(TIMEOUT, 1), dtls(TIMEOUT), target=TARGET) == "timeout"
        assert doubt("stun-unreachable", tls(Failure.NO_ROUTE), dtls(TIMEOUT), target=TARGET) == "no-route"
        assert doubt("stun-unreachable", tls(TIMEOUT), target=TARGET) == "not-tried"  # the probe was cut
        assert judged("stun-unreachable", saw(), target=TARGET) is NOT_APPLICABLE


class TestCertificates:
    def test_of_the_very_transport(self) -> None:
        """TLS shows a good one, DTLS an old one: only that is told."""
        good, old = certificate(endpoint=AT), certificate(endpoint=AT, transport="dtls", days_left=-1.0)
        refused = hands(REJECTED, "dtls")
        only = found("certificate-invalid", hands(), good, refused, old, target=TARGET)
        assert "ended on" in only.message
        assert len(only.evidence) == 2

    def test_who_is_to_reload_it(self) -> None:
        only = found("certificate-invalid", hands(REJECTED), certificate(endpoint=AT, days_left=-1.0), target=TARGET)
        assert only.fixes[0].after == "reload the STUN server"
        near = certificate(endpoint=AT, days_left=3.0)
        assert found("certificate-expiring", hands(), near, target=TARGET).fixes[0].after == "reload the STUN server"

    def test_another_servers_is_its_own_matter(self) -> None:
        other = session(STUN1, REJECTED, name="stun1.example.test", probe="stuns")
        assert judged("certificate-invalid", other, target=TARGET) is NOT_APPLICABLE

    def test_it_explains_the_verdict(self) -> None:
        made = report(
            NAME,
            tls(REJECTED),
            dtls(REJECTED),
            hands(REJECTED),
            certificate(endpoint=AT, days_left=-1.0),
            target=TARGET,
        )
        assert made.verdict.status == "broken"
        assert [(each.cause, each.severity) for each in made.findings] == [("certificate-invalid", "error")]


def test_a_stun_server_is_no_web_front() -> None:
    """Its sessions, good or bad, say nothing of the page."""
    assert not secure_pages(facts(hands(), page()))
    assert report(NAME, connected(), session(), page(), hands(REJECTED)).verdict.stages.web == "ok"


def test_dtls_shows_that_udp_works_and_its_silence_shows_nothing() -> None:
    dead = (unheard(STUN1, 9), unheard(STUN2, 9), saw(STUN1, transport="tcp"))
    assert udp_works(facts(*dead)) is False
    assert udp_works(facts(*dead, dtls(TIMEOUT))) is False
    assert udp_works(facts(*dead, dtls())) is True
    assert udp_works(facts(unheard(STUN1, 9), dtls(TIMEOUT), saw(STUN1, transport="tcp"))) is None


def test_meanings() -> None:
    answered, over_udp = saw(AT, origin="target", transport="tls"), saw(AT, origin="target")
    seen = facts(answered, over_udp, hands(), target=TARGET)
    assert [each.transport for each in stun_asked(seen)] == ["tls"]
    assert trusted(seen, answered)
    assert trusted(seen, over_udp)
    assert not trusted(facts(answered, hands(REJECTED)), answered)
    assert came_back(unheard(AT, 1, REJECTED, transport="dtls"))


class TestBesideThePage:
    """A STUN server that the SRV records of a meeting's domain lead to."""

    AT = "203.0.113.99:5349"
    HAND = session(AT, REJECTED, probe="stuns", detail=f"Hostname mismatch, certificate is not valid for '{HOST}'.")
    SHOWN = certificate(endpoint=AT, names=("turn.example.net",), matches=False)
    FRONT = (NAME, connected(), session(), certificate())

    def test_whose_certificate_it_is(self) -> None:
        said = words("certificate-invalid", *self.FRONT, self.HAND, self.SHOWN, target=PAGE)
        assert said.startswith(f"At {self.AT}, a server of the SRV records and not the page: ")
        (fix,) = found("certificate-invalid", *self.FRONT, self.HAND, self.SHOWN, target=PAGE).fixes
        assert fix.after == "reload the STUN server"

    def test_it_never_explains_why_a_page_does_not_open(self) -> None:
        made = report(*self.FRONT, page(status=502), self.HAND, self.SHOWN, *ended(), target=PAGE)
        assert made.verdict.status == "broken"
        assert "certificate" not in made.verdict.summary
        assert {each.severity for each in made.findings if each.code == "NP402"} == {Severity.WARNING}

    def test_the_page_s_own_is_told_by_itself(self) -> None:
        bad = session(failure=REJECTED, detail="certificate has expired")
        judgement = judged(
            "certificate-invalid", NAME, bad, certificate(days_left=-1.0), self.HAND, self.SHOWN, target=PAGE
        )
        assert isinstance(judgement, list)
        assert [each.severity for each in judgement] == [None, Severity.WARNING]

    def test_one_that_ends_soon_has_its_place(self) -> None:
        ending = certificate(endpoint=self.AT, days_left=3.0)
        seen = (*self.FRONT, session(self.AT, probe="stuns"), ending)
        assert f"at {self.AT} ends on" in words("certificate-expiring", *seen, target=PAGE)
        assert found("certificate-expiring", *seen, target=PAGE).fixes[0].after == "reload the STUN server"
