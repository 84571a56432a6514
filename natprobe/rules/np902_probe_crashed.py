"""A probe failed by a fault of natprobe

One of natprobe's probes ended with an error that it should have handled. What it saw before that is kept and
judged; what it would have seen after is missing.

What to do: send the JSON report to natprobe's maintainers. It names the place in the code and carries no
secrets.
"""

from natprobe.facts import Facts, Probed, ids
from natprobe.model import Do
from natprobe.rules import CLEAR, NOT_APPLICABLE, Found, Judgement

READS = (Probed,)


def check(facts: Facts) -> Judgement:
    """One finding for each probe that crashed."""
    ends = facts.of(Probed)
    crashed = [each for each in ends if each.status == "crashed"]
    if not crashed:
        return CLEAR if ends else NOT_APPLICABLE
    return [
        Found(
            message="The probe {probe} failed by a fault of natprobe ({fault})",
            args={"probe": each.probe, "fault": each.detail},
            evidence=ids(each),
            fixes=(Do(text="Report this to natprobe's maintainers, with the JSON report", audience="user"),),
        )
        for each in crashed
    ]
