"""A report that was cut off in pasting is judged by what is left and nothing that the missing part could refute. Pure.

What the probe saw that breaks off in the middle is carried and not judged: the first resolver's answer is no answer of
all. That a path is not offered is known only at the end, and so is that media will flow.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from natprobe.facts import TORN, Facts, Probed
from natprobe.model import Observation, Path, VerdictStatus


def is_torn(facts: Facts) -> bool:
    """Whether this vantage's report breaks off."""
    return any(each.detail == TORN for each in facts.of(Probed))


def finished(observations: Sequence[Observation]) -> list[Observation]:
    """Without what a probe saw that breaks off."""
    broken = {each.probe for each in observations if isinstance(each, Probed) and each.detail == TORN and each.probe}
    return [each for each in observations if each.probe not in broken or isinstance(each, Probed)]


def unsettled(paths: tuple[Path, ...]) -> tuple[Path, ...]:
    """What is told of a path by something's absence is not known here."""
    return tuple(
        msgspec.structs.replace(each, status="unknown", reason="report-cut") if each.status == "not-offered" else each
        for each in paths
    )


def proven(facts: Facts, word: VerdictStatus, media: str | None) -> tuple[VerdictStatus, str | None]:
    """What the first part of a report proves: that something is broken, and never that all is well."""
    return (word, media) if word == "broken" or not is_torn(facts) else ("unknown", None)


def cut_short(facts: Facts) -> str:
    """The reason why something may be missing, as a slug; empty: the run ended as it should."""
    if is_torn(facts):
        return "report-cut"
    return "out-of-time" if facts.of(Probed, lambda each: each.status == "cut") else ""
