"""The states of one host told apart by what clients and the server report of them together (tests/made_states.py)."""

from __future__ import annotations

import random

import msgspec
import pytest

from natprobe.codec import BadReport, dump, load, merge
from natprobe.diagnose import diagnose
from natprobe.facts import Candidate, PacketFilter, Watched
from natprobe.model import Failure, Severity
from tests.made import MEDIA, PAGE, PEER, WEB, silent
from tests.made_server import SERVER, file, own, setting
from tests.made_states import (
    ELSEWHERE,
    INNER,
    READY,
    STATES,
    TCP,
    Given,
    State,
    client,
    inspect,
    passage,
    routed,
    saved,
    together,
    without,
)

CAUSES = {
    "not-listening",
    "listening-on-other-address",
    "loopback-only",
    "port-held-by-other",
    "firewall-closed",
    "egress-closed",
    "cloud-firewall",
    "port-not-forwarded",
    "forwarded-elsewhere",
    "hairpin-missing",
    "media-port-blocked-here",
    "advertised-not-public",
    "vantages-disagree",
}
each_state = pytest.mark.parametrize("state", STATES, ids=lambda state: state.name)


def test_there_are_forty_at_least_and_every_cause_is_among_them() -> None:
    assert len({each.name for each in STATES}) == len(STATES) >= 40
    assert {cause for each in STATES for cause in each.causes} >= CAUSES


@each_state
def test_each_state_has_its_cause(state: State) -> None:
    report = together(state.given)
    assert tuple(each.cause for each in report.findings) == state.causes
    for finding in report.findings[:1]:
        assert tuple(each.cause for each in finding.alternatives) == state.left
    assert (report.verdict.status == "good") is (state.alone is None)


@each_state
def test_the_client_alone_leaves_it_open(state: State) -> None:
    failing = [each for each in state.given if each.kind == "check"][:1]
    causes = [each.cause for each in together(failing).findings]
    assert causes == ([state.alone] if state.alone else [])


@each_state
def test_its_words_are_whole_and_stand_on_evidence(state: State) -> None:
    report = together(state.given)
    there = {each.id for each in report.observations}
    for finding in report.findings:
        assert set(finding.evidence) <= there
        assert finding.evidence
        assert finding.fixes
        assert "{" not in finding.message
        assert "None" not in finding.message
        assert not finding.message.endswith((".", "?"))
        for each in finding.alternatives:
            assert each.ask
            assert "{" not in each.ask


@each_state
@pytest.mark.parametrize("seed", range(3))
def test_the_order_of_reports_is_no_matter(state: State, seed: int) -> None:
    shuffled = random.Random(seed).sample(state.given, len(state.given))
    one, other = together(state.given), together(shuffled)
    said = [[(f.code, f.severity, f.message, f.alternatives, f.fixes) for f in each.findings] for each in (one, other)]
    assert said[0] == said[1]
    assert one.verdict.status == other.verdict.status


@each_state
def test_a_merged_report_judged_again_is_the_same(state: State) -> None:
    first = dump(together(state.given))
    found = load(first)
    assert dump(diagnose(found.target, found.observations, found.sources)) == first


@each_state
def test_what_fails_is_an_error_of_one_cause(state: State) -> None:
    errors = [each for each in together(state.given).findings if each.severity is Severity.ERROR]
    assert len(errors) <= 1


@each_state
def test_less_is_known_without_the_server_and_nothing_else_is_said(state: State) -> None:
    """What several clients say, and no server: a cause of theirs, or what is open."""
    clients = without(state.given, "inspect", "watch")
    causes = {each.cause for each in together(clients).findings}
    ours = {"media-port-blocked-here", "hairpin-missing", state.alone}
    assert causes <= ours


def test_a_server_joins_by_whatever_name_and_clients_by_one() -> None:
    elsewhere = msgspec.structs.replace(PEER, host="other.example.test")
    server = inspect(*READY, at=WEB)
    assert together((server, client())).target == PEER
    assert together((server, server._replace(label="second"))).target == SERVER
    with pytest.raises(BadReport, match="different targets"):
        together((client(), server, client(target=elsewhere)))


def test_merging_what_is_merged_already_adds_to_it() -> None:
    state = next(each for each in STATES if each.name == "cloud")
    some, more = state.given[:2], state.given[2:]
    merged = load(dump(together(some)))
    found = merge([*(saved(each) for each in more), ("", merged)])
    once = together(state.given)
    again = diagnose(found.target, found.observations, found.sources)
    assert [(each.cause, each.message) for each in again.findings] == [
        (each.cause, each.message) for each in once.findings
    ]
    assert [each.vantage for each in again.sources] == ["client", "server", "server"]


# --- what is no proof


def causes_of(*given: Given) -> list[tuple[str, tuple[str, ...]]]:
    found = together(given).findings
    return [(each.cause, tuple(one.cause for one in each.alternatives)) for each in found]


def test_a_page_without_a_bridge_may_tell_of_another_machines_address() -> None:
    told = (Candidate(endpoint=MEDIA, transport="udp"), TCP, silent())
    assert causes_of(client(*told, target=PAGE), inspect(at=ELSEWHERE)) == [("vantages-disagree", ())]


def test_another_servers_port_is_none_of_the_one_that_is_asked() -> None:
    assert causes_of(client(), inspect(), inspect(*READY, at=ELSEWHERE)) == [("not-listening", ())]


def test_behind_a_router_the_bridge_may_be_another_machine_unless_files_name_it_here() -> None:
    assert causes_of(client(), routed(passage(at=INNER))) == [("not-listening", ("vantages-disagree",))]
    bridge = (file("jvb", lines=9), setting("jvb", "videobridge.ice.udp.port", "10000"))
    assert causes_of(client(), routed(passage(at=INNER), *bridge))[0] == ("not-listening", ())


def test_rules_that_only_root_sees_may_lead_to_a_container_without_a_socket() -> None:
    hidden = PacketFilter(manager="nftables", failure=Failure.PERMISSION_DENIED)
    bridge = own("172.18.0.1", "docker0", scope="container")
    assert causes_of(client(), inspect(hidden))[0][0] == "not-listening"
    (found,) = causes_of(client(), inspect(hidden, bridge))
    assert found[0] == "media-port-silent"
    assert "not-listening" in found[1]


@pytest.mark.parametrize(("started", "seconds"), [("2026-11-21T08:00:01Z", 60.0), ("2026-11-21T07:59:00Z", 59.0)])
def test_a_watch_that_began_later_or_ended_sooner_proves_nothing(started: str, seconds: float) -> None:
    seen = Watched(proto="udp", port=10000, seconds=seconds, by="interface")
    there = Given("watch", "watch", (seen,), SERVER, started=started)
    assert [each[0] for each in causes_of(client(), inspect(*READY), there)] == ["media-port-silent"]
