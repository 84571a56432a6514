"""The rules about the server's side, on facts made by hand: media ports, STUN, web front, certificates, probes."""

from __future__ import annotations

import msgspec
import pytest

from natprobe.facts import INTERRUPTED, RUN_LIMIT, Probed
from natprobe.model import Allow, Do, Failure, Observation, Severity, Target, Where
from natprobe.rules import CLEAR, NOT_APPLICABLE
from tests.made import (
    HOST,
    MEDIA,
    MEDIA6,
    PAGE,
    PROHIBITED,
    ROUTER,
    STUN,
    STUN1,
    STUN2,
    TIMEOUT,
    UNREACHABLE,
    WEB,
    WEB6,
    WEB_OTHER,
    address,
    certificate,
    checked,
    connected,
    doubt,
    ended,
    found,
    judged,
    named,
    online,
    page,
    route,
    saw,
    session,
    silent,
    unheard,
    words,
)

HOST1 = "203.0.113.20"
NO_UDP = (unheard(STUN1), unheard(STUN2), online(HOST1, 3478))


def alternatives(cause: str, *observations: Observation) -> list[str]:
    return [each.cause for each in found(cause, *observations).alternatives]


class TestMediaPortSilent:
    def test_udp_works_and_the_port_is_silent(self) -> None:
        only = found("media-port-silent", saw(), silent(), silent(size=1200))
        assert (only.args["tries"], only.where) == (18, None)
        assert "udp-blocked" not in [each.cause for each in only.alternatives]

    def test_nobody_to_compare_with(self) -> None:
        only = found("media-port-silent", online(), silent())
        assert only.where is Where.UNKNOWN
        assert only.alternatives[0].cause == "udp-blocked"

    def test_the_networks_doing_is_udp_blockeds_matter(self) -> None:
        assert judged("media-port-silent", *NO_UDP, silent()) is CLEAR

    def test_eight_silent_tries_are_too_few(self) -> None:
        assert judged("media-port-silent", saw(), silent(tries=8)) is CLEAR

    def test_one_answer_from_any_address_of_ours_clears(self) -> None:
        assert judged("media-port-silent", saw(), silent(), checked(local="10.8.0.2:40000")) is CLEAR

    def test_nothing_at_all_answers(self) -> None:
        assert "IPv4" in words("media-port-silent", unheard(STUN1), silent())
        assert "offline" in words("media-port-silent", silent())

    def test_a_dead_family_is_not_the_ports_fault(self) -> None:
        """Nothing else comes back over IPv6 either, and IPv4 does."""
        assert judged("media-port-silent", saw(), checked(), silent(MEDIA6)) is CLEAR

    def test_a_living_family_with_one_dead_port(self) -> None:
        six = saw("[2001:db8:f::20]:3478", "[2001:db8:1::2]:40000", "[2001:db8:1::2]:40000")
        assert found("media-port-silent", saw(), checked(), six, silent(MEDIA6)).args["endpoint"] == MEDIA6

    def test_nothing_checked(self) -> None:
        assert judged("media-port-silent", saw()) is NOT_APPLICABLE
        assert judged("media-port-silent", checked(transport="tcp")) is NOT_APPLICABLE


class TestMediaPortRefused:
    def test_the_hosts_own_word(self) -> None:
        assert "UDP port 10000" in words("media-port-refused", checked(failure=UNREACHABLE, reported_by=WEB))

    def test_a_system_that_does_not_tell_who_said_it(self) -> None:
        assert found("media-port-refused", checked(failure=UNREACHABLE))

    def test_a_routers_word(self) -> None:
        assert judged("media-port-refused", checked(failure=UNREACHABLE, reported_by=ROUTER)) is CLEAR

    def test_open_and_unasked(self) -> None:
        assert judged("media-port-refused", checked()) is CLEAR
        assert judged("media-port-refused") is NOT_APPLICABLE


class TestMediaPortProhibited:
    @pytest.mark.parametrize(
        ("router", "where"),
        [
            (ROUTER, Where.LOCAL_NETWORK),
            ("100.64.0.1", Where.PROVIDER),
            (WEB, Where.SERVER_HOST),
            ("198.51.100.50", Where.UNKNOWN),
            (None, Where.UNKNOWN),
        ],
    )
    def test_whose_firewall_it_is(self, router: str | None, where: Where) -> None:
        check = checked(failure=PROHIBITED, icmp="3/13", reported_by=router)
        assert found("media-port-prohibited", saw(), check).where is where

    def test_a_public_gateway_of_ours_is_this_networks(self) -> None:
        check = checked(failure=PROHIBITED, icmp="3/13", reported_by="198.51.100.3")
        only = found("media-port-prohibited", saw(), route(4, "198.51.100.3"), check)
        fix = only.fixes[0]
        assert isinstance(fix, Allow)
        assert (only.where, fix.direction, fix.audience) == (Where.LOCAL_NETWORK, "out", "network")

    def test_port_unreachable_from_a_router_is_a_firewall(self) -> None:
        check = checked(failure=UNREACHABLE, icmp="3/3", reported_by=ROUTER)
        assert "This network's firewall" in words("media-port-prohibited", saw(), check)

    def test_a_host_that_cannot_be_reached_is_no_firewall(self) -> None:
        check = checked(failure=Failure.UNREACHABLE_HOST, icmp="3/1", reported_by="203.0.113.1")
        assert "No router knows a way" in words("media-port-prohibited", saw(), check)

    def test_all_of_udp_is_udp_blockeds_matter(self) -> None:
        assert judged("media-port-prohibited", *NO_UDP, checked(failure=PROHIBITED, reported_by=ROUTER)) is CLEAR

    def test_open_and_unasked(self) -> None:
        assert judged("media-port-prohibited", checked()) is CLEAR
        assert judged("media-port-prohibited") is NOT_APPLICABLE


class TestMediaRefusesCheck:
    REFUSED = checked(failure=Failure.UNAUTHORIZED, detail="401 Unauthenticated")

    def test_by_what_the_target_is(self) -> None:
        assert "has another one now" in words("media-refuses-check", self.REFUSED)
        assert "not the media server" in words("media-refuses-check", self.REFUSED, target=PAGE)

    def test_a_good_answer_of_the_same_endpoint_outweighs_it(self) -> None:
        assert judged("media-refuses-check", checked(), self.REFUSED) is CLEAR
        assert found("media-refuses-check", checked(MEDIA6), self.REFUSED)

    def test_silence_is_no_refusal(self) -> None:
        assert judged("media-refuses-check", silent()) is CLEAR
        assert judged("media-refuses-check") is NOT_APPLICABLE


class TestStunUnreachable:
    ASKED = f"{WEB}:3478"

    def asked(self, failure: Failure, tries: int = 9) -> Observation:
        return unheard(self.ASKED, tries, failure, origin="target")

    def test_closed(self) -> None:
        only = found("stun-unreachable", self.asked(UNREACHABLE, 1), target=STUN)
        assert (only.where, type(only.fixes[0])) == (Where.SERVER_HOST, Do)

    @pytest.mark.parametrize("failure", [Failure.UNAUTHORIZED, Failure.WRONG_SENDER, Failure.PROTOCOL])
    def test_one_that_answers_wrongly_is_not_behind_a_firewall(self, failure: Failure) -> None:
        only = found("stun-unreachable", self.asked(failure, 1), target=STUN)
        assert (only.where, type(only.fixes[0])) == (Where.SERVER_PROCESS, Do)
        assert "answers" in only.message

    def test_a_little_silence_is_no_fact(self) -> None:
        assert doubt("stun-unreachable", self.asked(TIMEOUT, 5), target=STUN) == "timeout"

    def test_silent_while_others_answer(self) -> None:
        only = found("stun-unreachable", self.asked(TIMEOUT), saw(), target=STUN)
        assert (only.where, type(only.fixes[0]), only.alternatives) == (Where.SERVER_EDGE, Allow, ())

    def test_silent_and_nobody_to_compare_with(self) -> None:
        only = found("stun-unreachable", self.asked(TIMEOUT), target=STUN)
        assert only.where is Where.UNKNOWN
        assert [each.cause for each in only.alternatives] == ["udp-blocked"]

    def test_this_machine_did_not_even_send(self) -> None:
        assert doubt("stun-unreachable", self.asked(Failure.NO_ROUTE), target=STUN) == "no-route"

    def test_no_udp_at_all_is_udp_blockeds_matter(self) -> None:
        assert judged("stun-unreachable", self.asked(TIMEOUT), *NO_UDP, target=STUN) is CLEAR

    def test_over_tcp(self) -> None:
        target = msgspec.structs.replace(STUN, transport="tcp")
        refused = unheard(self.ASKED, 1, Failure.REFUSED, origin="target", transport="tcp")
        assert "over TCP: the connection is refused" in words("stun-unreachable", refused, saw(), target=target)

    def test_an_answer_and_other_targets(self) -> None:
        assert judged("stun-unreachable", saw(self.ASKED, origin="target"), target=STUN) is CLEAR
        assert judged("stun-unreachable", self.asked(TIMEOUT)) is NOT_APPLICABLE


class TestWebUnreachable:
    OTHERS = saw(transport="tcp")

    def test_the_servers_edge(self) -> None:
        only = found("web-unreachable", connected(failure=TIMEOUT), self.OTHERS, target=PAGE)
        assert (only.where, only.severity) == (Where.SERVER_EDGE, None)

    def test_refused_is_the_servers_own_word(self) -> None:
        only = found("web-unreachable", connected(failure=Failure.REFUSED), target=PAGE)
        assert isinstance(only.fixes[0], Do)
        assert "start the web front" in only.fixes[0].text

    def test_all_tcp_is_dead_and_udp_works(self) -> None:
        dead = unheard(transport="tcp")
        assert found("web-unreachable", connected(failure=TIMEOUT), dead, saw(), target=PAGE).where is (
            Where.LOCAL_NETWORK
        )

    def test_everything_is_dead(self) -> None:
        dead = (connected(failure=TIMEOUT), unheard(transport="tcp"), unheard())
        assert "offline" in words("web-unreachable", *dead, target=PAGE)

    def test_this_machines_own_firewall(self) -> None:
        only = found("web-unreachable", connected(failure=Failure.PERMISSION_DENIED), target=PAGE)
        assert only.where is Where.THIS_HOST

    def test_one_address_of_two(self) -> None:
        other = connected(f"{WEB_OTHER}:443", TIMEOUT)
        only = found("web-unreachable", connected(), other, session(), page(), target=PAGE)
        assert (only.severity, only.args["endpoints"]) == (Severity.WARNING, f"{WEB_OTHER}:443")

    def test_ipv6_that_this_network_does_not_have(self) -> None:
        six = connected(f"[{WEB6}]:443", Failure.NO_ROUTE)
        assert judged("web-unreachable", connected(), six, session(), page(), target=PAGE) is CLEAR

    def test_ipv6_where_nothing_of_it_works_is_ipv6_brokens_matter(self) -> None:
        here = (address("2001:db8:1::2", "public"), route(6))
        six = connected(f"[{WEB6}]:443", TIMEOUT)
        assert judged("web-unreachable", *here, connected(), six, session(), page(), target=PAGE) is CLEAR

    @pytest.mark.parametrize("failure", [TIMEOUT, Failure.CLOSED, Failure.RESET, Failure.TLS_OTHER, Failure.TLS_ALERT])
    def test_a_connection_over_which_no_page_comes(self, failure: Failure) -> None:
        only = found("web-unreachable", connected(), session(failure=failure), target=PAGE)
        assert only.where is Where.UNKNOWN
        assert "takes the connection on TCP port 443" in only.message.format_map(only.args)

    def test_tls_stands_and_the_page_does_not_come(self) -> None:
        late = page(status=None, failure=TIMEOUT)
        assert "no page comes over it" in words("web-unreachable", connected(), session(), late, target=PAGE)

    def test_a_server_error_is_no_page(self) -> None:
        broken = page(status=502, failure=Failure.HTTP_STATUS)
        assert "HTTP 502" in words("web-unreachable", connected(), session(), broken, target=PAGE)

    @pytest.mark.parametrize("status", [401, 403, 404])
    def test_a_refusal_of_one_page_is_an_answer(self, status: int) -> None:
        refused = page(status=status, failure=Failure.HTTP_STATUS)
        assert judged("web-unreachable", connected(), session(), refused, target=PAGE) is CLEAR

    def test_redirects_in_a_circle(self) -> None:
        circle = (page(status=302), page(status=None, failure=Failure.REDIRECT_LIMIT))
        assert "without end" in words("web-unreachable", connected(), session(), *circle, target=PAGE)

    def test_a_bad_certificate_is_certificate_invalids_matter(self) -> None:
        refused = session(failure=Failure.TLS_CERTIFICATE)
        assert judged("web-unreachable", connected(), refused, target=PAGE) is CLEAR

    def test_an_http_link_that_leads_to_a_dead_secure_page(self) -> None:
        target = Target(input=f"http://{HOST}", host=HOST, port=80, scheme="http")
        led = page(f"http://{HOST}/", 301, location=f"https://{HOST}/")
        dead = (connected(f"{WEB}:80"), connected(failure=TIMEOUT), led, self.OTHERS)
        assert "TCP port 443" in words("web-unreachable", *dead, target=target)

    def test_plain_http_in_its_place_is_insecure_contexts_matter(self) -> None:
        plain = (connected(failure=Failure.REFUSED), connected(f"{WEB}:80"), page(f"http://{HOST}/"))
        assert judged("web-unreachable", *plain, target=PAGE) is CLEAR

    def test_no_page_was_looked_for(self) -> None:
        assert judged("web-unreachable", online()) is NOT_APPLICABLE


class TestCertificateInvalid:
    def said(self, detail: str = "", **more: object) -> str:
        refused = session(failure=Failure.TLS_CERTIFICATE, detail=detail)
        return words("certificate-invalid", refused, certificate(**more), target=PAGE)

    def test_it_says_what_is_wrong(self) -> None:
        assert "ended on 2027-01-01" in self.said("certificate has expired", days_left=-1.0)
        assert "for other.example.test, not for" in self.said(matches=False, names=("other.example.test",))
        assert "signed by itself" in self.said("self-signed certificate", self_issued=True, chain=1)
        assert "is this machine's clock right" in self.said("certificate is not yet valid")
        assert "is left out, or" in self.said("unable to get local issuer certificate", chain=1)
        assert "Nobody that this system trusts" in self.said("unable to get local issuer certificate", chain=3)
        assert "does not verify: CA md too weak" in self.said("CA md too weak")

    def test_the_first_fault_decides(self) -> None:
        """An old self-signed certificate for another name: renewing it by hand would not help, but ending is first."""
        assert "ended on" in self.said(days_left=-1.0, self_issued=True, matches=False)
        assert "not for" in self.said(self_issued=True, matches=False, names=("localhost",))

    def test_a_strange_issuer_may_be_an_interceptor(self) -> None:
        refused = session(failure=Failure.TLS_CERTIFICATE, detail="unable to get local issuer certificate")
        assert alternatives("certificate-invalid", refused, certificate()) == ["tls-intercepted"]
        assert alternatives("certificate-invalid", refused, certificate(self_issued=True)) == []

    def test_it_could_not_be_read(self) -> None:
        refused = session(failure=Failure.TLS_CERTIFICATE, detail="certificate has expired")
        assert "does not verify: certificate has expired" in words("certificate-invalid", refused, target=PAGE)

    def test_by_address(self) -> None:
        target = Target(input=WEB, host=WEB, port=443)
        refused = session(failure=Failure.TLS_CERTIFICATE, name=WEB)
        only = found("certificate-invalid", refused, certificate(matches=False), target=target)
        assert [each.audience for each in only.fixes] == ["user"]

    def test_good_and_unseen(self) -> None:
        assert judged("certificate-invalid", session(), certificate()) is CLEAR
        assert judged("certificate-invalid", session(failure=TIMEOUT)) is NOT_APPLICABLE


class TestCertificateExpiring:
    def test_fourteen_days(self) -> None:
        assert "in 13 days" in words("certificate-expiring", session(), certificate(days_left=13.9))
        assert judged("certificate-expiring", session(), certificate(days_left=14.0)) is CLEAR

    def test_one_that_is_refused_is_another_matter(self) -> None:
        refused = session(failure=Failure.TLS_CERTIFICATE)
        assert judged("certificate-expiring", refused, certificate(days_left=1.0)) is NOT_APPLICABLE


class TestInsecureContext:
    PLAIN = page(f"http://{HOST}/")
    HTTP = Target(input=f"http://{HOST}", host=HOST, port=80, scheme="http")

    def test_the_page_is_on_plain_http_alone(self) -> None:
        observed = (named(WEB), connected(failure=Failure.REFUSED), self.PLAIN)
        assert f"http://{HOST}/ is not" in words("insecure-context", *observed, target=PAGE)

    def test_plain_http_beside_the_secure_page(self) -> None:
        assert judged("insecure-context", named(WEB), connected(), self.PLAIN, page(), target=PAGE) is CLEAR

    def test_the_link_itself_is_plain(self) -> None:
        assert found("insecure-context", named(WEB), connected(), self.PLAIN, page(), target=self.HTTP)

    def test_this_very_machine_is_a_secure_origin(self) -> None:
        assert judged("insecure-context", named("127.0.0.1"), self.PLAIN, target=self.HTTP) is CLEAR

    def test_a_redirect_is_no_page(self) -> None:
        led = page(f"http://{HOST}/", 301, location=f"https://{HOST}/")
        assert judged("insecure-context", named(WEB), led, target=self.HTTP) is NOT_APPLICABLE


class TestProbesEnds:
    def test_crashed(self) -> None:
        assert "The probe media failed" in words("probe-crashed", *ended(media="crashed"))
        assert judged("probe-crashed", *ended(media="cut", tcp="skipped")) is CLEAR

    def test_cut(self) -> None:
        assert "still waiting: media, tcp" in words("out-of-time", *ended(media="cut", tcp="cut", web="crashed"))
        assert judged("out-of-time", *ended(media="crashed", tcp="skipped")) is CLEAR

    def test_who_cut_it_decides_what_to_do(self) -> None:
        mine = Probed(probe="media", status="cut", detail=f"{RUN_LIMIT}, after 1.0 s")
        assert "--timeout" in found("out-of-time", mine).fixes[0].text  # type: ignore[union-attr]
        own = Probed(probe="media", status="cut", detail="its own time limit, after 4.0 s")
        assert "--timeout" not in found("out-of-time", own).fixes[0].text  # type: ignore[union-attr]
        assert judged("out-of-time", Probed(probe="media", status="cut", detail=INTERRUPTED)) is CLEAR

    def test_a_report_of_something_else(self) -> None:
        assert judged("probe-crashed", silent(MEDIA)) is NOT_APPLICABLE
        assert judged("out-of-time", silent(MEDIA)) is NOT_APPLICABLE
