"""The exit code of a report and every demand that it keeps or breaks: for CI gates, which must fail for the right
reason and never for a wrong one. Pure.

What cannot be told is `unknown`, never broken. The exit code follows from the demands alone (contract).
"""

from __future__ import annotations

import datetime

from natprobe.gate.expected import addresses, certificates
from natprobe.gate.found import fitted, forbidden, grave, in_force, verdict, waivers
from natprobe.gate.ways import limited, required
from natprobe.model import Report
from natprobe.policy import Demands, Policy
from natprobe.render._manner import Gate, Held

KEPT, BROKEN, UNKNOWN = 0, 1, 3


def judge(report: Report, demands: Demands, today: datetime.date) -> Gate:
    """What the report comes to. `today` (UTC) is what waivers run out by, however old the report is."""
    policy = demands.policy or Policy()
    fits = fitted(report, policy.waiver)
    waived = in_force(policy.waiver, fits, today)
    held = (
        *grave(report, demands.threshold, waived),
        *verdict(report, demands, waived),
        *required(report, demands),
        *forbidden(report, policy.forbid, waived),
        *limited(report, policy.limit),
        *certificates(report, policy.certificate_days),
        *addresses(report, policy.addresses),
        *waivers(policy.waiver, fits, today),
    )
    return Gate(code=_code(held), held=held, asked=demands.anything)


def _code(held: tuple[Held, ...]) -> int:
    """What is broken goes before what is unknown."""
    statuses = {each.status for each in held}
    return BROKEN if "broken" in statuses else UNKNOWN if "unknown" in statuses else KEPT
