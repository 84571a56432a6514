"""The facts of one vantage of a report, as they are judged. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from natprobe.facts import Facts
from natprobe.model import Foreign, Observation, Source, Target
from natprobe.torn import finished


def facts_of(target: Target, observations: Sequence[Observation], sources: Sequence[Source], number: int) -> Facts:
    """What a newer version wrote is carried, not judged; nor is what a probe saw that breaks off."""
    own = [each for each in observations if not isinstance(each, Foreign) and each.source == number]
    return Facts(target, finished(own), sources[number].vantage, sources[number])
