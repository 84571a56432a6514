"""The time ran out before this could be told

A probe was cut off by the time limit of the run (`--timeout`) or its own. What it saw until then is kept and
judged.

What to do: give the run more time, for example `--timeout 30`.
"""

from natprobe.facts import INTERRUPTED, RUN_LIMIT, Facts, Probed, Run, ids
from natprobe.model import Do
from natprobe.rules import CLEAR, NOT_APPLICABLE, Found, Judgement

READS = (Probed, Run)


def check(facts: Facts) -> Judgement:
    """One finding for all probes that were cut."""
    ends = facts.of(Probed)
    cut = [each for each in ends if each.status == "cut" and each.detail != INTERRUPTED]
    if not cut:
        return CLEAR if ends else NOT_APPLICABLE
    return [
        Found(
            message="The time ran out while these probes were still waiting: {probes}",
            args={"probes": ", ".join(each.probe for each in cut)},
            evidence=ids(cut),
            fixes=(_fix(cut),),
        )
    ]


def _fix(cut: list[Probed]) -> Do:
    if any(RUN_LIMIT in each.detail for each in cut):
        return Do(text="Give the check more time: --timeout 30", audience="user")
    return Do(text="Check again: something answered so slowly that a probe's own bound was reached", audience="user")
