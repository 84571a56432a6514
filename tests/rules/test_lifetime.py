"""NP104: what follows from mappings that were left idle."""

from __future__ import annotations

from typing import Any

import pytest

from natprobe.facts import IdleMapping, Run
from natprobe.model import Failure, Observation, Severity, Where
from natprobe.rules import CLEAR, NOT_APPLICABLE
from tests.made import LOCAL, OUTSIDE, STUN1, doubt, found, judged, words

CAUSE = "binding-short-lived"
ELSEWHERE, DRAWN, OTHER = "198.51.100.7:40001", "198.51.100.7:51234", "198.51.100.7:52345"


def asked(idle: float = 60) -> Run:
    return Run(version="0", started="2026-11-21T08:00:00Z", idle=idle)


def left(idle: float, alive: bool = True, **more: Any) -> IdleMapping:
    """By RESPONSE-PORT: it arrived, or it did not in twelve tries among answered controls."""
    fate: dict[str, Any] = {} if alive else {"failure": Failure.TIMEOUT, "tries": 12, "controls": 13}
    fields: dict[str, Any] = {"local": LOCAL, "mapped": OUTSIDE, "by": "response-port"} | fate | more
    return IdleMapping(server=STUN1, idle=idle, **fields)


def again(idle: float, mapped: str, then: str, local: str = LOCAL) -> IdleMapping:
    return left(idle, by="asking-again", mapped=mapped, mapped_again=then, local=local)


def test_nobody_asked() -> None:
    assert judged(CAUSE, asked(0)) is NOT_APPLICABLE
    assert judged(CAUSE) is NOT_APPLICABLE


@pytest.mark.parametrize(
    ("dead", "severity", "said"),
    [
        (2, None, "keep-alives (ICE) may come only every 15"),
        (15, None, "within 15 seconds"),
        (15.1, Severity.NOTE, "120 is the least"),
        (30, Severity.NOTE, "within 30 seconds"),
        (119.9, Severity.NOTE, "120 is the least"),
    ],
)
def test_how_soon_is_too_soon(dead: float, severity: Severity | None, said: str) -> None:
    seen = (asked(), left(1), left(dead, alive=False), left(200, alive=False))
    assert found(CAUSE, *seen).severity == severity
    assert found(CAUSE, *seen).evidence == (2, 3)
    assert said in words(CAUSE, *seen)


@pytest.mark.parametrize(
    "seen",
    [
        (left(60), left(15), left(30)),
        (left(60), left(30, alive=False)),  # contradicted: the timer does not do that
        (left(120, alive=False), left(60)),
        (again(60, DRAWN, DRAWN), again(30, OTHER, OTHER)),
        (left(60, alive=False, mapped=DRAWN, mapped_again=DRAWN), left(0, mapped=OTHER), left(1, mapped=OTHER)),
    ],
)
def test_what_lives_long_enough(seen: tuple[Observation, ...]) -> None:
    assert judged(CAUSE, asked(), *seen) is CLEAR


def test_idle_times_are_measured_to_a_tenth() -> None:
    assert judged(CAUSE, asked(60.04), left(60.0)) is CLEAR


@pytest.mark.parametrize(
    ("seen", "why"),
    [
        ((), "no-answer"),
        ((left(30),), "packets-lost"),
        ((left(60, alive=False, controls=3),), "packets-lost"),
        ((left(60, alive=False, tries=5),), "packets-lost"),
        ((left(60, failure=Failure.UNSUPPORTED),), "packets-lost"),
        ((left(0, failure=Failure.UNSUPPORTED), again(60, OUTSIDE, OUTSIDE)), "needs-response-port"),
        ((again(60, ELSEWHERE, ELSEWHERE), again(30, ELSEWHERE, ELSEWHERE)), "needs-response-port"),
        ((left(60), left(60, alive=False, tries=1, local="10.20.0.2:40000")), "packets-lost"),
    ],
)
def test_what_does_not_tell(seen: tuple[Observation, ...], why: str) -> None:
    assert doubt(CAUSE, asked(), *seen) == why


def test_another_endpoint_is_another_mapping() -> None:
    assert found(CAUSE, asked(), again(4, OUTSIDE, DRAWN)).args["dead"] == "4"
    assert found(CAUSE, asked(), left(4, alive=False, tries=1, mapped_again=DRAWN)).args["dead"] == "4"


def test_each_address_by_itself_and_where() -> None:
    phone = "100.64.0.7:40000"
    judgement = judged(CAUSE, asked(), left(60), left(4, alive=False, local=phone), left(60, local="[2001:db8:1::2]:4"))
    assert isinstance(judgement, list)
    assert [(each.args["local"], each.where) for each in judgement] == [("100.64.0.7", Where.PROVIDER)]
