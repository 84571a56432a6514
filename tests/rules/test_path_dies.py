"""NP321, and what a path that dies comes to: what --hold saw, made by hand."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from natprobe.facts import MediaHandshake, PathHeld
from natprobe.model import Failure
from natprobe.rules import CLEAR, NOT_APPLICABLE, CouldNotTell
from tests.made import MEDIA, allocated, found, judged, report
from tests.made_jitsi import JITSI, PASSES, jitsi, relayed

LOCAL = "192.168.1.2:40009"
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
    through = msgspec.structs.replace(watched(control=None, silent=31.0), relayed="203.0.113.40:50000")
    beyond = found("path-dies-after-a-while", *seen(through), target=JITSI)
    assert not any("jitsi-videobridge2" in getattr(each, "text", "") for each in beyond.fixes)
