"""Shared meanings: True, False, or None where the evidence does not decide."""

from __future__ import annotations

import msgspec
import pytest

from natprobe.derive import (
    anything_back,
    came_back,
    has_way_out,
    leads_to,
    page_port,
    secure_pages,
    silent,
    sinkholes,
    target_addresses,
    tcp_answers,
    tcp_controls,
    udp_works,
    web_connects,
    withheld,
)
from natprobe.derive.behaviour import behind_nat, mapping_varies, mappings
from natprobe.facts import Binding, Connected, Facts, Resolved
from natprobe.model import Failure, Target
from tests.made import (
    HOST,
    LOCAL,
    LOCAL6,
    MEDIA,
    OUTSIDE,
    PAGE,
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
    facts,
    named,
    online,
    page,
    route,
    saw,
    session,
    unheard,
)
from tests.made import silent as unanswered

CONTROL = online("203.0.113.20", 3478)
HTTP = Target(input=f"http://{HOST}", host=HOST, port=80, scheme="http")


def test_udp_works_has_three_answers() -> None:
    assert udp_works(facts(saw(), unheard(STUN2, 99))) is True
    assert udp_works(facts(unheard(STUN1), unheard(STUN2), CONTROL)) is False
    assert udp_works(facts(unheard(STUN1), unheard(STUN2))) is None
    assert udp_works(facts()) is None


def test_udp_works_in_each_family_by_itself() -> None:
    six = (unheard(STUN1_6, local=LOCAL6), unheard("[2001:db8:f::30]:3478", local=LOCAL6))
    both = facts(saw(), *six, online("2001:db8:f::20", 3478))
    assert (udp_works(both), udp_works(both, 4), udp_works(both, 6)) == (True, True, False)


def test_two_addresses_of_one_operator_are_one_operator() -> None:
    twice = (unheard(STUN1, 9, operator="one"), unheard(STUN2, 9, operator="one"))
    assert udp_works(facts(*twice, CONTROL)) is None


def test_port_unreachable_comes_back_only_from_the_host_itself() -> None:
    def told(by: str | None) -> bool:
        return came_back(unheard(STUN1, 1, UNREACHABLE, reported_by=by))

    assert (told("203.0.113.20"), told(ROUTER), told(None)) == (True, False, False)


def test_controls_are_on_the_same_hosts() -> None:
    known = facts(CONTROL, online(WEB), saw(STUN2, transport="tcp"), connected(f"{WEB}:80", TIMEOUT))
    assert len(tcp_controls(known, ["203.0.113.20", "203.0.113.30"])) == 2
    assert len(tcp_controls(known, [WEB])) == 1
    assert tcp_controls(known, []) == []


def test_mapping_varies_needs_one_socket_and_two_servers() -> None:
    other = saw(STUN2, "198.51.100.7:9")
    assert mapping_varies(facts(saw(), other)) is True
    assert mapping_varies(facts(saw(), saw(STUN2))) is False
    assert mapping_varies(facts(saw())) is None
    assert mapping_varies(facts(saw(), msgspec.structs.replace(other, local="192.168.1.2:40001"))) is None
    assert mapping_varies(facts(saw(), other), 6) is None


def test_two_vantages_with_the_same_local_endpoint_are_two_sockets() -> None:
    other = msgspec.structs.replace(saw(STUN2, "192.0.2.50:1"), source=1)
    known = facts(saw(), other)
    assert mapping_varies(known) is None
    assert set(mappings(known)) == {(0, LOCAL), (1, LOCAL)}


def test_behind_nat() -> None:
    assert behind_nat(facts(saw())) is True
    assert behind_nat(facts(saw(local=OUTSIDE))) is False
    assert behind_nat(facts(saw(mapped="198.51.100.7:9", local=OUTSIDE))) is False
    assert behind_nat(facts(saw(mapped=LOCAL))) is None  # a public server that sees an inner address is inside itself
    assert behind_nat(facts(unheard())) is None
    assert behind_nat(facts(saw("192.168.1.9:3478"))) is None
    assert behind_nat(facts(saw(STUN1_6, "[2001:db8:1::2]:40000", LOCAL6)), 6) is False


@pytest.mark.parametrize(
    ("text", "scope", "version", "expected"),
    [
        ("192.168.1.2", "private", 4, True),
        ("100.64.0.7", "carrier", 4, True),
        ("10.8.0.2", "tunnel", 4, True),
        ("172.17.0.1", "container", 4, False),
        ("169.254.1.2", "link-local", 4, False),
        ("2001:db8:1::2", "public", 6, True),
        ("fd00::2", "unique-local", 6, False),
        ("fe80::2", "link-local", 6, False),
    ],
)
def test_a_way_out_is_an_address_with_a_route(text: str, scope: str, version: int, expected: bool) -> None:
    here = address(text, scope)
    assert has_way_out(facts(here, route(version)), version) is expected  # type: ignore[arg-type]  # 4 or 6
    assert not has_way_out(facts(here), version)  # type: ignore[arg-type]
    assert not has_way_out(facts(address(text, scope, up=False), route(version)), version)  # type: ignore[arg-type]


def test_the_systems_answer_goes_before_the_servers() -> None:
    assert target_addresses(facts(by_dns("203.0.113.99"), named(WEB), named(WEB6))) == [WEB, WEB6]
    assert target_addresses(facts(by_dns(WEB), named(failure=TIMEOUT))) == [WEB]
    assert target_addresses(facts(by_dns("0.0.0.0"), named("0.0.0.0"))) == []
    assert target_addresses(facts(named(WEB, name="stun1.example.test"))) == []


def test_sinkholes_and_hosts_files() -> None:
    def sunk(*answers: Resolved) -> set[str]:
        return sinkholes(list(answers))

    assert sunk(by_dns("127.0.0.1"), named("0.0.0.0"), by_dns("::", family=6)) == {"127.0.0.1", "0.0.0.0", "::"}
    assert sunk(named("127.0.1.1")) == set(), "in this machine's own hosts file"
    assert sunk(by_dns("127.0.0.1", name="meet.localhost")) == set()
    assert sunk(by_dns("192.168.1.9"), by_dns("10.0.0.1")) == set(), "a split horizon"
    assert sunk(named("0.0.0.0", by="literal")) == set(), "asked for by number"


def test_withheld_leaves_the_system_with_nothing() -> None:
    denied, given = by_dns(failure=Failure.NXDOMAIN), by_dns(WEB, server=RESOLVER_OTHER)
    assert withheld(facts(named(failure=Failure.NXDOMAIN), denied, given))
    assert not withheld(facts(named(WEB), denied, given))
    assert not withheld(facts(named(failure=TIMEOUT), denied, given)), "it may yet answer"
    assert not withheld(facts(named(failure=Failure.NXDOMAIN), denied))
    assert not withheld(facts(named(failure=Failure.NXDOMAIN), given)), "a machine without this family"


def test_the_web_probes_connections_only() -> None:
    known = facts(connected(), online(WEB), connected(f"{WEB}:80"), target=PAGE)
    assert [each.id for each in web_connects(known)] == [1]
    assert [each.id for each in web_connects(known, 80)] == [3]


def test_where_an_http_link_leads() -> None:
    def led(location: str | None, target: Target = HTTP) -> tuple[str | None, int]:
        known = facts(page(f"http://{HOST}/", 301, location=location), target=target)
        return leads_to(known), page_port(known)

    assert led(f"https://{HOST}/") == (HOST, 443)
    assert led("https://video.example.test/") == ("video.example.test", 80)
    assert led(f"https://{HOST}:8443/") == (f"{HOST}:8443", 80)
    assert led(f"https://{HOST}:443/") == (HOST, 443)
    assert led("https://[/") == ("", 80)
    assert led("/elsewhere") == (None, 80)
    assert led(None) == (None, 80)
    assert led(f"https://{HOST}/", PAGE) == (None, 443)


def test_secure_pages() -> None:
    def shown(*pages: int, looped: bool = False, verified: bool = True) -> int:
        replies = [page(status=each) for each in pages]
        loop = [page(status=None, failure=Failure.REDIRECT_LIMIT)] if looped else []
        tls = session(failure=None if verified else Failure.TLS_CERTIFICATE)
        return len(secure_pages(facts(tls, *replies, *loop)))

    assert shown(200, 301, 404) == 3
    assert shown(500, 502) == 0
    assert shown(302, 302, looped=True) == 0
    assert shown(302, 200, looped=True) == 1
    assert shown(200, verified=False) == 0
    assert secure_pages(facts(session(), page(f"http://{HOST}/"))) == []


def test_a_refusal_over_tcp_is_life() -> None:
    known = facts(connected(failure=Failure.REFUSED), connected(f"{WEB}:80", TIMEOUT), saw(STUN1_6, transport="tcp"))
    assert len(tcp_answers(known, 4)) == 1
    assert len(tcp_answers(known, 6)) == 1
    assert anything_back(known, 4)
    assert not anything_back(facts(connected(failure=TIMEOUT), unheard()), 4)


def test_silence_takes_nine_tries() -> None:
    assert silent([unanswered(tries=9)], MEDIA)
    assert silent([unanswered(tries=4), unanswered(size=1200, tries=5)], MEDIA)
    assert not silent([unanswered(tries=8)], MEDIA)
    assert not silent([unanswered(tries=9), checked()], MEDIA)
    assert not silent([], MEDIA)


def test_facts_are_grouped_by_kind_and_kept_in_order() -> None:
    known: Facts = facts(saw(), connected(), saw(STUN2, OUTSIDE))
    assert [each.id for each in known.of(Binding)] == [1, 3]
    assert [each.id for each in known.of(Connected)] == [2]


def test_a_server_in_this_network_says_nothing_about_the_way_out() -> None:
    near = saw("192.168.1.9:3478", LOCAL)
    dead = (unheard(STUN1, 9), unheard(STUN2, 9), saw(STUN1, transport="tcp"))
    outside = named("203.0.113.10")
    assert udp_works(facts(near, *dead, outside)) is False
    assert udp_works(facts(near)) is True  # nobody outside is meant
