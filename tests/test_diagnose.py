"""Facts -> report: a function of its arguments, whose verdict and severities follow the contract."""

from __future__ import annotations

import random
from itertools import permutations

import msgspec
import pytest

from natprobe.codec import Saved, dump, load, merge
from natprobe.diagnose import _merged as merged
from natprobe.diagnose import diagnose
from natprobe.facts import LocalAddress
from natprobe.model import PATHS, Failure, Finding, Foreign, Kind, Observation, Report, Severity, Target, Where
from natprobe.verdict import PREFERENCE
from tests.gates import exit_code
from tests.made import (
    HOST,
    MEDIA_TCP,
    PAGE,
    PEER,
    PROHIBITED,
    ROUTER,
    SOURCE,
    STUN,
    STUN1,
    STUN2,
    TIMEOUT,
    UNREACHABLE,
    WEB,
    address,
    by_dns,
    certificate,
    checked,
    connected,
    ended,
    named,
    numbered,
    online,
    page,
    report,
    saw,
    session,
    silent,
    unheard,
)

TCP = checked(MEDIA_TCP, transport="tcp")
TCP_DEAD = checked(MEDIA_TCP, transport="tcp", failure=Failure.REFUSED)
NO_UDP = (unheard(STUN1), unheard(STUN2), online("203.0.113.20", 3478), silent())
NAME, LARGE, LARGE_LOST = named(WEB), checked(size=1200), silent(size=1200)
OPENED = (NAME, connected(), session(), page(says=("jitsi",)), certificate())
LED = page(f"http://{HOST}/", 301, location=f"https://{HOST}/")
SHUT = (NAME, connected(failure=TIMEOUT), *ended())


def said(observed: Report) -> tuple[str, str | None]:
    return observed.verdict.status, observed.verdict.media


# --- purity


def test_the_same_input_gives_the_same_bytes() -> None:
    observed = (NAME, *NO_UDP, TCP, *ended())
    assert len({dump(report(*observed)) for _ in range(5)}) == 1


def test_it_does_not_change_what_it_is_given() -> None:
    observed = numbered(NAME, *NO_UDP, TCP)
    before = list(observed)
    diagnose(PEER, observed, [SOURCE])
    assert observed == before


def test_a_report_judged_again_is_the_same_report() -> None:
    first = dump(report(NAME, *NO_UDP, TCP, *ended()))
    saved = load(first)
    assert dump(diagnose(saved.target, saved.observations, saved.sources)) == first


@pytest.mark.parametrize("seed", range(20))
def test_the_order_of_what_was_seen_changes_no_judgement(seed: int) -> None:
    """Probes wait side by side: who answers first is chance."""
    observed = numbered(NAME, *NO_UDP, silent(size=1200), TCP, *ended(tcp="cut"))
    shuffled = random.Random(seed).sample(observed, len(observed))
    one, other = (diagnose(PEER, each, [SOURCE]) for each in (observed, shuffled))
    assert [(f.code, f.severity, f.evidence) for f in one.findings] == [
        (f.code, f.severity, f.evidence) for f in other.findings
    ]
    assert (one.verdict.status, one.verdict.media, one.verdict.stages, one.unknown) == (
        (other.verdict.status, other.verdict.media, other.verdict.stages, other.unknown)
    )


def _finding(code: str, severity: Severity, message: str, *evidence: int) -> Finding:
    return Finding(code=code, cause="", severity=severity, where=Where.UNKNOWN, message=message, evidence=evidence)


def test_findings_stand_in_one_order_whoever_found_them_first() -> None:
    findings = [
        _finding("NP101", Severity.WARNING, "a", 2),
        _finding("NP101", Severity.ERROR, "a", 1),
        _finding("NP105", Severity.NOTE, "b", 1),
        _finding("NP105", Severity.NOTE, "c", 1),
    ]
    expected = merged(findings)
    assert all(merged(list(each)) == expected for each in permutations(findings))
    assert [(each.code, each.message, each.evidence) for each in expected] == [
        ("NP101", "a", (1, 2)),
        ("NP105", "b", (1,)),
        ("NP105", "c", (1,)),
    ]
    assert expected[0].severity is Severity.ERROR


# --- the verdict, by the contract


@pytest.mark.parametrize(
    ("observed", "status", "media"),
    [
        ((NAME, checked(), LARGE), "good", "direct-udp"),
        ((NAME, checked(), LARGE, TCP), "good", "direct-udp"),
        ((NAME, checked(), LARGE, TCP_DEAD), "good", "direct-udp"),
        ((NAME, saw(), silent(), TCP), "degraded", "direct-tcp"),
        ((NAME, saw(), silent(), TCP_DEAD), "broken", None),
        ((NAME, TCP), "degraded", "direct-tcp"),
        ((NAME, silent(tries=5), TCP), "degraded", "direct-tcp"),
        ((NAME, silent(tries=5), TCP_DEAD), "unknown", None),
        ((NAME,), "unknown", None),
        # a browser settles on what passes ICE and stays there when large packets die
        ((NAME, checked(), LARGE_LOST, TCP), "broken", None),
        ((NAME, checked(failure=Failure.UNAUTHORIZED), TCP), "degraded", "direct-tcp"),
        # a stage that failed breaks everything, whatever is open
        ((named(failure=Failure.NXDOMAIN), checked(), LARGE), "broken", None),
        ((checked(), LARGE), "unknown", None),  # nobody has looked the name up
    ],
)
def test_the_verdict_of_a_peer(observed: tuple[Observation, ...], status: str, media: str | None) -> None:
    assert said(report(*observed)) == (status, media)


@pytest.mark.parametrize(
    ("observed", "web", "status"),
    [
        (OPENED, "ok", "unknown"),
        (SHUT, "failed", "broken"),
        (
            (NAME, connected(), session(failure=Failure.TLS_CERTIFICATE), certificate(days_left=-1.0)),
            "failed",
            "broken",
        ),
        ((NAME, connected(), session(failure=TIMEOUT), *ended()), "failed", "broken"),
        ((NAME, connected(), session(failure=TIMEOUT), *ended(web="cut")), "unknown", "unknown"),
        ((NAME, connected(), session(), page(status=503), *ended()), "failed", "broken"),
        ((NAME, connected(), session(), page(status=403)), "ok", "unknown"),
        ((NAME,), "unknown", "unknown"),
    ],
)
def test_the_verdict_of_a_page(observed: tuple[Observation, ...], web: str, status: str) -> None:
    found = report(*observed, target=PAGE)
    assert (found.verdict.stages.web, found.verdict.status) == (web, status)


@pytest.mark.parametrize(
    ("replies", "web"),
    [
        ((connected(), LED, session(), page()), "ok"),
        ((connected(), LED, session(failure=TIMEOUT)), "failed"),
        ((connected(failure=TIMEOUT), LED), "failed"),
        ((LED,), "unknown"),
        ((page(f"http://{HOST}/", 301, location=f"https://{HOST}:8443/"),), "unknown"),
        ((page(f"http://{HOST}/", 301, location="https://video.example.test/"),), "unknown"),
        ((page(f"http://{HOST}/"),), "failed"),
    ],
)
def test_the_verdict_of_an_http_link(replies: tuple[Observation, ...], web: str) -> None:
    target = Target(input=f"http://{HOST}", host=HOST, port=80, scheme="http")
    found = report(NAME, connected(f"{WEB}:80"), *replies, target=target)
    assert found.verdict.stages.web == web


@pytest.mark.parametrize(
    ("binding", "status"),
    [
        (saw(f"{WEB}:3478", origin="target"), "good"),
        (unheard(f"{WEB}:3478", 9, origin="target"), "broken"),
        (saw(f"{WEB}:3478", origin="target", transport="tcp"), "unknown"),  # not what the URI names
        (saw(), "unknown"),
    ],
)
def test_the_verdict_of_a_stun_server(binding: Observation, status: str) -> None:
    assert said(report(NAME, binding, target=STUN)) == (status, None)


def test_a_relay_is_not_judged_before_it_is_tried() -> None:
    turn = Target(input=f"turn:{HOST}", host=HOST, port=3478, kind="turn", scheme="turn", transport="udp")
    assert said(report(NAME, saw(f"{WEB}:3478", origin="target"), target=turn)) == ("unknown", None)


def test_what_a_browser_prefers_are_paths_that_there_are() -> None:
    assert set(PREFERENCE) == set(PATHS) - {"p2p", "turn-dtls"}


# --- the first sentence


@pytest.mark.parametrize(
    ("target", "observed", "begins"),
    [
        (PEER, (NAME, checked(), LARGE), f"Media will flow between here and {HOST}, directly over UDP"),
        (PEER, (NAME, saw(), silent(), TCP), f"Media will flow between here and {HOST}, but only by TCP straight"),
        (PEER, (NAME, TCP), f"Media will flow between here and {HOST} by TCP straight to the media server; whether"),
        (PEER, (NAME, saw(), silent(), TCP_DEAD), f"Media will not flow between here and {HOST}: UDP port"),
        (PEER, (NAME,), f"Could not tell whether media will flow between here and {HOST}: "),
        (PAGE, SHUT, f"Meetings on {HOST} will not work from here: "),
        (PAGE, OPENED, f"Could not tell whether meetings on {HOST} will work from here: no session"),
        (STUN, (NAME, saw(f"{WEB}:3478", origin="target")), f"{HOST} answers STUN over UDP from here"),
        (
            STUN,
            (NAME, unheard(f"{WEB}:3478", 9, origin="target")),
            f"The STUN server {HOST} cannot be used from here: ",
        ),
    ],
)
def test_the_summary(target: Target, observed: tuple[Observation, ...], begins: str) -> None:
    assert report(*observed, target=target).verdict.summary.startswith(begins)


@pytest.mark.parametrize("kind", ["auto", "jitsi", "janus", "turn", "stun", "natprobe"])
@pytest.mark.parametrize("observed", [(), (NAME,), (named(failure=Failure.NXDOMAIN),), SHUT, OPENED, (NAME, *NO_UDP)])
def test_every_summary_is_a_whole_sentence(kind: Kind, observed: tuple[Observation, ...]) -> None:
    target = Target(input=HOST, host=HOST, port=443, kind=kind)
    summary = report(*observed, target=target).verdict.summary
    assert HOST in summary
    assert "{" not in summary
    assert "None" not in summary
    assert not summary.endswith((":", ".", "?", " "))


# --- severities


@pytest.mark.parametrize(
    ("target", "observed", "cause", "severity", "code"),
    [
        (PEER, (NAME, *NO_UDP, TCP), "udp-blocked", Severity.WARNING, 0),
        (PEER, (NAME, *NO_UDP, TCP_DEAD), "udp-blocked", Severity.ERROR, 1),
        (PEER, (NAME, saw(), silent(), TCP), "media-port-silent", Severity.WARNING, 0),
        (PEER, (NAME, checked(), LARGE_LOST, TCP), "mtu-blackhole", Severity.ERROR, 1),
        (PEER, (NAME, checked(), LARGE, by_dns("0.0.0.0")), "dns-filtered", Severity.WARNING, 0),
        (PAGE, (*OPENED, *NO_UDP[:3]), "udp-blocked", Severity.WARNING, 3),
        # the name broke, so what media does explains nothing; and the page before media
        (PEER, (named(failure=Failure.NXDOMAIN), *NO_UDP), "udp-blocked", Severity.WARNING, 1),
        (PEER, (named(failure=Failure.NXDOMAIN), *NO_UDP), "name-unresolved", Severity.ERROR, 1),
        (PAGE, (*SHUT, saw(transport="tcp"), *NO_UDP[:3]), "udp-blocked", Severity.WARNING, 1),
        (PAGE, (*SHUT, saw(transport="tcp"), *NO_UDP[:3]), "web-unreachable", Severity.ERROR, 1),
        (PAGE, (NAME, connected(failure=Failure.PERMISSION_DENIED)), "local-firewall", Severity.ERROR, 1),
        (PEER, (NAME, checked(), LARGE, address("100.64.0.7", "carrier")), "carrier-nat", Severity.NOTE, 0),
    ],
)
def test_only_what_explains_a_broken_verdict_is_an_error(
    target: Target, observed: tuple[Observation, ...], cause: str, severity: Severity, code: int
) -> None:
    found = report(*observed, target=target)
    assert {each.cause: each.severity for each in found.findings}[cause] is severity
    assert exit_code(found) == code


def test_a_broken_verdict_has_a_finding_that_explains_it() -> None:
    for observed in (SHUT, (NAME, connected(), session(failure=Failure.CLOSED), *ended())):
        found = report(*observed, target=PAGE)
        assert (found.verdict.status, found.findings[0].severity) == ("broken", Severity.ERROR)


def test_findings_stand_worst_first() -> None:
    found = report(NAME, *NO_UDP, TCP_DEAD, address("100.64.0.7", "carrier"), *ended(web="cut"))
    assert [each.severity for each in found.findings] == [Severity.ERROR, Severity.NOTE, Severity.NOTE]


# --- several vantages

GOOD = (NAME, saw(), checked(), LARGE, TCP)
BAD = (NAME, checked(failure=PROHIBITED, icmp="3/13", reported_by=ROUTER), saw(), TCP_DEAD)


def together(*several: tuple[Observation, ...]) -> Report:
    """Merged as `natprobe diagnose` does it, labelled a, b, c."""
    saved = [Saved(PEER, (SOURCE,), tuple(numbered(*each))) for each in several]
    whole = merge(list(zip("abc", saved, strict=False)))
    return diagnose(whole.target, whole.observations, whole.sources)


def test_the_worst_vantage_gives_the_verdict_and_its_name() -> None:
    for pair in ((GOOD, BAD), (BAD, GOOD)):
        found = together(*pair)
        assert found.verdict.status == "broken"
        assert found.verdict.summary.startswith(f"{'ab'[pair.index(BAD)]}: Media will not flow")
    assert together(GOOD, GOOD).verdict.status == "good"
    assert together(GOOD, (NAME,)).verdict.status == "unknown"


def test_evidence_points_to_its_own_vantage() -> None:
    found = together((NAME,), BAD)
    (finding,) = found.findings
    by_id = {each.id: each for each in found.observations}
    assert {by_id[each].source for each in finding.evidence} == {1}


def test_the_same_finding_of_two_vantages_stands_once_with_the_evidence_of_both() -> None:
    (finding,) = together(BAD, BAD).findings
    assert finding.evidence == (2, 6)


def test_one_vantages_silence_is_not_judged_with_anothers_control() -> None:
    here, there = (NAME, unheard(STUN1), unheard(STUN2)), (NAME, online("203.0.113.20", 3478))
    found = together(here, there)
    assert found.findings == ()
    assert "NP101" in {each.code for each in found.unknown}


def test_a_merged_report_judged_again_is_the_same_report() -> None:
    first = dump(together(GOOD, BAD, BAD))
    saved = load(first)
    assert dump(diagnose(saved.target, saved.observations, saved.sources)) == first


def test_what_one_vantage_found_another_need_not_ask() -> None:
    silence = (NAME, unheard(STUN1), unheard(STUN2))
    found = together(silence, (*silence, online("203.0.113.20", 3478)))
    assert [each.code for each in found.findings] == ["NP101"]
    assert "NP101" not in {each.code for each in found.unknown}


def test_all_ten_paths_with_the_attempts_of_all() -> None:
    found = together(GOOD, BAD)
    assert tuple(each.name for each in found.paths) == PATHS
    assert [each.status for each in found.paths[0].attempts] == ["open", "blocked"]


# --- what a newer version wrote


def test_foreign_observations_are_carried_and_not_judged() -> None:
    raw = {"kind": "Telepathy", "id": 9, "source": 0, "failure": "bored", "mapped": "198.51.100.7:9"}
    observed = [*numbered(*GOOD), Foreign(id=9, source=0, raw=raw)]
    with_it, without = diagnose(PEER, observed, [SOURCE]), diagnose(PEER, observed[:-1], [SOURCE])
    assert with_it.observations[-1] == observed[-1]
    assert msgspec.structs.replace(with_it, observations=without.observations) == without
    assert '"kind": "Telepathy"' in dump(with_it)


def test_an_empty_report_says_that_it_knows_nothing() -> None:
    found = report()
    assert (found.findings, found.verdict.status) == ((), "unknown")
    assert found.verdict.stages.name == "unknown"


def test_an_address_of_no_known_use_is_no_trouble() -> None:
    odd = LocalAddress(address="224.0.0.1", interface="eth0", prefix=4, scope="multicast")
    assert (
        report(*GOOD, odd, checked(failure=UNREACHABLE, local="10.0.0.1:1", reported_by=WEB)).verdict.status == "good"
    )
