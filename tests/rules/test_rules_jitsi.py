"""Rules about a Jitsi's candidates, on facts made by hand: each state has its cause, and no neighbour speaks for it."""

from __future__ import annotations

import msgspec
import pytest

from natprobe.facts import IceEnded
from natprobe.model import Failure, Forward, Set, Where
from natprobe.rules import CLEAR, NOT_APPLICABLE
from tests.made import (
    MEDIA,
    MEDIA6,
    PROHIBITED,
    ROUTER,
    STUN1,
    STUN2,
    UNREACHABLE,
    WEB,
    WEB6,
    address,
    allocated,
    checked,
    doubt,
    found,
    judged,
    named,
    online,
    permitted,
    saw,
    silent,
    unheard,
    words,
)
from tests.made_jitsi import (
    CONTAINER,
    INNER,
    JITSI,
    LOOPBACK,
    OTHER_INNER,
    PASSES,
    REMAPPED,
    SIGNED,
    STALE,
    Scenario,
    alternatives,
    answering,
    candidate,
    causes,
    docker,
    errors,
    forced,
    inside,
    jitsi,
    no_pseudo_tls,
    offer,
    rejected,
    relayed,
    services,
    unanswered,
)

FIVE = ["media-port-blocked-here", "firewall-closed", "cloud-firewall", "port-not-forwarded", "not-listening"]
NO_UDP = (named(WEB), unheard(STUN1), unheard(STUN2), online("203.0.113.20", 3478))
RELAY_BESIDE = f"{WEB}:50000"

# Scenario -> the one error that it has.
CASES: dict[str, tuple[Scenario, str]] = {
    "private": (jitsi(*unanswered(INNER)), "private-address-advertised"),
    "private-by-docker": (
        docker(*unanswered(CONTAINER), *unanswered(INNER, type="srflx"), forced()),
        "private-address-advertised",
    ),
    "container": (docker(*unanswered(CONTAINER)), "container-address-advertised"),
    "container-port-open": (docker(*unanswered(CONTAINER), forced()), "container-address-advertised"),
    "container-in-an-office": (
        docker(*unanswered(CONTAINER), network=(named("192.168.77.5"), saw(STUN1))),
        "container-address-advertised",
    ),
    "loopback": (docker(*unanswered(CONTAINER), candidate(LOOPBACK)), "loopback-advertised"),
    "wrong-address": (jitsi(*unanswered(STALE), forced()), "wrong-address-advertised"),
    "wrong-address-refused": (
        jitsi(*rejected(UNREACHABLE, STALE, "203.0.113.77"), forced()),
        "wrong-address-advertised",
    ),
    "wrong-inner-address": (
        jitsi(*unanswered(OTHER_INNER), forced(INNER), network=(named("192.168.77.5"), saw(STUN1))),
        "wrong-address-advertised",
    ),
    "hairpin": (inside(*unanswered(), *unanswered(CONTAINER)), "hairpin-missing"),
    "hairpin-refused": (inside(*rejected(UNREACHABLE, by=WEB)), "hairpin-missing"),
    "hairpin-proven": (inside(*unanswered(), forced(INNER), address="192.168.77.5"), "hairpin-missing"),
    "other-port": (jitsi(*unanswered(), *unanswered(INNER), forced(REMAPPED)), "media-port-mismatch"),
    "silent": (jitsi(*unanswered(), *unanswered(INNER)), "media-port-silent"),
    "silent-inside": (inside(*unanswered(), *unanswered(INNER)), "media-port-silent"),
    "silent-to-its-own-relay": (jitsi(*unanswered(), relayed(relay=RELAY_BESIDE)), "media-port-silent"),
    "refused": (jitsi(*rejected(UNREACHABLE, by=WEB), *unanswered(CONTAINER)), "media-port-refused"),
    "prohibited": (jitsi(*rejected(PROHIBITED, by=ROUTER, icmp="3/13")), "media-port-prohibited"),
    "not-the-bridge": (jitsi(*rejected(Failure.ERROR_RESPONSE, detail="400")), "media-refuses-check"),
    "blocked-here": (jitsi(*unanswered(), relayed()), "media-port-blocked-here"),
    "no-udp": (jitsi(*unanswered(), network=NO_UDP), "udp-blocked"),
}
GOOD: dict[str, Scenario] = {
    "plain": jitsi(*PASSES),
    "behind-a-router": jitsi(*PASSES, *unanswered(INNER)),
    "by-docker": docker(*PASSES, *unanswered(CONTAINER)),
    "inside": inside(*answering(INNER), *unanswered()),
    "inside-by-name": jitsi(*answering(INNER), network=(named("192.168.77.5"), saw(STUN1))),
    "private-only-and-inside": jitsi(*answering(INNER)),
    "one-of-two-addresses": jitsi(*PASSES, *unanswered(STALE)),
    "no-address-for-ipv6": jitsi(*PASSES, candidate(MEDIA6), checked(MEDIA6, failure=Failure.NO_ROUTE)),
    "not-joined": jitsi(joined=()),
    "media-not-tried": jitsi(candidate(INNER)),
    "hardly-tried": jitsi(candidate(), silent(tries=3)),
}


@pytest.mark.parametrize("name", CASES)
def test_each_state_has_its_cause_and_no_other_error(name: str) -> None:
    scenario, cause = CASES[name]
    assert errors(*scenario) == {cause}


@pytest.mark.parametrize("name", GOOD)
def test_no_error_where_nothing_is_wrong(name: str) -> None:
    assert errors(*GOOD[name]) == set()


class TestInnerAddresses:
    def test_the_address_that_answers_is_advised(self) -> None:
        only = found("private-address-advertised", *CASES["private-by-docker"][0], target=JITSI)
        assert MEDIA in only.message.format_map(only.args)
        fix = only.fixes[0]
        assert isinstance(fix, Set)
        assert (fix.key, fix.value, fix.since) == ("JVB_ADVERTISE_IPS", WEB, "stable-7830")

    def test_by_installation(self) -> None:
        """config.js of docker-jitsi-meet names meet.jitsi; the packages' names the server."""
        for scenario, systems in (
            (jitsi(*unanswered(INNER)), {"jitsi-videobridge2"}),
            (docker(*unanswered(CONTAINER)), {"docker-jitsi-meet"}),
            (jitsi(*unanswered(CONTAINER)), {"docker-jitsi-meet", "jitsi-videobridge2"}),
            (jitsi(*unanswered(INNER), *unanswered(CONTAINER)), {"jitsi-videobridge2"}),
            (jitsi(*unanswered(INNER), signed=()), {"docker-jitsi-meet", "jitsi-videobridge2"}),
        ):
            (judgement,) = (
                each
                for name in ("private", "container")
                if isinstance(each := judged(f"{name}-address-advertised", *scenario, target=JITSI), list)
            )
            assert {fix.system for fix in judgement[0].fixes if isinstance(fix, Set)} == systems

    def test_working_inside_only_is_a_warning(self) -> None:
        assert causes(*GOOD["private-only-and-inside"]) == {"private-address-advertised": "warning"}
        assert causes(*GOOD["inside-by-name"]) == {}

    def test_a_mapping_of_the_bridges_own_address(self) -> None:
        scenario = jitsi(*unanswered(INNER))
        only = found("private-address-advertised", *scenario, target=JITSI)
        values = [fix.value for fix in only.fixes if isinstance(fix, Set)]
        assert f'local-address = "192.168.77.5", public-address = "{WEB}"' in values[0]
        assert {each.cause for each in only.alternatives} == {"mapping-local-equals-public", "mapping-local-not-bound"}

    @pytest.mark.parametrize(
        ("endpoint", "cause"), [("172.16.4.5:10000", "private"), ("172.31.4.5:10000", "container")]
    )
    def test_docker_numbers_from_172_17_on(self, endpoint: str, cause: str) -> None:
        assert errors(*jitsi(*unanswered(endpoint))) == {f"{cause}-address-advertised"}

    def test_a_network_of_people_may_be_numbered_so(self) -> None:
        """The name itself leads there."""
        own = jitsi(*unanswered("172.20.4.5:10000"), network=(named("172.20.4.5"), saw(STUN1)))
        assert errors(*own) == {"media-port-silent"}

    def test_loopback_beside_a_good_one_is_a_note(self) -> None:
        scenario = jitsi(*PASSES, candidate(LOOPBACK), checked(LOOPBACK, failure=Failure.NO_ROUTE))
        assert causes(*scenario) == {"useless-candidates": "note"}
        assert "127.0.0.1" in words("loopback-advertised", *CASES["loopback"][0], target=JITSI)

    def test_not_tried(self) -> None:
        assert doubt("private-address-advertised", *GOOD["media-not-tried"], target=JITSI) == "not-tried"
        assert doubt("container-address-advertised", *jitsi(candidate(CONTAINER)), target=JITSI) == "not-tried"
        assert judged("private-address-advertised", *jitsi(joined=()), target=JITSI) is NOT_APPLICABLE

    def test_a_serve_advertises_nothing(self) -> None:
        mine = (named("192.168.1.9"), candidate("192.168.1.9:10000"), silent("192.168.1.9:10000"))
        assert judged("private-address-advertised", *mine) is NOT_APPLICABLE


class TestWrongAddress:
    def test_both_addresses_are_named(self) -> None:
        sentence = words("wrong-address-advertised", *CASES["wrong-address"][0], target=JITSI)
        assert STALE in sentence
        assert MEDIA in sentence

    def test_two_silent_addresses_prove_nothing(self) -> None:
        scenario = jitsi(*unanswered(STALE), checked(advertised=False, failure=Failure.TIMEOUT, tries=9))
        assert errors(*scenario) == {"media-port-silent"}
        assert alternatives("media-port-silent", *scenario) == [*FIVE, "wrong-address-advertised"]

    def test_an_unverified_answer_elsewhere_proves_nothing(self) -> None:
        for answer in (checked(advertised=False, failure=Failure.UNAUTHORIZED), forced(verified=False)):
            scenario = jitsi(*unanswered(STALE), answer)
            assert judged("wrong-address-advertised", *scenario, target=JITSI) is CLEAR

    def test_two_lines_that_answer(self) -> None:
        """What took one address only, in older versions, is no advice then."""
        scenario = docker(*unanswered(STALE), forced(), forced("203.0.113.11:10000"))
        keys = {
            (fix.key, fix.value)
            for fix in found("wrong-address-advertised", *scenario, target=JITSI).fixes
            if isinstance(fix, Set)
        }
        assert keys == {("JVB_ADVERTISE_IPS", "203.0.113.10,203.0.113.11")}

    def test_it_works_by_luck(self) -> None:
        lucky = IceEnded(endpoint=MEDIA, pair="peer-reflexive", heard=3)
        only = found("wrong-address-advertised", *CASES["wrong-address"][0], lucky, target=JITSI)
        assert (only.severity, "by luck" in only.message) == ("warning", True)

    def test_too_few_tries(self) -> None:
        scenario = jitsi(candidate(STALE), silent(STALE, tries=8), forced())
        assert doubt("wrong-address-advertised", *scenario, target=JITSI) == "timeout"

    def test_an_address_that_answers_clears(self) -> None:
        assert judged("wrong-address-advertised", *jitsi(*PASSES, forced(STALE)), target=JITSI) is CLEAR


class TestHairpin:
    def test_alternatives_where_only_the_inside_was_seen(self) -> None:
        both = alternatives("hairpin-missing", *CASES["hairpin"][0])
        assert both == ["port-not-forwarded", "firewall-closed", "not-listening"]

    def test_what_answers_inside_shows_that_it_listens(self) -> None:
        assert alternatives("hairpin-missing", *CASES["hairpin-proven"][0]) == ["port-not-forwarded"]

    def test_another_line_out(self) -> None:
        """It answers inside, but we come from another address than the advertised one."""
        scenario = inside(*unanswered(), forced(INNER), address="192.168.77.5", mapped="198.51.100.7:40000")
        assert alternatives("hairpin-missing", *scenario) == ["port-not-forwarded", "wrong-address-advertised"]

    def test_both_addresses_are_advised(self) -> None:
        scenario = docker(
            *unanswered(), forced(INNER), network=(named("192.168.77.5"), saw(STUN1, f"{WEB}:1024")), front=()
        )
        only = found("hairpin-missing", *scenario, target=JITSI)
        assert isinstance(only.fixes[0], Set)
        assert only.fixes[0].value == f"{WEB},192.168.77.5"

    def test_on_the_server_itself_there_is_no_nat_to_turn_in(self) -> None:
        scenario = inside(address(WEB, "public"), *unanswered())
        assert errors(*scenario) == {"media-port-silent"}

    def test_what_is_meant_for_those_outside_is_not_useless(self) -> None:
        """Both are advertised, as advised; we are inside."""
        both = inside(*answering(INNER), *unanswered(), address="192.168.77.5")
        assert judged("useless-candidates", *both, target=JITSI) is CLEAR
        stale = inside(*answering(INNER), *unanswered(STALE), address="192.168.77.5")
        assert found("useless-candidates", *stale, target=JITSI)

    def test_from_elsewhere(self) -> None:
        assert judged("hairpin-missing", *jitsi(*unanswered()), target=JITSI) is CLEAR


class TestThePortItself:
    def test_silence_is_the_list_of_five(self) -> None:
        assert alternatives("media-port-silent", *CASES["silent"][0]) == FIVE

    def test_a_server_behind_a_router_forwards(self) -> None:
        only = found("media-port-silent", *CASES["silent"][0], target=JITSI)
        (forward,) = [each for each in only.fixes if isinstance(each, Forward)]
        assert (forward.outside, forward.inside) == (MEDIA, INNER)

    def test_another_port_of_the_servers_says_nothing_of_this_one(self) -> None:
        """Its firewall may have 3478 open and 10000 shut."""
        assert errors(*jitsi(*unanswered(), saw(f"{WEB}:3478"))) == {"media-port-silent"}

    def test_the_bridges_own_ipv6_is_silent(self) -> None:
        six = saw("[2001:db8:f::20]:3478", "[2001:db8:1::2]:40000", "[2001:db8:1::2]:40000")
        scenario = jitsi(*PASSES, *unanswered(MEDIA6), six, network=(named(WEB), named(WEB6), saw(STUN1)))
        assert errors(*scenario) == {"media-port-silent"}
        assert causes(*scenario) == {"media-port-silent": "warning"}

    def test_closed_for_a_container_or_a_forwarding(self) -> None:
        assert alternatives("media-port-refused", *CASES["refused"][0]) == ["port-not-published", "forwarded-elsewhere"]

    def test_whose_firewall(self) -> None:
        only = found("media-port-prohibited", *CASES["prohibited"][0], target=JITSI)
        assert only.where is Where.LOCAL_NETWORK

    def test_a_neighbour_with_the_bridges_private_address(self) -> None:
        """Somebody else's machine in the client's network may refuse: that is no word of the media server's."""
        refusing = rejected(Failure.UNAUTHORIZED, "192.168.1.5:10000")
        assert errors(*jitsi(*refusing, *PASSES)) == set()
        assert errors(*jitsi(*refusing, *unanswered())) == {"media-port-silent"}

    def test_the_mismatch_tells_both_ports(self) -> None:
        only = found("media-port-mismatch", *CASES["other-port"][0], target=JITSI)
        value = only.fixes[0].value if isinstance(only.fixes[0], Set) else ""
        assert "local-port = 10000, public-port = 12000" in value

    def test_ports_of_docker(self) -> None:
        scenario = docker(*unanswered(), forced(REMAPPED))
        only = found("media-port-mismatch", *scenario, target=JITSI)
        assert isinstance(only.fixes[0], Set)
        assert (only.fixes[0].value, only.fixes[0].since) == (f"{WEB}#12000", "stable-10532")

    def test_its_own_port_is_open_and_another_one_told(self) -> None:
        """JVB_ADVERTISE_IPS=ADDRESS#12000, and the router passes 10000 on."""
        scenario = docker(*unanswered(REMAPPED, type="srflx"), *unanswered(CONTAINER), forced())
        only = found("media-port-mismatch", *scenario, target=JITSI)
        assert isinstance(only.fixes[0], Set)
        assert only.fixes[0].value == WEB

    def test_a_relay_elsewhere_is_the_second_vantage(self) -> None:
        only = found("media-port-blocked-here", *CASES["blocked-here"][0], target=JITSI)
        assert [each.cause for each in only.alternatives] == ["firewall-closed", "cloud-firewall"]

    def test_the_servers_own_no_is_not_lost_on_the_way(self) -> None:
        scenario = jitsi(*rejected(UNREACHABLE, by=WEB), relayed())
        assert errors(*scenario) == {"media-port-refused"}


class TestRelayThatForbidsTheMediaServer:
    LEG = allocated("tcp")

    def asked(self, *peers: tuple[str, int | None]) -> Scenario:
        permissions = [msgspec.structs.replace(permitted(e, self.LEG, code), probe="relayed") for e, code in peers]
        return jitsi(*unanswered(), *unanswered(INNER), self.LEG, *permissions)

    def test_its_own_word(self) -> None:
        only = found("turn-peer-forbidden", *self.asked((MEDIA, 403)), target=JITSI)
        assert MEDIA in only.message.format_map(only.args)
        assert isinstance(only.fixes[0], Set)
        assert (only.fixes[0].key, only.fixes[0].value, only.fixes[0].op) == ("allowed-peer-ip", WEB, "add")
        assert errors(*self.asked((MEDIA, 403))) == {"media-port-silent", "turn-peer-forbidden"}

    def test_a_private_address_beside_is_rightly_refused(self) -> None:
        assert judged("turn-peer-forbidden", *self.asked((MEDIA, None), (INNER, 403)), target=JITSI) is CLEAR
        assert judged("turn-peer-forbidden", *self.asked((INNER, 403)), target=JITSI) is NOT_APPLICABLE

    def test_another_refusal_is_none(self) -> None:
        assert judged("turn-peer-forbidden", *self.asked((MEDIA, 437)), target=JITSI) is CLEAR


class TestBesideTheMatter:
    def test_no_tcp_any_more(self) -> None:
        without = (*SIGNED[:3], services())
        scenario = jitsi(*unanswered(), no_pseudo_tls(), signed=without)
        assert causes(*scenario)["tcp-fallback-obsolete"] == "note"

    def test_with_a_relay_nobody_is_tempted(self) -> None:
        assert judged("tcp-fallback-obsolete", *jitsi(*unanswered()), target=JITSI) is CLEAR

    def test_an_old_bridge_has_it(self) -> None:
        old = candidate("203.0.113.10:4443", transport="tcp")
        scenario = jitsi(*unanswered(), old, signed=(*SIGNED[:3], services()))
        assert judged("tcp-fallback-obsolete", *scenario, target=JITSI) is CLEAR
        assert judged("tcp-fallback-obsolete", *jitsi(*PASSES), target=JITSI) is CLEAR
        assert judged("tcp-fallback-obsolete", *jitsi(offer()), target=JITSI) is NOT_APPLICABLE

    def test_addresses_that_nobody_reaches(self) -> None:
        sentence = words("useless-candidates", *GOOD["by-docker"], target=JITSI)
        assert CONTAINER in sentence
        assert judged("useless-candidates", *GOOD["plain"], target=JITSI) is CLEAR
        assert judged("useless-candidates", *jitsi(*unanswered()), target=JITSI) is CLEAR
        assert STALE in words("useless-candidates", *GOOD["one-of-two-addresses"], target=JITSI)
