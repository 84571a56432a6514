"""sources-differ, vpn-splits-path and udp-blocked where this machine has several addresses or families."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from natprobe.facts import DefaultRoute, IceCheck, Run, SourceAddress, Stray
from natprobe.model import Failure, Observation, Severity
from natprobe.rules import CLEAR, NOT_APPLICABLE
from tests.made import (
    LOCAL,
    LOCAL6,
    MEDIA,
    PROHIBITED,
    STUN1,
    STUN1_6,
    STUN2,
    TIMEOUT,
    WEB,
    address,
    connected,
    doubt,
    found,
    judged,
    named,
    saw,
    unheard,
    words,
)

CAUSE = "sources-differ"
SECOND, SECOND_OUT = "10.20.0.2:50000", "198.51.100.77:50000"
STUN2_6 = "[2001:db8:f::30]:3478"
ADDRESSES = [address("192.168.1.2", "private"), address("10.20.0.2", "private", "eth1")]


def way(interface: str = "eth0", version: int = 4) -> Observation:
    return DefaultRoute(family=version, interface=interface)  # type: ignore[arg-type]  # 4 or 6


ROUTES = [way("eth0"), way("eth1")]
FIRST = [saw(STUN1), saw(STUN2)]
SILENT = [unheard(STUN1, local=SECOND), unheard(STUN2, local=SECOND)]
TCP: dict[str, Any] = {"transport": "tcp", "tries": 1}


def second_tcp(failure: Failure | None = None) -> Observation:
    if failure:
        return unheard(STUN1, local="10.20.0.2:0", failure=failure, **TCP)
    return saw(STUN1, SECOND_OUT, SECOND, **TCP)


def test_both_work_and_that_is_all() -> None:
    both = [*FIRST, saw(STUN1, SECOND_OUT, SECOND), saw(STUN2, SECOND_OUT, SECOND)]
    assert judged(CAUSE, *ADDRESSES, *ROUTES, *both) is CLEAR


def test_one_address_alone_is_not_compared() -> None:
    assert judged(CAUSE, ADDRESSES[0], *ROUTES, *FIRST) is NOT_APPLICABLE
    assert judged(CAUSE, ADDRESSES[1], *ROUTES, *SILENT) is NOT_APPLICABLE


@pytest.mark.parametrize(
    ("control", "said"),
    [
        ([second_tcp(), saw(STUN1, **TCP)], "though TCP from there does"),
        ([second_tcp(TIMEOUT), saw(STUN1, **TCP)], "over UDP or TCP"),
        ([second_tcp(TIMEOUT)], "gets no answer, while"),  # nobody answers that server over TCP
        ([], "gets no answer, while"),
    ],
)
def test_it_says_what_tcp_does(control: list[Observation], said: str) -> None:
    text = words(CAUSE, *ADDRESSES, *ROUTES, *FIRST, *SILENT, *control)
    assert said in text
    assert "10.20.0.2 (eth1)" in text
    assert "192.168.1.2" in text


def test_a_router_behind_which_nothing_works_is_not_told_to_let_udp_out() -> None:
    dead = found(CAUSE, *ADDRESSES, *ROUTES, *FIRST, *SILENT, second_tcp(TIMEOUT), saw(STUN1, **TCP))
    assert [each.audience for each in dead.fixes] == ["user"]
    shut = found(CAUSE, *ADDRESSES, *ROUTES, *FIRST, *SILENT, second_tcp())
    assert [each.audience for each in shut.fixes] == ["user", "network"]


def test_garbage_from_a_server_is_udp_that_came_back() -> None:
    stray = Stray(local=SECOND, sender=STUN1, fault="garbage")
    assert judged(CAUSE, *ADDRESSES, *ROUTES, *FIRST, *SILENT, stray) is CLEAR
    stranger = Stray(local=SECOND, sender="192.0.2.66:1", fault="garbage")
    assert isinstance(judged(CAUSE, *ADDRESSES, *ROUTES, *FIRST, *SILENT, stranger), list)


def test_the_preferred_address_makes_it_a_warning() -> None:
    assert found(CAUSE, *ADDRESSES, *ROUTES, *FIRST, *SILENT).severity is Severity.NOTE
    preferred = [way("eth1"), way("eth0")]
    only = found(CAUSE, *ADDRESSES, *preferred, *FIRST, *SILENT)
    assert only.severity is None
    assert "For calls use eth0" in only.fixes[0].text  # type: ignore[union-attr]  # a Do
    taken = SourceAddress(towards=WEB, local="10.20.0.2")
    assert found(CAUSE, *ADDRESSES, *ROUTES, taken, *FIRST, *SILENT).severity is None


def test_few_tries_decide_nothing() -> None:
    few = [unheard(STUN1, tries=4, local=SECOND), unheard(STUN2, tries=4, local=SECOND)]
    assert doubt(CAUSE, *ADDRESSES, *ROUTES, *FIRST, *few) == "few-servers"


def test_a_server_that_answers_nobody_is_no_evidence() -> None:
    seen = [saw(STUN1), unheard(STUN2), *SILENT]
    assert doubt(CAUSE, *ADDRESSES, *ROUTES, *seen) == "few-servers"


def test_checks_to_the_media_server_count() -> None:
    def check(local: str, **more: Any) -> IceCheck:
        return IceCheck(endpoint=MEDIA, transport="udp", local=local, size=100, **more)

    seen = [check(LOCAL, tries=1, verified=True), check(SECOND, tries=9, failure=TIMEOUT)]
    assert "10.20.0.2" in words(CAUSE, *ADDRESSES, *ROUTES, *seen)


def test_rejection_needs_no_nine_tries() -> None:
    rejected = [unheard(STUN1, 1, PROHIBITED, local=SECOND, reported_by="10.20.0.1")]
    assert "10.20.0.2" in words(CAUSE, *ADDRESSES, *ROUTES, *FIRST, *rejected)


def test_an_address_that_leads_nowhere_by_design_is_let_be() -> None:
    """A storage network has no default route; a unique-local address and a container's have no way out."""
    assert judged(CAUSE, *ADDRESSES, way("eth0"), *FIRST, *SILENT) is CLEAR
    assert judged(CAUSE, ADDRESSES[0], address("10.20.0.2", "container", "eth1"), *ROUTES, *FIRST, *SILENT) is CLEAR
    inner = address("fd00::2", "unique-local", "eth1")
    here = [address("2001:db8:1::2", "public"), inner, way("eth0", 6), way("eth1", 6)]
    sixes = [saw(STUN1_6, LOCAL6, LOCAL6), saw(STUN2_6, LOCAL6, LOCAL6)]
    lost = [unheard(STUN1_6, local="[fd00::2]:1"), unheard(STUN2_6, local="[fd00::2]:1")]
    assert judged(CAUSE, *here, *sixes, *lost) is CLEAR


def test_tcp_shows_that_an_address_leads_out() -> None:
    assert "10.20.0.2" in words(CAUSE, *ADDRESSES, way("eth0"), *FIRST, *SILENT, second_tcp())


def test_a_second_address_of_a_working_interface_is_let_be() -> None:
    """A cloud's inner address beside the public one, or the prefix of yesterday."""
    here = [ADDRESSES[0], address("10.20.0.2", "private", "eth0")]
    assert judged(CAUSE, *here, *ROUTES, *FIRST, *SILENT) is CLEAR


@pytest.mark.parametrize("tunnel", [0, 1])
def test_tunnels_are_another_rules_business(tunnel: int) -> None:
    """A VPN that takes everything leaves the other addresses silent, and the other way round."""
    here = list(ADDRESSES)
    here[tunnel] = address(here[tunnel].address, "tunnel", "wg0")
    assert judged(CAUSE, *here, way("wg0"), *ROUTES, *FIRST, *SILENT) is CLEAR


def test_a_family_without_any_answer_is_another_rules_business() -> None:
    here = [address("2001:db8:1::2", "public"), address("2001:db8:2::2", "public", "eth1")]
    lost = [unheard(server, local=local) for server in (STUN1_6, STUN2_6) for local in (LOCAL6, "[2001:db8:2::2]:1")]
    assert judged(CAUSE, *here, way("eth0", 6), way("eth1", 6), *lost, *FIRST) is CLEAR


def test_an_address_that_nothing_can_be_sent_from() -> None:
    gone = [unheard(server, 0, Failure.ADDRESS_NOT_LOCAL, local="10.20.0.2:0") for server in (STUN1, STUN2)]
    only = found(CAUSE, *ADDRESSES, *ROUTES, *FIRST, *gone)
    assert only.severity is Severity.NOTE
    assert "lets nothing be sent from it" in only.message
    assert only.args["address"] == "10.20.0.2"


@pytest.mark.parametrize("failure", [Failure.PERMISSION_DENIED, Failure.NO_ROUTE, Failure.INTERNAL])
def test_other_refusals_of_this_machine_are_other_rules_business(failure: Failure) -> None:
    refused = [unheard(server, 0, failure, local=SECOND) for server in (STUN1, STUN2)]
    assert judged(CAUSE, *ADDRESSES, *ROUTES, *FIRST, *refused) is CLEAR


# --- vpn-splits-path

VPN = "vpn-splits-path"
TUN = address("10.8.0.2", "tunnel", "tun0")
BY_VPN = "198.51.100.99:50000"


def test_udp_of_the_very_same_address_leaves_by_the_tunnel() -> None:
    here = [ADDRESSES[0], TUN, saw(STUN1, BY_VPN), saw(STUN1, BY_VPN, "10.8.0.2:1"), saw(STUN1, **TCP)]
    assert isinstance(judged(VPN, *here), list)
    assert isinstance(judged(VPN, *here, saw(STUN1, local=SECOND)), list), "another address is another matter"


def test_a_tunnel_of_which_only_its_own_address_makes_use_splits_nothing() -> None:
    """TCP asked from the tunnel's address is no page's way."""
    here = [ADDRESSES[0], TUN, *FIRST, saw(STUN1, BY_VPN, "10.8.0.2:1"), saw(STUN1, **TCP)]
    assert judged(VPN, *here, saw(STUN1, BY_VPN, "10.8.0.2:2", **TCP), via(LOCAL)) is CLEAR
    deaf = [ADDRESSES[0], TUN, *FIRST, unheard(STUN1, local="10.8.0.2:1"), saw(STUN1, **TCP)]
    assert judged(VPN, *deaf, saw(STUN1, BY_VPN, "10.8.0.2:2", **TCP), via(LOCAL)) is CLEAR


def via(local: str) -> Observation:
    return msgspec.structs.replace(connected(), local=local)


def run(*sources: str) -> Run:
    return Run(
        version="0",
        started="2026-11-21T08:00:00Z",
        system="linux",
        timeout=1.0,
        families=(4, 6),
        sources=sources,
        only=(),
        skip=(),
        stun=(),
        insecure=False,
    )


@pytest.mark.parametrize(("outside", "split"), [((BY_VPN, BY_VPN), True), ((BY_VPN, "198.51.100.98:1"), False)])
def test_where_the_tunnel_is_not_asked_a_pool_is_no_split(outside: tuple[str, str], split: bool) -> None:
    here = [ADDRESSES[0], TUN, run("192.168.1.2")]
    asked = [saw(server, seen) for server, seen in zip((STUN1, STUN2), outside, strict=True)]
    assert isinstance(judged(VPN, *here, *asked, saw(STUN1, **TCP)), list) is split


def test_routes_alone_show_it() -> None:
    ways = [named(WEB), SourceAddress(towards=WEB, local="10.8.0.2"), via(LOCAL)]
    assert isinstance(judged(VPN, ADDRESSES[0], TUN, run(), *ways), list)
    assert judged(VPN, ADDRESSES[0], TUN, run("192.168.1.2"), *ways) is CLEAR
    same = [named(WEB), SourceAddress(towards=WEB, local="10.8.0.2"), via("10.8.0.2:1")]
    assert judged(VPN, ADDRESSES[0], TUN, run(), *same) is CLEAR


# --- udp-blocked, one family


def asked(version: int, answers: bool) -> list[Observation]:
    servers, local = ((STUN1, STUN2), LOCAL) if version == 4 else ((STUN1_6, STUN2_6), LOCAL6)
    if answers:
        return [saw(server, local=local) for server in servers]
    return [*(unheard(server, local=local) for server in servers), saw(servers[0], local=local, **TCP)]


@pytest.mark.parametrize("shut", [4, 6])
def test_one_family_without_udp_is_a_warning(shut: int) -> None:
    only = found("udp-blocked", *asked(shut, False), *asked(10 - shut, True))
    assert only.severity is Severity.WARNING
    assert only.message.format_map(only.args).startswith(f"No UDP over IPv{shut}")
    assert f"IPv{10 - shut}" in only.message.format_map(only.args)


def test_both_families_without_udp_are_one_finding() -> None:
    assert found("udp-blocked", *asked(4, False), *asked(6, False)).severity is None
