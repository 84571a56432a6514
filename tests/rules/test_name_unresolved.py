"""Who can do something about a name that leads nowhere."""

from __future__ import annotations

from natprobe.model import Failure
from tests.made import judged, named


def test_who_asked_may_have_misspelt_it_and_who_runs_it_may_have_forgotten_it() -> None:
    judgement = judged("name-unresolved", named(failure=Failure.NXDOMAIN))
    assert isinstance(judgement, list)
    (found,) = judgement
    assert [each.audience for each in found.fixes] == ["user", "server"]
