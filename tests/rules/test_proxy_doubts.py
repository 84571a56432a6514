"""What a proxy's silence, its odd words and its neighbours do not prove: networks that are easily judged wrongly."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from natprobe.facts import ProxyChoice, ProxyScript, Tunnel
from natprobe.model import Failure, Observation, Report, Where
from natprobe.rules import CLEAR
from tests.made import (
    HOST,
    MEDIA,
    MEDIA_TCP,
    PAGE,
    RELAY_HOST,
    STUN1,
    STUN1_6,
    TIMEOUT,
    WEB,
    WEB6,
    address,
    certificate,
    checked,
    connected,
    doubt,
    found,
    judged,
    named,
    page,
    refused,
    relay,
    report,
    route,
    saw,
    session,
    unallocated,
    unheard,
    words,
)
from tests.made_jitsi import JITSI, PASSES, candidate, services
from tests.made_proxy import (
    AT,
    CONTROL,
    FRONT,
    PROXY,
    RELAY_443,
    SHUT,
    SOCKETS_DEAD,
    UDP_WORKS,
    UNHEARD,
    behind,
    choice,
    ice_tcp,
    led,
    problem_a,
    relayed,
    tunnel,
)
from tests.made_relays import TLS, healthy

TLS_443 = msgspec.structs.replace(TLS, port=443)
CLOSED = Failure.CLOSED
SOCKS = "socks5://proxy.example.test:1080"
RELAY_TLS = "203.0.113.40:443"
OFFERED = services(RELAY_443)
TO_RELAY = choice(PROXY, RELAY_HOST, 443, purpose="relay")
RELAYS: tuple[Observation, ...] = (TO_RELAY, relay("tls", RELAY_TLS), *SOCKETS_DEAD)


def mute(failure: Failure, host: str = RELAY_HOST, port: int = 443, purpose: str = "relay") -> Tunnel:
    """A tunnel that was asked for, and nothing came."""
    return tunnel(host, port, purpose, None, failure)


def page_by(failure: Failure, status: int | None = None, **more: Any) -> tuple[Observation, ...]:
    """The page's tunnel as it failed."""
    asked = tunnel(status=status, failure=failure if status is None else None, **more)
    return (asked, *led(connected(failure=failure)))


def told(*observations: Observation, target: Any = JITSI) -> dict[str, str]:
    return {each.cause: str(each.severity) for each in report(*observations, target=target).findings}


def errors(*observations: Observation, target: Any = JITSI) -> set[str]:
    return {cause for cause, severity in told(*observations, target=target).items() if severity == "error"}


def texts(cause: str, *observations: Observation, target: Any = JITSI) -> str:
    fixes = found(cause, *observations, target=target).fixes
    return "\n".join(getattr(each, "text", "") or getattr(each, "key", "") for each in fixes)


def way(got: Report, name: str) -> tuple[str, str | None]:
    return next((each.status, each.reason) for each in got.paths if each.name == name)


class TestNoAnswerToConnect:
    """The proxy takes the connection, and says nothing, or hangs up."""

    @pytest.mark.parametrize("failure", [TIMEOUT, CLOSED])
    def test_a_relays_own_check_beside_a_control(self, failure: Failure) -> None:
        seen = (*RELAYS, mute(failure), CONTROL)
        got = report(*seen, target=TLS_443)
        assert got.verdict.status == "broken"
        assert errors(*seen, target=TLS_443) == {"turn-unreachable"}
        assert way(got, "turn-tls-proxy") == ("blocked", "proxy-leaves-unanswered")
        assert "does not get to port 443 of the relay" in words("turn-unreachable", *seen, target=TLS_443)

    def test_once_and_nothing_to_compare(self) -> None:
        """It may be slow, or two packets of its own were lost."""
        seen = (*RELAYS, mute(TIMEOUT))
        got = report(*seen, target=TLS_443)
        assert got.verdict.status == "unknown"
        assert "no answer in time" in got.verdict.summary
        assert way(got, "turn-tls-proxy") == ("unknown", "timeout")
        assert doubt("turn-unreachable", *seen, target=TLS_443) == "timeout"

    def test_the_page_once(self) -> None:
        seen = (choice(), named(WEB), *SHUT, *SOCKETS_DEAD, *page_by(TIMEOUT))
        verdict = report(*seen, target=PAGE).verdict
        assert (verdict.status, verdict.stages.web) == ("unknown", "unknown")
        assert "the proxy gives no answer" in verdict.summary
        assert doubt("web-unreachable", *seen, target=PAGE) == "timeout"

    def test_three_times_it_is_the_proxy(self) -> None:
        others = (mute(TIMEOUT, "stun.other.test", 443, "control"), mute(TIMEOUT, HOST, 5349, "port"))
        seen = (choice(), named(WEB), *SHUT, *SOCKETS_DEAD, *page_by(TIMEOUT), *others)
        assert report(*seen, target=PAGE).verdict.status == "broken"
        assert found("web-unreachable", *seen, target=PAGE).where is Where.PROXY

    def test_a_proxy_that_answers_others_runs(self) -> None:
        seen = (choice(), named(WEB), *SHUT, *SOCKETS_DEAD, *page_by(TIMEOUT), CONTROL)
        assert errors(*seen, target=PAGE) == {"web-unreachable"}
        assert "leads nowhere" not in words("web-unreachable", *seen, target=PAGE)
        assert "answers for stun.other.test:443" in words("web-unreachable", *seen, target=PAGE)

    def test_a_relays_own_check_behind_one_that_hangs_up_on_all(self) -> None:
        seen = (*RELAYS, mute(CLOSED))
        assert errors(*seen, target=TLS_443) == {"web-unreachable"}
        assert found("web-unreachable", *seen, target=TLS_443).where is Where.PROXY

    def test_another_proxy_than_the_pages(self) -> None:
        """By the script's word for the relay alone."""
        other = msgspec.structs.replace(mute(CLOSED), via="http://other.test:8080")
        seen = (*problem_a(relays=OFFERED), relay("tls", RELAY_TLS), other)
        assert "answers nobody" in words("turn-unreachable", *seen, target=JITSI)
        assert "coturn" not in texts("turn-unreachable", *seen)


class TestADeadProxy:
    def test_who_answered_later_was_slow(self) -> None:
        dead = choice(None, ways=(PROXY,), failure=TIMEOUT)
        seen = behind(*PASSES, chosen=dead, network=UDP_WORKS)
        assert report(*seen, target=JITSI).verdict.status == "good"
        assert "web-unreachable" not in told(*seen)

    def test_its_name_leads_nowhere(self) -> None:
        """No way by it was tried, and what works straight helps no browser."""
        dead = choice(None, RELAY_HOST, 443, purpose="relay", ways=(PROXY,), failure=Failure.NXDOMAIN)
        seen = (dead, named("203.0.113.40", name=RELAY_HOST), *UDP_WORKS, *healthy("tls", RELAY_TLS))
        got = report(*seen, target=TLS_443)
        assert got.verdict.status == "broken"
        assert way(got, "turn-tls-proxy") == ("blocked", "proxy-unreachable")
        assert "its name does not exist" in got.verdict.summary

    def test_what_is_no_proxy(self) -> None:
        seen = (choice(), named(failure=Failure.NXDOMAIN), *SOCKETS_DEAD, *page_by(Failure.PROTOCOL))
        assert "no such proxy" in words("web-unreachable", *seen, target=PAGE)


class TestItsOwnWord:
    @pytest.mark.parametrize("status", [404, 408, 410])
    def test_what_it_did_not_find_it_did_not_refuse(self, status: int) -> None:
        seen = (choice(), named(WEB), *SHUT, *SOCKETS_DEAD, *page_by(Failure.HTTP_STATUS, status))
        assert errors(*seen, target=PAGE) == {"web-unreachable"}

    def test_refused_here_and_out_of_reach_there_is_not_everything(self) -> None:
        far = tunnel("stun.other.test", 443, "control", 503)
        seen = (choice(), named(WEB), *SHUT, *SOCKETS_DEAD, *page_by(Failure.HTTP_STATUS, 403), far)
        assert "every tunnel" not in words("proxy-refuses-port", *seen, target=PAGE)

    def test_a_password_that_was_refused_is_told_once(self) -> None:
        """The page's tunnel came second, and was told nothing any more."""
        basic: dict[str, Any] = {"status": 407, "schemes": ("Basic",)}
        first = tunnel("stun.other.test", 443, "control", authenticated=True, **basic)
        seen = (choice(), named(WEB), *SHUT, *page_by(Failure.UNAUTHORIZED, 407, schemes=("Basic",)), first)
        assert "refuses the user name" in words("proxy-authentication", *seen, target=PAGE)

    def test_a_relay_is_no_page_to_open(self) -> None:
        asks = tunnel(RELAY_HOST, 443, "relay", 407, schemes=("NTLM",))
        seen = (*problem_a(relays=OFFERED), relay("tls", RELAY_TLS), asks)
        assert f"https://{HOST}/" in texts("proxy-authentication", *seen)
        assert f"https://{RELAY_HOST}/" not in texts("proxy-authentication", *seen)

    def test_a_refused_relay_explains_no_broken_signalling(self) -> None:
        from tests.made_jitsi import config, refused_socket

        denied = tunnel(RELAY_HOST, 443, "relay", 403)
        signed = (config(), *led(refused_socket(404)))
        seen = (*behind(signed=signed, joined=(), relays=OFFERED), relay("tls", RELAY_TLS), denied)
        assert report(*seen, target=JITSI).verdict.stages.signalling == "failed"
        assert told(*seen)["proxy-refuses-port"] == "warning"

    def test_the_relays_name_at_the_proxy_says_nothing_of_the_page(self) -> None:
        """One that it opened before is known to it."""
        lost = tunnel(HOST, 5349, "relay", 503, error="ERR_DNS_FAIL 0")
        seen = problem_a(name=named(failure=Failure.NXDOMAIN), straight=())
        assert report(*seen, lost, target=JITSI).verdict.stages.name == "ok"


class TestSocks:
    """No lines of Squid's, and no words of HTTP."""

    def test_refused(self) -> None:
        no = msgspec.structs.replace(tunnel(status=None, reply=2, failure=Failure.PROHIBITED), via=SOCKS)
        seen = (choice(SOCKS), named(WEB), *SHUT, no)
        fixes = texts("proxy-refuses-port", *seen, target=PAGE)
        assert "acl " not in fixes
        assert "CONNECT" not in fixes

    def test_media(self) -> None:
        through = tuple(
            msgspec.structs.replace(each, via=SOCKS) if getattr(each, "via", None) else each for each in problem_a()
        )
        assert "over which browsers send no UDP" in words("proxy-ignores-media", *through, target=JITSI)
        assert "CONNECT" not in texts("proxy-ignores-media", *through)


class TestStraightBeside:
    def test_a_relay_that_said_no_was_reached(self) -> None:
        """So that there is a way without the proxy."""
        on = refused(401, "tls", RELAY_TLS)
        seen = (*RELAYS, tunnel(RELAY_HOST, 443, "relay"), on)
        assert judged("proxy-required", *seen, target=TLS_443) is CLEAR

    def test_a_relays_connection_through_it_is_no_way_to_the_page(self) -> None:
        there = led(connected("203.0.113.40:443", probe="turn"))
        seen = (choice(), named(WEB), *SHUT, *SOCKETS_DEAD, *page_by(Failure.HTTP_STATUS, 403), *there)
        assert judged("proxy-required", *seen, target=PAGE) is CLEAR

    def test_the_media_server_itself_said_no(self) -> None:
        """Then UDP gets there and back."""
        no = checked(failure=Failure.PORT_UNREACHABLE, reported_by=WEB)
        network = (unheard(STUN1), unheard("203.0.113.30:3478"), saw(STUN1, transport="tcp"))
        assert errors(*behind(candidate(), no, network=network)) == {"media-port-refused"}

    def test_whose_silence_it_may_be(self) -> None:
        seen = behind(*UNHEARD, network=(), straight=(connected(),))
        others = [each.cause for each in found("media-port-silent", *seen, target=JITSI).alternatives]
        assert "udp-blocked" not in others
        assert "proxy-ignores-media" in others


class TestOtherRules:
    def test_no_ipv6_is_no_matter_of_a_page_by_the_proxy(self) -> None:
        """Its name has an IPv6 address alone, and what keeps the page away is the proxy's word."""
        far: dict[str, Any] = {"failure": TIMEOUT, "tries": 9}
        six = (unheard(STUN1_6, **far), connected(f"[{WEB6}]:443", failure=TIMEOUT), saw(STUN1))
        here = (address("2001:db8:1::2", "public"), route(6), address("192.168.1.2", "private"), route(4))
        seen = (*here, choice(), named(WEB6), *six, *page_by(Failure.HTTP_STATUS, 403))
        assert errors(*seen, target=PAGE) == {"proxy-refuses-port"}
        assert told(*seen, target=PAGE)["ipv6-broken"] == "warning"

    def test_why_tcp_to_the_media_server_did_not_go_through(self) -> None:
        """A check that was never sent met with no HTTP."""
        there = msgspec.structs.replace(candidate(MEDIA_TCP), transport="tcp")
        lost = ice_tcp(MEDIA_TCP, failure=Failure.HTTP_STATUS)
        got = report(*problem_a(), there, lost, tunnel(WEB, 4443, "port", 403), target=JITSI)
        assert way(got, "direct-tcp-proxy") == ("blocked", "proxy-refuses-port")


class TestTrueAsPrinted:
    def test_the_port_and_the_place_are_the_sessions(self) -> None:
        bridge = "203.0.113.77:20000"
        media = (candidate(bridge), checked(bridge, failure=TIMEOUT, tries=9), checked(bridge, 1200, failure=TIMEOUT))
        fixes = found("proxy-ignores-media", *behind(*media), target=JITSI).fixes
        assert "UDP from the clients to 203.0.113.77, port 20000" in getattr(fixes[0], "text", "")
        assert (getattr(fixes[1], "to", ""), getattr(fixes[1], "ports", ())) == ("203.0.113.77", ("20000",))
        usual = found("proxy-ignores-media", *behind(*UNHEARD), target=JITSI).fixes
        assert getattr(usual[1], "to", "") == HOST
        assert MEDIA.endswith(getattr(usual[1], "ports", ("",))[0])


LETS_ENCRYPT = "CN={name},O=Let's Encrypt,C=US"


class TestNobodyBetween:
    def seen(self, theirs: str, own: str) -> tuple[Observation, ...]:
        front = (tunnel(), *led(connected(), session(), certificate(issuer=theirs), page(says=("jitsi",))))
        straight = (connected(), session(), certificate(issuer=own), page(says=("jitsi",)))
        return behind(*PASSES, network=UDP_WORKS, front=front, straight=straight)

    def test_two_intermediates_of_one_authority(self) -> None:
        """Several web servers of one name, each with a certificate of its own."""
        seen = self.seen(LETS_ENCRYPT.format(name="R10"), LETS_ENCRYPT.format(name="E7"))
        assert "tls-intercepted" not in told(*seen)

    def test_another_authority(self) -> None:
        seen = self.seen("CN=Firm Gateway,O=Firm", LETS_ENCRYPT.format(name="E7"))
        assert told(*seen)["tls-intercepted"] == "error"

    def test_an_appliance_before_the_server_with_its_own(self) -> None:
        """It stands on the server's side and shows the certificate that it was shipped with."""
        shown = certificate(issuer="CN=support,O=Fortinet,C=US", matches=False, self_issued=True)
        bad = session(failure=Failure.TLS_CERTIFICATE, detail="self-signed certificate")
        seen = (choice(None), named(WEB), *UDP_WORKS, connected(), bad, shown)
        assert errors(*seen, target=PAGE) == {"certificate-invalid"}

    @pytest.mark.parametrize(("issuer", "lines"), [("CN=Zscaler Root CA", False), ("CN=Squid CA", True)])
    def test_lines_of_squid_for_squid(self, issuer: str, lines: bool) -> None:
        front = (tunnel(), *led(connected(), session(), certificate(issuer=issuer), page(says=("jitsi",))))
        assert ("ssl_bump" in texts("tls-intercepted", *behind(*PASSES, front=front))) is lines
        says = tunnel(HOST, 5349, "port", 403, software="squid/5.7")
        assert "ssl_bump" in texts("tls-intercepted", *behind(*PASSES, front=front), says)

    def test_what_closes_inside_tls_behind_a_proxy(self) -> None:
        """Whoever opens TLS with an authority that is trusted here closes it as well."""
        shut = unallocated(CLOSED, "tls", AT, via=PROXY, port=443, local="192.168.1.2:41000")
        seen = (*RELAYS, tunnel(RELAY_HOST, 443, "relay"), shut)
        only = found("turn-443-not-turn", *seen, target=TLS_443)
        assert only.where is Where.UNKNOWN
        assert [each.cause for each in only.alternatives] == ["tls-intercepted"]

    def test_a_companys_authority_on_a_server_of_its_own(self) -> None:
        """Whatever its name is: straight to an inner address nobody is between."""
        bad = session("10.1.2.3:443", failure=Failure.TLS_CERTIFICATE, detail="unable to get local issuer certificate")
        shown = certificate(endpoint="10.1.2.3:443", issuer="CN=Firm SSL Proxy CA")
        seen = (choice(None), named("10.1.2.3"), *UDP_WORKS, connected("10.1.2.3:443"), bad, shown)
        assert errors(*seen, target=PAGE) == {"certificate-invalid"}
        scanned = (*seen[:-1], certificate(endpoint="10.1.2.3:443", issuer="CN=Kaspersky Anti-Virus Personal Root"))
        assert errors(*scanned, target=PAGE) == {"tls-intercepted"}

    def test_what_it_ends_beside_a_relay_that_works(self) -> None:
        """A proxy that looks for TLS in every tunnel finds none in TURN over TCP."""
        over_tcp = (tunnel(RELAY_HOST, 3478, "relay"), unallocated(CLOSED, "tcp", AT, via=PROXY, port=3478))
        seen = (*problem_a(relays=OFFERED), *relayed(), *over_tcp)
        assert "turn-unreachable" not in told(*seen)
        assert "turn-unreachable" in told(*problem_a(relays=OFFERED), *over_tcp)


class TestPortals:
    def test_a_server_that_moved_looks_the_same(self) -> None:
        """In a network that lets nothing else out."""
        moved = page(f"http://{HOST}/", 301, location="https://new.example.test/")
        seen = (choice(None), named(WEB), connected(failure=Failure.REFUSED), connected(f"{WEB}:80"), moved)
        only = found("captive-portal", *seen, *SOCKETS_DEAD, target=PAGE)
        assert [each.cause for each in only.alternatives] == ["web-unreachable"]

    def test_who_says_so_is_sure(self) -> None:
        asks = page(f"http://{HOST}/", 511)
        seen = (choice(None), named(WEB), connected(failure=TIMEOUT), connected(f"{WEB}:80"), asks)
        assert found("captive-portal", *seen, *SOCKETS_DEAD, target=PAGE).alternatives == ()


def test_a_choice_of_nothing_is_none() -> None:
    """Facts of a newer version, or cut short."""
    bare = ProxyChoice(host=HOST, port=443, ways=(), failure=TIMEOUT)
    assert report(bare, named(WEB), *UDP_WORKS, *FRONT, target=PAGE).verdict.status in ("unknown", "broken")


class TestScriptsWithoutEnd:
    """A browser waits for the script that tells its proxy, whatever else is open."""

    SCRIPT = ProxyScript(by="environment", url="http://pac.example.test/p.pac", asked=f"https://{HOST}/")

    def seen(self, **of_script: Any) -> Report:
        open_to_all = (named(WEB), connected(), session(), certificate(), page(says=("jitsi",)))
        return report(choice(None), msgspec.structs.replace(self.SCRIPT, **of_script), *open_to_all, target=PAGE)

    def test_no_page_opens(self) -> None:
        told = self.seen(size=90, failure=TIMEOUT)
        assert [each.cause for each in told.findings] == ["web-unreachable"]
        assert (told.verdict.status, told.verdict.stages.web) == ("broken", "failed")
        assert "does not come to an end" in told.findings[0].message

    @pytest.mark.parametrize(
        "of_script",
        [
            {"size": 0, "failure": TIMEOUT},  # it could not be got, and browsers go on without
            {"size": 90, "failure": Failure.PROTOCOL},  # it threw: likewise
            {"size": 90, "failure": TIMEOUT, "asked": f"https://{RELAY_HOST}:443/"},
        ],
    )
    def test_others_are_in_nobody_s_way(self, of_script: dict[str, Any]) -> None:
        told = self.seen(**of_script)
        assert [each.cause for each in told.findings] == []
        assert told.verdict.stages.web == "ok"
