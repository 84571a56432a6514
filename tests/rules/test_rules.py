"""The rules about this side, on facts made by hand: found, clear, could not tell, not applicable, and the edges."""

from __future__ import annotations

import pytest

from natprobe.facts import Run, SourceAddress, Stray
from natprobe.model import Failure, Observation, Where
from natprobe.rules import CLEAR, NOT_APPLICABLE
from tests.made import (
    LOCAL,
    LOCAL6,
    MEDIA,
    OUTSIDE,
    PAGE,
    PEER,
    PROHIBITED,
    RESOLVER_OTHER,
    ROUTER,
    STUN1,
    STUN1_6,
    STUN2,
    TIMEOUT,
    UNREACHABLE,
    WEB,
    WEB6,
    address,
    by_dns,
    checked,
    connected,
    doubt,
    found,
    judged,
    named,
    online,
    route,
    saw,
    silent,
    unheard,
    words,
)

HOST1, HOST2 = "203.0.113.20", "203.0.113.30"


class TestUdpBlocked:
    BOTH = (unheard(STUN1), unheard(STUN2))

    def test_two_operators_and_a_control(self) -> None:
        assert "203.0.113.20:3478 works" in words("udp-blocked", *self.BOTH, online(HOST1, 3478))

    def test_stun_over_tcp_is_a_control_too(self) -> None:
        assert found("udp-blocked", *self.BOTH, saw(STUN2, transport="tcp")).evidence == (1, 2, 3)

    def test_an_error_over_tcp_is_one_as_well(self) -> None:
        refused = saw(STUN1, None, transport="tcp", failure=Failure.ERROR_RESPONSE)
        assert found("udp-blocked", *self.BOTH, refused)

    def test_a_control_on_another_host_is_none(self) -> None:
        assert doubt("udp-blocked", *self.BOTH, online(WEB, 443)) == "no-tcp-control"

    def test_no_control(self) -> None:
        assert doubt("udp-blocked", *self.BOTH) == "no-tcp-control"

    def test_one_operator_only(self) -> None:
        twice = (unheard(STUN1), unheard("203.0.113.21:3478", operator=STUN1))
        assert doubt("udp-blocked", *twice, online(HOST1, 3478)) == "few-servers"

    def test_eight_silent_tries_are_too_few(self) -> None:
        few = (unheard(STUN1, 4), unheard(STUN2, 4))
        assert doubt("udp-blocked", *few, online(HOST1, 3478)) == "no-tcp-control"
        assert found("udp-blocked", unheard(STUN1, 4), unheard(STUN2, 5), online(HOST1, 3478))

    def test_a_rejecting_firewall_is_named(self) -> None:
        both = [unheard(each, 1, PROHIBITED, icmp="3/13", reported_by=ROUTER) for each in (STUN1, STUN2)]
        assert "the firewall at 192.168.1.1 rejects it (ICMP 3/13)" in words("udp-blocked", *both, online(HOST1, 3478))

    def test_one_rejected_and_one_hardly_tried_is_not_enough(self) -> None:
        gone = unheard(STUN1, 1, Failure.UNREACHABLE_HOST, reported_by="203.0.113.1")
        assert doubt("udp-blocked", gone, unheard(STUN2, 5), online(HOST2, 3478))

    @pytest.mark.parametrize(
        "answer",
        [
            saw(STUN2),
            unheard(STUN2, failure=Failure.ERROR_RESPONSE),
            unheard(STUN2, failure=Failure.WRONG_SENDER),
            unheard(STUN2, failure=Failure.UNSUPPORTED),
            unheard(STUN2, failure=UNREACHABLE, reported_by=HOST2),  # the host's own word is UDP that came back
        ],
    )
    def test_anything_that_came_back_clears(self, answer: Observation) -> None:
        assert judged("udp-blocked", unheard(STUN1, 9), answer, online(HOST1, 3478)) is CLEAR

    def test_garbage_from_an_asked_server_clears(self) -> None:
        garbage = Stray(local=LOCAL, sender="203.0.113.30:9", fault="garbage")
        assert judged("udp-blocked", *self.BOTH, garbage, online(HOST1, 3478)) is CLEAR

    def test_garbage_from_a_stranger_does_not(self) -> None:
        garbage = Stray(local=LOCAL, sender="203.0.113.99:9", fault="garbage")
        assert found("udp-blocked", *self.BOTH, garbage, online(HOST1, 3478))

    def test_port_unreachable_from_a_router_is_no_answer(self) -> None:
        both = [unheard(each, 1, UNREACHABLE, reported_by=ROUTER) for each in (STUN1, STUN2)]
        assert found("udp-blocked", *both, online(HOST1, 3478))

    @pytest.mark.parametrize("own", [Failure.NO_ROUTE, Failure.PERMISSION_DENIED, Failure.ADDRESS_NOT_LOCAL])
    def test_what_lies_in_this_machine_is_no_matter_of_the_network(self, own: Failure) -> None:
        assert judged("udp-blocked", unheard(STUN1, 1, own), unheard(STUN2, 1, own)) is NOT_APPLICABLE

    def test_nobody_asked(self) -> None:
        assert judged("udp-blocked") is NOT_APPLICABLE

    def test_the_advice_knows_what_was_asked(self) -> None:
        run = Run(version="0.1.0", started="2026-11-21T08:00:00Z")
        chosen = judged("udp-blocked", run, unheard())
        default = judged("udp-blocked", unheard())
        assert "without --stun" in chosen.ask  # type: ignore[union-attr]  # it could not tell
        assert "with --stun" in default.ask  # type: ignore[union-attr]


class TestMappingVaries:
    def test_one_socket_seen_as_two(self) -> None:
        assert OUTSIDE in words("mapping-varies", saw(STUN1), saw(STUN2, "198.51.100.7:40001"))

    def test_two_sockets_seen_as_two_is_not_varying(self) -> None:
        assert doubt("mapping-varies", saw(STUN1), saw(STUN2, "198.51.100.7:1", "192.168.1.2:40001")) == "few-servers"

    def test_the_same_twice(self) -> None:
        assert judged("mapping-varies", saw(STUN1), saw(STUN2)) is CLEAR

    def test_the_same_from_one_address_says_nothing_of_others(self) -> None:
        assert doubt("mapping-varies", saw(STUN1), saw(f"{HOST1}:3479")) == "few-servers"

    def test_two_ports_of_one_address_may_show_it(self) -> None:
        assert found("mapping-varies", saw(STUN1), saw(f"{HOST1}:3479", "198.51.100.7:40001"))

    def test_a_server_on_this_side_of_the_nat_does_not_count(self) -> None:
        inside = saw("192.168.1.9:3478", LOCAL)
        assert judged("mapping-varies", inside, saw(STUN1), saw(STUN2)) is CLEAR
        only = found("mapping-varies", inside, saw(STUN1), saw(STUN2, "198.51.100.7:9"))
        assert LOCAL not in only.args["mapped"]

    def test_each_family_by_itself(self) -> None:
        six = [saw(each, "[2001:db8:9::9]:1", LOCAL6) for each in (STUN1_6, "[2001:db8:f::30]:3478")]
        assert judged("mapping-varies", saw(STUN1), *six) is CLEAR
        assert found("mapping-varies", saw(STUN1), saw(STUN2, "198.51.100.7:9"), *six)

    def test_no_answers(self) -> None:
        assert judged("mapping-varies", unheard()) is NOT_APPLICABLE


class TestCarrierNat:
    PHONE = address("100.64.0.7", "carrier")

    def test_own_address(self) -> None:
        seen = saw(STUN1, "198.51.100.1:1", "100.64.0.7:40000")
        assert found("carrier-nat", self.PHONE, seen).evidence == (1, 2)

    def test_a_tunnels_address_is_no_carriers(self) -> None:
        assert judged("carrier-nat", address("100.100.1.2", "tunnel", "tailscale0"), saw()) is CLEAR

    def test_an_interface_that_is_down(self) -> None:
        down = address("100.64.0.7", "carrier", up=False)
        assert judged("carrier-nat", down, saw()) is CLEAR

    def test_a_server_of_the_providers_own_sees_it(self) -> None:
        assert found("carrier-nat", address("192.168.1.2", "private"), saw(STUN1, "100.64.0.7:40000"))

    def test_an_inner_network_beside_the_way_out_is_no_carriers(self) -> None:
        public = saw(local=OUTSIDE)
        assert judged("carrier-nat", address("100.100.3.4", "carrier", "eth1"), public) is CLEAR
        assert found("carrier-nat", self.PHONE, saw(local="100.64.0.7:40000"), public)

    def test_nothing_known(self) -> None:
        assert judged("carrier-nat", address("192.168.1.2", "private"), unheard()) is NOT_APPLICABLE


class TestVpnSplitsPath:
    TUNNEL = address("10.8.0.2", "tunnel", "tun0")
    THROUGH = saw(STUN1, "198.51.100.99:1", "10.8.0.2:40000")

    def test_udp_inside_and_tcp_outside(self) -> None:
        assert "The VPN on tun0" in words("vpn-splits-path", self.TUNNEL, self.THROUGH, saw(STUN1, transport="tcp"))

    def test_tcp_that_was_not_answered_says_nothing(self) -> None:
        silent_tcp = unheard(STUN1, transport="tcp")
        assert judged("vpn-splits-path", self.TUNNEL, self.THROUGH, silent_tcp) is CLEAR

    def test_all_by_the_same_way(self) -> None:
        tcp = saw(STUN1, "198.51.100.99:7", "10.8.0.2:40001", transport="tcp")
        assert judged("vpn-splits-path", self.TUNNEL, self.THROUGH, tcp) is CLEAR

    def test_udp_that_goes_both_ways_is_a_choice(self) -> None:
        """Bound to the tunnel it goes there, bound to the other interface it goes with TCP."""
        assert judged("vpn-splits-path", self.TUNNEL, self.THROUGH, saw(STUN1), saw(STUN1, transport="tcp")) is CLEAR

    def test_a_pool_of_outside_addresses_beside_an_idle_tunnel_is_the_nats_business(self) -> None:
        pool = (saw(STUN1, "198.51.100.8:40000"), saw(STUN1, transport="tcp"))
        assert judged("vpn-splits-path", self.TUNNEL, *pool) is CLEAR

    def test_without_a_tunnel(self) -> None:
        assert judged("vpn-splits-path", address("192.168.1.2", "private"), saw()) is NOT_APPLICABLE
        down = address("10.8.0.2", "tunnel", "tun0", up=False)
        assert judged("vpn-splits-path", down, self.THROUGH, saw(STUN1, transport="tcp")) is NOT_APPLICABLE

    def test_families_by_different_ways(self) -> None:
        names = (named(WEB), named(WEB6))
        ways = (SourceAddress(towards=WEB, local="10.8.0.2"), SourceAddress(towards=WEB6, local="2001:db8:1::2"))
        assert found("vpn-splits-path", self.TUNNEL, *names, *ways)
        both = (self.TUNNEL, address("2001:db8:8::2", "tunnel", "tun0"))
        inside = SourceAddress(towards=WEB6, local="2001:db8:8::2")
        assert judged("vpn-splits-path", *both, *names, ways[0], inside) is CLEAR

    def test_ipv4_over_a_network_of_ipv6_alone_is_no_vpn(self) -> None:
        """464XLAT: the interface looks like a tunnel, and carries IPv4 beside IPv6."""
        ways = (SourceAddress(towards=WEB, local="192.0.0.4"), SourceAddress(towards=WEB6, local="2001:db8:1::2"))
        clat = address("192.0.0.4", "tunnel", "clat")
        assert judged("vpn-splits-path", clat, named(WEB), named(WEB6), *ways) is NOT_APPLICABLE


class TestStunRewritten:
    def test_two_endpoints_in_one_answer(self) -> None:
        assert f"with {LOCAL} in the plain" in words("stun-rewritten", saw(mapped_plain=LOCAL))

    def test_one_endpoint(self) -> None:
        assert judged("stun-rewritten", saw(mapped_plain=OUTSIDE)) is CLEAR

    ODD = "0.0.0.0:0"

    def test_one_odd_server_among_others_is_its_own_fault(self) -> None:
        assert judged("stun-rewritten", saw(mapped_plain=OUTSIDE), saw(STUN2, mapped_plain=self.ODD)) is CLEAR
        assert doubt("stun-rewritten", saw(mapped_plain=self.ODD)) == "few-servers"

    def test_two_operators_that_are_odd_make_it_the_way(self) -> None:
        assert found("stun-rewritten", saw(mapped_plain=self.ODD), saw(STUN2, mapped_plain=self.ODD))

    def test_an_inside_address_no_server_can_know(self) -> None:
        """Gateways may look at the usual port only."""
        other = saw("203.0.113.30:3999", mapped_plain=OUTSIDE, operator="other")
        assert found("stun-rewritten", saw(mapped_plain=LOCAL), other)

    def test_only_one_attribute(self) -> None:
        assert judged("stun-rewritten", saw()) is NOT_APPLICABLE


class TestMtuBlackhole:
    def test_small_ones_pass_and_large_ones_vanish(self) -> None:
        only = found("mtu-blackhole", checked(), silent(size=1200))
        assert (only.args["size"], only.where) == (1200, Where.UNKNOWN)

    def test_a_router_that_says_too_big_and_nothing_after(self) -> None:
        assert found("mtu-blackhole", checked(), checked(size=1200, failure=Failure.TOO_BIG, tries=9))

    def test_said_once_is_no_black_hole(self) -> None:
        assert judged("mtu-blackhole", checked(), checked(size=1200, failure=Failure.TOO_BIG, tries=1)) is CLEAR

    def test_a_refusal_of_full_size_is_no_loss(self) -> None:
        refused = checked(size=1200, failure=Failure.ERROR_RESPONSE)
        assert judged("mtu-blackhole", checked(), refused) is CLEAR

    def test_both_pass(self) -> None:
        assert judged("mtu-blackhole", checked(), checked(size=1200)) is CLEAR

    def test_a_few_lost_ones_are_loss(self) -> None:
        assert judged("mtu-blackhole", checked(), silent(size=1200, tries=8)) is CLEAR

    def test_nothing_passes(self) -> None:
        assert judged("mtu-blackhole", silent(), silent(size=1200)) is NOT_APPLICABLE

    def test_another_flow_is_no_comparison(self) -> None:
        assert judged("mtu-blackhole", checked(), silent(size=1200, local="10.8.0.2:40000")) is CLEAR


class TestIpv6Broken:
    SIX = (address("2001:db8:1::2", "public"), route(6), route(4), address("192.168.1.2", "private"))
    DEAD = (unheard(STUN1_6, local=LOCAL6), unheard("[2001:db8:f::30]:3478", local=LOCAL6))

    def test_two_dead_destinations_and_a_living_four(self) -> None:
        assert "none of 2 destinations" in words("ipv6-broken", *self.SIX, *self.DEAD, saw())

    def test_one_dead_destination(self) -> None:
        assert doubt("ipv6-broken", *self.SIX, self.DEAD[0], saw()) == "one-destination"

    def test_four_is_dead_too(self) -> None:
        assert doubt("ipv6-broken", *self.SIX, *self.DEAD, unheard()) == "no-control"

    @pytest.mark.parametrize("alive", [Failure.REFUSED, Failure.RESET, None])
    def test_one_answer_over_six(self, alive: Failure | None) -> None:
        assert judged("ipv6-broken", *self.SIX, *self.DEAD, connected(f"[{WEB6}]:443", alive), saw()) is CLEAR

    def test_no_way_out_is_no_fault(self) -> None:
        assert judged("ipv6-broken", *self.SIX[:1], *self.DEAD, saw()) is NOT_APPLICABLE
        local = address("fd00::2", "unique-local")
        assert judged("ipv6-broken", local, route(6), *self.DEAD, saw()) is NOT_APPLICABLE

    def test_nothing_was_tried(self) -> None:
        no_route = unheard(STUN1_6, 1, Failure.NO_ROUTE)
        assert judged("ipv6-broken", *self.SIX, no_route, saw()) is NOT_APPLICABLE


class TestDnsFiltered:
    def test_sinkholes(self) -> None:
        for hole in ("0.0.0.0", "127.0.0.1"):
            assert hole in words("dns-filtered", named(failure=Failure.NXDOMAIN), by_dns(hole))
        assert found("dns-filtered", named("0.0.0.0"))
        assert found("dns-filtered", by_dns("::", family=6), by_dns("0.0.0.0"))

    def test_loopback_in_the_hosts_file_is_how_a_server_names_itself(self) -> None:
        assert judged("dns-filtered", named("127.0.1.1"), by_dns(WEB)) is CLEAR

    def test_localhost_is_this_machine(self) -> None:
        target = PEER.__class__(input="localhost", host="localhost", port=443)
        answer = by_dns("127.0.0.1", name="localhost")
        assert judged("dns-filtered", answer, target=target) is NOT_APPLICABLE

    def test_a_hosts_file_knows_better_than_a_filter(self) -> None:
        """The filter is there all the same, for everybody else in this network."""
        assert found("dns-filtered", named(WEB), by_dns("0.0.0.0")).evidence == (2,)

    def test_one_resolver_withholds(self) -> None:
        answers = (
            named(failure=Failure.NXDOMAIN),
            by_dns(failure=Failure.NXDOMAIN),
            by_dns(WEB, server=RESOLVER_OTHER),
        )
        assert "203.0.113.53:53 says that meet.example.test has no address" in words("dns-filtered", *answers)

    def test_one_resolver_withholds_and_the_system_did_not_ask_it(self) -> None:
        answers = (named(WEB), by_dns(failure=Failure.NXDOMAIN), by_dns(WEB, server=RESOLVER_OTHER))
        assert judged("dns-filtered", *answers) is CLEAR

    def test_a_family_that_the_name_does_not_have_is_not_withheld(self) -> None:
        answers = (named(WEB), named(failure=Failure.NO_DATA, family=6), by_dns(failure=Failure.NO_DATA, family=6))
        assert judged("dns-filtered", *answers, by_dns(WEB6, server=RESOLVER_OTHER)) is CLEAR

    def test_split_horizons_are_made_on_purpose(self) -> None:
        assert judged("dns-filtered", named(WEB), by_dns("192.168.1.9"), by_dns(WEB, server=RESOLVER_OTHER)) is CLEAR

    def test_a_literal_address(self) -> None:
        assert judged("dns-filtered", named(WEB, by="literal")) is NOT_APPLICABLE


class TestNameUnresolved:
    @pytest.mark.parametrize(
        ("failure", "said"),
        [
            (Failure.NXDOMAIN, "does not exist"),
            (Failure.SERVFAIL, "failed to look up"),
            (Failure.REFUSED, "refuse"),
            (TIMEOUT, "No DNS server answered"),
            (Failure.NO_DATA, "has no address"),
            (Failure.UNREACHABLE_NET, "could not be looked up"),
        ],
    )
    def test_it_says_why(self, failure: Failure, said: str) -> None:
        assert said in words("name-unresolved", named(failure=Failure.NXDOMAIN), by_dns(failure=failure))

    def test_without_dns_servers_the_systems_own_word_counts(self) -> None:
        assert "does not exist" in words("name-unresolved", named(failure=Failure.NXDOMAIN))

    def test_a_machine_without_ipv6_says_of_any_name_that_it_has_none(self) -> None:
        six = named(failure=Failure.NXDOMAIN, family=6)
        assert "has no address" in words("name-unresolved", named(failure=Failure.NO_DATA), six)

    def test_a_sinkhole_is_another_matter(self) -> None:
        assert judged("name-unresolved", named("0.0.0.0"), by_dns("0.0.0.0")) is CLEAR

    def test_an_address_from_anywhere(self) -> None:
        assert judged("name-unresolved", named(failure=TIMEOUT), by_dns(WEB)) is CLEAR
        assert judged("name-unresolved", named(WEB, by="literal")) is CLEAR

    def test_another_name_is_not_the_targets(self) -> None:
        other = named(failure=Failure.NXDOMAIN, name="stun.example.test")
        assert judged("name-unresolved", other) is NOT_APPLICABLE


class TestLocalFirewall:
    DENIED = Failure.PERMISSION_DENIED

    def test_udp(self) -> None:
        only = found("local-firewall", unheard(STUN1, 1, self.DENIED, flow="udp/a>b"), checked(failure=self.DENIED))
        assert (only.args, only.fixes[0].ports) == ({"proto": "UDP", "count": 2}, ("10000",))  # type: ignore[union-attr]

    def test_tcp(self) -> None:
        only = found("local-firewall", connected(failure=self.DENIED), target=PAGE)
        assert (only.args["proto"], only.fixes[0].ports) == ("TCP", ("443",))  # type: ignore[union-attr]

    def test_refusals_from_elsewhere_are_not_ours(self) -> None:
        assert judged("local-firewall", checked(failure=PROHIBITED, reported_by=ROUTER)) is CLEAR

    def test_nothing_sent(self) -> None:
        assert judged("local-firewall") is NOT_APPLICABLE


def test_documentation_ranges_count_as_public() -> None:
    """Else nothing of the lab's internet would be compared."""
    assert judged("mapping-varies", saw(MEDIA), saw(STUN1)) is CLEAR
