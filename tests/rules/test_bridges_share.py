"""NP313: several conferences' checks to one endpoint, made by hand."""

from __future__ import annotations

from typing import Any

import pytest

from natprobe.facts import PoolCheck
from natprobe.model import Failure, Severity
from natprobe.rules import CLEAR, NOT_APPLICABLE, CouldNotTell
from tests.made import MEDIA, WEB, checked, found, judged, report, silent
from tests.made_jitsi import (
    INNER,
    JITSI,
    JOINED,
    bosh,
    candidate,
    causes,
    config,
    jitsi,
    offer,
    services,
    socket,
)

OURS, THEIRS = "AA:01", "BB:02"
OFFERED = (*JOINED[:3], offer(1, digest=OURS), offer(2, digest=OURS))
PASSES = (candidate(), checked(), checked(size=1200))
SILENT = (candidate(), silent(), silent(size=1200))


def asked(digest: str | None, *, answered: bool, endpoint: str | None = MEDIA, **more: Any) -> PoolCheck:
    fields: dict[str, Any] = {"conference": 2, "tries": 1 if answered else 9, "verified": answered}
    fields["failure"] = None if answered else Failure.TIMEOUT
    return PoolCheck(endpoint=endpoint, digest=digest, **fields | more)


@pytest.mark.parametrize(
    ("first", "others", "answered"),
    [
        (PASSES, [asked(THEIRS, answered=False)], 1),
        (PASSES, [asked(OURS, answered=True), asked(THEIRS, answered=False, conference=3)], 2),
        (SILENT, [asked(THEIRS, answered=True)], 1),
        (PASSES, [asked(THEIRS, answered=False, failure=Failure.UNAUTHORIZED, tries=1, error_code=401)], 1),
    ],
)
def test_one_of_two_gets_the_packets(first: Any, others: list[PoolCheck], answered: int) -> None:
    only = found("bridges-share-address", *jitsi(*first, *others, joined=OFFERED), target=JITSI)
    sentence = only.message.format_map(only.args)
    assert MEDIA in sentence
    assert f"of {len(others) + 1} conferences {answered} were answered" in sentence


@pytest.mark.parametrize(
    ("first", "others"),
    [
        (PASSES, [asked(OURS, answered=True)]),
        # A bridge that was restarted meanwhile, or packets that are sorted by who they are for.
        (PASSES, [asked(THEIRS, answered=True)]),
        (PASSES, [asked(OURS, answered=False)]),
        (PASSES, [asked(THEIRS, answered=False, tries=8)]),
        (PASSES, [asked(None, answered=False)]),
        (SILENT, [asked(THEIRS, answered=False)]),
        (PASSES, [asked(THEIRS, answered=False, endpoint="203.0.113.11:10000")]),
        (PASSES, [asked(THEIRS, answered=False, endpoint=INNER)]),
        # The first conference has nothing to do there: one bridge answered once, and once it did not.
        (PASSES, [asked(THEIRS, answered=each, endpoint="203.0.113.11:10000") for each in (True, False)]),
    ],
)
def test_what_is_none(first: Any, others: list[PoolCheck]) -> None:
    judgement = judged("bridges-share-address", *jitsi(*first, *others, joined=OFFERED), target=JITSI)
    assert judgement is CLEAR or isinstance(judgement, CouldNotTell)


@pytest.mark.parametrize(
    "first",
    [
        SILENT,
        (candidate(), checked(failure=Failure.UNAUTHORIZED, error_code=401)),
        (candidate(), checked(failure=Failure.PORT_UNREACHABLE, reported_by=WEB)),
    ],
)
def test_a_port_that_answered_another_conference_is_not_accused(first: Any) -> None:
    other = asked(THEIRS, answered=True)
    ports = {"media-port-silent", "media-port-refused", "media-refuses-check"}
    assert causes(*jitsi(*first, joined=OFFERED)).keys() & ports
    assert not causes(*jitsi(*first, other, joined=OFFERED)).keys() & ports
    for no_other in (asked(THEIRS, answered=False), asked(OURS, answered=True), asked(None, answered=True)):
        assert causes(*jitsi(*first, no_other, joined=OFFERED)).keys() & ports


def test_the_headline_is_the_shared_address() -> None:
    alone = (config(), socket(), bosh(), services())
    told = report(*jitsi(*SILENT, asked(THEIRS, answered=True), joined=OFFERED, signed=alone), target=JITSI)
    (error,) = (each for each in told.findings if each.severity is Severity.ERROR)
    assert error.cause == "bridges-share-address"
    assert told.verdict.summary.endswith(error.message)


def test_where_no_second_conference_came_it_is_not_told() -> None:
    none = PoolCheck(conference=2, failure=Failure.TIMEOUT, detail="no session was offered")
    judgement = judged("bridges-share-address", *jitsi(*PASSES, none, joined=OFFERED), target=JITSI)
    assert judgement == CouldNotTell(reason="no-second-conference", ask="run the check again with --sessions 4")


def test_one_conference_asks_nothing() -> None:
    assert judged("bridges-share-address", *jitsi(*PASSES, joined=OFFERED), target=JITSI) is NOT_APPLICABLE
