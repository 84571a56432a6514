"""The time ran out before this could be told

A probe was cut off by the time limit of the run (`--timeout`) or its own. What it saw until then is kept and
judged.

A report that was cut off in pasting tells nothing of how its last probe ended; that is no finding, and stays open.

What to do: give the run more time, for example `--timeout 30`.
"""

from natprobe.facts import INTERRUPTED, RUN_LIMIT, TORN, Facts, Probed, Run, ids
from natprobe.model import Do
from natprobe.rules import CLEAR, NOT_APPLICABLE, CouldNotTell, Found, Judgement
from natprobe.torn import is_torn
from natprobe.wording import phrase

READS = (Probed, Run)
_ASK = phrase("Have the whole report sent, best as a file: `-o report.json` writes one")


def check(facts: Facts) -> Judgement:
    """One finding for all probes that were cut."""
    ends = facts.of(Probed)
    cut = [each for each in ends if each.status == "cut" and each.detail not in (INTERRUPTED, TORN)]
    if not cut and is_torn(facts):
        return CouldNotTell(reason="report-cut", ask=_ASK)
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
