"""Rules about a Janus's media, on facts made by hand: each state has its cause, and no neighbour speaks for it."""

from __future__ import annotations

import msgspec
import pytest

from natprobe.model import Allow, Do, Failure, Fix, Set
from natprobe.render._words import advice
from natprobe.rules import CLEAR, NOT_APPLICABLE
from tests.made import (
    UNREACHABLE,
    WEB,
    address,
    certificate,
    checked,
    connected,
    found,
    judged,
    named,
    page,
    report,
    session,
    silent,
    words,
)
from tests.made_janus import (
    CONTAINER,
    DOORS,
    INNER,
    INNER_TOO,
    JANUS,
    NETWORK,
    ONE,
    OTHER,
    PASSES,
    TWO,
    WRONG,
    WRONG_TOO,
    Scenario,
    answering,
    call,
    candidate,
    causes,
    door,
    echoed,
    errors,
    forced,
    info,
    janus,
    refused_call,
    settled,
    unanswered,
)

HANDLES = ((ONE, 1), (TWO, 2))
SILENT: Scenario = (*unanswered(ONE, 1), *unanswered(TWO, 2))
MISMAPPED: Scenario = (*unanswered(WRONG, 1), *unanswered(WRONG_TOO, 2))
LUCK: Scenario = (*MISMAPPED, *settled(TWO, "peer-reflexive"))
IPV6 = "[2001:db8:f::10]:20050"


def settings(*fixes: Fix) -> dict[str, str]:
    """The lines of .jcfg files by key."""
    return {each.key: each.value for each in fixes if isinstance(each, Set) and each.file.endswith(".jcfg")}


def said(*fixes: Fix) -> str:
    return " ".join(line for each in fixes for line in advice(each))


# --- nothing is wrong


@pytest.mark.parametrize(
    "doors",
    [
        DOORS,
        (door(), info(mdns=False)),
        (door(), info(full_trickle=True)),
        (door(), info(ipv6=True)),
        (door(), info(version=None, version_string=None, ipv6=None, mdns=None, transports=(), plugins=())),
    ],
)
def test_nothing_is_found_where_nothing_is_wrong(doors: Scenario) -> None:
    assert errors(*janus(*PASSES, doors=doors)) == set()


def test_ipv6_candidates_of_a_janus_that_has_it_are_no_fault() -> None:
    assert errors(*janus(*PASSES, *answering(IPV6, 1), doors=(door(), info(ipv6=True)))) == set()


# --- addresses


def test_an_inner_address_alone() -> None:
    hits = found("private-address-advertised", *janus(*unanswered(INNER, 1), *unanswered(INNER_TOO, 2)), target=JANUS)
    assert hits.args["addresses"] == "10.0.0.10"
    assert settings(*hits.fixes) == {"nat_1_1_mapping": f'"{WEB}"'}
    assert hits.alternatives == ()
    assert "JVB" not in said(*hits.fixes)


def test_a_containers_address_alone() -> None:
    """Its own network is the other way out."""
    hits = found("container-address-advertised", *janus(*unanswered(CONTAINER)), target=JANUS)
    assert settings(*hits.fixes) == {"nat_1_1_mapping": f'"{WEB}"'}
    assert "--network host" in said(*hits.fixes)


def test_the_wrong_address_with_the_right_one_proven() -> None:
    facts = janus(*MISMAPPED, forced(ONE))
    hits = found("wrong-address-advertised", *facts, target=JANUS)
    assert hits.args == {"advertised": "203.0.113.99 (ports 20041 and 20044)", "right": ONE}
    assert settings(*hits.fixes) == {"nat_1_1_mapping": f'"{WEB}"'}
    assert causes(*facts) == {"wrong-address-advertised": "error"}


@pytest.mark.parametrize("proof", [(forced(ONE),), ()])
def test_luck_is_a_warning_be_it_the_only_proof(proof: Scenario) -> None:
    """Janus's own checks come from where it is: a browser would get through, and others would not."""
    facts = janus(*LUCK, *proof)
    assert causes(*facts) == {"wrong-address-advertised": "warning"}
    assert words("wrong-address-advertised", *facts, target=JANUS).startswith("It works by luck")


def test_behind_a_relay_it_is_no_luck() -> None:
    """What a relay met says nothing of who is met directly."""
    ended = msgspec.structs.replace(settled(TWO, "peer-reflexive")[0], leg="udp", relayed="203.0.113.40:50000")
    assert judged("wrong-address-advertised", *janus(*MISMAPPED, ended), target=JANUS) is CLEAR


def test_luck_at_the_very_address_proves_no_other_port() -> None:
    """The port may be a NAT's, made for us."""
    facts = janus(*SILENT, *settled(f"{WEB}:61000", "peer-reflexive"))
    assert judged("media-port-mismatch", *facts, target=JANUS) is CLEAR
    assert causes(*facts) == {"media-port-silent": "warning"}


def test_another_port_is_to_be_forwarded_one_to_one() -> None:
    """It can name no other than its own."""
    hits = found("media-port-mismatch", *janus(*SILENT, forced(f"{WEB}:30041")), target=JANUS)
    assert settings(*hits.fixes) == {}
    assert "one to one" in said(*hits.fixes)


def test_inside_both_addresses_are_advised() -> None:
    hits = found("hairpin-missing", *janus(*SILENT, forced("192.168.77.5:20041")), target=JANUS)
    assert settings(*hits.fixes) == {"nat_1_1_mapping": f'"{WEB}"', "keep_private_host": "true"}


def test_what_is_useless_is_ignored_by_address() -> None:
    hits = found("useless-candidates", *janus(*PASSES, *unanswered(INNER, 1)), target=JANUS)
    assert settings(*hits.fixes)["ice_ignore_list"] == '"vmnet,10.0.0.10"'
    old = found("useless-candidates", *janus(*PASSES, *unanswered(WRONG, 1)), target=JANUS)
    assert "nat_1_1_mapping" in said(*old.fixes)


# --- ports


def test_a_silent_port_is_one_finding_for_all_handles() -> None:
    facts = janus(*SILENT)
    hits = found("media-port-silent", *facts, target=JANUS)
    assert hits.args == {"endpoint": f"{WEB} (ports 20041 and 20044)", "tries": 36}
    assert "janus-ports-outside-range" in [each.cause for each in hits.alternatives]
    opening = next(each for each in hits.fixes if isinstance(each, Allow))
    assert advice(opening) == [
        "Allow UDP ports of rtp_port_range in janus.jcfg (such as 20041 and 20044) in to 203.0.113.10 at the server's"
        " firewall and its cloud's security group"
    ]
    assert causes(*facts) == {"media-port-silent": "error"}


def test_a_mapped_janus_wants_its_range_forwarded() -> None:
    """Its own address beside the mapped one shows that it is behind a router."""
    facts = janus(*SILENT, *unanswered(INNER, 1))
    told = said(*found("media-port-silent", *facts, target=JANUS).fixes)
    assert "Forward UDP 203.0.113.10, the ports of rtp_port_range in janus.jcfg (such as 20041 and 20044) to" in told
    assert "the same ports of 10.0.0.10" in told


def test_a_closed_port_leads_to_janus_itself() -> None:
    facts = janus(candidate(), checked(ONE, failure=UNREACHABLE, reported_by=WEB))
    assert "curl -s http://127.0.0.1:8088/janus/info" in said(*found("media-port-refused", *facts, target=JANUS).fixes)
    asks = [each.ask for each in found("media-port-refused", *facts, target=JANUS).alternatives]
    assert not [each for each in asks if "jvb" in each]
    assert causes(*facts) == {"media-port-refused": "error"}


@pytest.mark.parametrize("good", [0, 1])
def test_one_port_of_two_is_the_range(good: int) -> None:
    """Nothing but the port differs."""
    (open_, first), (mute, second) = HANDLES[good], HANDLES[1 - good]
    facts = janus(*answering(open_, first), *unanswered(mute, second))
    hits = found("janus-ports-outside-range", *facts, target=JANUS)
    assert (hits.args["open"], hits.args["shut"]) == (int(open_[-5:]), mute[-5:])
    assert settings(*hits.fixes) == {"rtp_port_range": '"20000-40000"'}
    assert causes(*facts) == {"janus-ports-outside-range": "warning"}


def test_a_port_that_was_asked_seldom_is_no_range() -> None:
    facts = janus(*answering(ONE, 1), candidate(TWO, 2), silent(TWO, tries=4), silent(TWO, size=1200, tries=4))
    assert judged("janus-ports-outside-range", *facts, target=JANUS) is CLEAR
    assert causes(*facts) == {}


def test_two_ports_of_one_session_are_no_range() -> None:
    """It may be the one that it doesn't listen on."""
    facts = janus(*answering(ONE, 1), *unanswered(TWO, 1))
    assert judged("janus-ports-outside-range", *facts, target=JANUS) is CLEAR
    assert judged("janus-ports-outside-range", target=JANUS) is NOT_APPLICABLE


# --- what Janus says of itself, against what it does


@pytest.mark.parametrize("address", [IPV6, "[fe80::1]:20050"])
def test_a_list_that_matches_nothing(address: str) -> None:
    facts = janus(*PASSES, *unanswered(address, 1))
    assert causes(*facts) == {"janus-enforce-list-ignored": "warning"}
    assert settings(*found("janus-enforce-list-ignored", *facts, target=JANUS).fixes) == {
        "ice_enforce_list": '"THE-INTERFACE"'
    }


def test_what_such_a_list_lets_in_has_one_cause() -> None:
    """Inner addresses of other interfaces come with it."""
    facts = janus(*PASSES, *unanswered(IPV6, 1), *unanswered(INNER, 1))
    assert causes(*facts) == {"janus-enforce-list-ignored": "warning"}


def test_a_janus_that_says_nothing_of_ipv6_is_not_judged() -> None:
    facts = janus(*PASSES, *answering(IPV6, 1), doors=(door(), info(ipv6=None)))
    assert judged("janus-enforce-list-ignored", *facts, target=JANUS) is NOT_APPLICABLE


def test_dropped_local_names_harm_who_is_met_by_luck_alone() -> None:
    dropping = (door(), info(mdns=False))
    assert set(causes(*janus(*LUCK, doors=dropping))) == {"wrong-address-advertised", "janus-mdns-only"}
    assert settings(*found("janus-mdns-only", *janus(*LUCK, doors=dropping), target=JANUS).fixes) == {
        "ignore_mdns": "false"
    }
    assert judged("janus-mdns-only", *janus(*PASSES, doors=dropping), target=JANUS) is CLEAR
    assert judged("janus-mdns-only", *janus(*MISMAPPED, doors=dropping), target=JANUS) is CLEAR
    assert judged("janus-mdns-only", *janus(*LUCK, *answering(ONE, 1), doors=dropping), target=JANUS) is CLEAR
    assert judged("janus-mdns-only", target=JANUS) is NOT_APPLICABLE


def test_local_names_are_looked_up_in_one_network_alone() -> None:
    """Whether a Janus beside us finds any, nobody sees."""
    beside, away = address("203.0.113.77", "public"), address("198.51.100.7", "public")
    assert judged("janus-mdns-only", *janus(*LUCK), target=JANUS) is CLEAR  # our own network is not known
    assert judged("janus-mdns-only", *janus(*LUCK), beside, target=JANUS) is CLEAR
    hits = found("janus-mdns-only", *janus(*LUCK), away, target=JANUS)
    assert settings(*hits.fixes) == {}
    assert "cannot look up" in hits.message.format_map(hits.args)


# --- calls


def test_an_answer_without_addresses() -> None:
    bare = call(candidates=0, completed=True)
    facts = janus(calls=(bare, call(2, candidates=0)))
    assert causes(*facts) == {"janus-candidates-missing": "error"}
    assert "names no address" in words("janus-candidates-missing", *facts, target=JANUS)
    assert "full_trickle" not in settings(*found("janus-candidates-missing", *facts, target=JANUS).fixes)


def test_addresses_of_no_use_are_counted() -> None:
    calls = (call(candidates=0, dropped=3, trickled=True),)
    hits = found("janus-candidates-missing", *janus(calls=calls, doors=(door(), info(full_trickle=True))), target=JANUS)
    assert hits.args == {"count": 3}
    assert settings(*hits.fixes)["full_trickle"] == "false"


def test_one_handle_with_addresses_is_enough() -> None:
    facts = janus(*PASSES, calls=(call(1), call(2, candidates=0)))
    assert judged("janus-candidates-missing", *facts, target=JANUS) is CLEAR
    assert judged("janus-candidates-missing", target=JANUS) is NOT_APPLICABLE


@pytest.mark.parametrize(
    "calls",
    [
        (refused_call(472, "Currently not accepting new sessions"),),
        (refused_call(490, "Unknown error"),),
    ],
)
def test_a_janus_that_lets_no_call_begin(calls: Scenario) -> None:
    assert causes(*janus(calls=calls)) == {"bridge-unavailable": "error"}


@pytest.mark.parametrize(
    "failure", [Failure.HTTP_STATUS, Failure.PROTOCOL, Failure.CLOSED, Failure.CANCELLED, Failure.TIMEOUT]
)
def test_what_is_no_word_of_januss_is_no_refusal(failure: Failure) -> None:
    """Nor is a silence of seconds, however far the call got."""
    assert causes(*janus(calls=(call(failure=failure, reached="offer"),))) == {}


def test_no_echotest_is_no_fault() -> None:
    assert causes(*janus(calls=(refused_call(460, "No such plugin 'janus.plugin.echotest'"),))) == {}


@pytest.mark.parametrize(
    ("told", "wanted"),
    [
        (info(secret=True), "its API's secret"),
        (info(tokens=True), "a token"),
        (info(secret=True, tokens=True), "its API's secret or a token"),
        (info(), "its API's secret or a token"),
    ],
)
def test_what_janus_wants_to_know_is_told(told: Scenario, wanted: str) -> None:
    refused = refused_call(403, failure=Failure.UNAUTHORIZED)
    hits = found("login-required", *janus(calls=(refused,), doors=(door(), told)), target=JANUS)  # type: ignore[arg-type]
    assert hits.args["wanted"] == wanted
    assert "--janus-secret-file" in said(*hits.fixes)


def test_who_was_let_in_once_is_known() -> None:
    calls = (call(1), call(2, failure=Failure.UNAUTHORIZED, error_code=403))
    assert causes(*janus(*answering(), calls=calls)) == {}


def test_what_was_given_and_refused_is_told_so() -> None:
    calls = (call(failure=Failure.UNAUTHORIZED, error_code=403, given=True),)
    assert "does not take" in words("login-required", *janus(calls=calls), target=JANUS)
    assert judged("login-required", *janus(*PASSES), target=JANUS) is CLEAR


# --- size


def test_a_black_hole_towards_the_client() -> None:
    """Both sizes went there, and only the small one came back."""
    facts = janus(*PASSES[:-2], echoed(100, 1), echoed(1200, 0, sent=9))
    assert causes(*facts) == {"mtu-blackhole": "error"}
    assert "do not" in words("mtu-blackhole", *facts, target=JANUS)


@pytest.mark.parametrize(
    "echoes",
    [
        (echoed(100, 0, sent=9), echoed(1200, 0, sent=9)),  # a plugin that sends nothing back
        (echoed(100, 1), echoed(1200, 0, sent=5)),
        (echoed(100, 1), echoed(1200, 1, sent=9)),
    ],
)
def test_what_tells_nothing_of_size(echoes: Scenario) -> None:
    assert causes(*janus(*PASSES[:-2], *echoes)) == {}


def test_the_handshake_can_be_made_smaller() -> None:
    facts = janus(candidate(), checked(ONE), silent(ONE, size=1200))
    hits = found("mtu-blackhole", *facts, target=JANUS)
    assert settings(*hits.fixes) == {"dtls_mtu": "1000"}
    assert isinstance(hits.fixes[0], Do)


def test_no_fix_for_a_janus_names_jitsis_settings() -> None:
    """Over all that its media can come to."""
    alone = (SILENT, MISMAPPED, LUCK, unanswered(INNER), unanswered(CONTAINER))
    proven = ((*MISMAPPED, forced(ONE)), (*SILENT, forced("192.168.77.5:20041")), (*PASSES, *unanswered(INNER, 1)))
    for media in (*alone, *proven):
        told = said(*(fix for each in report(*janus(*media), target=JANUS).findings for fix in each.fixes))
        assert told
        assert not [word for word in ("JVB", "jvb", "jitsi", "bridge", "prosody") if word in told], told


def test_met_inside_by_its_own_checks_alone() -> None:
    """Whose address we share is not known without a STUN server, and where it is met is."""
    media = (*unanswered(ONE, 1), *unanswered(TWO, 2), *settled(INNER_TOO, "peer-reflexive"))
    hits = found("hairpin-missing", *janus(*media, network=(named(WEB),)), target=JANUS)
    assert hits.args["right"] == INNER_TOO
    assert "{right}" in hits.message


def test_where_it_sends_from_alone_may_be_no_way_in() -> None:
    other = f"{OTHER}:20044"
    media = (*unanswered(ONE, 1), *unanswered(TWO, 2), *settled(other, "peer-reflexive"))
    hits = found("wrong-address-advertised", *janus(*media), target=JANUS)
    assert "media-port-silent" in [each.cause for each in hits.alternatives]
    proven = found("wrong-address-advertised", *janus(*media, forced(other)), target=JANUS)
    assert "media-port-silent" not in [each.cause for each in proven.alternatives]


def test_two_ports_of_a_jitsi_are_none_of_janus_range() -> None:
    """Two bridges behind one address, say."""
    page_ = (connected(), session(), certificate(), page(says=("jitsi",)))
    media = (*answering(ONE, 1), *unanswered(TWO, 2))
    target = msgspec.structs.replace(JANUS, kind="jitsi")
    assert "janus-ports-outside-range" not in causes(*NETWORK, *page_, *media, target=target)
    assert "janus-ports-outside-range" in causes(*NETWORK, *page_, *media, target=JANUS)
