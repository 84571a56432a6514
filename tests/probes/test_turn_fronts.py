"""What may lie before a relay's TLS port: told apart, each in its own words, at no cost where the relay answers."""

from __future__ import annotations

import pytest

from natprobe.asking import relays
from natprobe.diagnose import diagnose
from natprobe.facts import Allocation, TlsSession
from natprobe.model import Failure, Finding
from natprobe.render._manner import Manner
from natprobe.render.text import lines
from natprobe.target import parse
from tests.case import Relay
from tests.lab import check
from tests.lab.build import Lab
from tests.lab.certificates import server_context
from tests.lab.client import lab_of
from tests.lab.web import ServerTls
from tests.probes.relaying import ALICE, HEALTHY, TARGETS, allocation, asked, but, took
from tests.probes.seen import hangs, of

ON_443 = "turns:turn.example.test:443"
ODD_TLS = "turns:stun1.example.test:5000"


def found(lab: Lab, target: str) -> tuple[Finding, ...]:
    session = check.session(lab, target, access=ALICE)
    report = diagnose(parse(target).target, session.observations, [session.source])
    assert lines(report, Manner(verbose=True))
    return report.findings


class TestWhoGoesByAlpn:
    def test_a_relay_that_answers_is_asked_once(self) -> None:
        for front in ("name", "web-alpn"):
            seen = asked(lab_of(relay=but(front=front)), ON_443)
            assert [each.offered for each in of(seen, TlsSession)] == [()]
            assert allocation(seen).failure is None

    @pytest.mark.parametrize("relay", [but(state="full"), but(access="secret")], ids=["full", "unauthorized"])
    def test_nor_one_that_refuses(self, relay: Relay) -> None:
        assert [each.offered for each in of(asked(lab_of(relay=relay), TARGETS["tls"]), TlsSession)] == [()]

    @pytest.mark.parametrize("front", ["alpn", "alpn-shut"])
    def test_else_once_more_with_a_name(self, front: str) -> None:
        lab = lab_of(relay=but(front=front))
        seen, seconds = took(lab, ON_443)
        browsers, other = of(seen, Allocation)
        assert (browsers.offered, other.offered) == ((), ("stun.turn",))
        assert (other.failure, other.challenged, other.authenticated) == (Failure.UNAUTHORIZED, True, False)
        assert [each.alpn for each in of(seen, TlsSession) if each.offered] == ["stun.turn"]
        assert seconds < 0.7
        assert lab.relay is not None
        assert lab.relay.allocations == []

    def test_not_where_somebody_on_the_way_opens_tls(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """He reads what passes, whatever name it has."""
        monkeypatch.setattr(relays, "maker", lambda _: "Zscaler")
        seen = asked(lab_of(relay=but(front="alpn")), ON_443)
        assert [each.offered for each in of(seen, Allocation)] == [()]

    def test_an_open_relay_behind_it_gets_its_allocation_back(self) -> None:
        lab = lab_of(relay=but(front="alpn", access="none"))
        assert [each.failure for each in of(asked(lab, ON_443), Allocation) if each.offered] == [None]
        assert lab.relay is not None
        assert lab.relay.allocations == []

    def test_it_is_no_leg_of_its_own(self) -> None:
        """What only this tool can reach is no way for media: one cause, and the advice names both maps."""
        (one,) = found(lab_of(relay=but(front="alpn")), ON_443)
        assert one.cause == "turn-443-not-turn"
        advice = " ".join(getattr(each, "text", "") for each in one.fixes)
        assert "map $ssl_preread_server_name $behind { turn.example.test 127.0.0.1:5349;" in advice
        assert "map $ssl_preread_alpn_protocols" in advice

    def test_of_a_certificate_of_the_web_servers_own_not_the_relay_is_blamed(self) -> None:
        """The multiplexer sends browsers to a web server with another name."""
        lab = lab_of(relay=but(front="alpn"))
        assert lab.relay is not None
        relayed = lab.relay._tls

        async def other_web(stream: object) -> None:
            inside = ServerTls(stream, server_context("wrong-name", "turn.example.test"))  # type: ignore[arg-type]
            await inside.handshake()

        async def front(stream: object) -> None:
            from tests.lab.relays import Begun

            hello = await stream.read()  # type: ignore[attr-defined]
            begun = Begun(stream, hello)  # type: ignore[arg-type]
            await (relayed(begun) if b"stun.turn" in hello else other_web(begun))

        lab.servers["relay"].listen(443, front)
        assert [each.cause for each in found(lab, ON_443)] == ["turn-443-not-turn"]

    def test_a_relays_own_bad_certificate_stays_that(self) -> None:
        (one,) = found(lab_of(relay=but(tls="expired")), TARGETS["tls"])
        assert one.cause == "turn-certificate"


class TestFourFindingsOfATlsPort:
    """Another server there, one that goes by ALPN, nothing that listens, silence."""

    LABS = {  # noqa: RUF012  # read only
        "http": (but(tls="http"), TARGETS["tls"]),
        "reset": (but(front="alpn-shut"), ON_443),
        "refused": (but(tls="unreadable"), TARGETS["tls"]),
        "silent": (but(tcp="drop"), TARGETS["tls"]),
    }
    SAYS = {  # noqa: RUF012  # read only
        "http": ("turn-443-not-turn", "it says something else than STUN"),
        "reset": ("turn-443-not-turn", "without ALPN, as browsers come, the connection is cut"),
        "refused": ("turn-unreachable", "Nothing listens for TLS"),
        "silent": ("turn-unreachable", "nothing came back to 3 connections"),
    }

    @pytest.mark.parametrize("what", LABS)
    def test_each_has_its_words(self, what: str) -> None:
        relay, target = self.LABS[what]
        (one,) = found(lab_of(relay=relay), target)
        cause, words = self.SAYS[what]
        assert one.cause == cause
        assert words in one.message.format_map(one.args)

    def test_refused_names_the_certificate(self) -> None:
        (one,) = found(lab_of(relay=but(tls="unreadable")), TARGETS["tls"])
        assert [each.cause for each in one.alternatives] == ["certificate-unreadable"]

    def test_they_differ(self) -> None:
        messages = [found(lab_of(relay=relay), target)[0].message for relay, target in self.LABS.values()]
        assert len(set(messages)) == 4


def test_who_takes_connections_and_hangs_is_bounded() -> None:
    """The handshake twice, with and without a name, each for as long as one may take."""
    lab = lab_of()
    lab.servers["stun1"].listen(5000, hangs)
    seen, seconds = took(lab, ODD_TLS)
    assert [(each.offered, each.failure) for each in of(seen, TlsSession)] == [
        ((), Failure.TIMEOUT),
        (("stun.turn",), Failure.TIMEOUT),
    ]
    assert seconds < 6.5


def test_dtls_and_plain_tcp_have_no_second_try() -> None:
    lab = lab_of(relay=HEALTHY)
    lab.servers["stun1"].listen(5000, hangs)
    seen = asked(lab, "turn:stun1.example.test:5000?transport=tcp")
    assert [each.offered for each in of(seen, Allocation)] == [()]
