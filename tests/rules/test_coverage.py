"""Every rule has its case, and none speaks where nothing is wrong: the catalogue against natprobe/rules."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import get_args, get_type_hints

import msgspec
import pytest

from natprobe.facts import Facts
from natprobe.model import Report
from natprobe.rules import rules
from tests.case import Case, Expect, Network, Peer, cases, load
from tests.memory.reports import reported
from tests.memory.test_cases import PATHS

# A fault of natprobe and a run out of time are no networks: tests/rules/test_ends.py has them. The Janus of the lab
# always has an address to tell: tests/rules/test_rules_janus.py. Cases are run as root, or where nobody has raw
# sockets: tests/netns/test_raw.py.
WITHOUT_A_CASE = {"probe-crashed", "out-of-time", "janus-candidates-missing", "no-raw-sockets"}
# What only several reports, or the server's settings, tell: tests/rules/test_states.py, tests/netns/test_states.py.
TOGETHER = {"advertised-not-public", "forwarded-elsewhere", "cloud-firewall", "vantages-disagree"}
# What only `natprobe inspect` sees, on the server itself; cases are networks that a client is in.
# tests/rules/test_rules_{ports,filters,configured,jitsi_files,relay_files}.py and tests/netns/test_inspect_*.py:
INSPECTED = {
    "loopback-only",
    "port-held-by-other",
    "wildcard-answers-from-other-address",
    "port-not-published",
    "mapping-local-equals-public",
    "mapping-local-not-bound",
    "setting-obsolete",
    "setting-without-effect",
    "firewall-closed",
    "firewall-conflicts-with-docker",
    "turn-secret-mismatch",
    "turn-auth-mode-conflict",
    "certificate-unreadable",
}
HINTS = get_type_hints(Network)
NATS = [*product(get_args(HINTS["mapping"]), get_args(HINTS["filtering"]), (False, True))]
VARYING = ("address-dependent", "address-and-port-dependent")


InCase = Callable[[Path], Report]


def found_by(report: Report) -> set[str]:
    """The causes that rules themselves answer with, before anything is merged or lowered."""
    facts = Facts(report.target, report.observations)
    return {rule.cause.name for rule in rules() if isinstance(rule.module.check(facts), list)}


def test_every_rule_is_fired_by_a_case(in_case: InCase) -> None:
    """In memory, or, where only real servers have it, by a case whose causes the kernel ring holds to be exact."""
    fired = {cause for path in PATHS for cause in found_by(in_case(path))}
    fired |= {cause for path in _kernel_only() for cause in load(path).expect.causes}
    assert {rule.cause.name for rule in rules()} - fired == WITHOUT_A_CASE | TOGETHER | INSPECTED


def test_only_jitsi_janus_and_proxies_are_left_to_the_kernel_ring() -> None:
    """They take real Prosody, Janus, nginx and Squid. All else runs in memory too, where every rule is looked at."""
    parts = [(case.jitsi.runs, case.janus.runs, case.proxy.kind != "none") for case in map(load, _kernel_only())]
    assert all(map(any, parts))


def _kernel_only() -> set[Path]:
    return {path for path in cases("kernel") if isinstance(path, Path)} - set(PATHS)


@pytest.mark.parametrize("path", [path for path in PATHS if not load(path).expect.causes], ids=lambda path: path.stem)
def test_no_rule_speaks_where_nothing_is_wrong(path: Path, in_case: InCase) -> None:
    assert found_by(in_case(path)) == set()


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_what_a_finding_says_stands_on_evidence(path: Path, in_case: InCase) -> None:
    """Every id is an observation's, and a sentence has no place left empty."""
    report = in_case(path)
    there = {each.id for each in report.observations}
    for finding in report.findings:
        assert finding.evidence
        assert set(finding.evidence) <= there
        assert finding.fixes
        assert "None" not in finding.message
        assert not finding.message.endswith((".", "?"))


@pytest.mark.parametrize("target", ["peer", "meet.example.test"])
@pytest.mark.parametrize(("mapping", "filtering", "carrier"), NATS)
def test_no_nat_is_an_obstacle(mapping: str, filtering: str, carrier: bool, target: str) -> None:
    """All twelve kinds, with and without the provider's NAT behind: at most a note, and media flows."""
    network = Network(mapping=mapping, filtering=filtering, carrier=carrier)  # type: ignore[arg-type]  # words of it
    whatever = Expect(verdict="good", exit=0)
    report = reported(Case(title="", expect=whatever, target=target, network=network, peer=Peer(runs=True)))
    notes = {"mapping-varies"} if mapping in VARYING else set()
    notes |= {"carrier-nat"} if carrier and mapping == "none" else set()
    assert {each.cause for each in report.findings} == notes
    assert report.verdict.status == ("good" if target == "peer" else "unknown")
    # A router with a provider's address is a sign of its NAT and no proof.
    assert {each.code for each in report.unknown} == ({"NP105"} if carrier and mapping != "none" else set())


@pytest.mark.parametrize("seed", range(40))
def test_loss_is_never_taken_for_a_blockade(seed: int) -> None:
    """Fifteen of a hundred packets lost each way, in forty runs: unsure at worst."""
    healthy = Case(title="", expect=Expect(verdict="good", exit=0), target="peer", peer=Peer(runs=True))
    report = reported(msgspec.structs.replace(healthy, network=Network(loss=0.15)), seed)
    assert report.findings == ()
    assert report.paths[0].status in ("open", "unknown")
    assert report.verdict.status in ("good", "degraded")
