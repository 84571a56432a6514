"""NP313: several conferences' checks to one endpoint, made by hand."""

from __future__ import annotations

from typing import Any

import pytest

from natprobe.facts import PoolCheck
from natprobe.model import Failure
from natprobe.rules import CLEAR, NOT_APPLICABLE, CouldNotTell
from tests.made import MEDIA, checked, found, judged, silent
from tests.made_jitsi import INNER, JITSI, JOINED, candidate, jitsi, offer

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
    ],
)
def test_what_is_none(first: Any, others: list[PoolCheck]) -> None:
    judgement = judged("bridges-share-address", *jitsi(*first, *others, joined=OFFERED), target=JITSI)
    assert judgement is CLEAR or isinstance(judgement, CouldNotTell)


def test_where_no_second_conference_came_it_is_not_told() -> None:
    none = PoolCheck(conference=2, failure=Failure.TIMEOUT, detail="no session was offered")
    judgement = judged("bridges-share-address", *jitsi(*PASSES, none, joined=OFFERED), target=JITSI)
    assert judgement == CouldNotTell(reason="no-second-conference", ask="run the check again with --sessions 4")


def test_one_conference_asks_nothing() -> None:
    assert judged("bridges-share-address", *jitsi(*PASSES, joined=OFFERED), target=JITSI) is NOT_APPLICABLE
