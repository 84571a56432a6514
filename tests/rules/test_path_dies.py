"""NP321, and what a path that dies comes to: what --hold saw, made by hand."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from natprobe.facts import MediaHandshake, PathHeld, Transport
from natprobe.model import Failure
from natprobe.rules import CLEAR, NOT_APPLICABLE, CouldNotTell
from tests.made import MEDIA, MEDIA6, RELAY, RELAYED, allocated, checked, found, judged, report
from tests.made_jitsi import JITSI, PASSES, answering, jitsi, relayed

LOCAL, OTHER = "192.168.1.2:40009", "10.8.0.2:40009"
STOOD = MediaHandshake(endpoint=MEDIA, local=LOCAL, fingerprint=True, protocol="DTLSv1.2")


def watched(failure: Failure | None = Failure.TIMEOUT, **more: Any) -> PathHeld:
    """Cut after twelve seconds, as a new socket shows."""
    fields: dict[str, Any] = {"lasted": 12.0, "missed": 17.0, "silent": 9.0, "tries": 10, "control": True} | more
    return PathHeld(endpoint=MEDIA, local=LOCAL, hold=60.0, checks=4, answered=2, failure=failure, **fields)


LIVES = watched(None, tries=0, control=None, missed=None, silent=0.0)


def seen(*more: PathHeld) -> tuple[Any, ...]:
    return jitsi(*PASSES, STOOD, *more)


@pytest.mark.parametrize(
    ("held", "word"),
    [
        (watched(), "while new flows to it pass"),
        (watched(control=False, silent=31.0), "nothing came back any more"),
        (watched(control=None, silent=31.0), "nothing came back any more"),
        (watched(Failure.ERROR_RESPONSE, error_code=403, tries=2), "took us for a stranger"),
    ],
)
def test_it_is_lost(held: PathHeld, word: str) -> None:
    only = found("path-dies-after-a-while", *seen(held), target=JITSI)
    assert word in only.message
    assert "17" in only.message.format_map(only.args)
    made = report(*seen(held), target=JITSI)
    assert (made.paths[0].status, made.paths[0].proof, made.paths[0].reason) == ("blocked", "media", "path-died")
    assert (made.verdict.status, made.findings[0].severity) == ("broken", "error")


def test_a_relay_that_works_is_no_way_back() -> None:
    """A browser stays where ICE and DTLS stood."""
    leg = allocated("tcp")
    assert report(*seen(watched()), leg, relayed(), target=JITSI).verdict.status == "broken"


@pytest.mark.parametrize(
    "held",
    [watched(tries=8), watched(control=False, silent=29.0), watched(control=None, silent=11.0)],
)
def test_too_little_is_no_proof(held: PathHeld) -> None:
    answer = judged("path-dies-after-a-while", *seen(held), target=JITSI)
    assert isinstance(answer, CouldNotTell)
    assert report(*seen(held), target=JITSI).paths[0].status == "open"


def test_a_session_that_the_server_ended_tells_nothing() -> None:
    answer = judged("path-dies-after-a-while", *seen(watched(Failure.CLOSED, ended="expired")), target=JITSI)
    assert answer == CouldNotTell(reason="session-ended", ask="run the check again with --hold")


def test_one_that_lives() -> None:
    assert judged("path-dies-after-a-while", *seen(LIVES), target=JITSI) is CLEAR
    assert judged("path-dies-after-a-while", *seen(), target=JITSI) is NOT_APPLICABLE
    made = report(*seen(LIVES), target=JITSI)
    assert (made.paths[0].status, made.paths[0].proof, made.verdict.status) == ("open", "media", "good")


def test_where_the_flow_is_not_at_fault_the_bridge_is_looked_at() -> None:
    gone = found("path-dies-after-a-while", *seen(watched(control=False, silent=31.0)), target=JITSI)
    assert any("jitsi-videobridge2" in getattr(each, "text", "") for each in gone.fixes)


def over(leg: Transport) -> tuple[str, str]:
    """The sentence and the advice about a path through a relay that died."""
    gone = watched(control=None, silent=31.0)
    held = msgspec.structs.replace(gone, server=RELAY, leg=leg, relayed=RELAYED)
    beyond = found("path-dies-after-a-while", *seen(held), target=JITSI)
    return beyond.message.format_map(beyond.args), " / ".join(getattr(each, "text", "") for each in beyond.fixes)


@pytest.mark.parametrize(
    ("leg", "carrier"),
    [
        ("udp", "the UDP flow to"),
        ("tcp", "the connection to"),
        ("tls", "the connection to"),
        ("dtls", "the UDP flow to"),
    ],
)
def test_behind_a_relay_it_is_one_of_two_flows(leg: Transport, carrier: str) -> None:
    sentence, advice = over(leg)
    assert f"to {MEDIA} through the relay {RELAY} over {leg.upper()} stood" in sentence
    assert f"{carrier} {RELAY}" in advice
    assert "coturn's log" in advice
    assert "jitsi-videobridge2" not in advice
    network = advice.split(" / ")[1]
    assert ("UDP" in network) is (leg in ("udp", "dtls"))


@pytest.mark.parametrize("other", [answering(MEDIA6), (checked(local=OTHER), checked(size=1200, local=OTHER))])
def test_the_nominated_pair_decides(other: tuple[Any, ...]) -> None:
    """Others answered the checks, and nothing deeper was tried there: a browser is on the one that died."""
    made = report(*seen(watched()), *other, target=JITSI)
    assert [each.status for each in made.paths[0].attempts].count("open") == 1
    assert (made.paths[0].status, made.paths[0].reason, made.verdict.status) == ("blocked", "path-died", "broken")
    assert (made.findings[0].cause, made.findings[0].severity) == ("path-dies-after-a-while", "error")
    assert report(*seen(LIVES), *other, target=JITSI).verdict.status == "good"
