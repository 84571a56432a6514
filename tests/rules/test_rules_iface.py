"""iface-not-local as the server itself sees it, and the verdict of an inspected host."""

from __future__ import annotations

import msgspec
import pytest

from natprobe.diagnose import diagnose
from natprobe.facts import BindTry, Probed
from natprobe.model import Failure, Forward, Observation, Report, Severity, Target
from natprobe.render._words import seen
from natprobe.render.text import render
from natprobe.rules import CLEAR
from tests.made import SOURCE, address, doubt, found, judged, numbered, saw

IFACE = "iface-not-local"
INSIDE, OUTSIDE = "10.0.1.60", "203.0.113.60"
HOST = Target(input="second", host="second", port=0, scheme="")
OWN = address(INSIDE, "private")
HERE = BindTry(asked=INSIDE, address=INSIDE, interface="eth0")
NAMED = BindTry(asked="eth0", address=INSIDE, interface="eth0")
FOREIGN = BindTry(asked=OUTSIDE, address=OUTSIDE, failure=Failure.ADDRESS_NOT_LOCAL)
LOOSE = BindTry(asked="127.0.0.9", address="127.0.0.9")
NO_NAME = BindTry(asked="eth7", failure=Failure.ADDRESS_NOT_LOCAL)
STUBBORN = BindTry(asked="2001:db8::9", address="2001:db8::9", interface="eth0", failure=Failure.ADDRESS_NOT_LOCAL)


def inspected(*observations: Observation) -> Report:
    server = msgspec.structs.replace(SOURCE, vantage="server")
    return diagnose(HOST, numbered(*observations), [server])


def test_all_can_be_bound() -> None:
    assert judged(IFACE, OWN, HERE, NAMED) is CLEAR
    assert inspected(OWN, HERE, NAMED).verdict.status == "good"


@pytest.mark.parametrize("tried", [FOREIGN, LOOSE, NO_NAME])
def test_one_cannot(tried: BindTry) -> None:
    said = found(IFACE, OWN, HERE, tried)
    assert said.args["iface"] == tried.asked
    report = inspected(OWN, HERE, tried)
    assert (report.verdict.status, report.verdict.media) == ("broken", None)
    assert [each.severity for each in report.findings] == [Severity.ERROR]


def test_the_router_is_told_to_forward_where_there_is_one() -> None:
    forward = found(IFACE, OWN, FOREIGN).fixes[-1]
    assert isinstance(forward, Forward)
    assert OUTSIDE in forward.outside
    assert INSIDE in forward.inside


@pytest.mark.parametrize("own", [address("203.0.113.61", "public"), address("fd00::60", "unique-local")])
def test_and_not_where_the_server_itself_stands_outside_or_is_not_known(own: Observation) -> None:
    (only,) = found(IFACE, own, FOREIGN).fixes
    assert not isinstance(only, Forward)
    assert len(found(IFACE, OWN, NO_NAME).fixes) == len(found(IFACE, OWN, LOOSE).fixes) == 1


def test_a_server_with_many_addresses_names_a_few() -> None:
    many = [address(f"10.0.2.{number}", "private") for number in range(1, 30)]
    assert found(IFACE, *many, FOREIGN).args["own"] == ", ".join(f"10.0.2.{n}" for n in range(1, 9)) + ", …"


def test_it_is_there_and_yet_refused() -> None:
    """A tentative address, say: Janus would find it, and fail at another point."""
    assert doubt(IFACE, OWN, STUBBORN) == "bind-failed"
    report = inspected(OWN, STUBBORN)
    assert report.verdict.status == "unknown"
    assert "Could not tell whether second has a fault" in render(report)
    assert "NP513 iface-not-local" in render(report)


def test_a_probe_that_did_not_end_leaves_it_open() -> None:
    cut = Probed(probe="bind", status="cut", detail="interrupted")
    assert inspected(OWN, cut).verdict.status == "unknown"


def test_no_rule_of_a_client_speaks() -> None:
    """One resolver's silence, or none at all, is nothing that a server was asked for."""
    report = inspected(OWN, saw(), HERE)
    assert (report.findings, report.unknown) == ((), ())
    assert {each.reason for each in report.paths} == {"asked-on-the-server"}


def test_beside_a_client_its_ways_do_not_count() -> None:
    """What nobody can try on the server must not hide what a client saw."""
    server = msgspec.structs.replace(SOURCE, vantage="server")
    alone = diagnose(HOST, numbered(saw()), [SOURCE])
    here = msgspec.structs.replace(HERE, source=1)
    for sources, observations in (([SOURCE, server], (saw(), here)), ([server, SOURCE], (HERE,))):
        both = diagnose(HOST, numbered(*observations), sources)
        assert [each.status for each in both.paths] == [each.status for each in alone.paths]
        assert "asked-on-the-server" not in {each.reason for each in both.paths}


@pytest.mark.parametrize(
    ("tried", "words"),
    [
        (NAMED, "UDP bind to 10.0.1.60 as the first address of eth0, on eth0"),
        (LOOSE, "UDP bind to 127.0.0.9, on no interface"),
        (NO_NAME, "UDP bind to eth7, on no interface: address-not-local"),
    ],
)
def test_words(tried: BindTry, words: str) -> None:
    assert seen(tried) == words
